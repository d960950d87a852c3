/**
 * Files. The world of a simulation ends here: the journal, the checkpoint store's `file:` driver and the sinks run on
 * this interface, with all their own code.
 *
 * K1. A callback never runs inside the call that it belongs to. Operations on one file complete in the order they were
 *     asked; operations on different files in any order.
 * K2. What survives a power loss: bytes of a file that `sync` has confirmed, and names in a directory that
 *     `syncDirectory` has confirmed. Anything else may or may not, in any subset. What survives the death of the
 *     process: all bytes whose `write` was confirmed, and all names.
 * K3. A failed `sync` is final: what was written since the last one that succeeded is lost, even if a later sync
 *     succeeds. The caller stops using the file; what anybody writes there once more, a sync makes durable like
 *     anything else. A failed `syncDirectory` has confirmed nothing; whoever asked had better not count on the next one
 *     either. Another process has to: nothing tells it of the failure.
 * K4. Paths are absolute or relative to the process, with `/` between names.
 */
export type DiskErrorCode = 'absent' | 'exists' | 'full' | 'denied' | 'locked' | 'directory' | 'io'

export class DiskError extends Error {
  override readonly name = 'DiskError'
  readonly code: DiskErrorCode
  readonly path: string
  /** What went wrong, without what was done and where. */
  readonly reason: string
  constructor(code: DiskErrorCode, operation: string, path: string, reason: string, cause?: unknown) {
    super(`${operation} ${path}: ${reason}`, cause === undefined ? undefined : { cause })
    this.code = code
    this.path = path
    this.reason = reason
  }
}

/** The outcome of an operation: an error or a value, never both. */
export type Done<T> = (error: DiskError | null, value: T) => void
export type DoneVoid = (error: DiskError | null) => void

/** An open file. Closing one with operations under way lets them finish first. */
export interface File {
  readonly path: string
  /** Writes all of `parts` one after another, the first at `position`. The caller must not change them until done. */
  write(parts: readonly Uint8Array[], position: number, done: DoneVoid): void
  /** Reads up to `length` bytes from `position`; fewer only at the end of the file. */
  read(position: number, length: number, done: Done<Buffer>): void
  /** Makes the file's bytes durable (`fdatasync`). */
  sync(done: DoneVoid): void
  size(done: Done<number>): void
  /**
   * Its number on its volume (inode), the same by whatever name the file is opened. Another file may have it once this
   * one is gone.
   */
  inode(done: Done<string>): void
  /** Cuts the file to `length` bytes. Durable with the next `sync`. */
  truncate(length: number, done: DoneVoid): void
  close(done: DoneVoid): void
}

/**
 * `read`: must exist. `update`: must exist, and may be written. `create`: must not exist. `write`: made when absent,
 * kept when there. Files are made with mode 0600.
 */
export type OpenMode = 'read' | 'update' | 'create' | 'write'

export interface Lock {
  release(): void
}

export interface Disk {
  open(path: string, mode: OpenMode, done: Done<File>): void
  /** The whole of a file. */
  readFile(path: string, done: Done<Buffer>): void
  /** Names (not paths) in a directory, in byte order. */
  list(path: string, done: Done<readonly string[]>): void
  /** Those of them that are no directories. */
  listFiles(path: string, done: Done<readonly string[]>): void
  /** Makes a directory and those above it, mode 0700; no error when it is there. */
  makeDirectory(path: string, done: DoneVoid): void
  /** As `makeDirectory`, but makes neither `root` nor anything above it: error `absent` when `root` is not there. */
  makeDirectoryBelow(root: string, path: string, done: DoneVoid): void
  /** Gives `existing` a second name; error `exists` when `created` is there. */
  link(existing: string, created: string, done: DoneVoid): void
  /** Moves `from` to `to`, which it replaces. */
  rename(from: string, to: string, done: DoneVoid): void
  /** Removes a file; no error when it is absent. */
  remove(path: string, done: DoneVoid): void
  /** Removes a directory that is empty; no error when it is absent. */
  removeDirectory(path: string, done: DoneVoid): void
  /** Removes a directory and all below it; no error when it is absent. */
  removeTree(path: string, done: DoneVoid): void
  /** Makes the names in a directory durable. */
  syncDirectory(path: string, done: DoneVoid): void
  /** Free bytes where `path` lies. */
  free(path: string, done: Done<number>): void
  /** Takes an exclusive lock that the system frees when the process dies; error `locked` when another has it. */
  lock(path: string, done: Done<Lock>): void
}
