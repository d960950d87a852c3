/**
 * Files of the operating system.
 *
 * Node runs file operations on a pool of threads that keeps no order, so each open file has a queue and one operation
 * under way (`disk.ts`, K1). The next one starts before the callback of the last: the disk works while the caller does.
 * Where nobody may have to wait for that pool, the calls are `prompt` ones (`calls.ts`).
 */
import { constants } from 'node:fs'
import { dirname } from 'node:path'
import { inByteOrder } from '../../base/file-name.ts'
import type { Disk, Done, DoneVoid, File, Lock, OpenMode } from '../disk.ts'
import { type Calls, pooled } from './calls.ts'
import { diskError } from './disk-error.ts'
import { RealFile } from './file.ts'
import { LockFile } from './lock.ts'

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_DIRECTORY, O_NONBLOCK } = constants

const flags: Readonly<Record<OpenMode, number>> = {
  // To open a pipe that nobody writes would keep a thread of the system's few for as long as that is so.
  read: O_RDONLY | O_NONBLOCK,
  update: O_RDWR,
  create: O_RDWR | O_CREAT | O_EXCL,
  write: O_RDWR | O_CREAT,
}

const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700

export class RealDisk implements Disk {
  /** A lock that nothing refers to would be collected, and freed with that. */
  private readonly locks = new Set<LockFile>()
  private readonly calls: Calls

  constructor(calls: Calls = pooled) {
    this.calls = calls
  }

  open(path: string, mode: OpenMode, done: Done<File>): void {
    this.calls.open(path, flags[mode], FILE_MODE, (error, descriptor) => {
      if (error) done(diskError('open', path, error), none)
      else done(null, new RealFile(path, descriptor, this.calls))
    })
  }

  readFile(path: string, done: Done<Buffer>): void {
    this.calls.readFile(path, (error, bytes) => {
      if (error) done(diskError('read', path, error), none)
      else done(null, bytes)
    })
  }

  list(path: string, done: Done<readonly string[]>): void {
    this.calls.readdir(path, (error, names) => {
      if (error) done(diskError('list', path, error), none)
      else done(null, inByteOrder(names))
    })
  }

  listFiles(path: string, done: Done<readonly string[]>): void {
    this.calls.readdir(path, { withFileTypes: true }, (error, entries) => {
      if (error) return done(diskError('list', path, error), none)
      done(null, inByteOrder(entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name)))
    })
  }

  makeDirectory(path: string, done: DoneVoid): void {
    makeWithParents(this.calls, path, null, (error) => done(diskError('mkdir', path, error)))
  }

  makeDirectoryBelow(root: string, path: string, done: DoneVoid): void {
    makeWithParents(this.calls, path, root, (error) => done(diskError('mkdir', path, error)))
  }

  link(existing: string, created: string, done: DoneVoid): void {
    this.calls.link(existing, created, (error) => done(diskError('link', created, error)))
  }

  rename(from: string, to: string, done: DoneVoid): void {
    this.calls.rename(from, to, (error) => done(diskError('rename', from, error)))
  }

  remove(path: string, done: DoneVoid): void {
    this.calls.unlink(path, (error) => done(error?.code === 'ENOENT' ? null : diskError('remove', path, error)))
  }

  removeDirectory(path: string, done: DoneVoid): void {
    this.calls.rmdir(path, (error) => done(error?.code === 'ENOENT' ? null : diskError('remove', path, error)))
  }

  removeTree(path: string, done: DoneVoid): void {
    this.calls.rm(path, { recursive: true, force: true }, (error) => done(diskError('remove', path, error)))
  }

  syncDirectory(path: string, done: DoneVoid): void {
    const { open, fsync, close } = this.calls
    open(path, O_RDONLY | O_DIRECTORY, (error, descriptor) => {
      if (error) return done(diskError('sync', path, error))
      fsync(descriptor, (failed) => {
        close(descriptor, () => {})
        done(diskError('sync', path, failed))
      })
    })
  }

  free(path: string, done: Done<number>): void {
    this.calls.statfs(path, (error, volume) => {
      if (error) done(diskError('measure', path, error), none)
      else done(null, volume.bavail * volume.bsize)
    })
  }

  lock(path: string, done: Done<Lock>): void {
    setImmediate(() => {
      const taken = LockFile.take(path, (released) => this.locks.delete(released))
      if (!(taken instanceof LockFile)) return done(taken, none)
      this.locks.add(taken)
      done(null, taken)
    })
  }
}

/**
 * Makes `path` and what is missing above it, up to `root`, which has to be there. Node's own way of it never ends where
 * a folder is there in which the system makes none, and says of each that it does not exist, as below /proc.
 */
function makeWithParents(
  calls: Calls,
  path: string,
  root: string | null,
  done: (error: NodeJS.ErrnoException | null) => void,
): void {
  const { mkdir, stat } = calls
  if (path === root) return stat(path, done)
  const make = (otherwise: (error: NodeJS.ErrnoException) => void): void =>
    mkdir(path, { mode: DIRECTORY_MODE }, (error) => {
      if (error === null) return done(null)
      if (error.code !== 'EEXIST') return otherwise(error)
      stat(path, (_, there) => done(there?.isDirectory() ? null : error))
    })
  make((error) => {
    const parent = dirname(path)
    if (error.code !== 'ENOENT' || parent === path) return done(error)
    makeWithParents(calls, parent, root, (failed) => {
      if (failed !== null) done(failed)
      else make(done)
    })
  })
}

/** What stands for the value beside an error: the caller looks at the error first. */
const none = undefined as never
