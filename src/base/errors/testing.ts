/** Errors of running a pipeline in a test. */

import type { ErrorRows } from './row.ts'

export const testingErrors = {
  E_TEST_INPUT: {
    kind: 'user',
    what: 'the test cannot run: {reason}',
    remedy: 'correct what is given to runPipeline() or verifyPipeline(), or to the command',
  },
  E_TEST_WORKERS: {
    kind: 'user',
    what: 'a test runs a pipeline on 1 to {most} workers, and {workers} are asked for',
    remedy: 'ask for fewer; workers that JOIN count too',
  },
  E_TEST_STUCK: {
    kind: 'user',
    what: 'pipeline "{pipeline}" has not come to its end after {time} of simulated time: {reason}',
    remedy: 'look for marks that wait for each other; the cause of this error is the log of the run',
  },
} as const satisfies ErrorRows
