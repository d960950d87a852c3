/**
 * The `file:` driver of the store: a directory, on one machine's disk or on a shared volume.
 *
 * F1. An object comes to its name by `link()` from a temporary file that has been synced, so that it is never seen in
 *     part; then its directory is synced, and only then it is `created`.
 * F2. A temporary file has its worker, its incarnation and a nonce in its name: `openFileStore` removes those of
 *     earlier incarnations of this worker, and nobody else's.
 * F3. A failed sync of a directory is final for this process: a later one may succeed though names are lost. Creating
 *     in it is `unknown` from then on, and making it durable fails; the owner is told, and ends the process.
 * F4. Where the store's mark stood once and stands no more the store is gone, as under a mount point that has lost its
 *     volume. No folder is made anew there, its own least of all, and no object comes to its name, even where folders
 *     are left under the mount point: a record of the chain would be the first of another chain. Nor is anything absent
 *     there (`store.ts`, O6): `absent` is answered only after a look at the mark, begun later, has seen it. One look
 *     serves all who wait.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import type { Disk, DiskError, DoneVoid, File } from '../env/disk.ts'
import type { Random } from '../env/random.ts'
import { forEach } from './for-each.ts'
import * as layout from './layout.ts'
import type { CreateOutcome, Store, StoreDone, StoreDoneVoid, Upload, Writer } from './store.ts'

/** Folders that are known to be durable; a folder that is forgotten costs one more call. */
const KNOWN_FOLDERS = 1024

/** What stands for the value beside an error: the caller looks at the error first. */
const none = undefined as never

/**
 * Opens the store in the directory `root`, made where absent, and sweeps what earlier incarnations left (F2). `lost` is
 * called with `E_DISK` when this process can no longer make anything durable in a folder (F3). `marked`: it is known to
 * have a mark, so that nothing is made where that is gone by now (F4).
 */
export function openFileStore(
  seams: { readonly disk: Disk; readonly random: Random },
  root: string,
  writer: Writer,
  done: StoreDone<FileStore>,
  lost: (error: PotorooError) => void = () => {},
  marked = false,
): void {
  const store = new FileStore(seams.disk, seams.random, root, writer, lost, marked)
  store.prepare((error) => done(error, error === null ? store : none))
}

export class FileStore implements Store {
  private readonly disk: Disk
  private readonly random: Random
  private readonly root: string
  private readonly writer: Writer
  private readonly known = new Set<string>()
  /** F3. */
  private readonly suspect = new Set<string>()
  private readonly lost: (error: PotorooError) => void
  /** Its mark, the cluster's own object, has been seen (F4). */
  private marked: boolean
  /** Those that wait for the next look at the mark; `null` while none is under way. */
  private waiting: StoreDoneVoid[] | null = null

  /** Use `openFileStore`. */
  constructor(
    disk: Disk,
    random: Random,
    root: string,
    writer: Writer,
    lost: (error: PotorooError) => void,
    marked = false,
  ) {
    this.lost = lost
    this.marked = marked
    this.disk = disk
    this.random = random
    this.root = root
    this.writer = writer
  }

  /** Makes the root and removes the temporary files of this worker's earlier incarnations (F2). */
  prepare(done: StoreDoneVoid): void {
    this.ensureFolder(layout.TEMPORARY, (error) => {
      if (error) return done(error)
      this.list(layout.TEMPORARY, (failed, names) => {
        if (failed) return done(failed)
        const own = layout.temporaryPrefix(this.writer.worker)
        const current = layout.temporaryPrefix(this.writer.worker, this.writer.incarnation)
        const old = names.filter((name) => name.startsWith(own) && !name.startsWith(current))
        this.sweep(old, done)
      })
    })
  }

  createExclusive(
    path: string,
    bytes: Uint8Array,
    done: (outcome: CreateOutcome, error: PotorooError | null) => void,
  ): void {
    this.writeTemporary(bytes, true, (error, temporary) => {
      if (error) return done('unknown', error)
      this.enter(temporary, path, (failed, existed) => {
        // The temporary name serves nobody, and nobody waits until it is gone; if it stays, the next boot sweeps it
        // (F2).
        this.disk.remove(temporary, () => {})
        if (failed) done('unknown', failed)
        else done(existed ? 'exists' : 'created', null)
      })
    })
  }

  read(path: string, done: StoreDone<Buffer | null>): void {
    this.disk.readFile(this.at(path), (error, bytes) => {
      this.marked ||= path === layout.CLUSTER && error === null
      if (error === null) done(null, bytes)
      else if (error.code === 'absent') this.findMark((gone) => done(gone, gone === null ? null : none))
      else done(storeError('read', path, error), none)
    })
  }

