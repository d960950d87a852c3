/**
 * Streams of records, as users write them. Every method adds one step to the graph and returns the stream that comes
 * out of it; nothing runs here.
 *
 * A keyed stream has only steps with state, and what comes out of them is a plain stream again. It has no `sink`: a key
 * is of no use to a record that meets no state.
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

/** A step with state, but for the types of its keys, values and states, of which the graph knows nothing. */
type KeyedBody = { readonly kind: StepBody['kind']; readonly options: object; readonly fn?: unknown }

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
 * A stream of records of type `T`, made by `PipelineBuilder.source` and by the steps below. A step's name must be
 * unique within its pipeline and stay the same when the program changes. Where a step's function throws, the record
 * becomes a dead letter of that step, with the error. So does whatever else has come of it since the last step that
 * keeps something; the records around it go on.
 *
 * No function may change the record that it is given; it returns a new one. Other steps may get the same object, and
 * the step may get it once more: when its dead letter is tried again, and in `asyncMap` after a failure.
 */
export class Stream<T> {
  private readonly graph: GraphBuilder
  private readonly from: Input

  constructor(graph: GraphBuilder, from: Input) {
    this.graph = graph
    this.from = from
  }

  /**
   * One record for each record: what `fn` returns. `fn` must not return a promise; what has to wait belongs in
   * `asyncMap`.
   *
   * @example orders.map('in-euros', (order) => ({ ...order, euros: order.cents / 100 }))
   */
  map<O>(name: string, fn: (value: T) => O & Sync<O> & Something<O>): Stream<O> {
    return this.step(name, { kind: 'map', fn: fn as (value: unknown) => unknown })
  }

  /**
   * Only the records for which `test` returns true; a type guard narrows the stream.
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
   * Calls `fn` with each record and passes the record on. For logs and counters: after a recovery `fn` is called once
   * more for the records that are processed again.
   *
   * @example orders.inspect('watch', (order) => console.error(order.id))
   */
  inspect(name: string, fn: (value: T) => void): Stream<T> {
    return this.step(name, { kind: 'inspect', fn: fn as (value: unknown) => void })
  }

  /**
   * One record for each record: the value of the promise that `fn` returns; none where that is `undefined`. Results
   * keep the order of the records. A call that takes longer than `timeoutMs` fails (`E_ASYNC_TIMEOUT`), and its
   * `signal` is aborted. The signal is also aborted when the pipeline ends or moves to another worker during the call.
   * After a failure `fn` may get a record a second time, so what it does outside of the pipeline must be safe to
   * repeat.
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
   * The records of this stream and of `others`, in the order in which they arrive. Throws `E_SETTING` where one of them
   * is not a stream of this pipeline.
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
   * Divides the stream: a record goes to the output of the first test that returns true, in the order in which the
   * tests are written, or to `rest`.
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
   * Gives every record a key: a string, a number other than NaN, a bigint or a boolean; with anything else the record
   * becomes a dead letter (`E_KEY`). The step that follows keeps one state per key, on the worker that owns the key,
   * and sees the records of a key in order.
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
 * A stream whose records have a key. Its steps keep one state per key, an object that they change in place. If a step's
 * function throws, the record becomes a dead letter and the state is as it was before that record. The results are a
 * plain stream; use `keyBy` again to keep another state.
 */
export class KeyedStream<K extends Key, T> {
  private readonly graph: GraphBuilder
  private readonly from: Input

  constructor(graph: GraphBuilder, from: Input) {
    this.graph = graph
    this.from = from
  }

  /**
   * For each record, one record or none (`undefined`), computed from it and the state of its key.
   *
   * @example
   * byCountry.mapWithState('count', {
   *   init: () => ({ total: 0 }),
   *   step: (state, _order, { key }) => ({ country: key, total: ++state.total }),
   *   ttl: days(30),
   * })
   */
  mapWithState<S extends State, O>(name: string, options: MapWithStateOptions<K, T, S, O>): Stream<Emitted<O>> {
    return this.step(name, { kind: 'mapWithState', options })
  }

  /**
   * For each record, any number of records, or none (`undefined`), computed from it and the state of its key.
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
    return this.step(name, { kind: 'flatMapWithState', options })
  }

  /**
   * Adds up the records of a key into one value of the same type, and emits the latest sum of each changed key, at most
   * once per `every` and at the end of input. The grouping of records must not matter: `fn(fn(a, b), c)` has to equal
   * `fn(a, fn(b, c))`. `fn` may change its sum in place and return it, but never the record.
   *
   * @example byCountry.reduce('largest', (largest, order) => (order.cents > largest.cents ? order : largest), { every: seconds(5) })
   */
  reduce(name: string, fn: (sum: T, value: T) => T, options: StateOptions<{ value: T }> & EmitOptions = {}): Stream<T> {
    return this.step(name, { kind: 'reduce', fn, options })
  }

  /**
   * Adds up the records of a key in an accumulator of another type, and emits the latest result of each changed key, at
   * most once per `every` and at the end of input; a result that is `undefined` emits nothing.
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
    return this.step(name, { kind: 'aggregate', options })
  }

  private step<O>(name: string, body: KeyedBody): Stream<O> {
    return new Stream<O>(this.graph, { step: this.graph.add(name, [this.from], body as StepBody) })
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
