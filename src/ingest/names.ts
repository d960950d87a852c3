/**
 * The names in the journal's directory.
 *
 * A sync of a directory that fails is as final as one of a file: what it should have made durable may never be, and a
 * later sync that succeeds says nothing of it.
 *
 * I1. A name is durable only if no sync of its directory failed between its making and the sync that confirmed it.
 */
import { type Disk, DiskError, type DoneVoid } from '../env/disk.ts'

export class Names {
  readonly directory: string
  private readonly disk: Disk
  /** Syncs that have failed so far. */
  private failures = 0

  constructor(disk: Disk, directory: string) {
    this.disk = disk
    this.directory = directory
  }

  /** To be asked before names are changed: the answer goes to `sync`. */
  get mark(): number {
    return this.failures
  }

  /** Makes durable what was changed since `mark`; an error where nobody can say whether it is (I1). */
  sync(mark: number, done: DoneVoid): void {
    this.disk.syncDirectory(this.directory, (error) => {
      if (error !== null) this.failures++
      if (error !== null || this.failures === mark) done(error)
      else done(new DiskError('io', 'sync', this.directory, 'an earlier sync of the directory failed'))
    })
  }
}
