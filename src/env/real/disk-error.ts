/** What the operating system says about a file, in the words of the seam. */
import { DiskError, type DiskErrorCode } from '../disk.ts'

const codes: Readonly<Record<string, DiskErrorCode>> = {
  ENOENT: 'absent',
  EEXIST: 'exists',
  ENOSPC: 'full',
  EDQUOT: 'full',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
  EISDIR: 'directory',
}

/**
 * The calls on an open file: where such a one is stale, another machine has removed it from the volume of a server.
 * Where a path is, the volume cannot be reached by it any more, and nothing is known of what stands there.
 */
const onFiles: ReadonlySet<string> = new Set(['read', 'write', 'fdatasync', 'fstat', 'ftruncate', 'close'])

function codeOf({ code = '', syscall = '' }: NodeJS.ErrnoException): DiskErrorCode {
  if (code === 'ESTALE' && onFiles.has(syscall)) return 'absent'
  // What is no folder is, to who lists it, a folder that is not there.
  if (code === 'ENOTDIR' && syscall === 'scandir') return 'absent'
  return codes[code] ?? 'io'
}

/** The error of `operation` on `path`, or `null` when there was none. */
export function diskError(operation: string, path: string, error: NodeJS.ErrnoException): DiskError
export function diskError(
  operation: string,
  path: string,
  error: NodeJS.ErrnoException | null | undefined,
): DiskError | null
export function diskError(
  operation: string,
  path: string,
  error: NodeJS.ErrnoException | null | undefined,
): DiskError | null {
  if (!error) return null
  return new DiskError(codeOf(error), operation, path, reasonOf(error), error)
}

/** `ENOENT: no such file or directory`: without the call and the paths that Node adds. */
function reasonOf({ message, syscall }: NodeJS.ErrnoException): string {
  const end = syscall === undefined ? -1 : message.lastIndexOf(`, ${syscall}`)
  return end < 0 ? message : message.slice(0, end)
}
