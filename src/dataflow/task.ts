/**
 * What the runtime runs: a task takes from its inputs, works, and pushes on what it made.
 *
 * K1. `run` is synchronous and bounded: about one batch, then it answers whether it could go on at once.
 * K2. A marker is passed on behind everything that came before it, and a task's snapshot is taken exactly where the
 *     barrier stands between two records.
 */
import type { Json } from '../base/json.ts'
import type { KeyedStore } from '../state/keyed-store.ts'
import type { Barrier, Batch, BatchPool } from './batch.ts'
import type { HeldRecords } from './held-records.ts'

export interface Task {
  readonly id: number
  readonly step: string
  /** Works on about one batch; true when there is more to do without waiting. */
  run(now: number): boolean
  /** Whether something has come that it has not taken. */
  readonly waits: boolean
  /** Goes on after it was held. */
  release(): void
  /** It runs no more: what it has asked for outside is of no use to anybody. */
  close(): void
  /**
   * The last barrier that had passed when the oldest of what it has in hand came in (PROTOCOLS 10): what stood in front
   * of that barrier has left. `Infinity`: it has nothing in hand.
   */
  readonly heldSince: number
  /** When the task wants to run by itself, in milliseconds of the clock; `Infinity`: never. */
  readonly due: number
  /** Sends records that failed behind the task's own step through its chain once more; false when it is not ready. */
  tryAgain(batch: Batch): boolean
  /** The step that is running now, for the report of one that never returns. */
  readonly running: string
}

/** What every task is made of. */
export interface TaskParts {
  readonly id: number
  readonly step: string
  readonly pool: BatchPool
  readonly reports: TaskReports
}

/** What tasks tell the worker. Of every task and every barrier the worker hears exactly once. */
export interface TaskReports {
  /** A source has cut its input: reading resumes at `position`. */
  cut(barrier: Barrier, task: number, position: Json): void
  /** The barrier stands at a keyed step: its store is to be frozen now, and with it what has not been emitted. */
  freeze(barrier: Barrier, task: number, store: KeyedStore, pending: readonly HeldRecords[] | null): void
  /** The barrier stands at an async step, which has this in hand. */
  hold(barrier: Barrier, task: number, held: readonly HeldRecords[]): void
  /** The barrier stands at a sink: everything before it has been given to the writer; `prepared` follows. */
  reached(barrier: Barrier, task: number): void
  /** A sink has let go of everything before the barrier, but for what it `held`. */
  prepared(barrier: Barrier, task: number, held: Json): void
  /** A sink has been given its last record. */
  ended(task: number): void
}
