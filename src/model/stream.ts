/**
 * Streams of records, as users write them. Every method adds one step to the graph and returns what comes out of it;
 * nothing runs here.
 *
 * A keyed stream has only steps with state, and what comes out of them is a plain stream again. It has no `sink`:
 * records with a key and no state to meet have no reason to have one.
 */
import { fail } from '../base/errors.ts'
import type { Key } from '../base/hash.ts'
import { refuseAbsentSteps } from './absent-steps.ts'
import type { SinkDescription } from './connector.ts'
import type { AsyncOptions, EmitOptions, GraphBuilder, Input, StateOptions, StepBody } from './graph.ts'
import type {
  AggregateOptions,
  Emitted,
  FlatMapWithStateOptions,
  MapWithStateOptions,
  Something,
  State,
  Sync,
} from './keyed-options.ts'
import { show } from './options.ts'

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

/**
 * A stream of records of type `T`, made by `PipelineBuilder.source` and by the steps below. Every step's name is unique
 * within its pipeline and stays the same from program to program. A record for which a step's function throws becomes a
 * dead letter of that step, with the error, and so does what else has come of it since the last step that keeps
 * something; the records around it go on.
 *
 * No function changes the record that it is given: it answers with another one. The same object may go to other steps,
 * and it is what is given once more where a dead letter is tried again, and to `asyncMap` after a failure.
 */
export class Stream<T> {
  private readonly graph: GraphBuilder
  private readonly from: Input

  constructor(graph: GraphBuilder, from: Input) {
    this.graph = graph
    this.from = from
  }

  /**
   * One record for each record: what `fn` returns. It must return at once; what has to wait belongs in `asyncMap`.
   *
   * @example orders.map('in-euros', (order) => ({ ...order, euros: order.cents / 100 }))
   */
  map<O>(name: string, fn: (value: T) => O & Sync<O> & Something<O>): Stream<O> {
    return this.step(name, { kind: 'map', fn: fn as (value: unknown) => unknown })
  }

  /**
   * Only the records for which `test` answers true; a type guard narrows the stream.
   *
   * @example orders.filter('paid-only', (order) => order.paid)
   */
  filter<U extends T>(name: string, test: (value: T) => value is U): Stream<U>
  filter(name: string, test: (value: T) => boolean): Stream<T>
  filter(name: string, test: (value: T) => boolean): Stream<T> {
    return this.step(name, { kind: 'filter', fn: test as (value: unknown) => boolean })
  }

  /**
   * Any number of records for each record: an array, a generator, anything iterable but a text.
   *
   * @example texts.flatMap('split', (line) => line.split(' '))
   */
  flatMap<O>(name: string, fn: (value: T) => Iterable<O> & { readonly charAt?: never }): Stream<O> {
    return this.step(name, { kind: 'flatMap', fn: fn as (value: unknown) => Iterable<unknown> })
  }

  /**
   * Calls `fn` with each record and passes the record on. For logs and counters: after a recovery `fn` is called again
   * for the records that are done again.
   *
   * @example orders.inspect('watch', (order) => console.error(order.id))
   */
  inspect(name: string, fn: (value: T) => void): Stream<T> {
    return this.step(name, { kind: 'inspect', fn: fn as (value: unknown) => void })
  }

  /**
   * One record for each record: what the promise that `fn` returns is fulfilled with, or none for `undefined`. Results
   * keep the order of the records. A call that takes longer than `timeoutMs` fails (`E_ASYNC_TIMEOUT`), and its
   * `signal` is aborted; so it is where the pipeline ends or moves while a call is under way. After a failure a record
   * may be given to `fn` again, so what `fn` does outside of the pipeline must bear repetition.
   *
   * @example
   * orders.asyncMap('look-up', async (order, signal) => (await fetch(`http://stock/${order.id}`, { signal })).text(), {
   *   concurrency: 8,
   *   timeoutMs: 2000,
   * })
   */
  asyncMap<O>(
    name: string,
    fn: (value: T, signal: AbortSignal) => Promise<O>,
    options: AsyncOptions = {},
  ): Stream<Emitted<O>> {
    const call = fn as (value: unknown, signal: AbortSignal) => Promise<unknown>
    return this.step(name, { kind: 'asyncMap', fn: call, options })
  }

  /**
   * The records of this stream and of `others`, in the order in which they come. Throws `E_SETTING` where one of them
   * is no stream of this pipeline.
   *
   * @example orders.merge('all', returns)
   */
  merge<const O extends readonly [AnyStream, ...AnyStream[]]>(
    name: string,
    ...others: O
  ): Stream<T | ValueOf<O[number]>> {
    const inputs = [this.from]
    for (const other of others as readonly unknown[]) {
      if (!(other instanceof Stream) || other.graph !== this.graph) throw noStream(name, other)
      inputs.push(other.from)
    }
    return new Stream(this.graph, { step: this.graph.add(name, inputs, { kind: 'merge' }) })
  }

  /**
   * Divides the stream: a record goes to the first test that holds, in the order in which they are written, or to
   * `rest`.
   *
   * @example const { paid, large, rest } = orders.branch('by-kind', { paid: (o) => o.paid, large: (o) => o.cents > 10_000 })
   */
  branch<const B extends Tests<T>>(name: string, tests: B): Branches<T, B> {
    const body = { kind: 'branch', tests: tests as Readonly<Record<string, (value: unknown) => boolean>> } as const
    const step = this.graph.add(name, [this.from], body)
    const streams: Record<string, AnyStream> = {}
    for (const output of [...Object.keys(tests ?? {}), 'rest'])
      streams[output] = new Stream(this.graph, { step, output })
    return streams as Branches<T, B>
  }

