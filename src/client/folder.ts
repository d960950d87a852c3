/** What keeps records in a folder: its lock, its durability, and what a power loss leaves at the end of a file. */
import { closeSync, fdatasyncSync, fsyncSync, ftruncateSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { crc32 } from '../base/crc.ts'
import { FRAME_HEADER_BYTES, type Frame, FrameParser } from '../protocol/frame.ts'

/** A frame that stands where nobody has said that one begins. */
export type FoundFrame = Pick<Frame, 'tag' | 'payload'>

/** SQLite's code for a lock that another connection holds. */
const BUSY = 5
/** What is said of a folder that may not be opened. */
const MAY_NOT: ReadonlySet<string> = new Set(['EACCES', 'EPERM'])

/**
 * Makes `path` and what is missing above it, for this user alone where nothing else is said; a worker does it by
 * `Disk`. Node's own way never ends where the system says of a folder that it does not make that it does not exist, as
 * below /proc.
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

/**
 * Makes durable that `path` is there: a loss of power takes a folder of which those above it do not know. One that may
 * not be opened is passed over, as it is for workers: what this user made, he may open.
 */
export function syncAbove(path: string, sync: (folder: string) => void = syncFolder): void {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    try {
      sync(dirname(at))
    } catch (error) {
      if (!MAY_NOT.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
}

/**
 * Writes what a file is to hold, which it holds already as far as the system shows it, once more, cuts it there and
 * syncs it.
 */
export function hardenFile(path: string, bytes: Buffer): void {
  const file = openSync(path, 'r+')
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, at)
    ftruncateSync(file, bytes.length)
    fdatasyncSync(file)
  } finally {
    closeSync(file)
  }
}

/**
 * Reads the frames of a file and answers how many of its bytes are whole. `last`: nothing was written behind this file,
 * so its end may have been cut short, and a power loss leaves anything in its place. `stood` says whether what is
 * damaged was whole once, by where it is and the whole frames behind it; where nothing else is said that is so when
 * there are any, for a bit that turns in a length makes a frame that does not end of one that others follow. Any other
 * damage is thrown as what `damaged` makes of it, and so is what `onFrame` throws: a frame whose checksum is right was
 * not cut short. `at` is where a frame begins.
 */
export function readFrames(
  bytes: Buffer,
  last: boolean,
  onFrame: (frame: Frame, at: number) => void,
  damaged: (offset: number, cause?: unknown) => Error,
  stood: (at: number, behind: readonly FoundFrame[]) => boolean = (_, { length }) => length > 0,
): number {
  const parser = new FrameParser(bytes.length)
  let at = 0
  let cause: unknown
  let whole = false
  try {
    parser.push(bytes, (frame) => {
      whole = true
      onFrame(frame, at)
      whole = false
      at += FRAME_HEADER_BYTES + frame.payload.length
    })
  } catch (error) {
    cause = error
  }
  if (at < bytes.length && (whole || !last || stood(at, framesBehind(bytes, at)))) throw damaged(at, cause)
  return at
}

/** The whole frames that stand anywhere behind the damage at `at`. */
function framesBehind(bytes: Buffer, at: number): FoundFrame[] {
  const found: FoundFrame[] = []
  for (let from = at + 1; from + FRAME_HEADER_BYTES <= bytes.length; from++) {
    const end = from + FRAME_HEADER_BYTES + bytes.readUInt32LE(from + 4)
    // Their generation and their sequence are 0: of nearly all places that looks at nothing more.
    if (end > bytes.length || bytes.readUInt32LE(from + 8) !== 0 || bytes.readUInt32LE(from + 12) !== 0) continue
    if (crc32(bytes.subarray(from + 4, end)) !== bytes.readUInt32LE(from)) continue
    found.push({ tag: bytes[from + 16]!, payload: bytes.subarray(from + FRAME_HEADER_BYTES, end) })
    from = end - 1
  }
  return found
}
