/** What the answer of a receiver means for the records that were posted. */

import type { IncomingAnswer } from '../../env/http.ts'
import type { NetworkError } from '../../env/network.ts'
import { reasonOf } from '../socket/dialling-writer.ts'

export type Verdict =
  | { readonly kind: 'taken' }
  /** It is not there, or not ready, or not set up: the same request later. `afterMs`: as it asks itself. */
  | { readonly kind: 'later'; readonly reason: string; readonly afterMs: number }
  /** It does not want these records, whenever they come. */
  | { readonly kind: 'refused'; readonly reason: string }

/**
 * Statuses below 500 that say nothing about the record: a token or a path that is wrong, a request that is under way or
 * comes too often. Giving records up for them would give up all.
 */
const LATER: ReadonlySet<number> = new Set([401, 403, 404, 405, 407, 408, 409, 421, 425, 426, 429, 451])
/** What is shown of a receiver's words, in characters. */
const SHOWN = 200
/** The longest wait that a receiver may ask for, in milliseconds. */
const LONGEST_MS = 300_000

export function judge(error: NetworkError | null, answer: IncomingAnswer | null): Verdict {
  if (error !== null || answer === null) return { kind: 'later', reason: reasonOf(error), afterMs: 0 }
  const { status, headers, body } = answer
  if (status >= 200 && status < 300) return { kind: 'taken' }
  const words = body
    .toString('utf8', 0, 4 * SHOWN)
    .trim()
    .slice(0, SHOWN)
  const reason = words === '' ? `it answers ${status}` : `it answers ${status}: ${words}`
  if (status >= 400 && status < 500 && !LATER.has(status)) return { kind: 'refused', reason }
  const seconds = Number(headers['retry-after'] ?? 0)
  return { kind: 'later', reason, afterMs: seconds > 0 ? Math.min(1000 * seconds, LONGEST_MS) : 0 }
}
