/**
 * A disk that can be taken away from work that is done step by step.
 *
 * R1. Whoever waits for an answer when it is revoked gets an error in its place, and so takes no further step. What was
 *     asked before is done or not.
 * R2. A file that is opened meanwhile is closed again; those that are open their owner closes, as after any error.
 */
import { DiskError, type Done, type DoneVoid, type File, type OpenMode } from '../../env/disk.ts'
import type { Landing } from './landing.ts'

export class RevocableDisk {
  private readonly disk: Landing
  private revoked = false

  constructor(disk: Landing) {
    this.disk = disk
  }

  revoke(): void {
    this.revoked = true
  }

  open(path: string, mode: OpenMode, done: Done<File>): void {
    const answer = this.guarded(path, done)
    this.disk.open(path, mode, (error, file) => {
      if (error !== null) return answer(error, file)
      if (this.revoked) file.close(() => {})
      answer(null, this.guardedFile(file))
    })
  }

  list(path: string, done: Done<readonly string[]>): void {
    this.disk.list(path, this.guarded(path, done))
  }

  makeDirectory(path: string, done: DoneVoid): void {
    this.disk.makeDirectory(path, this.guarded(path, done))
  }

  rename(from: string, to: string, done: DoneVoid): void {
    this.disk.rename(from, to, this.guarded(from, done))
  }

  remove(path: string, done: DoneVoid): void {
    this.disk.remove(path, this.guarded(path, done))
  }

  syncDirectory(path: string, done: DoneVoid): void {
    this.disk.syncDirectory(path, this.guarded(path, done))
  }

  private guardedFile(file: File): File {
    const { path } = file
    return {
      path,
      write: (parts, position, done) => file.write(parts, position, this.guarded(path, done)),
      read: (position, length, done) => file.read(position, length, this.guarded(path, done)),
      sync: (done) => file.sync(this.guarded(path, done)),
      size: (done) => file.size(this.guarded(path, done)),
      inode: (done) => file.inode(this.guarded(path, done)),
      truncate: (length, done) => file.truncate(length, this.guarded(path, done)),
      close: (done) => file.close(done),
    }
  }

  private guarded<A extends readonly unknown[]>(path: string, done: (...answer: [DiskError | null, ...A]) => void) {
    return (error: DiskError | null, ...value: A): void => {
      done(this.revoked ? new DiskError('io', 'write', path, "it is somebody else's by now") : error, ...value)
    }
  }
}
