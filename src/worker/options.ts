/** What a worker is told when it is made, and what it has of whoever runs it. */
import type { PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Input } from '../env/input.ts'
import type { Output } from '../env/output.ts'
import type { LoadPlan, ResidentEvents } from './pipelines/resident.ts'
import type { ClusterSettings } from './seat/cluster-settings.ts'

export interface WorkerOptions {
  /** The worker's name in its cluster. */
  readonly worker: string
  /** Its folder: lock, journal and, for a cluster of one, the store. */
  readonly data: string
  readonly limits: Limits
  /** Key groups that the operator asked for: a store with another number is refused. `null`: those that it has. */
  readonly keyGroups?: number | null
  readonly output: Output
  /** Standard input, where a source may read it. */
  readonly input?: Input | null
  readonly acceptLoss: boolean
  /** Look after every call of a stateful step for what would go wrong later; slow. */
  readonly development?: boolean
  /** What producers of acked sources have to show; without one nothing is asked for. */
  readonly sourceToken?: string | null
  /** Sources listen on their ports together with other workers of this machine. */
  readonly sharePorts?: boolean
  /** Without it the worker is a cluster of one, whose store lies in its own folder. */
  readonly cluster?: ClusterSettings | null
}

/** What the worker has of whoever runs it. */
export interface WorkerHost extends ResidentEvents {
  readonly load: LoadPlan
  /** Which of the chain's pipelines are to run here. */
  wants(pipeline: string): boolean
  /** The worker cannot go on; it has stopped what it could. */
  lost(error: PotorooError): void
  /** The worker owns nothing any more and is no member: it has left its cluster. */
  left(): void
}
