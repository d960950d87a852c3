/** What a producer may send. */
import { fail, type PotorooError } from '../base/errors.ts'

/** One record: text is sent as UTF-8. */
export type OutgoingRecord = string | Uint8Array

/** Why `record` cannot be sent to workers that take `limit` bytes, or `null`. */
export function faultOf(record: unknown, limit: number): PotorooError | null {
  if (typeof record !== 'string' && !(record instanceof Uint8Array)) {
    return fail('E_CLIENT_RECORD', { got: record === null ? 'null' : typeof record })
  }
  // A UTF-16 unit takes at most three bytes: of most texts it need not be counted how many they take.
  if ((typeof record === 'string' ? 3 : 1) * record.length <= limit) return null
  const bytes = typeof record === 'string' ? Buffer.byteLength(record) : record.length
  return bytes <= limit ? null : fail('E_RECORD_TOO_LONG', { bytes, limit })
}
