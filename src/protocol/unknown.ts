/**
 * Refusals of the acked protocol (`acked.ts`) that may be the word of a worker which is behind: that the cluster goes
 * on without it, or by another program, it may not know yet.
 */

const CODES: ReadonlySet<string> = new Set(['E_SOURCE_UNKNOWN', 'E_STREAM_UNKNOWN', 'E_STREAM_EXPIRED'])

/** Whether a refusal with `code` is one of them: who hears it asks again. */
export function isUnknown(code: string): boolean {
  return CODES.has(code)
}

/** Times in a row that workers may say so before a producer believes it. */
export const UNKNOWN_MAX = 5