  readRange(path: string, position: number, length: number, done: StoreDone<Buffer | null>): void {
    this.disk.open(this.at(path), 'read', (error, file) => {
      if (error?.code === 'absent') return this.findMark((gone) => done(gone, gone === null ? null : none))
      if (error) return done(storeError('read', path, error), none)
      file.read(position, length, (failed, bytes) => {
        if (failed) done(storeError('read', path, failed), none)
        else done(null, bytes)
      })
      file.close(() => {})
    })
  }

  makeDurable(folder: string, done: StoreDoneVoid): void {
    this.disk.syncDirectory(this.at(folder), (error) => {
      if (error === null && !this.suspect.has(folder)) return done(null)
      if (error?.code === 'absent') return this.findMark(done)
      const reason = error?.reason ?? 'an earlier sync of this folder failed'
      const details = { operation: 'sync', path: folder, reason }
      const first = !this.suspect.has(folder)
      this.suspect.add(folder)
      done(fail('E_STORE', details, error ?? undefined))
      if (first) this.lost(fail('E_DISK', details, error ?? undefined))
    })
  }

  list(folder: string, done: StoreDone<readonly string[]>): void {
    this.disk.list(this.at(folder), (error, names) => {
      if (error === null) done(null, names)
      else if (error.code === 'absent') this.findMark((gone) => done(gone, gone === null ? [] : none))
      else done(storeError('list', folder, error), none)
    })
  }

  remove(path: string, done: StoreDoneVoid): void {
    this.disk.remove(this.at(path), (error) => {
      // A folder that is not there holds no object.
      done(error === null || error.code === 'absent' ? null : storeError('remove', path, error))
    })
  }

  removeFolder(folder: string, done: StoreDoneVoid): void {
    this.known.delete(folder)
    this.disk.removeDirectory(this.at(folder), (error) => done(error && storeError('remove', folder, error)))
  }

  put(path: string, bytes: Uint8Array, done: StoreDoneVoid): void {
    this.overwrite(path, bytes, false, done)
  }

  replace(path: string, bytes: Uint8Array, done: StoreDoneVoid): void {
    this.overwrite(path, bytes, true, done)
  }

  /** Bytes that are synced before they have their name are never seen in part. */
  private overwrite(path: string, bytes: Uint8Array, durable: boolean, done: StoreDoneVoid): void {
    const folder = layout.folderOf(path)
    this.writeTemporary(bytes, durable, (error, temporary) => {
      if (error) return done(error)
      // It is put again every second: what it leaves behind would fill the disk.
      const failed = (reason: PotorooError): void => this.disk.remove(temporary, () => done(reason))
      this.ensureFolder(folder, (none) => {
        if (none) return failed(none)
        this.disk.rename(temporary, this.at(path), (lost) => {
          if (lost === null) return done(null)
          this.known.delete(folder)
          failed(storeError('put', path, lost))
        })
      })
    })
  }

  link(existing: string, created: string, done: StoreDoneVoid): void {
    this.enter(this.at(existing), created, done)
  }

  upload(path: string, done: StoreDone<Upload>): void {
    const folder = layout.folderOf(path)
    this.ensureFolder(folder, (error) => {
      if (error) return done(error, none)
      this.disk.open(this.at(path), 'create', (failed, file) => {
        if (failed === null) return done(null, new FileUpload(this, file, path))
        this.known.delete(folder)
        done(storeError('create', path, failed), none)
      })
    })
  }

  /** Makes `folder` and all above it, durably. */
  private ensureFolder(folder: string, done: StoreDoneVoid): void {
    if (this.known.has(folder)) done(null)
    else this.makeFolder(folder, done)
  }

  private makeFolder(folder: string, done: StoreDoneVoid): void {
    this.findMark((gone) => {
      if (gone) return done(gone)
      const made: DoneVoid = (error) => {
        if (error) return done(storeError('mkdir', folder, error))
        this.syncUpwards(folder, (failed) => {
          if (failed) return done(failed)
          if (this.known.size === KNOWN_FOLDERS) this.known.clear()
          this.known.add(folder)
          done(null)
        })
      }
      // The volume may go behind that look.
      if (this.marked) this.disk.makeDirectoryBelow(this.root, this.at(folder), made)
      else this.disk.makeDirectory(this.at(folder), made)
    })
  }

  /** Sees that the store stands where it stood, if it has ever been seen (F4). What the mark says is not read. */
  private findMark(done: StoreDoneVoid): void {
    if (!this.marked) return done(null)
    const { waiting } = this
    this.waiting = waiting === null ? [] : [...waiting, done]
    if (waiting === null) this.lookAtMark([done])
  }

