/**
 * Knows a followed file again under whatever name it has been rotated to, and finds the one that was begun after it.
 *
 * H1. A file is known by its first bytes: names go from file to file, and a process that was away has no open file
 *     left. Of several that begin alike, and are long enough to have been read so far, it is the one that has the number
 *     which it had (its inode). Where none has that, as behind a copy or a backup, it is the one under its own name,
 *     and then the newest.
 * H2. A rotation may move names while they are looked through. They are looked through in the direction in which files
 *     move, away from the path, so that none can pass by; it can only run ahead, to a name that was not listed. So a
 *     file is missed only where no further names have come meanwhile, and taken to be gone when it was missed
 *     `ATTEMPTS` times. A successor counts only if the file before it still has its name afterwards.
 */
import { crc32 } from '../../base/crc.ts'
import type { Clock } from '../../env/clock.ts'
import type { Disk, DiskError, Done, File } from '../../env/disk.ts'
import { joinPath, splitPath } from './find.ts'

/** Bytes at the beginning of a file by which it is known again. */
export const HEAD_BYTES = 1024

const ATTEMPTS = 3
const PAUSE_MS = 50

/** What a file is known by: the checksum of its first bytes. */
export interface Head {
  readonly bytes: number
  readonly crc: number
  /** Its number on its volume, where that is known. */
  readonly inode?: string
}

/** A file that was being read: how it began and how far it was read. */
export interface Stand {
  readonly head: Head
  readonly at: number
  /** Nothing more is wanted of it than what it may have grown by. */
  readonly whole?: boolean
}

/** A file that was found again, open. */
export interface Found {
  readonly file: File
  /** It has the number that is wanted, or none is known (H1). */
  readonly sure: boolean
  readonly path: string
  /** The paths of the files that were begun after it, oldest first. */
  readonly after: readonly string[]
}

export function headOf(bytes: Uint8Array): Head {
  const head = bytes.subarray(0, HEAD_BYTES)
  return { bytes: head.length, crc: crc32(head) }
}

/** How a file begins of which nothing is known: as any does. */
export const NOTHING: Head = headOf(Buffer.alloc(0))

/** Whether `file`, whatever its number, begins as `stand` says and is long enough to have been read so far. */
export function isSame(file: File, stand: Stand, done: Done<boolean>): void {
  const { head, at } = stand
  file.size((unknown, size) => {
    if (unknown !== null || size < at) return done(unknown, false)
    file.read(0, head.bytes, (error, bytes) => {
      done(error, error === null && bytes.length === head.bytes && crc32(bytes) === head.crc)
    })
  })
}

/** Finds the file that `stand` describes at `path` or where it was rotated to; `null` when it is not there. */
export function findAgain(disk: Disk, clock: Clock, path: string, stand: Stand, done: Done<Found | null>): void {
  attempt((found) => findOnce(disk, path, stand, found), clock, done)
}

/** The same, of a file that was there a moment ago: one that only begins as it did is another one. */
function findExactly(disk: Disk, clock: Clock, path: string, stand: Stand, done: Done<Found | null>): void {
  const once = (found: Done<Found | null>): void =>
    findOnce(disk, path, stand, (error, like) => {
      if (like !== null && !like.sure) like.file.close(() => {})
      found(error, like?.sure ? like : null)
    })
  attempt(once, clock, done)
}

function attempt(find: (found: Done<Found | null>) => void, clock: Clock, done: Done<Found | null>): void {
  const again = (left: number): void =>
    find((error, found) => {
      if (error !== null || found !== null || left === 0) done(error, found)
      else clock.after(PAUSE_MS, () => again(left - 1))
    })
  again(ATTEMPTS - 1)
}

/** Under its own name first: of thousands of files in one folder each would list all of them. */
function findOnce(disk: Disk, path: string, stand: Stand, done: Done<Found | null>): void {
  const { directory, name } = splitPath(path)
  const own = joinPath(directory, name)
  recognise(disk, own, stand, (error, file, sure) => {
    if (error !== null) return done(error, null)
    const here = file === null ? null : { file, sure, path: own, after: [] }
    if (sure) return done(null, here)
    findRotated(disk, path, stand, new Set(), here, (error, found) => {
      if (found === null || found === here) done(error, found)
      else done(null, { ...found, after: [...found.after, own] })
    })
  })
}

/**
 * Looks through the names of rotated files but for those that were `seen`, as long as there are others (H2). `alike`:
 * what was found that begins like it; it stays that where nothing is found that is `sure` to be it.
 */
