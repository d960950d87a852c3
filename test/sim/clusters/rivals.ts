/**
 * Pipelines that want what another one has for itself: one writes to the files of a pipeline of numbers, and one
 * listens at a port of the pipeline that the cluster is about. People submit them as if they knew of nothing
 * (`people.ts`).
 *
 * Q1. Who asks a worker on which the other one runs all the while is refused, with the word for it.
 * Q2. A worker runs no two that have one place. Where both listen at one port and were asked for at once, the one that
 *     was submitted first goes on as if the other one was not there (V6 of `src/worker/pipelines/arrivals.ts`).
 * Q3. Of two that write to the same files the chain never has both, drained or not (G3 of
 *     `src/worker/pipelines/programs.ts`).
 */
import type { Prng } from '../../../src/base/prng.ts'
import { nullSink } from '../../../src/index.ts'
import { type Pipeline, pipeline } from '../../../src/model/pipeline.ts'
import type { Plan } from '../../../src/model/plan.ts'
import type { Resident } from '../../../src/worker/pipelines/resident.ts'
import type { Worker } from '../../../src/worker/worker.ts'
import type { ClusterConfig } from './config.ts'
import { drawNumbers, type Numbers, pipelineOf } from './numbers.ts'

export interface Rival {
  readonly name: string
  /** Whose place it wants, and what it is told then. */
  readonly other: string
  readonly code: 'E_SINK_PLACE' | 'E_SOURCE_PLACE'
  readonly pipeline: Pipeline
}

/** Draws those that want something of `one`, which makes numbers, or of what runs as `planned` does. */
export function drawRivals(config: ClusterConfig, random: Prng, one: Numbers, planned: Plan): readonly Rival[] {
  const numbers = drawNumbers('files', random, config.actMs, config.limits.deadLetters)
  const { path } = one
  const files: Rival = {
    name: 'files',
    other: one.name,
    code: 'E_SINK_PLACE',
    pipeline: pipelineOf({ ...numbers, path }),
  }
  // What a plain sender has sent to a source that is another's is lost.
  const acked = config.system.feeds.find(({ kind, step }) => kind === 'acked' && !config.posted.includes(step))
  const task = planned.tasks.find(({ step }) => step === acked?.step)
  if (task?.kind !== 'source') return [files]
  const listening = pipeline('port', (p) => p.source('numbers', task.source).sink('out', nullSink()))
  return [files, { name: 'port', other: planned.pipeline, code: 'E_SOURCE_PLACE', pipeline: listening }]
}

/** The run of the pipeline whose place `rival` wants, where `worker` has it at work; `null`: it has not. */
export function runInTheWay({ other }: Rival, worker: Worker): number | null {
  const resident = worker.residents.all.get(other)
  return isAtWork(resident) ? resident!.run : null
}

/** One that has just failed is closed at once, and said to have failed when the chain has been read. */
function isAtWork(resident: Resident | undefined): boolean {
  return resident?.phase === 'running' && resident.execution.isOpen
}

/** Two that have one place, as `are` says of both, or `null`. */
function pairOf(rivals: readonly Rival[], are: (name: string) => boolean): Rival | null {
  return rivals.find(({ name, other }) => are(name) && are(other)) ?? null
}

/** What is wrong with what the chain has, where `is` says of one that it is there (Q3). */
export function heldByTwo(rivals: readonly Rival[], is: (name: string) => boolean): string | null {
  const both = pairOf(
    rivals.filter(({ code }) => code === 'E_SINK_PLACE'),
    is,
  )
  return both === null ? null : `${both.name} is in the chain beside ${both.other}, whose files it would have (Q3)`
}

/** What is wrong with what `worker` has at work (Q2). */
export function together(rivals: readonly Rival[], worker: Worker): string | null {
  const { all } = worker.residents
  const both = pairOf(rivals, (name) => isAtWork(all.get(name)))
  return both === null ? null : `${both.name} runs beside ${both.other}, whose place it has (Q2)`
}
