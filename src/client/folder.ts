/** What keeps records in a folder: its lock, its durability, and what a power loss leaves at the end of a file. */
import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { crc32 } from '../base/crc.ts'
import { FRAME_HEADER_BYTES } from '../protocol/frame.ts'

/** SQLite's code for a lock that another connection holds. */
const BUSY = 5

/**
 * Makes `path` and what is missing above it, for this user alone where nothing else is said; a worker does it by `Disk`.
 * Node's own way never ends where the system says of a folder that it does not make that it does not exist, as below /proc.
 */
export function makeFolder(path: string, mode = 0o700): void {
  const make = (): NodeJS.ErrnoException | null => {
    try {
      mkdirSync(path, { mode })
      return null
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST' && statSync(path).isDirectory()) return null
      return error as NodeJS.ErrnoException
    }
  }
  let error = make()
  const parent = dirname(path)
  if (error?.code === 'ENOENT' && parent !== path) {
    makeFolder(parent, mode)
    error = make()
  }
  if (error !== null) throw error
}

/** A lock that the kernel frees when the process dies: an exclusive transaction. `null`: another process has it. */
export function takeLock(path: string): DatabaseSync | null {
  const database = new DatabaseSync(join(path, 'lock'), { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database.close()
    if ((error as { errcode?: number }).errcode === BUSY) return null
    throw error
  }
}

export function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  fsyncSync(folder)
  closeSync(folder)
}

/** Whether a whole frame stands anywhere behind the damage at `at`. */
export function isFollowed(bytes: Buffer, at: number): boolean {
  for (let from = at + 1; from + FRAME_HEADER_BYTES <= bytes.length; from++) {
    const length = bytes.readUInt32LE(from + 4)
    const end = from + FRAME_HEADER_BYTES + length
    if (end <= bytes.length && crc32(bytes.subarray(from + 4, end)) === bytes.readUInt32LE(from)) return true
  }
  return false
}
