/** Finds files: those that a path names, and those that a followed file became when it was rotated. */
import { crc32 } from '../../base/crc.ts'
import type { Disk, DiskError, Done, File } from '../../env/disk.ts'

/** Bytes at the beginning of a file by which it is known again, whatever its name. */
export const HEAD_BYTES = 1024

/** What a followed file is known by: the checksum of its first bytes. */
export interface Head {
  readonly bytes: number
  readonly crc: number
}

/** Whether `path` may name more than one file. */
export function isPattern(path: string): boolean {
  return /[*?,]/.test(path)
}

/** The directory and the name of `path`. */
export function splitPath(path: string): { readonly directory: string; readonly name: string } {
  const slash = path.lastIndexOf('/')
  return { directory: slash < 0 ? '.' : path.slice(0, slash) || '/', name: path.slice(slash + 1) }
}

/** `name` in `directory`. */
export function joinPath(directory: string, name: string): string {
  return directory === '.' ? name : directory === '/' ? `/${name}` : `${directory}/${name}`
}

/**
 * The files that `pattern` names now, in byte order; a plain path is named whether it exists or not. `*` and `?` are
 * understood in the last part of a path; several paths stand behind one another with commas.
 */
export function findFiles(disk: Disk, pattern: string, found: Done<readonly string[]>): void {
  const parts = pattern.split(',').map((part) => part.trim())
  const all = new Set<string>()
  const next = (i: number): void => {
    const part = parts[i]
    if (part === undefined) {
      found(null, [...all].sort())
      return
    }
    if (!isPattern(part)) {
      all.add(part)
      next(i + 1)
      return
    }
    const { directory, name } = splitPath(part)
    disk.list(directory, (error, names) => {
      if (error !== null) return found(error, [])
      const test = matcher(name)
      for (const each of names) if (test.test(each)) all.add(joinPath(directory, each))
      next(i + 1)
    })
  }
  next(0)
}

function matcher(pattern: string): RegExp {
  const source = pattern
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 's')
}

/** What a rotated file's name has behind the old one: a number, or a date in figures. Compressed files cannot be read. */
const ROTATED = /^[.-]\d[\dT:._-]*$/

/** The files into which `path` was rotated, oldest first, and `path` itself: `log.2 log.1 log` or `log-0101 log-0102 log`. */
export function findRotated(disk: Disk, path: string, found: Done<readonly string[]>): void {
  const { directory, name } = splitPath(path)
  disk.list(directory, (error, names) => {
    if (error !== null) return found(error, [])
    const rotated = names.filter((each) => each.startsWith(name) && ROTATED.test(each.slice(name.length)))
    rotated.sort((a, b) => order(a, b, name.length + 1))
    found(
      null,
      [...rotated, name].map((each) => joinPath(directory, each)),
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

export function headOf(bytes: Uint8Array): Head {
  const head = bytes.subarray(0, HEAD_BYTES)
  return { bytes: head.length, crc: crc32(head) }
}

/** Whether `file` is at least `size` bytes long and begins as `head` says. */
export function isSame(file: File, head: Head, size: number, done: Done<boolean>): void {
  file.size((sizeError, there) => {
    if (sizeError !== null || there < size) return done(sizeError, false)
    file.read(0, head.bytes, (error, bytes) => {
      done(error, error === null && bytes.length === head.bytes && crc32(bytes) === head.crc)
    })
  })
}

/**
 * Opens the first of `paths` that is the file that `head` and `size` describe; `null` when none is. Files that vanish
 * meanwhile are passed over.
 */
export function openSame(
  disk: Disk,
  paths: readonly string[],
  head: Head,
  size: number,
  done: (error: DiskError | null, found: { readonly file: File; readonly path: string } | null) => void,
): void {
  const next = (i: number): void => {
    const path = paths[i]
    if (path === undefined) {
      done(null, null)
      return
    }
    disk.open(path, 'read', (error, file) => {
      if (error !== null) return error.code === 'absent' ? next(i + 1) : done(error, null)
      isSame(file, head, size, (failure, same) => {
        if (failure === null && same) return done(null, { file, path })
        file.close(() => next(i + 1))
      })
    })
  }
  next(0)
}