function findRotated(
  disk: Disk,
  path: string,
  stand: Stand,
  seen: ReadonlySet<string>,
  alike: Found | null,
  done: Done<Found | null>,
): void {
  const failed = (error: DiskError): void => {
    alike?.file.close(() => {})
    done(error, null)
  }
  listRotated(disk, path, (error, rotated) => {
    if (error !== null) return failed(error)
    if (rotated.every((name) => seen.has(name))) return done(null, alike)
    const next = (i: number): void => {
      const candidate = rotated[i]
      if (candidate === undefined) return findRotated(disk, path, stand, new Set([...seen, ...rotated]), alike, done)
      if (seen.has(candidate)) return next(i - 1)
      recognise(disk, candidate, stand, (error, file, sure) => {
        if (error !== null) return failed(error)
        if (file === null) return next(i - 1)
        if (sure || alike === null) {
          alike?.file.close(() => {})
          alike = { file, sure, path: candidate, after: rotated.slice(i + 1) }
        } else file.close(() => {})
        if (sure) done(null, alike)
        else next(i - 1)
      })
    }
    next(rotated.length - 1)
  })
}

/**
 * Opens the file at `path` where it may be the one that `stand` describes; otherwise `null`. `sure`: it has its number
 * too, or that is not known (H1).
 */
function recognise(
  disk: Disk,
  path: string,
  stand: Stand,
  done: (error: DiskError | null, file: File | null, sure: boolean) => void,
): void {
  open(disk, path, (error, file) => {
    if (error !== null || file === null) return done(error, null, false)
    const other = (unknown: DiskError | null): void => {
      file.close(() => {})
      done(unknown, null, false)
    }
    isSame(file, stand, (unknown, same) => {
      if (!same) return other(unknown)
      const { inode } = stand.head
      if (inode === undefined) return done(null, file, true)
      file.inode((unnumbered, its) => {
        if (unnumbered !== null) other(unnumbered)
        else done(null, file, its === inode)
      })
    })
  })
}

/**
 * What is to be said of a successor whose file before is gone: others may have come between, or it is that one once
 * more, as an editor leaves it.
 */
export type Doubt = 'missed' | 'alike'

/**
 * Opens the file at `path` that was begun after the one that `stand` describes; `null` when there is none yet. Empty
 * files in between are passed over: they have nothing to be known by later.
 */
export function openSuccessor(
  disk: Disk,
  clock: Clock,
  path: string,
  stand: Stand,
  done: (error: DiskError | null, file: File | null, doubt: Doubt | null) => void,
): void {
  const none = (error: DiskError | null): void => done(error, null, null)
  findExactly(disk, clock, path, stand, (error, before) => {
    before?.file.close(() => {})
    if (error !== null) return none(error)
    openNonEmpty(disk, before === null ? [path] : before.after, (unreadable, file) => {
      if (unreadable !== null || file === null) return none(unreadable)
      findExactly(disk, clock, path, stand, (unknown, still) => {
        still?.file.close(() => {})
        if (unknown !== null || still?.path !== before?.path) {
          file.close(() => {})
          return none(unknown)
        }
        if (before !== null) return done(null, file, null)
        isSame(file, stand, (unread, same) => {
          if (unread === null && same) return done(null, file, 'alike')
          // Where the file itself is gone, those between it and the path cannot be told from older ones.
          listRotated(disk, path, (unlisted, rotated) => {
            done(null, file, unlisted !== null || rotated.length > 0 ? 'missed' : null)
          })
        })
      })
    })
  })
}

function openNonEmpty(disk: Disk, paths: readonly string[], done: Done<File | null>): void {
  const path = paths[0]
  if (path === undefined) {
    done(null, null)
    return
  }
  open(disk, path, (error, file) => {
    if (error !== null) return done(error, null)
    if (file === null) return openNonEmpty(disk, paths.slice(1), done)
    file.size((unknown, size) => {
      if (size > 0) return done(null, file)
      file.close(() => {})
      if (unknown !== null) done(unknown, null)
      else openNonEmpty(disk, paths.slice(1), done)
    })
  })
}

/** Opens a file that may have gone meanwhile. */
function open(disk: Disk, path: string, done: (error: DiskError | null, file: File | null) => void): void {
  disk.open(path, 'read', (error, file) => {
    if (error === null) done(null, file)
    else done(error.code === 'absent' ? null : error, null)
  })
}

/**
 * What a rotated file's name has behind the old one: a number, or a date in figures. Compressed files cannot be read.
 */
const ROTATED = /^[.-]\d[\dT:._-]*$/

/** The files into which `path` was rotated, oldest first: `log.2 log.1` or `log-0101 log-0102`. */
function listRotated(disk: Disk, path: string, found: Done<readonly string[]>): void {
  const { directory, name } = splitPath(path)
  disk.list(directory, (error, names) => {
    if (error !== null) return found(error, [])
    const rotated = names.filter((each) => each.startsWith(name) && ROTATED.test(each.slice(name.length)))
    rotated.sort((a, b) => order(a, b, name.length + 1))
    found(
      null,
      rotated.map((each) => joinPath(directory, each)),
    )
  })
}

/** Numbered files count away from now; dated ones count towards it. */
function order(a: string, b: string, prefix: number): number {
  const numberA = /^\d{1,4}$/.test(a.slice(prefix)) ? Number(a.slice(prefix)) : -1
  const numberB = /^\d{1,4}$/.test(b.slice(prefix)) ? Number(b.slice(prefix)) : -1
  if (numberA !== numberB) return numberB - numberA
  return a < b ? -1 : 1
}
