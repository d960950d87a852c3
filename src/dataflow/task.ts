/**
 * What the runtime runs: a task takes from its inputs, works, and pushes on what it made.
 *
 * K1. `run` is synchronous and bounded: about one batch, then it answers whether it could go on at once.
 * K2. A marker is passed on behind everything that came before it, and a task's snapshot is taken exactly where the
 *     barrier stands between two records.
 */
import type { Frozen } from '../state/keyed-store.ts'
import type { Barrier } from './batch.ts'

export interface Task {
  readonly id: number
  readonly step: string
  /** Works on about one batch; true when there is more to do without waiting. */
  run(now: number): boolean
  /** When the task wants to run by itself, in milliseconds of the clock; `Infinity`: never. */
  readonly due: number
  /** The step that is running now, for the report of one that never returns. */
  readonly running: string
}

/** A value that can stand in a manifest. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

/** What a task has to say of a barrier that has reached it. The snapshot is complete once every task has spoken. */
export type Snapshot =
  /** A source: where reading resumes. */
  | { readonly kind: 'source'; readonly task: number; readonly position: Json }
  /** A keyed step: its state, frozen at the barrier, to be written in the background. */
  | { readonly kind: 'keyed'; readonly task: number; readonly frozen: Frozen; readonly rows: Json }
  /** A sink: what it holds that is not visible yet. */
  | { readonly kind: 'sink'; readonly task: number; readonly held: Json }

/** What tasks tell the worker. */
export interface TaskReports {
  snapshot(barrier: Barrier, snapshot: Snapshot): void
  /** A sink has delivered its last record. */
  ended(task: number): void
  /** Something outside the runtime's own channels lets a task go on. */
  wake(task: number): void
}
