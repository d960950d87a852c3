/**
 * A pipeline cut into tasks and channels: what a worker runs.
 *
 * P1. A channel carries records from one task to one task; `exchange` channels are keyed and may cross workers.
 * P2. A chain is a tree of fused stateless steps. Its leaves are channels. A `merge` leaves no trace: the chains of all
 *     its inputs are continued with what follows it.
 * P3. Task ids rise from the sources to the sinks: every channel leads from a lower id to a higher one.
 * P4. From one task to another leads at most one channel. What parts in a `branch` and meets again in a `merge` keeps
 *     its order, because it takes the same channel.
 */
import type { Key } from '../base/hash.ts'
import type { SinkDescription, SourceDescription } from './connector.ts'

/** A fused stateless step. */
export type ChainOp =
  | { readonly kind: 'map'; readonly step: string; readonly fn: (value: unknown) => unknown }
  | { readonly kind: 'filter'; readonly step: string; readonly fn: (value: unknown) => boolean }
  | { readonly kind: 'flatMap'; readonly step: string; readonly fn: (value: unknown) => Iterable<unknown> }
  | { readonly kind: 'inspect'; readonly step: string; readonly fn: (value: unknown) => void }

/** Where the results of a chain's last step go. */
export type ChainEnd =
  | { readonly kind: 'forward'; readonly channel: number }
  | {
      readonly kind: 'exchange'
      readonly channel: number
      readonly step: string
      readonly key: (value: unknown) => Key
    }
  /** Every record goes into each of `to`. */
  | { readonly kind: 'tee'; readonly to: readonly ChainPlan[] }
  /** A record goes into `to[i]` for the first `tests[i]` that holds; `to` may have one more, the rest. */
  | {
      readonly kind: 'branch'
      readonly step: string
      /** The outputs' names in the order of `to`, the rest among them. */
      readonly outputs?: readonly string[]
      readonly tests: readonly ((value: unknown) => boolean)[]
      readonly to: readonly (ChainPlan | null)[]
    }
  /** Nobody listens. */
  | { readonly kind: 'drop' }

export interface ChainPlan {
  readonly ops: readonly ChainOp[]
  readonly end: ChainEnd
}

/** What a step with state may ask and do during one call. Do not keep it: the next call uses it for another record. */
export interface StepContext<K extends Key = Key, S extends object = object> {
  readonly key: K
  /** The record's time: milliseconds since 1970, stamped at the door. */
  readonly time: number
  /** The record's position in its split. */
  readonly position: number
  /** Drops the key: its state is gone after this call. */
  forget(): void
  /** Puts `state` in place of the key's state. */
  replace(state: S): void
}

export interface SchemaPlan {
  readonly version: number
  /** Makes a state of this version from one of version `from`. */
  readonly migrate?: ((state: unknown, from: number) => object) | undefined
}

interface KeyedBase {
  readonly init: (key: Key) => object
  /** A key that no record has touched for this long, in record time, is forgotten. */
  readonly ttlMs?: number | undefined
  readonly schema: SchemaPlan
}

export type KeyedPlan =
  | (KeyedBase & {
      readonly kind: 'mapWithState'
      readonly step: (state: object, value: unknown, context: StepContext) => unknown
    })
  | (KeyedBase & {
      readonly kind: 'flatMapWithState'
      readonly step: (state: object, value: unknown, context: StepContext) => Iterable<unknown> | undefined
    })
  /**
   * `reduce` and `aggregate`: the newest result of each changed key at most once per `everyMs` and at the end of input.
   * The state is the accumulator; `reduce` wraps its value as `{ value }`.
   */
  | (KeyedBase & {
      readonly kind: 'aggregate'
      /** What the program calls it: an accumulator of the one is none of the other. */
      readonly as: 'reduce' | 'aggregate'
      /** Adds `value` to the accumulator, in place. */
      readonly add: (accumulator: object, value: unknown) => void
      /** Adds `other` to `accumulator`, in place; `null` where the step may not combine before it ships. */
      readonly combine: ((accumulator: object, other: object) => void) | null
      readonly result: (accumulator: object, key: Key) => unknown
      readonly everyMs: number
    })

interface TaskBase {
  readonly id: number
  /** The step that gives the task its name; identifies its state. */
  readonly step: string
}

export type TaskPlan =
  | (TaskBase & { readonly kind: 'source'; readonly source: SourceDescription<unknown>; readonly chain: ChainPlan })
  | (TaskBase & {
      readonly kind: 'keyed'
      readonly inputs: readonly number[]
      readonly keyed: KeyedPlan
      readonly chain: ChainPlan
    })
  | (TaskBase & {
      readonly kind: 'asyncMap'
      readonly inputs: readonly number[]
      readonly fn: (value: unknown, signal: AbortSignal) => Promise<unknown>
      /** Calls under way at a time. */
      readonly concurrency: number
      readonly timeoutMs: number
      readonly chain: ChainPlan
    })
  | (TaskBase & {
      readonly kind: 'sink'
      readonly inputs: readonly number[]
      readonly sink: SinkDescription<unknown>
    })

export interface ChannelPlan {
  readonly id: number
  readonly from: number
  readonly to: number
  readonly kind: 'forward' | 'exchange'
}

export interface Plan {
  readonly pipeline: string
  readonly tasks: readonly TaskPlan[]
  readonly channels: readonly ChannelPlan[]
}