  /** Looks for `asked`, and then once for all who have come meanwhile. */
  private lookAtMark(asked: readonly StoreDoneVoid[]): void {
    this.disk.open(this.at(layout.CLUSTER), 'read', (error, file) => {
      if (error === null) file.close(() => {})
      const { waiting } = this
      this.waiting = waiting!.length > 0 ? [] : null
      if (waiting!.length > 0) this.lookAtMark(waiting!)
      const gone = error && markError(error)
      for (const done of asked) done(gone)
    })
  }

  /** Syncs every folder that lies above `folder`, up to the one that holds the root. */
  private syncUpwards(folder: string, done: StoreDoneVoid): void {
    const above = layout.folderOf(folder)
    if (folder === '') this.syncAboveRoot(done)
    else this.makeDurable(above, (error) => (error ? done(error) : this.syncUpwards(above, done)))
  }

  private syncAboveRoot(done: StoreDoneVoid): void {
    const above = layout.folderOf(this.root) || (this.root.startsWith('/') ? '/' : '.')
    this.disk.syncDirectory(above, (error) => {
      // A folder that is not ours to open is none that we made the root in: it stood there before us.
      done(error === null || error.code === 'denied' ? null : storeError('sync', above, error))
    })
  }

  /** Writes a temporary file with `bytes`; answers its whole path. */
  private writeTemporary(bytes: Uint8Array, durable: boolean, done: StoreDone<string>): void {
    const { worker, incarnation } = this.writer
    const temporary = this.at(layout.temporary(worker, incarnation, this.random.id()))
    this.ensureFolder(layout.TEMPORARY, (missing) => {
      if (missing) return done(missing, none)
      this.disk.open(temporary, 'create', (error, file) => {
        if (error) {
          this.known.delete(layout.TEMPORARY)
          return done(storeError('create', temporary, error), none)
        }
        fill(file, bytes, durable, (failed) => {
          if (failed === null) return done(null, temporary)
          this.disk.remove(temporary, () => done(storeError('write', temporary, failed), none))
        })
      })
    })
  }

  /** Gives the file `existing` the name `path`, durably (F1); answers whether something stood there. */
  private enter(existing: string, path: string, done: StoreDone<boolean>): void {
    const folder = layout.folderOf(path)
    const enter = (error: PotorooError | null): void => {
      if (error) return done(error, none)
      this.disk.link(existing, this.at(path), (failed) => {
        const existed = failed?.code === 'exists'
        if (failed && !existed) {
          this.known.delete(folder)
          return done(storeError('link', path, failed), none)
        }
        this.marked ||= path === layout.CLUSTER
        this.makeDurable(folder, (lost) => done(lost, existed))
      })
    }
    if (this.known.has(folder)) this.findMark(enter)
    else this.makeFolder(folder, enter)
  }

  private sweep(names: readonly string[], done: StoreDoneVoid): void {
    // What cannot be removed now is swept by the next boot.
    const remove = (name: string, end: StoreDoneVoid) => this.remove(`${layout.TEMPORARY}/${name}`, () => end(null))
    forEach(names, 1, remove, done)
  }

  private at(path: string): string {
    return path === '' ? this.root : `${this.root}/${path}`
  }
}

/** A large file, written in place: nobody knows its name before it is finished. */
class FileUpload implements Upload {
  private readonly store: FileStore
  private readonly file: File
  private readonly path: string
  private length = 0

  constructor(store: FileStore, file: File, path: string) {
    this.store = store
    this.file = file
    this.path = path
  }

  append(parts: readonly Uint8Array[], done: StoreDoneVoid): void {
    const position = this.length
    for (const part of parts) this.length += part.length
    this.file.write(parts, position, (error) => done(error && storeError('write', this.path, error)))
  }

  finish(done: StoreDoneVoid): void {
    this.file.sync((error) => {
      this.file.close(() => {
        if (error) done(storeError('sync', this.path, error))
        else this.store.makeDurable(layout.folderOf(this.path), done)
      })
    })
  }

  abort(done: StoreDoneVoid): void {
    this.file.close(() => this.store.remove(this.path, done))
  }
}

/** Writes `bytes` into a new file and closes it; syncs it first where it has to be `durable`. */
function fill(file: File, bytes: Uint8Array, durable: boolean, done: (error: DiskError | null) => void): void {
  const end = (error: DiskError | null) => file.close((failed) => done(error ?? failed))
  file.write([bytes], 0, (error) => {
    if (error || !durable) return end(error)
    // What has been synced is there, however the close goes.
    file.sync(done)
    file.close(() => {})
  })
}

function markError(error: DiskError): PotorooError {
  if (error.code !== 'absent') return storeError('find', layout.CLUSTER, error)
  const reason = `the store is gone from where it was (${error.reason})`
  return fail('E_STORE', { operation: 'find', path: layout.CLUSTER, reason }, error)
}

function storeError(operation: string, path: string, error: DiskError): PotorooError {
  return fail('E_STORE', { operation, path, reason: error.reason }, error)
}
