/**
 * The package `potoroo/testing`: runs a pipeline on the real engine in a simulated world, within a test.
 *
 *     const { outputs } = await runPipeline(wordCount, { inputs: { lines: ['to be', ABORT, 'or not to be'] } })
 *     expect(outputs.totals).toEqual([…])
 */
/// <reference types="node" preserve="true" />
import { fail, type PotorooError } from './base/errors.ts'
import { defaultLimits, type Limits } from './base/limits.ts'
import { isOptions, noOption, unknownNames } from './base/option-names.ts'
import type { Parameters } from './model/graph.ts'
import { wantsOptions } from './model/options.ts'
import { isPipeline, type Pipeline } from './model/pipeline.ts'
import { ClusterRun, MOST_WORKERS, type Timed } from './sim/cluster-run.ts'
import type { Faults } from './sim/fault-plot.ts'
import { PipelineRun, testLimits } from './sim/pipeline-run.ts'
import { RunResult } from './sim/run-result.ts'
import { happensToWorkers, Mark, Raw, type TestSource } from './sim/script.ts'
import { type Verdict, verify } from './sim/verify.ts'

export { PotorooError } from './base/errors.ts'
export type { Key } from './base/hash.ts'
export { days, hours, type Milliseconds, milliseconds, minutes, seconds } from './base/time.ts'
export type { Timed } from './sim/cluster-run.ts'
export type { Faults } from './sim/fault-plot.ts'
export type { Impurity } from './sim/purity.ts'
export type { RunResult, TestLetter } from './sim/run-result.ts'
export {
  ABORT,
  AFTER,
  CUT,
  END,
  HEAL,
  JOIN,
  KILL,
  LEAVE,
  type Mark,
  PAUSE,
  type Raw,
  raw,
  type TestSource,
  testSource,
} from './sim/script.ts'
export type { Verdict } from './sim/verify.ts'

/** The input of a source: values and marks in order, or raw bytes alone. */
export type TestInput = TestSource<unknown> | Iterable<unknown> | Raw

export interface RunPipelineOptions {
  /** The input of each source, by its name. A source that is not named has no records. */
  readonly inputs?: Readonly<Record<string, TestInput>>
  /** The same seed makes the same run. 1 when left out. */
  readonly seed?: number
  readonly parameters?: Parameters
  /** What goes wrong meanwhile: drawn from the seed, or a list of things with their times. `'none'` when left out. */
  readonly faults?: Faults | readonly Timed[]
  /** How many workers run it: 1 when left out, 8 at most. */
  readonly workers?: number
  /** Limits in place of the defaults, such as `checkpointIntervalMs`. */
  readonly limits?: Partial<Limits>
}

/**
 * Runs `pipeline` in simulated time, with test sources and collecting sinks, until its inputs have ended. Rejects with
 * a `PotorooError`: `E_PIPELINE` where the pipeline has faults, `E_TEST_INPUT` and `E_TEST_WORKERS` where the options
 * do not fit it, `E_TEST_STUCK` where it does not come to its end, and whatever makes the pipeline fail. `Rows` is the
 * type of what each sink takes, by its name. Where a function changes its record, or does something else to record or
 * state that would go wrong later, the record becomes a dead letter (`dataflow/guard.ts`).
 *
 * @example
 * const { outputs, restarts } = await runPipeline(wordCount, {
 *   inputs: { lines: ['to be', PAUSE(seconds(3)), ABORT, 'or not to be'] },
 *   seed: 7,
 *   faults: 'crashes',
 * })
 */
export async function runPipeline<Rows extends object = Record<string, unknown>>(
  pipeline: Pipeline,
  options: RunPipelineOptions = {},
): Promise<RunResult<Rows>> {
  requirePipeline(pipeline)
  requireOptions(options, [...OPTIONS, 'faults', 'workers'])
  const { workers = 1, seed = 1, parameters = {}, faults = 'none', limits = {} } = options
  if (!Number.isInteger(workers) || workers < 1) throw fail('E_TEST_WORKERS', { most: MOST_WORKERS, workers })
  requireRun(seed, faults, limits)
  const inputs = scripts(options.inputs)
  const run =
    workers === 1 && typeof faults === 'string' && !Object.values(inputs).some(happensToWorkers)
      ? new PipelineRun(pipeline, { seed, parameters, inputs, faults, limits })
      : new ClusterRun(pipeline, { workers, seed, parameters, inputs, faults, limits })
  return new RunResult<Rows>(await run.run())
}

