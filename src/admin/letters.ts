/**
 * What the control API answers of dead letters. While a pipeline runs each worker has those of the records that failed
 * with it. Of one that is drained any worker has them all, as its last checkpoint has them: nobody needs to live on who
 * had them.
 */
import type { Limits } from '../base/limits.ts'
import type { DeadLetter } from '../worker/letters/dead-letter.ts'
import { lettersOf } from '../worker/letters/kept-letters.ts'
import type { Pipelines } from '../worker/pipelines/pipelines.ts'
import type { Call } from './http.ts'
import { type LetterPage, type LetterView, pageOfLetters, viewLetter } from './letters-view.ts'
import { countIn } from './request.ts'

interface LettersSeams {
  readonly pipelines: Pipelines
  readonly limits: Limits
}

/** A page of letters (`?from=&limit=`), without what their steps were given. */
export async function listLetters(
  { pipelines, limits }: LettersSeams,
  { parts, query }: Call<'pipeline'>,
): Promise<LetterPage> {
  const name = parts.pipeline
  const from = countIn(query, 'from', 0)
  const limit = countIn(query, 'limit', limits.queryKeys, limits.queryKeys)
  const drained = await lettersOfDrained(pipelines, name)
  if (drained !== null) {
    return { ...pageOfLetters(name, drained.length, drained.slice(from, from + limit)), ofAll: true }
  }
  const { deadLetters } = pipelines.find(name).execution
  return pageOfLetters(name, deadLetters.count, deadLetters.list(from, limit))
}

/** One letter with what its step was given; rejects with `E_NO_LETTER`. */
export async function showLetter({ pipelines }: LettersSeams, { parts }: Call<'pipeline' | 'id'>): Promise<LetterView> {
  const { pipeline: name, id } = parts
  const drained = await lettersOfDrained(pipelines, name)
  const letter =
    drained === null ? pipelines.find(name).execution.deadLetters.find(id) : drained.find((one) => one.id === id)
  return viewLetter(name, id, letter)
}

/** Of a pipeline that is drained, oldest first; `null` of others. */
async function lettersOfDrained({ worker }: Pipelines, name: string): Promise<readonly DeadLetter[] | null> {
  const entry = worker.cluster.pipelines.get(name)
  return entry?.drained === true ? lettersOf(worker.storage, entry) : null
}
