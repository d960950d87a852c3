/**
 * What a channel carries: batches of records as columns, and the markers between them.
 *
 * B1. `push` of a batch hands it over: the sender does not touch it again. Whoever has read a batch to its end gives
 *     it back to the pool it came from.
 * B2. (split, position, ordinal) names a record within its step for ever: `split` and `position` are those of the
 *     source's record that caused it, `ordinal` tells apart what one source record became.
 * B3. Columns never shrink: growing an array anew for every batch cost more than all that is written into it.
 * B4. Columns of values and keys are arrays of one kind of elements, whatever is in them (`anyColumn`).
 */
import type { Key } from '../base/hash.ts'

export class Batch {
  length = 0
  /** Records 0 to `length` - 1 count; what stands behind them is left from earlier use (B3). */
  values: unknown[]
  /** Only where a `keyBy` led here; so are the hashes. */
  keys: Key[]
  hashes: Int32Array
  /** Record times: milliseconds since 1970. */
  times: Float64Array
  /** Indices into the runtime's table of splits. */
  splits: Float64Array
  positions: Float64Array
  ordinals: Float64Array
  /**
   * Hashes of the keys that the records come from (`HeldRecords`), where they go to a step that holds some; else
   * `null`.
   */
  origins: Float64Array | null = null
  /** The values are accumulators, each of many records of its key (`combiner.ts`). */
  combined = false

  constructor(capacity: number) {
    this.values = anyColumn<unknown>(capacity)
    this.keys = anyColumn<Key>(capacity)
    this.hashes = new Int32Array(capacity)
    this.times = new Float64Array(capacity)
    this.splits = new Float64Array(capacity)
    this.positions = new Float64Array(capacity)
    this.ordinals = new Float64Array(capacity)
  }

  /**
   * Room for one more record. A batch grows past its usual size within the outputs of one record, or where a whole one
   * is dealt out to several.
   */
  get capacity(): number {
    return this.times.length
  }

  grow(): void {
    const size = this.capacity * 2
    this.hashes = widened(this.hashes, new Int32Array(size))
    this.times = widened(this.times, new Float64Array(size))
    this.splits = widened(this.splits, new Float64Array(size))
    this.positions = widened(this.positions, new Float64Array(size))
    this.ordinals = widened(this.ordinals, new Float64Array(size))
    if (this.origins !== null) this.origins = widened(this.origins, new Float64Array(size))
  }

  /** Goes on with new arrays of values, and of keys where there are some; there is no record yet. */
  renew(keyed: boolean): void {
    this.values = anyColumn<unknown>(this.capacity)
    if (keyed) this.keys = anyColumn<Key>(this.capacity)
  }

  /** Copies record `from` over record `to`. */
  move(from: number, to: number): void {
    this.values[to] = this.values[from]
    this.keys[to] = this.keys[from]!
    this.hashes[to] = this.hashes[from]!
    this.times[to] = this.times[from]!
    this.splits[to] = this.splits[from]!
    this.positions[to] = this.positions[from]!
    this.ordinals[to] = this.ordinals[from]!
  }

  /** Adds record `i` of `from`, keys and hashes included. */
  append(from: Batch, i: number): void {
    const at = this.length
    if (at === this.capacity) this.grow()
    this.values[at] = from.values[i]
    this.keys[at] = from.keys[i]!
    this.hashes[at] = from.hashes[i]!
    this.times[at] = from.times[i]!
    this.splits[at] = from.splits[i]!
    this.positions[at] = from.positions[i]!
    this.ordinals[at] = from.ordinals[i]!
    this.length = at + 1
  }

  /**
   * Adds the records `picks[0, count)` of `from`, keys and hashes included. A column at a time: two thirds of the time.
   */
  appendAll(from: Batch, picks: Int32Array, count: number): void {
    const at = this.length
    while (this.capacity < at + count) this.grow()
    for (let i = 0; i < count; i++) this.values[at + i] = from.values[picks[i]!]
    for (let i = 0; i < count; i++) this.keys[at + i] = from.keys[picks[i]!]!
    for (let i = 0; i < count; i++) this.hashes[at + i] = from.hashes[picks[i]!]!
    for (let i = 0; i < count; i++) this.times[at + i] = from.times[picks[i]!]!
    for (let i = 0; i < count; i++) this.splits[at + i] = from.splits[picks[i]!]!
    for (let i = 0; i < count; i++) this.positions[at + i] = from.positions[picks[i]!]!
    for (let i = 0; i < count; i++) this.ordinals[at + i] = from.ordinals[picks[i]!]!
    this.length = at + count
  }

  /** Forgets the records from `length` on. */
  truncate(length: number): void {
    this.length = length
  }
}

/**
 * An array for `capacity` values of any kind. The engine has arrays of integers, of doubles and of anything, by what
 * was put in first, and code that meets all three costs five times as much for each element.
 */
function anyColumn<T>(capacity: number): T[] {
  const column = new Array<unknown>(capacity)
  if (capacity > 0) column[0] = undefined
  return column as T[]
}

function widened<A extends Int32Array | Float64Array>(from: A, to: A): A {
  to.set(from)
  return to
}

/** Batches that wait to be used again. */
const POOL_BATCHES = 64

/** Reuses batches, so that a busy channel allocates none. */
export class BatchPool {
  readonly capacity: number
  private readonly free: Batch[] = []

  constructor(capacity: number) {
    this.capacity = capacity
  }

  take(): Batch {
    return this.free.pop() ?? new Batch(this.capacity)
  }

  give(batch: Batch): void {
    // The pool must keep no value alive. A loop: `fill` took a twentieth of a fast pipeline's time.
    const { values, length } = batch
    for (let i = 0; i < length; i++) values[i] = undefined
    batch.truncate(0)
    batch.combined = false
    batch.origins = null
    // A batch that one record has made very large is left to the garbage collector.
    if (batch.capacity <= 4 * this.capacity && this.free.length < POOL_BATCHES) this.free.push(batch)
  }
}

/** Why a barrier travels: tasks snapshot alike for all of them, what happens afterwards differs. */
export type BarrierPurpose = 'checkpoint' | 'savepoint' | 'rescale' | 'drain'

export interface Barrier {
  readonly kind: 'barrier'
  readonly generation: number
  readonly epoch: number
  readonly purpose: BarrierPurpose
}

/** Whether tasks hold behind `barrier`, until they are released. */
export function isHolding({ purpose }: Barrier): boolean {
  return purpose === 'rescale' || purpose === 'drain'
}

/** By how much a watermark falls at least, in milliseconds: less than that does not count as a clock that was set. */
export const SET_BACK_MS = 3_600_000

/** No record that follows on this channel is older than `time`, which only falls where a clock was set back. */
export interface Watermark {
  readonly kind: 'watermark'
  readonly time: number
}

/** The input has ended. Barriers still follow, and so do dead letters that are given back to a step further up. */
export interface End {
  readonly kind: 'end'
}

export type Marker = Barrier | Watermark | End
export type Element = Batch | Marker
