/**
 * Runs a pipeline several times, undisturbed, through crashes and through bad weather, each time at another time of
 * day, and reports the steps that give different results for one input. After a recovery such a step would give another
 * result than before it, and state and output would contradict each other.
 */
import type { Limits } from '../base/limits.ts'
import { defaultLimits } from '../base/limits.ts'
import { Prng } from '../base/prng.ts'
import type { Parameters } from '../model/graph.ts'
import type { Pipeline } from '../model/pipeline.ts'
import type { DeadLetter } from '../worker/letters/dead-letter.ts'
import type { Faults } from './fault-plot.ts'
import { inOtherTime } from './other-time.ts'
import { PipelineRun } from './pipeline-run.ts'
import { type Impurity, Purity } from './purity.ts'

export interface VerifyOptions {
  readonly inputs: Readonly<Record<string, Iterable<unknown>>>
  readonly runs: number
  readonly seed: number
  readonly parameters: Parameters
  readonly limits: Partial<Limits>
  /** Hears of every run that has ended. */
  readonly progress: (runs: number) => void
}

export interface Verdict {
  readonly pipeline: string
  readonly runs: number
  /** How often the worker came back. */
  readonly restarts: number
  /** Calls of the pipeline's functions that were compared with an earlier call. */
  readonly compared: number
  /** Calls that were not compared, because no more calls (`verifyCalls`), or bytes of them, could be remembered. */
  readonly unknown: number
  /** Records that failed in the first run, which is undisturbed: the steps behind were not tried with them. */
  readonly deadLetters: number
  /** The error of the first of them, as `step: error`; `null` where there is none. */
  readonly firstLetter: string | null
  /** The steps that depend on more than their input, with the first finding for each. */
  readonly impurities: readonly Impurity[]
}

const FAULTS: readonly Faults[] = ['none', 'crashes', 'weather']

/** Rejects as a run of the pipeline does. */
export async function verify(pipeline: Pipeline, options: VerifyOptions): Promise<Verdict> {
  const { inputs, runs, seed, parameters, limits, progress } = options
  const purity = new Purity({ ...defaultLimits, ...limits })
  const random = new Prng(seed)
  let restarts = 0
  let letters: readonly DeadLetter[] = []
  for (let i = 0; i < runs; i++) {
    const faults = FAULTS[i % FAULTS.length]!
    const rewrite = purity.watch.bind(purity)
    const run = async () =>
      new PipelineRun(pipeline, { seed: random.u32(), parameters, inputs, faults, limits, rewrite }).run()
    const outcome = await inOtherTime(random, run)
    restarts += outcome.restarts
    if (i === 0) letters = outcome.executions.flatMap(({ deadLetters }) => deadLetters.list(0, Infinity))
    progress(i + 1)
  }
  const { compared, unknown } = purity
  const [first] = letters
  return {
    ...{ pipeline: pipeline.name, runs, restarts, compared, unknown },
    deadLetters: letters.length,
    firstLetter: first === undefined ? null : `${first.step}: ${first.error.message}`,
    impurities: [...purity.impurities.values()],
  }
}
