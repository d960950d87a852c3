/** Records as JSON, by the sinks that write it where they are given no `encode`. */
import { fail } from '../base/errors.ts'

/**
 * `value` as JSON; `undefined` where JSON has nothing for it. Throws `E_NO_JSON` for what it cannot be: a bigint, a
 * circle.
 */
export function jsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch (error) {
    // V8 draws a circle on several lines, of which the first says what is wrong.
    const [reason] = (error as Error).message.split('\n')
    throw fail('E_NO_JSON', { reason }, error)
  }
}
