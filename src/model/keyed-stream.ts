/**
 * A stream whose records have a key. Its steps keep one state per key; what comes out is a plain stream again.
 *
 * There is no `sink` here: records with a key and no state to meet have no reason to have one.
 */
import type { Key } from '../base/hash.ts'
import type { EmitOptions, GraphBuilder, Input, StateOptions, StepBody } from './graph.ts'
import type { StepContext } from './plan.ts'
import { Stream, type Sync } from './stream.ts'

/** A state is an object that `step` changes in place; a promise is none. */
export type State = object & { readonly then?: never }

/** What a step emits when `undefined` emits nothing. */
// biome-ignore lint/suspicious/noConfusingVoidType: a step without `return` has the type `void`
export type Emitted<O> = Exclude<O, undefined | void>

/** A state that is its own accumulator is changed in place: returning a new one would change nothing. */
type InPlace<A, R> = R extends A ? 'the accumulator is changed in place; what is returned here is lost' : unknown

export interface StepOptions<K extends Key, S extends State> extends StateOptions<NoInfer<S>> {
  /** The state of a key that has none yet. */
  readonly init: (key: K) => S
}

export interface MapWithStateOptions<K extends Key, T, S extends State, O> extends StepOptions<K, S> {
  /** Changes `state` in place and returns the answer to this record; `undefined` emits nothing. */
  readonly step: (state: S, value: T, context: StepContext<K, S>) => O & Sync<O>
}

export interface FlatMapWithStateOptions<K extends Key, T, S extends State, O> extends StepOptions<K, S> {
  /** Changes `state` in place and returns the answers to this record. */
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
   * Adds `other` to `accumulator`, in place, so that the same records in any grouping make the same accumulator. With
   * it, workers add up before they send; without it, every record travels.
   */
  readonly combine?: (accumulator: NoInfer<A>, other: NoInfer<A>) => void
  /** What is emitted. Must be an object of its own where it holds parts of the accumulator that still change. */
  readonly result: (accumulator: A, key: K) => O & Sync<O>
}

export class KeyedStream<K extends Key, T> {
  private readonly graph: GraphBuilder
  private readonly from: Input

  constructor(graph: GraphBuilder, from: Input) {
    this.graph = graph
    this.from = from
  }

  /** Answers each record by its key's state; `undefined` emits nothing. */
  mapWithState<S extends State, O>(name: string, options: MapWithStateOptions<K, T, S, O>): Stream<Emitted<O>> {
    return this.step(name, { kind: 'mapWithState', options } as unknown as StepBody)
  }

  /** Answers each record by its key's state with any number of records. */
  flatMapWithState<S extends State, O>(name: string, options: FlatMapWithStateOptions<K, T, S, O>): Stream<O> {
    return this.step(name, { kind: 'flatMapWithState', options } as unknown as StepBody)
  }

  /**
   * Adds up the records of a key into one of the same type and emits the newest sum of each changed key, at most once
   * per `every` and at the end of input. `fn` must not change its arguments, and how records are grouped must not
   * matter: `fn(fn(a, b), c)` equals `fn(a, fn(b, c))`.
   */
  reduce(name: string, fn: (sum: T, value: T) => T, options: StateOptions<{ value: T }> & EmitOptions = {}): Stream<T> {
    return this.step(name, { kind: 'reduce', fn, options } as unknown as StepBody)
  }

  /**
   * Adds up the records of a key in an accumulator and emits the newest result of each changed key, at most once per
   * `every` and at the end of input.
   */
  aggregate<A extends State, O, R>(name: string, options: AggregateOptions<K, T, A, O, R>): Stream<O> {
    return this.step(name, { kind: 'aggregate', options } as unknown as StepBody)
  }

  private step<O>(name: string, body: StepBody): Stream<O> {
    return new Stream<O>(this.graph, { step: this.graph.add(name, [this.from], body) })
  }
}
