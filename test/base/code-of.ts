/** The code of the error that a call throws. */
import { PotorooError } from '../../src/base/errors.ts'

/** The code of what `run` throws; its text where that is no error of ours, and `nothing` where it throws nothing. */
export function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return error instanceof PotorooError ? error.code : String(error)
  }
  return 'nothing'
}
