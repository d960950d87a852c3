/**
 * What the coordinator of a pipeline's checkpoints knows of the epoch that is under way, what can happen to it, and
 * what it asks to be done: the vocabulary of `coordinator.ts`.
 */
import type { Step } from '../base/table.ts'
import type { Fate, Purpose } from './barrier.ts'
import type { Snapshot } from './manifest.ts'

/** What stays the same within a generation. */
export interface CoordinatorPlan {
  /** Incarnations of the generation's members, by worker. */
  readonly members: ReadonlyMap<string, string>
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly maxAbandoned: number
}

interface Common {
  readonly plan: CoordinatorPlan
  /** The last epoch whose barrier was sent, or the greatest number before this generation. */
  readonly epoch: number
  /** How `epoch` ended, for the next barrier; `null` before the first. */
  readonly fate: Fate | null
  /** Failures in a row (`coordinator.ts`, C5). */
  readonly failures: number
  readonly held: boolean
  /** When the next periodic epoch is due, by the monotonic clock in milliseconds. */
  readonly dueMs: number
  /** What the next epoch was asked for. */
  readonly requested: Purpose | null
}

export interface UnderWay extends Common {
  readonly purpose: Purpose
  /** When the epoch counts as late, by the monotonic clock in milliseconds. */
  readonly lateMs: number
}

export type CoordinatorState =
  | (Common & { readonly phase: 'idle' })
  | (UnderWay & { readonly phase: 'collecting'; readonly saved: ReadonlyMap<string, Snapshot> })
  /** Abandoned; the barrier has not passed the tasks of `missing` yet (`coordinator.ts`, C3). */
  | (UnderWay & { readonly phase: 'clearing'; readonly missing: ReadonlySet<string> })
  | (UnderWay & { readonly phase: 'writing' })
  /** The record may stand in the chain already (`coordinator.ts`, C2). */
  | (UnderWay & { readonly phase: 'recording' })
  | (UnderWay & { readonly phase: 'linking'; readonly savepoint: string })
  /** Every task holds, after an epoch with that purpose. */
  | (Common & { readonly phase: 'resting'; readonly purpose: Purpose })
  /** The pipeline has failed on a member (`coordinator.ts`, C7). */
  | (Common & { readonly phase: 'broken'; readonly reason: string })
  | (Common & { readonly phase: 'stopped' })

/** Who says something about an epoch (`coordinator.ts`, C4). */
export interface Answer {
  readonly worker: string
  readonly incarnation: string
  readonly epoch: number
}

export type CoordinatorEvent =
  | { readonly kind: 'tick'; readonly nowMs: number }
  /** Someone wants an epoch with a purpose, as soon as possible. */
  | { readonly kind: 'request'; readonly purpose: Purpose; readonly nowMs: number }
  /** A member has saved its part, durably. */
  | ({ readonly kind: 'saved'; readonly snapshot: Snapshot; readonly nowMs: number } & Answer)
  /** A member cannot save its part; `passed` follows. */
  | ({ readonly kind: 'refused'; readonly reason: string; readonly nowMs: number } & Answer)
  /** The abandoned barrier has passed all tasks of a member. */
  | ({ readonly kind: 'passed' } & Answer)
  /** The pipeline has failed on a member. */
  | { readonly kind: 'failedOn'; readonly worker: string; readonly incarnation: string; readonly reason: string }
  | { readonly kind: 'manifestWritten'; readonly epoch: number }
  | { readonly kind: 'manifestFailed'; readonly epoch: number; readonly reason: string; readonly nowMs: number }
  /** The epoch's record has been read in the chain, and counts. */
  | { readonly kind: 'recorded'; readonly epoch: number; readonly nowMs: number }
  | { readonly kind: 'linked'; readonly epoch: number }
  | { readonly kind: 'linkFailed'; readonly epoch: number; readonly reason: string }
  /** What the tasks held for is over, or has failed. */
  | { readonly kind: 'resume'; readonly nowMs: number }
  /** Another generation, or the end of the pipeline. */
  | { readonly kind: 'stop' }

export type CoordinatorEffect =
  /** Send the barrier to every member. */
  | { readonly kind: 'inject'; readonly epoch: number; readonly purpose: Purpose; readonly previous: Fate | null }
  | {
      readonly kind: 'writeManifest'
      readonly epoch: number
      readonly snapshots: ReadonlyMap<string, Snapshot>
    }
  /** Append the epoch's record; answer `recorded` once it has been read. */
  | { readonly kind: 'appendEpoch'; readonly epoch: number }
  /** Tell every member how the epoch ended. */
  | { readonly kind: 'tellFate'; readonly fate: Fate; readonly purpose: Purpose; readonly reason: string }
  | { readonly kind: 'linkSavepoint'; readonly epoch: number; readonly name: string }
  | { readonly kind: 'announceSavepoint'; readonly epoch: number; readonly name: string }
  /** What was asked for does not come about. */
  | { readonly kind: 'refuseRequest'; readonly purpose: Purpose; readonly reason: string }
  /** Nothing that was asked for comes about. */
  | { readonly kind: 'refuseAll'; readonly reason: string }
  | { readonly kind: 'holdSources'; readonly reason: string }
  | { readonly kind: 'releaseSources' }

export type In<P extends CoordinatorState['phase']> = Extract<CoordinatorState, { phase: P }>
export type Decided<P extends CoordinatorState['phase']> = Step<In<P>, CoordinatorEffect>
export type Of<K extends CoordinatorEvent['kind']> = Extract<CoordinatorEvent, { kind: K }>
