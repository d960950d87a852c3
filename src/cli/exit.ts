/**
 * Exit statuses, a public contract: scripts and supervisors decide by them.
 *
 *     0   done                          70   a bug in Potoroo (`invariant`)
 *     1   the world failed              130  a second Ctrl-C      as those signals end a process: a shell adds 128
 *     2   the request is wrong          143  a second SIGTERM
 */
import { InvariantError } from '../base/assert.ts'
import { PotorooError } from '../base/errors.ts'

export const EXIT_DONE = 0
export const EXIT_FAILED = 1
export const EXIT_WRONG = 2
const EXIT_BUG = 70

/** The status of a command that ends with `error`. */
export function exitStatusOf(error: unknown): number {
  if (error instanceof PotorooError) {
    if (error.kind === 'user') return EXIT_WRONG
    return error.kind === 'invariant' ? EXIT_BUG : EXIT_FAILED
  }
  // A plain Error that reaches the command line was expected by nobody.
  return error instanceof InvariantError || error instanceof TypeError || error instanceof RangeError
    ? EXIT_BUG
    : EXIT_FAILED
}
