/** What users write about a step with state: its state, how it changes, and what comes out. */
import type { Key } from '../base/hash.ts'
import type { EmitOptions, StateOptions } from './graph.ts'
import type { StepContext } from './plan.ts'

/** Not a promise: a function that returns one belongs in `asyncMap`. */
export type Sync<O> = O extends PromiseLike<unknown> ? 'a function that returns a promise belongs in asyncMap' : unknown

// biome-ignore lint/suspicious/noConfusingVoidType: the type of what a function without `return` answers
type Nothing = void

/** Not nothing: what comes out of `map` goes on as a record, so a function that has lost its `return` is refused. */
export type Something<O> = 0 extends O & 1
  ? unknown
  : [O, Nothing] extends [Nothing, O]
    ? 'map sends on what its function returns, and this one returns nothing: inspect sends on the record itself'
    : unknown

/** A state is an object that `step` changes in place; a promise is none. */
export type State = object & { readonly then?: never }

/** What a step emits when `undefined` emits nothing. */
// biome-ignore lint/suspicious/noConfusingVoidType: a step without `return` has the type `void`
export type Emitted<O> = Exclude<O, undefined | void>

/** A state that is its own accumulator is changed in place: returning a new one would change nothing. */
type InPlace<A, R> = R extends A ? 'the accumulator is changed in place; what is returned here is lost' : unknown

export interface StepOptions<K extends Key, S extends State> extends StateOptions<NoInfer<S>> {
  /** Makes the state of a key that has none yet. */
  readonly init: (key: K) => S
}

export interface MapWithStateOptions<K extends Key, T, S extends State, O> extends StepOptions<K, S> {
  /** Changes `state` in place and returns the record to emit; `undefined` emits nothing. */
  readonly step: (state: S, value: T, context: StepContext<K, S>) => O & Sync<O>
}

export interface FlatMapWithStateOptions<K extends Key, T, S extends State, O> extends StepOptions<K, S> {
  /** Changes `state` in place and returns the records to emit. */
  readonly step: (
    state: S,
    value: T,
    context: StepContext<K, S>,
  ) => (Iterable<O> & { readonly charAt?: never }) | undefined
}

export interface AggregateOptions<K extends Key, T, A extends State, O, R> extends StepOptions<K, A>, EmitOptions {
  /** Adds `value` to `accumulator`, in place. */
  readonly add: (accumulator: A, value: T) => R & InPlace<A, R>
  /**
   * Adds `other` to `accumulator`, in place; the same records must make the same accumulator however they are grouped.
   * With it, workers add up before they send; without it, or with a `ttl`, every record travels to its key.
   */
  readonly combine?: (accumulator: NoInfer<A>, other: NoInfer<A>) => void
  /** Makes the record to emit. The engine copies it, so it may be the accumulator or a part of it. */
  readonly result: (accumulator: A, key: K) => O & Sync<O>
}
