/** What a person is told when the disk fails under a connector, or a path leads nowhere, which is no failure of the disk. */
import { fail, type PotorooError } from '../../base/errors.ts'
import type { DiskError } from '../../env/disk.ts'

export function diskFault(operation: string, error: DiskError): PotorooError {
  return fail(
    error.code === 'absent' ? 'E_FILE' : 'E_DISK',
    { operation, path: error.path, reason: error.reason },
    error,
  )
}
