/**
 * A simulated volume: directories, names, and which of them would survive a power loss. It outlives processes and
 * machines; several machines may share one.
 *
 * D1. A change of names takes effect at once for all processes, and is durable once its directory was synced. Until
 *     then a power loss keeps or loses it, each on its own.
 * D2. A rename is one change: a file whose old name was durable keeps that one or gets the new one. Once the new name's
 *     directory is synced it stands, and the old one may still come back.
 * D3. Bytes and names are durable apart: a name that survives may lead to a file without its bytes.
 * D4. A failed sync of a directory has confirmed nothing. Either the next one does what it should have done, or the
 *     file system has given up its own journal: it is read-only from then on, shows what it showed, and a power loss or
 *     a remount decides what of that there was.
 */
import { inByteOrder } from '../base/file-name.ts'
import type { Prng } from '../base/prng.ts'
import type { DiskErrorCode, OpenMode } from '../env/disk.ts'
import { type Fate, Inode } from './inode.ts'
import type { Life } from './life.ts'

/** Changes of names that may wait for a sync; beyond them the kernel writes the oldest back. */
const MAX_CHANGES = 1024
/** Paths of which is kept where their names stand. */
const MAX_PLACES = 4096

/** What an operation on names may run into. */
export class Refused {
  readonly code: DiskErrorCode
  readonly reason: string
  constructor(code: DiskErrorCode, reason: string) {
    this.code = code
    this.reason = reason
  }
}

type Entry = Inode | Directory

class Directory {
  names = new Map<string, Entry>()
  readonly durable = new Map<string, Entry>()
  /** Changes that touch it and that no sync has confirmed, in order. */
  readonly open = new Set<Change>()
  /** Its names in the order of their bytes, until one comes or goes. */
  listed: readonly string[] | null = null
}

/** `entry` comes to stand at `name` (`null`: nothing does), and leaves `from` in the same act. */
interface Change {
  directory: Directory
  name: string
  entry: Entry | null
  from: { readonly directory: Directory; readonly name: string } | null
}

interface Place {
  readonly directory: Directory
  readonly name: string
}

interface Spot extends Place {
  readonly entry: Entry | undefined
}

export class Volume {
  readonly name: string
  /** Bytes that it holds; may be changed during a run. */
  capacityBytes: number
  /** It lies behind a server: an operation may land after the death of who asked for it. */
  readonly shared: boolean
  /** Who has which lock. */
  readonly locks = new Map<string, Life>()
  /** It takes no change until it is mounted anew (D4). */
  readOnly = false
  /** The machine whose operation is being done. */
  by = ''
  /** Counts what has come and gone: who has looked need not look again while it stays. */
  version = 0
  private readonly root = new Directory()
  private readonly changes = new Set<Change>()
  /** Directories by the path under which they were found last. */
  private readonly known = new Map<string, Directory>()
  /** And where the name of a path stands, or would. */
  private readonly places = new Map<string, Place>()
  private usedBytes = 0
  /** How many files were made. */
  private made = 0

  constructor(name: string, capacityBytes: number, shared: boolean) {
    this.name = name
    this.capacityBytes = capacityBytes
    this.shared = shared
  }

  get freeBytes(): number {
    return Math.max(0, this.capacityBytes - this.usedBytes)
  }

  /** The file at `path`, made as `mode` says. */
  open(path: string, mode: OpenMode): Inode | Refused {
    const spot = this.find(path)
    if (spot instanceof Refused) return spot
    const { entry } = spot
    if (entry instanceof Directory) return new Refused('directory', 'it is a directory')
    if (entry !== undefined) return mode === 'create' ? new Refused('exists', 'it exists') : entry
    if (mode === 'read' || mode === 'update') return absent
    const made = new Inode(++this.made)
    this.put(spot, made)
    return made
  }

  /** Writes as much as there is room for. */
  write(inode: Inode, position: number, bytes: Uint8Array): Refused | null {
    const before = inode.size
    const room = Math.max(0, before - position) + this.freeBytes
    const fits = Math.min(bytes.length, Math.max(0, position > before ? room - (position - before) : room))
    inode.write(position, fits === bytes.length ? bytes : bytes.subarray(0, fits))
    if (inode.links > 0) this.usedBytes += inode.size - before
    return fits === bytes.length ? null : new Refused('full', 'no space left on the device')
  }

  truncate(inode: Inode, length: number): void {
    if (inode.links > 0) this.usedBytes += length - inode.size
    inode.truncate(length)
  }

