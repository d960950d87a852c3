/**
 * Whose an error is that was thrown where nobody waits for it: ours, or that of a function that a pipeline has left
 * behind in a timer, a callback or a promise. The first line of the stack that is not Node's says so.
 */
import { fileURLToPath } from 'node:url'
import { fail, PotorooError } from '../base/errors.ts'
import { OWN_FOLDER } from '../base/own-files.ts'

const OWN = fileURLToPath(OWN_FOLDER)

/** The error to end with, in place of `thrown`, where a pipeline has thrown it; otherwise `thrown`. */
export function ofWhom(thrown: unknown): unknown {
  if (thrown instanceof PotorooError) return thrown
  const place = thrown instanceof Error ? placeOf(thrown) : ''
  if (place === null) return thrown
  return fail('E_STRAY', { reason: thrown instanceof Error ? thrown.message : String(thrown), at: place }, thrown)
}

/**
 * Calls `tell` where a pipeline, or what it imports, ends this process by `process.exit`: it would end in the middle of
 * its work, and nothing would say why.
 */
export function watchExit(tell: (error: PotorooError) => void): void {
  const { exit } = process
  process.exit = (...given) => {
    const place = placeOf(new Error(), 1)
    if (place !== null) tell(fail('E_EXIT', { status: given[0] ?? process.exitCode ?? 0, at: place }))
    // A status that is given and `undefined` is not the same as none.
    return exit(...given)
  }
}

/**
 * Where the error was thrown, such as ` at /home/you/orders.ts:6:72`; empty where nothing is known; `null` in our own.
 * The first `own` calls are passed over.
 */
function placeOf({ stack = '' }: Error, own = 0): string | null {
  for (const line of stack.split('\n').slice(1 + own)) {
    const found = /^ {4}at (?:.* \()?(?:file:\/\/)?(\/[^)]+|[A-Za-z]:[^)]+):(\d+):(\d+)\)?$/.exec(line)
    if (found === null) continue
    const [, path, row, column] = found
    return path!.startsWith(OWN) ? null : ` at ${path}:${row}:${column}`
  }
  return ''
}