  /**
   * Gives every record a key: a string, a number other than NaN, a bigint or a boolean (`E_KEY` otherwise). What
   * follows keeps one state per key, on whichever worker owns it, and sees the records of a key in order.
   *
   * @example orders.keyBy('by-country', (order) => order.country)
   */
  keyBy<K extends Key>(name: string, key: (value: T) => K): KeyedStream<K, T> {
    const body = { kind: 'keyBy', key: key as (value: unknown) => Key } as const
    return new KeyedStream(this.graph, { step: this.graph.add(name, [this.from], body) })
  }

  /**
   * Writes the records out. A sink says what it promises when something fails; `potoroo explain` shows it.
   *
   * @example orders.sink('archive', fileSink({ path: 'out/orders.jsonl', framing: lines(), encode: JSON.stringify }))
   */
  sink(name: string, sink: SinkDescription<T>): void {
    this.graph.add(name, [this.from], { kind: 'sink', sink: sink as SinkDescription<unknown> })
  }

  private step<O>(name: string, body: StepBody): Stream<O> {
    return new Stream<O>(this.graph, { step: this.graph.add(name, [this.from], body) })
  }
}

/**
 * A stream whose records have a key; its steps keep one state per key, an object that they change in place. If a step's
 * function throws, the state is as it was before the record, which becomes a dead letter. Results are a plain stream:
 * give them a key again to keep another state.
 */
export class KeyedStream<K extends Key, T> {
  private readonly graph: GraphBuilder
  private readonly from: Input

  constructor(graph: GraphBuilder, from: Input) {
    this.graph = graph
    this.from = from
  }

  /**
   * Answers each record with one record, or with none (`undefined`), by the state of its key.
   *
   * @example
   * byCountry.mapWithState('count', {
   *   init: () => ({ total: 0 }),
   *   step: (state, _order, { key }) => ({ country: key, total: ++state.total }),
   *   ttl: days(30),
   * })
   */
  mapWithState<S extends State, O>(name: string, options: MapWithStateOptions<K, T, S, O>): Stream<Emitted<O>> {
    return this.step(name, { kind: 'mapWithState', options } as unknown as StepBody)
  }

  /**
   * Answers each record with any number of records, by the state of its key; `undefined` is none.
   *
   * @example
   * byCountry.flatMapWithState('pairs', {
   *   init: () => ({ waiting: [] as string[] }),
   *   step: (state, order) => {
   *     state.waiting.push(order.id)
   *     return state.waiting.length < 2 ? [] : [state.waiting.splice(0)]
   *   },
   * })
   */
  flatMapWithState<S extends State, O>(name: string, options: FlatMapWithStateOptions<K, T, S, O>): Stream<Emitted<O>> {
    return this.step(name, { kind: 'flatMapWithState', options } as unknown as StepBody)
  }

  /**
   * Adds up the records of a key into one of the same type, and emits the latest sum of each changed key, at most once
   * per `every` and at the end of input. `fn` must not change its arguments, and how records are grouped must not
   * matter: `fn(fn(a, b), c)` equals `fn(a, fn(b, c))`.
   *
   * @example byCountry.reduce('largest', (largest, order) => (order.cents > largest.cents ? order : largest), { every: seconds(5) })
   */
  reduce(name: string, fn: (sum: T, value: T) => T, options: StateOptions<{ value: T }> & EmitOptions = {}): Stream<T> {
    return this.step(name, { kind: 'reduce', fn, options } as unknown as StepBody)
  }

  /**
   * Adds up the records of a key in an accumulator, and emits the latest result of each changed key, at most once per
   * `every` and at the end of input; a result that is `undefined` emits nothing.
   *
   * @example
   * byCountry.aggregate('turnover', {
   *   init: () => ({ orders: 0, cents: 0 }),
   *   add: (sum, order) => {
   *     sum.orders++
   *     sum.cents += order.cents
   *   },
   *   combine: (sum, other) => {
   *     sum.orders += other.orders
   *     sum.cents += other.cents
   *   },
   *   result: ({ orders, cents }, country) => ({ country, mean: cents / orders }),
   * })
   */
  aggregate<A extends State, O, R>(name: string, options: AggregateOptions<K, T, A, O, R>): Stream<Emitted<O>> {
    return this.step(name, { kind: 'aggregate', options } as unknown as StepBody)
  }

  private step<O>(name: string, body: StepBody): Stream<O> {
    return new Stream<O>(this.graph, { step: this.graph.add(name, [this.from], body) })
  }
}

refuseAbsentSteps(Stream.prototype, 'stream')
refuseAbsentSteps(KeyedStream.prototype, 'keyed')

function noStream(merge: unknown, given: unknown): Error {
  const what =
    given instanceof Stream
      ? 'a stream of another pipeline'
      : given instanceof KeyedStream
        ? 'a stream with keys'
        : show(given)
  return fail('E_SETTING', { reason: `merge ${show(merge)} takes streams of its pipeline, and not ${what}` })
}
