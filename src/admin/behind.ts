/**
 * Finds the barrier that stands behind what a token covers, whichever worker answers for its stream (PROTOCOLS 16).
 *
 * B1. All members are asked: who answers for a stream may have changed, and who did before knows as well. The first
 *     barrier that one of them names holds for all, in its term.
 * B2. Nobody knows while a stream is on its way to another member, or a generation begins: they are asked again.
 * B3. Behind a step that holds records back all members have to name one, in the same term: each holds some of its own.
 */
import { type Behind, barrierBehind, holdersBefore, letGo } from '../worker/pipelines/own-writes.ts'
import { type AcrossSeams, ask, withinGeneration } from './asking.ts'
import { jsonIn, parse } from './request.ts'
import { integer, object, text } from './shape.ts'

/**
 * Of one worker: which barrier stands behind what a token covers, or behind what `holder` held at the barrier `behind`.
 */
export type BehindQuestion = { readonly token: string } | { readonly holder: string; readonly behind: Behind }

/** A barrier of a term, as one worker tells another. */
const barrier = object({ term: text, epoch: integer(0) })

/** The barrier in the words of a query, or `null`. */
export function barrierIn(query: URLSearchParams): Behind | null {
  const text = query.get('behind')
  return text === null ? null : parse(barrier, jsonIn('?behind', text))
}

export function behindIn(query: URLSearchParams): BehindQuestion {
  const [holder, behind] = [query.get('held'), barrierIn(query)]
  return holder === null || behind === null ? { token: query.get('token') ?? '' } : { holder, behind }
}

/**
 * What this worker knows, or comes to know within `ms`, as the one that answers for the stream, or for its part;
 * otherwise `null`.
 */
export async function ownBarrier(
  { pipelines, clock }: AcrossSeams,
  pipeline: string,
  question: BehindQuestion,
  ms: number,
): Promise<Behind | null> {
  const { execution } = pipelines.find(pipeline)
  if ('token' in question) return barrierBehind(clock, execution, question.token, ms)
  const { holder, behind } = question
  return behind.term === execution.term ? letGo(clock, execution, holder, behind.epoch, ms) : null
}

/**
 * A barrier behind which `step` shows what `token` covers, by what the members know, or come to know within `ms`;
 * `null`: none of them now (B2).
 */
export async function barrierAcross(
  seams: AcrossSeams,
  pipeline: string,
  step: string,
  token: string,
  ms: number,
): Promise<Behind | null> {
  const { plan } = seams.pipelines.find(pipeline)
  const until = seams.clock.monotonic() + ms
  const left = (): number => Math.max(0, until - seams.clock.monotonic())
  let behind = await withinGeneration(seams, firstOf(askAll(seams, pipeline, { token }, ms)))
  for (const holder of holdersBefore(plan, step)) {
    if (behind === null) return null
    const all = Promise.all(askAll(seams, pipeline, { holder, behind }, left()))
    behind = lastOf(behind, (await withinGeneration(seams, all)) ?? [null])
  }
  return behind
}

function askAll(seams: AcrossSeams, pipeline: string, question: BehindQuestion, ms: number): Promise<Behind | null>[] {
  const { worker } = seams.pipelines
  const words = 'token' in question ? question : { held: question.holder, behind: JSON.stringify(question.behind) }
  const query = new URLSearchParams({ ...words, ms: String(Math.floor(ms)) })
  const path = `/v1/pipelines/${encodeURIComponent(pipeline)}/behind?${query}`
  return worker.cluster.members.map((member) =>
    member.worker === worker.name
      ? ownBarrier(seams, pipeline, question, ms)
      : (ask(seams, member.worker, path, ms) as Promise<Behind | null>),
  )
}

/** The last of `answers`, where all are of the term of `behind` (B3). */
function lastOf({ term }: Behind, answers: readonly (Behind | null)[]): Behind | null {
  let epoch = 0
  for (const answer of answers) {
    if (answer?.term !== term) return null
    epoch = Math.max(epoch, answer.epoch)
  }
  return { term, epoch }
}

/**
 * The first answer that is one; `null` where none is. Rejects where all have failed: one who has does not speak for the
 * others.
 */
function firstOf<T>(asked: readonly Promise<T | null>[]): Promise<T | null> {
  return new Promise((resolve, reject) => {
    for (const one of asked) one.then((answer) => answer !== null && resolve(answer)).catch(() => {})
    Promise.any(asked).then(
      () => Promise.allSettled(asked).then(() => resolve(null)),
      ({ errors }: AggregateError) => reject(errors[0]),
    )
  })
}
