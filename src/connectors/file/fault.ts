/**
 * What a person is told when the disk fails under a connector, or a path leads to no file, which is no failure of the
 * disk.
 */
import { fail, type PotorooError } from '../../base/errors.ts'
import type { DiskError, DiskErrorCode } from '../../env/disk.ts'

const elsewhere: ReadonlySet<DiskErrorCode> = new Set(['absent', 'directory'])

export function diskFault(operation: string, error: DiskError): PotorooError {
  return fail(
    elsewhere.has(error.code) ? 'E_FILE' : 'E_DISK',
    { operation, path: error.path, reason: error.reason },
    error,
  )
}
