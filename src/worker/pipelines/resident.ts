/** One pipeline on a worker, and what its worker tells of it. */
import type { PotorooError } from '../../base/errors.ts'
import type { Json } from '../../base/json.ts'
import type { PipelineEntry } from '../../checkpoint/cluster.ts'
import type { Manifest } from '../../checkpoint/manifest.ts'
import type { Failure } from '../../dataflow/failure.ts'
import type { Parameters } from '../../model/graph.ts'
import type { Plan } from '../../model/plan.ts'
import type { Execution } from '../execution/execution.ts'

export type PipelinePhase = 'starting' | 'running' | 'ended' | 'draining' | 'drained' | 'failed'

/** How long sinks may take to let go of what they hold once the last checkpoint stands, in milliseconds. */
export const SINK_END_MS = 5000

/** One pipeline, as this worker knows it. */
export interface Resident {
  readonly name: string
  /** The number of the record that submitted it. */
  readonly run: number
  readonly hash: string
  readonly parameters: Parameters
  /** The number of the record that it was brought up by. */
  submitted: number
  readonly plan: Plan
  /** That of the generation that stands, or of the last one that it ran in. */
  execution: Execution
  phase: PipelinePhase
  /** Why it failed. */
  error: PotorooError | null
  /** The epoch that it continued from, `null` where it began with nothing. */
  base: Manifest | null
  /** Wall time at which it began to run, in milliseconds since 1970. */
  startedMs: number
  /** Where its sources listen, by step. */
  readonly addresses: Map<string, string>
}

/** A program that has been loaded. */
export interface Loaded {
  readonly plan: Plan
}

/** Brings the program that the chain names for a pipeline into this process; answers on a turn of its own. */
export type LoadPlan = (
  name: string,
  entry: PipelineEntry,
  done: (error: PotorooError | null, loaded: Loaded | null) => void,
) => void

export interface ResidentEvents {
  /** The pipeline runs: from `resident.base`, or from nothing. */
  running(resident: Resident): void
  listening(resident: Resident, step: string, address: string): void
  /** All its sources have ended and everything has left. */
  ended(resident: Resident): void
  failed(resident: Resident, error: PotorooError): void
  /** Something for the operator that the pipeline itself has dealt with. */
  warned(resident: Resident, error: PotorooError): void
  /** A record did not get through. */
  letter(resident: Resident, failure: Failure): void
  /** The program that the chain names cannot be loaded here. */
  unloaded(pipeline: string, error: PotorooError): void
  /** Something of the above has changed, the list itself, or which pipelines the chain wants to run. */
  changed(): void
}

/** Whether `known` is the program that `entry` names. */
export function isProgram(
  known: { readonly hash: string; readonly parameters: Json | Parameters },
  entry: { readonly hash: string; readonly parameters: Json },
): boolean {
  return known.hash === entry.hash && JSON.stringify(known.parameters) === JSON.stringify(entry.parameters)
}
