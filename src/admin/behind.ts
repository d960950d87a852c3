/**
 * Finds the barrier that stands behind what a token covers, whichever worker answers for its stream (PROTOCOLS 16).
 *
 * B1. All members are asked: who answers for a stream may have changed, and who did before knows as well. The first barrier
 *     that one of them names holds for all, in its term.
 * B2. Nobody knows while a stream is on its way to another member, or a generation begins: they are asked again.
 */
import { type Behind, barrierBehind } from '../worker/pipelines/own-writes.ts'
import { type AcrossSeams, ask, withinGeneration } from './asking.ts'

/** What this worker knows, or comes to know within `ms`, as the one that answers for the stream; otherwise `null`. */
export async function ownBarrier(
  { pipelines, clock }: AcrossSeams,
  pipeline: string,
  token: string,
  ms: number,
): Promise<Behind | null> {
  return barrierBehind(clock, pipelines.find(pipeline).execution, token, ms)
}

/** What one of the members knows, or comes to know within `ms`; `null`: none of them now (B2). */
export function barrierAcross(seams: AcrossSeams, pipeline: string, token: string, ms: number): Promise<Behind | null> {
  const { worker } = seams.pipelines
  const query = new URLSearchParams({ token, ms: String(Math.floor(ms)) })
  const path = `/v1/pipelines/${encodeURIComponent(pipeline)}/behind?${query}`
  const asked = worker.cluster.members.map((member) =>
    member.worker === worker.name
      ? ownBarrier(seams, pipeline, token, ms)
      : (ask(seams, member.worker, path, ms) as Promise<Behind | null>),
  )
  return withinGeneration(seams, firstOf(asked))
}

/** The first answer that is one; `null` where none is. Rejects with the first error where there is none. */
function firstOf<T>(asked: readonly Promise<T | null>[]): Promise<T | null> {
  return new Promise((resolve, reject) => {
    for (const one of asked) one.then((answer) => answer !== null && resolve(answer), reject)
    void Promise.allSettled(asked).then(() => resolve(null))
  })
}