  /** What the machine `host` has written and kept to itself is gone with it (`inode.ts`, I5). */
  forget(inode: Inode, host: string): void {
    const before = inode.size
    inode.forget(host)
    if (inode.links > 0) this.usedBytes += inode.size - before
  }

  list(path: string): readonly string[] | Refused {
    const directory = this.directory(path)
    if (directory instanceof Refused) return directory
    directory.listed ??= inByteOrder([...directory.names.keys()])
    return directory.listed
  }

  listFiles(path: string): readonly string[] | Refused {
    const names = this.list(path)
    if (names instanceof Refused) return names
    const directory = this.directory(path) as Directory
    return names.filter((name) => !(directory.names.get(name) instanceof Directory))
  }

  /** Makes what is missing of `path`, but for what is `above`. */
  makeDirectory(path: string, above = ''): Refused | null {
    let directory = this.root
    let given = parts(above).length
    for (const name of parts(path)) {
      let entry = directory.names.get(name)
      if (entry instanceof Inode) return new Refused('exists', 'it is a file')
      if (entry === undefined) {
        if (given > 0) return absent
        entry = new Directory()
        this.put({ directory, name, entry: undefined }, entry)
      }
      directory = entry
      given--
    }
    return null
  }

  link(existing: string, created: string): Refused | null {
    const source = this.find(existing)
    if (source instanceof Refused) return source
    if (!(source.entry instanceof Inode)) return absent
    const target = this.find(created)
    if (target instanceof Refused) return target
    if (target.entry !== undefined) return new Refused('exists', 'it exists')
    this.put(target, source.entry)
    return null
  }

  rename(from: string, to: string): Refused | null {
    const source = this.find(from)
    if (source instanceof Refused) return source
    if (source.entry === undefined) return absent
    const target = this.find(to)
    if (target instanceof Refused) return target
    if (target.entry === source.entry) return null
    if (target.entry instanceof Directory) return new Refused('exists', 'it is a directory')
    this.unlinked(target.entry)
    source.directory.names.delete(source.name)
    target.directory.names.set(target.name, source.entry)
    source.directory.listed = null
    if (source.entry instanceof Directory) this.forgetPaths()
    this.change({ directory: target.directory, name: target.name, entry: source.entry, from: source })
    return null
  }

  remove(path: string): Refused | null {
    const spot = this.find(path)
    if (spot === absent) return null
    if (spot instanceof Refused) return spot
    if (spot.entry instanceof Directory) return new Refused('directory', 'it is a directory')
    if (spot.entry !== undefined) this.take(spot)
    return null
  }

  removeDirectory(path: string): Refused | null {
    const spot = this.find(path)
    if (spot === absent) return null
    if (spot instanceof Refused) return spot
    if (spot.entry === undefined) return null
    if (!(spot.entry instanceof Directory)) return new Refused('io', 'not a directory')
    if (spot.entry.names.size > 0) return new Refused('io', 'directory not empty')
    this.take(spot)
    return null
  }

  removeTree(path: string): Refused | null {
    const spot = this.find(path)
    if (spot === absent) return null
    if (spot instanceof Refused) return spot
    if (spot.entry instanceof Directory) {
      for (const name of spot.entry.names.keys()) this.removeTree(`${path}/${name}`)
    }
    if (spot.entry !== undefined) this.take(spot)
    return null
  }

  syncDirectory(path: string): Refused | null {
    const directory = this.directory(path)
    if (directory instanceof Refused) return directory
    for (const change of directory.open) {
      const { from } = change
      if (from === null || from.directory === directory) {
        this.confirm(change)
      } else {
        // D2: the new name is certain, the old one is not gone for certain.
        directory.durable.set(change.name, change.entry!)
        directory.open.delete(change)
        Object.assign(change, { directory: from.directory, name: from.name, entry: null, from: null })
      }
    }
    return null
  }

  /** The sync of a directory fails (D4); a server has a file system that holds, and what fails is the way to it. */
  failSyncDirectory(random: Prng): void {
    if (!this.shared && random.chance(0.5)) this.readOnly = true
  }

  /** Turns one bit of the file at `path` at rest; false when there is no such file. */
  damage(path: string, random: Prng): boolean {
    const file = this.find(path)
    if (file instanceof Refused || !(file.entry instanceof Inode)) return false
    file.entry.damage(random)
    return true
  }

