/**
 * Asking the workers of a cluster about a pipeline of which each has a part. One that has none has nothing to say: it
 * has not come to the pipeline yet, cannot load it, or came when it had been drained.
 */
import { PotorooError } from '../base/errors.ts'
import type { ControlClient } from './control-client.ts'

/** What a worker answers that has no part of the pipeline. */
const ABSENT: readonly string[] = ['E_NO_PIPELINE', 'E_PIPELINE_NOT_UP', 'E_PIPELINE_UNLOADED', 'E_NOT_RUNNING']

/** What those answer that have a part. Rejects where none has, or one of them fails. */
export async function askAll<T>(
  workers: readonly ControlClient[],
  ask: (worker: ControlClient) => Promise<T>,
): Promise<readonly T[]> {
  let absent: unknown = null
  const asked = workers.map(async (worker) => {
    try {
      return [await ask(worker)]
    } catch (error) {
      if (!hasCode(error, ABSENT)) throw error
      absent = error
      return []
    }
  })
  const given = (await Promise.all(asked)).flat()
  if (given.length === 0 && absent !== null) throw absent
  return given
}

/**
 * The first answer of one whom it concerns, which those do not say that refuse with `code`. Rejects where it concerns
 * none.
 */
export async function askOneOf<T>(
  workers: readonly ControlClient[],
  code: string,
  ask: (worker: ControlClient) => Promise<T>,
): Promise<T> {
  let refusal: unknown = null
  for (const worker of workers) {
    try {
      return await ask(worker)
    } catch (error) {
      if (!hasCode(error, [...ABSENT, code])) throw error
      if (refusal === null || hasCode(error, [code])) refusal = error
    }
  }
  throw refusal
}

function hasCode(error: unknown, codes: readonly string[]): boolean {
  return error instanceof PotorooError && codes.includes(error.code)
}
