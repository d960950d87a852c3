/**
 * A simulated process's disk: its machine's own volume, and shared ones where they are mounted.
 *
 * Fair, because disks and file systems do it, and a system that promises to survive them must be tried:
 * - any order and any delay between files; an operation that stalls for seconds, or all that is asked of one folder
 *   (`haze.ts`).
 * - The death of a process: an operation under way is done, done in part, or not done. All that was confirmed stays.
 * - On a shared volume, an operation of a dead process lands late, after others have taken over (`lateChance`): the
 *   server had it already. Nothing but names that no successor uses again, and fences in what is read, help against it.
 * - A power loss: of bytes and names that no sync has confirmed any subset goes, bytes and names apart, sectors of one
 *   write apart (`tornChance`); a file may have its new length and zeros.
 * - An operation on names that fails and was done all the same (`unknownChance`): the answer was lost. Or, on a shared
 *   volume, it is asked for again by the system itself, and the second answer is told (`twiceChance`): the new name of
 *   a file is there, what was moved is not.
 * - A file of a shared volume that another machine removes while it is open: it is gone (`stale`), as a server knows
 *   nothing of who has it open.
 * - A sync of a file that fails, and the next one succeeds without having written anything, while all who read the file
 *   still see it (Rebello et al., "Can applications recover from fsync failures?", 2020).
 * - A sync of a directory that fails: for the moment, or the volume is read-only until it is mounted anew (`volume.ts`,
 *   D4). What file systems cannot write of their own structures they give up as a whole (ibid.).
 * - A full volume: a write that is done as far as there is room.
 * - Bits that turn at rest (`damageChance`), only in files that have a second copy or can be made again (`damaged`):
 *   what exists once and is damaged is lost, and no program can help it.
 *
 * - What a machine writes on a shared volume is seen by others only once it is synced or closed, or after the process
 *   has ended; with the machine's power it is gone (`kept`).
 *
 * - What is mounted is gone while processes run: an empty mount point is left (`Machine.unmount`), until it is mounted
 *   again.
 *
 * - A folder of a shared volume that is listed as it was a while ago (`listedMs`), where who lists it has said that he
 *   bears that.
 *
 * Not simulated: what the client of a network file system remembers of names and files when it opens them anew:
 * `potoroo doctor` refuses such mounts.
 *
 * Not fair: losing what a sync has confirmed (but by damage); a rename that leaves neither name; a lock that outlives
 * its process, or that two have; a name that all see and that no later sync will make durable: whoever comes next could
 * not tell it from one that stands.
 */
import type { Disk, Done, DoneVoid, File, Lock, OpenMode } from '../env/disk.ts'
import { readInode, SimFile } from './file.ts'
import type { Life, Mortal } from './life.ts'
import { Operation, type OperationHome, type OperationKind } from './operation.ts'
import { Refused, readOnly, type Volume } from './volume.ts'

/** A volume and the path under which a machine sees it: `''` for all paths, `'/shared'` for those below. */
export interface Mount {
  readonly at: string
  readonly volume: Volume
}

interface Located {
  readonly volume: Volume
  /** The path on the volume. */
  readonly path: string
}

export class SimDisk implements Disk {
  private readonly home: OperationHome
  private readonly mounts: readonly (Mount & { readonly below: string })[]
  private readonly unmounted: ReadonlySet<string>

  /**
   * The first of `mounts` that fits a path has it; the last one, the machine's own, what lies at or below one of
   * `unmounted`.
   */
  constructor(home: OperationHome, mounts: readonly Mount[], unmounted: ReadonlySet<string>) {
    this.home = home
    this.unmounted = unmounted
    this.mounts = mounts.map(({ at, volume }) => ({ at, volume, below: `${at}/` }))
  }

  open(path: string, mode: OpenMode, done: Done<File>): void {
    const { home } = this
    const { volume, path: inside } = this.locate(path)
    const perform = (): File | Refused => {
      const inode = volume.open(inside, mode)
      return inode instanceof Refused ? inode : new SimFile(home, volume, path, inode)
    }
    this.start(mode === 'read' || mode === 'update' ? 'read' : 'names', 'open', path, volume, perform, done)
  }

  readFile(path: string, done: Done<Buffer>): void {
    const { home } = this
    const { volume, path: inside } = this.locate(path)
    const perform = (): Buffer | Refused => {
      const inode = volume.open(inside, 'read')
      return inode instanceof Refused ? inode : readInode(home, path, inode, 0, inode.sizeFor(home.life.host))
    }
    this.start('read', 'read', path, volume, perform, done)
  }

  list(path: string, done: Done<readonly string[]>): void {
    const { volume, path: inside } = this.locate(path)
    const perform = (): readonly string[] | Refused => {
      const names = volume.list(inside)
      return names instanceof Refused || !volume.shared ? names : this.remembered(path, names)
    }
    this.start('read', 'list', path, volume, perform, done)
  }