  /** Whether the weather has done something to the file at `path`, between two of its bytes (I4 of `inode.ts`). */
  isWounded(path: string, from = 0, to = Infinity): boolean {
    const file = this.find(path)
    return !(file instanceof Refused) && file.entry instanceof Inode && file.entry.isWounded(from, to)
  }

  /** Whether there is something at `path`. */
  exists(path: string): boolean {
    const spot = this.find(path)
    return !(spot instanceof Refused) && (spot.entry !== undefined || parts(path).length === 0)
  }

  /**
   * The power goes, or the volume is mounted anew: `fate` decides over what no sync has confirmed. All who use it are
   * dead.
   */
  losePower(random: Prng, fate: Fate): void {
    for (const change of this.changes) {
      if (random.chance(fate.keep)) this.confirm(change)
      else this.close(change)
    }
    this.forgetPaths()
    this.version++
    this.readOnly = false
    this.locks.clear()
    this.usedBytes = 0
    this.reload(this.root, random, fate, new Set())
  }

  private reload(directory: Directory, random: Prng, fate: Fate, seen: Set<Inode>): void {
    directory.names = new Map(directory.durable)
    directory.listed = null
    for (const entry of directory.names.values()) {
      if (entry instanceof Directory) {
        this.reload(entry, random, fate, seen)
        continue
      }
      if (!seen.has(entry)) {
        seen.add(entry)
        entry.links = 0
        entry.losePower(random, fate)
        this.usedBytes += entry.size
      }
      entry.links++
    }
  }

  private put(spot: Spot, entry: Entry): void {
    if (entry instanceof Inode) entry.links++
    spot.directory.names.set(spot.name, entry)
    this.change({ directory: spot.directory, name: spot.name, entry, from: null })
  }

  private take(spot: Spot): void {
    this.unlinked(spot.entry)
    if (spot.entry instanceof Directory) this.forgetPaths()
    spot.directory.names.delete(spot.name)
    this.change({ directory: spot.directory, name: spot.name, entry: null, from: null })
  }

  private unlinked(entry: Entry | undefined): void {
    if (!(entry instanceof Inode) || --entry.links > 0) return
    this.usedBytes -= entry.size
    entry.removedBy = this.by
  }

  private change(change: Change): void {
    this.version++
    change.directory.listed = null
    this.changes.add(change)
    change.directory.open.add(change)
    change.from?.directory.open.add(change)
    if (this.changes.size <= MAX_CHANGES) return
    for (const oldest of this.changes) return this.confirm(oldest)
  }

  /** A power loss takes it back no more. */
  private confirm(change: Change): void {
    apply(change)
    this.close(change)
  }

  private close(change: Change): void {
    this.changes.delete(change)
    change.directory.open.delete(change)
    change.from?.directory.open.delete(change)
  }

  /** The directory that holds `path`'s last name, and what stands there. */
  private find(path: string): Spot | Refused {
    const place = this.places.get(path) ?? this.place(path)
    if (place instanceof Refused) return place
    const { directory, name } = place
    return { directory, name, entry: directory.names.get(name) }
  }

  private place(path: string): Place | Refused {
    const end = path.lastIndexOf('/')
    const directory = this.directory(path.slice(0, Math.max(0, end)))
    if (directory instanceof Refused) return directory
    const place = { directory, name: path.slice(end + 1) }
    if (this.places.size === MAX_PLACES) this.places.clear()
    this.places.set(path, place)
    return place
  }

  /** A directory is no longer where it was. */
  private forgetPaths(): void {
    this.known.clear()
    this.places.clear()
  }

  private directory(path: string): Directory | Refused {
    const known = this.known.get(path)
    if (known !== undefined) return known
    const found = this.walk(parts(path))
    if (found instanceof Directory) this.known.set(path, found)
    return found
  }

  private walk(names: readonly string[]): Directory | Refused {
    let directory = this.root
    for (const name of names) {
      const entry = directory.names.get(name)
      if (!(entry instanceof Directory)) return absent
      directory = entry
    }
    return directory
  }
}

const absent = new Refused('absent', 'no such file or directory')
/** D4. */
export const readOnly = new Refused('io', 'read-only file system')

function apply({ directory, name, entry, from }: Change): void {
  if (entry === null) directory.durable.delete(name)
  else directory.durable.set(name, entry)
  if (from !== null && from.directory.durable.get(from.name) === entry) from.directory.durable.delete(from.name)
}

function parts(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}
