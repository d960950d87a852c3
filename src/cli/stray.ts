/**
 * Whose an error is that was thrown where nobody waits for it: ours, or that of a function that a pipeline has left behind
 * in a timer, a callback or a promise. The first line of the stack that is not Node's says so.
 */
import { fileURLToPath } from 'node:url'
import { fail, PotorooError } from '../base/errors.ts'

/** The folder of our own modules: `src`, or `dist` where the package is installed. */
const OWN = fileURLToPath(new URL('..', import.meta.url))

/** The error to end with, in place of `thrown`, where a pipeline has thrown it; otherwise `thrown`. */
export function ofWhom(thrown: unknown): unknown {
  if (thrown instanceof PotorooError) return thrown
  const place = thrown instanceof Error ? placeOf(thrown) : ''
  if (place === null) return thrown
  return fail('E_STRAY', { reason: thrown instanceof Error ? thrown.message : String(thrown), at: place }, thrown)
}

/** Where the error was thrown, such as ` at /home/you/orders.ts:6:72`; empty where nothing is known; `null` in our own. */
function placeOf({ stack = '' }: Error): string | null {
  for (const line of stack.split('\n')) {
    const found = /^ {4}at (?:.* \()?(?:file:\/\/)?(\/[^)]+|[A-Za-z]:[^)]+):(\d+):(\d+)\)?$/.exec(line)
    if (found === null) continue
    const [, path, row, column] = found
    return path!.startsWith(OWN) ? null : ` at ${path}:${row}:${column}`
  }
  return ''
}
