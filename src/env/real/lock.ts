/**
 * A lock that the kernel frees when its process dies, however it dies: an exclusive transaction on a database file.
 * The file's existence means nothing; only the lock on it does.
 *
 * The system keeps such locks per process and file: a process that opens and closes the file by any other way gives up
 * its lock without a word. So the file is opened outside the database only where it does not exist yet, and nothing
 * else may read it.
 */
import { accessSync, closeSync, constants, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { DiskError, type Lock } from '../disk.ts'
import { diskError } from './disk-error.ts'

/** `SQLITE_BUSY`: another connection holds the lock. */
const BUSY = 5

export class LockFile implements Lock {
  private readonly database: DatabaseSync
  private readonly released: (lock: LockFile) => void

  private constructor(database: DatabaseSync, released: (lock: LockFile) => void) {
    this.database = database
    this.released = released
  }

  /** Takes the lock or says why not: `locked` where another connection, of this process or another, has it. */
  static take(path: string, released: (lock: LockFile) => void): LockFile | DiskError {
    try {
      createEmpty(path)
    } catch (error) {
      return diskError('lock', path, error as NodeJS.ErrnoException)
    }
    let database: DatabaseSync | null = null
    try {
      database = new DatabaseSync(path, { timeout: 0 })
      database.exec('BEGIN EXCLUSIVE')
      return new LockFile(database, released)
    } catch (error) {
      database?.close()
      const busy = (error as { errcode?: number }).errcode === BUSY
      const reason = busy ? 'another process has it' : (error as Error).message
      return new DiskError(busy ? 'locked' : 'io', 'lock', path, reason, error)
    }
  }

  release(): void {
    if (!this.database.isOpen) return
    this.database.close()
    this.released(this)
  }
}

/**
 * Makes the file, with no rights for others; leaves one that exists untouched and unopened. Throws where it cannot be
 * written: the database would lock it all the same, and everything after the lock would wait for a disk that takes
 * nothing.
 */
function createEmpty(path: string): void {
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    accessSync(path, constants.W_OK)
  }
}