export interface VerifyPipelineOptions extends Omit<RunPipelineOptions, 'faults' | 'workers'> {
  /** How often it runs: 20 times when left out. The first run is undisturbed, in the others workers crash. */
  readonly runs?: number
}

/**
 * Runs `pipeline` several times, through crashes and other faults, and finds the steps that depend on more than their
 * input: on a clock, on chance, on a shared variable. When a recovery repeats such a step, its result is another one.
 * Rejects as `runPipeline` does.
 *
 * @example
 * const { impurities } = await verifyPipeline(wordCount, { inputs: { lines: ['to be', 'or not to be'] }, runs: 50 })
 * if (impurities.length > 0) throw new Error(`${impurities[0]!.step} gives two answers`)
 */
export async function verifyPipeline(pipeline: Pipeline, options: VerifyPipelineOptions = {}): Promise<Verdict> {
  requirePipeline(pipeline)
  requireOptions(options, [...OPTIONS, 'runs'])
  const { runs = 20, seed = 1, parameters = {}, limits = {} } = options
  requireRun(seed, 'none', limits)
  if (!Number.isSafeInteger(runs) || runs < 1) throw refused(`runs: ${String(runs)} is no number of runs`)
  return verify(pipeline, { inputs: scripts(options.inputs), runs, seed, parameters, limits, progress: () => {} })
}

/** Programs in JavaScript, and an import of a name that does not exist, may give anything. */
function requirePipeline(given: unknown): void {
  if (isPipeline(given)) return
  const what = given === null || given === undefined ? String(given) : `of type ${typeof given}`
  throw refused(`what is to run is ${what}, and not what pipeline() returns`)
}

/** What runs of both kinds take. */
const OPTIONS: readonly string[] = ['inputs', 'seed', 'parameters', 'limits']

/** An option with a misspelt name must not run as if it were left out. */
function requireOptions(given: unknown, known: readonly string[]): void {
  if (!isOptions(given)) throw refused(wantsOptions(given))
  const [unknown] = unknownNames(given, known)
  if (unknown !== undefined) throw refused(noOption(unknown))
}

function requireRun(seed: number, faults: RunPipelineOptions['faults'], limits: Partial<Limits>): void {
  if (!Number.isSafeInteger(seed) || seed < 0) throw refused(`seed: ${String(seed)} is no whole number from 0 on`)
  requireLimits(limits)
  if (!Array.isArray(faults)) {
    if (['none', 'crashes', 'weather'].includes(faults as string)) return
    throw refused(`faults: 'none', 'crashes', 'weather' or a list of { at, does }, and not ${String(faults)}`)
  }
  for (const fault of faults as readonly Partial<Timed>[]) {
    if (fault?.does instanceof Mark && Number.isFinite(fault.at) && fault.at! >= 0) continue
    throw refused('faults: each has a time from 0 on, at, and a mark that happens to a worker, does')
  }
}

function requireLimits(limits: Partial<Limits>): void {
  const [unknown] = unknownNames(limits, Object.keys(defaultLimits))
  if (unknown !== undefined) throw refused(`limits: ${noOption(unknown)}`)
  for (const [name, limit] of Object.entries(limits)) {
    if (Number.isSafeInteger(limit) && limit >= 1) continue
    throw refused(`limits: ${name} is ${String(limit)}, and no whole number from 1 on`)
  }
  try {
    testLimits(limits)
  } catch (error) {
    throw refused(`limits: ${(error as Error).message}`)
  }
}

function refused(reason: string): PotorooError {
  return fail('E_TEST_INPUT', { reason })
}

function scripts(inputs: Readonly<Record<string, TestInput>> = {}): Record<string, readonly unknown[]> {
  return Object.fromEntries(Object.entries(inputs).map(([step, input]) => [step, [...itemsOf(step, input)]]))
}

function itemsOf(step: string, input: TestInput): Iterable<unknown> {
  if (input instanceof Raw) return [input]
  if (typeof input === 'object' && input !== null && !ArrayBuffer.isView(input)) {
    if (Symbol.iterator in input) return input
    if ('items' in input) return input.items
  }
  throw refused(`the input of "${step}" is no list of values; text and bytes go in by raw(…)`)
}
