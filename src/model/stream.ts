/**
 * Streams of records, as users write them. Every method adds one step to the graph and returns what comes out of it;
 * nothing runs here.
 *
 * A keyed stream has only steps with state, and what comes out of them is a plain stream again. It has no `sink`:
 * records with a key and no state to meet have no reason to have one.
 */
import type { Key } from '../base/hash.ts'
import type { SinkDescription } from './connector.ts'
import type { AsyncOptions, EmitOptions, GraphBuilder, Input, StateOptions, StepBody } from './graph.ts'
import type {
  AggregateOptions,
  Emitted,
  FlatMapWithStateOptions,
  MapWithStateOptions,
  State,
  Sync,
} from './keyed-options.ts'

/** What a stream holds. */
export type ValueOf<S> = S extends Stream<infer T> ? T : never

type Guard<T, U extends T> = (value: T) => value is U

type Tests<T> = Readonly<Record<string, (value: T) => boolean>> & { readonly rest?: never }

/** The streams of a branch: one for each test, narrowed by it where it is a type guard, and `rest`. */
export type Branches<T, B extends Tests<T>> = {
  readonly [N in Exclude<keyof B, 'rest'>]: Stream<B[N] extends Guard<T, infer U> ? U : T>
} & { readonly rest: Stream<T> }

// biome-ignore lint/suspicious/noExplicitAny: a stream of anything; `unknown` would refuse streams of more
type AnyStream = Stream<any>

export class Stream<T> {
  private readonly graph: GraphBuilder
  private readonly from: Input

  constructor(graph: GraphBuilder, from: Input) {
    this.graph = graph
    this.from = from
  }

  /** One record for each record. */
  map<O>(name: string, fn: (value: T) => O & Sync<O>): Stream<O> {
    return this.step(name, { kind: 'map', fn: fn as (value: unknown) => unknown })
  }

  /** Only the records for which `test` answers true; a type guard narrows the stream. */
  filter<U extends T>(name: string, test: (value: T) => value is U): Stream<U>
  filter(name: string, test: (value: T) => boolean): Stream<T>
  filter(name: string, test: (value: T) => boolean): Stream<T> {
    return this.step(name, { kind: 'filter', fn: test as (value: unknown) => boolean })
  }

  /** Any number of records for each record: an array, a generator, anything iterable but a text. */
  flatMap<O>(name: string, fn: (value: T) => Iterable<O> & { readonly charAt?: never }): Stream<O> {
    return this.step(name, { kind: 'flatMap', fn: fn as (value: unknown) => Iterable<unknown> })
  }

  /** Calls `fn` with each record and passes the record on. For logs and counters; not part of the state. */
  inspect(name: string, fn: (value: T) => void): Stream<T> {
    return this.step(name, { kind: 'inspect', fn: fn as (value: unknown) => void })
  }

  /**
   * One record for each record by a function that returns a promise. Results keep the order of the records. A record
   * may be given to `fn` again after a failure, so what `fn` does outside must bear repetition.
   */
  asyncMap<O>(name: string, fn: (value: T, signal: AbortSignal) => Promise<O>, options: AsyncOptions = {}): Stream<O> {
    const call = fn as (value: unknown, signal: AbortSignal) => Promise<unknown>
    return this.step(name, { kind: 'asyncMap', fn: call, options })
  }

  /** The records of this stream and of `others`, in the order in which they come. */
  merge<const O extends readonly [AnyStream, ...AnyStream[]]>(
    name: string,
    ...others: O
  ): Stream<T | ValueOf<O[number]>> {
    const inputs = [this.from, ...others.map((other) => other.from)]
    return new Stream(this.graph, { step: this.graph.add(name, inputs, { kind: 'merge' }) })
  }

  /**
   * Parts the stream: a record goes to the first test that holds, in the order in which they are written, or to `rest`.
   * `const { paid, open, rest } = orders.branch('by-state', { paid: (o) => o.paid, open: (o) => !o.closed })`
   */
  branch<const B extends Tests<T>>(name: string, tests: B): Branches<T, B> {
    const body = { kind: 'branch', tests: tests as Readonly<Record<string, (value: unknown) => boolean>> } as const
    const step = this.graph.add(name, [this.from], body)
    const streams: Record<string, AnyStream> = {}
    for (const output of [...Object.keys(tests), 'rest']) streams[output] = new Stream(this.graph, { step, output })
    return streams as Branches<T, B>
  }

  /** Gives every record a key. What follows keeps one state per key, wherever that key lives. */
  keyBy<K extends Key>(name: string, key: (value: T) => K): KeyedStream<K, T> {
    const body = { kind: 'keyBy', key: key as (value: unknown) => Key } as const
    return new KeyedStream(this.graph, { step: this.graph.add(name, [this.from], body) })
  }

  /** Writes the records out. */
  sink(name: string, sink: SinkDescription<T>): void {
    this.graph.add(name, [this.from], { kind: 'sink', sink: sink as SinkDescription<unknown> })
  }

  private step<O>(name: string, body: StepBody): Stream<O> {
    return new Stream<O>(this.graph, { step: this.graph.add(name, [this.from], body) })
  }
}

/** A stream whose records have a key; its steps keep one state per key. */
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
