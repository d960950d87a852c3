/** What the control API takes for a pipeline that is to run, and what becomes of it. */
import * as v from 'valibot'
import { fail, type PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Clock } from '../env/clock.ts'
import { buildGraph, loadBundle } from '../worker/loading/load.ts'
import { tryLoading } from '../worker/loading/load-trial.ts'
import type { Pipelines } from '../worker/pipelines/pipelines.ts'
import { hasFailedElsewhere } from './asking.ts'
import { parse } from './request.ts'
import { object, text, texts, trueOrFalse } from './shape.ts'
import { type Submitted, summarize } from './view.ts'

interface SubmitSeams {
  readonly pipelines: Pipelines
  readonly limits: Limits
  readonly clock: Clock
  /** The one pipeline for which the worker is there, where it is there for one. */
  readonly alone?: string | null
}

const parameter = v.union([v.string(), v.number(), v.boolean()], 'is not a text, a number, true or false')

const submission = object({
  text,
  map: text,
  hash: text,
  parameters: v.optional(v.record(v.string(), parameter, 'is not an object'), {}),
  /** The name of a savepoint of the same pipeline. */
  from: v.nullish(text, null),
  /** Forget the state that is there. */
  fresh: v.optional(trueOrFalse, false),
  drop: v.optional(texts, []),
})

/** Runs the pipeline that `body` describes, once it has been tried; rejects with what is wrong with either. */
export async function submit(seams: SubmitSeams, body: unknown): Promise<Submitted> {
  const { pipelines, limits, alone = null } = seams
  const { text, map, hash, parameters: given, from, fresh, drop } = parse(submission, body)
  const { loadTimeoutMs } = limits
  await tryLoading({ text, map, hash, parameters: given, limits: { loadTimeoutMs } })
  const pipeline = await loadBundle(text, map, hash, limits)
  if (alone !== null && pipeline.name !== alone) throw fail('E_RUNS_ANOTHER', { pipeline: pipeline.name, alone })
  const { parameters } = buildGraph(pipeline, given, limits)
  const again = await hasFailedElsewhere(seams, pipeline.name)
  let warnings: readonly PotorooError[] = []
  const onFit = (found: readonly PotorooError[]): void => {
    warnings = found
  }
  const options = { savepoint: from, fresh, drop, again, onFit }
  const resident = await pipelines.submit(pipeline, { text, map, hash }, parameters, options)
  const shown = warnings.map(({ code, message, remedy, details }) => ({ code, message, remedy, details }))
  return { ...summarize(resident), warnings: shown }
}
