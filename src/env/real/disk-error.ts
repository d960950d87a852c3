/** What the operating system says about a file, in the words of the seam. */
import { DiskError, type DiskErrorCode } from '../disk.ts'

const codes: Readonly<Record<string, DiskErrorCode>> = {
  ENOENT: 'absent',
  // Of a file that is open, and that another machine has removed from the volume of a server.
  ESTALE: 'absent',
  EEXIST: 'exists',
  ENOSPC: 'full',
  EDQUOT: 'full',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
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
  return new DiskError(codes[error.code ?? ''] ?? 'io', operation, path, reasonOf(error), error)
}

/** `ENOENT: no such file or directory`: without the call and the paths that Node adds. */
function reasonOf({ message, syscall }: NodeJS.ErrnoException): string {
  const end = syscall === undefined ? -1 : message.lastIndexOf(`, ${syscall}`)
  return end < 0 ? message : message.slice(0, end)
}