  listFiles(path: string, done: Done<readonly string[]>): void {
    const { volume, path: inside } = this.locate(path)
    this.start('read', 'list', path, volume, () => volume.listFiles(inside), done)
  }

  makeDirectory(path: string, done: DoneVoid): void {
    const { volume, path: inside } = this.locate(path)
    this.start('names', 'mkdir', path, volume, () => volume.makeDirectory(inside), done)
  }

  makeDirectoryBelow(root: string, path: string, done: DoneVoid): void {
    const { volume, path: inside } = this.locate(path)
    const { path: above } = this.locate(root)
    this.start('names', 'mkdir', path, volume, () => volume.makeDirectory(inside, above), done)
  }

  link(existing: string, created: string, done: DoneVoid): void {
    this.startWithTwo('link', existing, created, (volume, a, b) => volume.link(a, b), done)
  }

  rename(from: string, to: string, done: DoneVoid): void {
    this.startWithTwo('rename', from, to, (volume, a, b) => volume.rename(a, b), done)
  }

  remove(path: string, done: DoneVoid): void {
    const { volume, path: inside } = this.locate(path)
    this.start('names', 'remove', path, volume, () => volume.remove(inside), done)
  }

  removeDirectory(path: string, done: DoneVoid): void {
    const { volume, path: inside } = this.locate(path)
    this.start('names', 'remove', path, volume, () => volume.removeDirectory(inside), done)
  }

  removeTree(path: string, done: DoneVoid): void {
    const { volume, path: inside } = this.locate(path)
    this.start('names', 'remove', path, volume, () => volume.removeTree(inside), done)
  }

  syncDirectory(path: string, done: DoneVoid): void {
    const { random, weather } = this.home
    const { volume, path: inside } = this.locate(path)
    const perform = (): Refused | null => {
      if (!random.chance(weather.syncFailChance)) return volume.syncDirectory(inside)
      volume.failSyncDirectory(random)
      return new Refused('io', 'input/output error')
    }
    this.start('sync', 'sync', path, volume, perform, done)
  }

  free(path: string, done: Done<number>): void {
    const { volume, path: inside } = this.locate(path)
    const perform = (): number | Refused =>
      volume.exists(inside) ? volume.freeBytes : new Refused('absent', 'no such file or directory')
    this.start('read', 'measure', path, volume, perform, done)
  }

  lock(path: string, done: Done<Lock>): void {
    const { life } = this.home
    const { volume, path: inside } = this.locate(path)
    const perform = (): Lock | Refused => {
      if (volume.readOnly) return readOnly
      const file = volume.open(inside, 'write')
      if (file instanceof Refused) return file
      if (volume.locks.has(inside)) return new Refused('locked', 'another process has it')
      return new SimLock(volume, inside, life)
    }
    // A process that is dead before it has the lock never gets it: `read`, though a file may be made.
    this.start('read', 'lock', path, volume, perform, done)
  }

  private start<T>(
    kind: OperationKind,
    verb: string,
    path: string,
    volume: Volume,
    perform: () => T | Refused,
    done: Done<T>,
  ): void {
    new Operation(this.home, { kind, verb, path, volume, perform, performPart: nothing }, done)
  }

  private startWithTwo(
    verb: string,
    from: string,
    to: string,
    act: (volume: Volume, from: string, to: string) => Refused | null,
    done: DoneVoid,
  ): void {
    const source = this.locate(from)
    const target = this.locate(to)
    const perform = (): Refused | null =>
      source.volume === target.volume
        ? act(source.volume, source.path, target.path)
        : new Refused('io', 'the two paths lie on different volumes')
    this.start('names', verb, to, target.volume, perform, done)
  }

  private remembered(path: string, names: readonly string[]): readonly string[] {
    const { listings, weather, timeline } = this.home
    const { listedMs, listed } = weather
    if (listedMs === 0 || !listed.some((part) => path.includes(part))) return names
    return listings.of(path, names, timeline.now, listedMs)
  }

  private isUnmounted(path: string): boolean {
    for (const at of this.unmounted) if (path.startsWith(`${at}/`) || path === at) return true
    return false
  }

  private locate(path: string): Located {
    if (this.unmounted.size > 0 && this.isUnmounted(path)) return { volume: this.mounts.at(-1)!.volume, path }
    for (const { at, below, volume } of this.mounts) {
      if (path.startsWith(below) || path === at) return { volume, path: path.slice(at.length) }
    }
    return { volume: this.mounts.at(-1)!.volume, path }
  }
}

export class SimLock implements Lock, Mortal {
  private readonly volume: Volume
  private readonly path: string
  private readonly life: Life

  constructor(volume: Volume, path: string, life: Life) {
    this.volume = volume
    this.path = path
    this.life = life
    volume.locks.set(path, life)
    life.hold(this)
  }

  release(): void {
    if (this.volume.locks.get(this.path) !== this.life) return
    this.volume.locks.delete(this.path)
    this.life.release(this)
  }

  died(): void {
    this.release()
  }
}

function nothing(): void {}
