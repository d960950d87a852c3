/**
 * The leaves of a chain: they gather what comes out into batches and push full ones into their outlet.
 *
 * L1. A batch is pushed only between two records, so a record that throws can be taken back whole (`rollback`).
 */
import { InvariantError } from '../base/assert.ts'
import { fail } from '../base/errors.ts'
import { hashKey, type Key } from '../base/hash.ts'
import { atOnce } from '../base/promise.ts'
import type { Batch, BatchPool, Marker } from './batch.ts'
import type { Outlet } from './channel.ts'
import { type FailureReport, failureOf } from './failure.ts'
import type { Origin } from './origin.ts'
import { SpoiledState } from './spoiled-state.ts'

/** State shared by the leaves of one chain. */
export interface Fill {
  /** A leaf's batch has reached its size: drain before the next record. */
  full: boolean
}

/** Takes one output of the current record. */
export type Push = (value: unknown) => void

/** A leaf of a chain, as the chain knows it. */
export interface Leaf {
  readonly push: Push
  /** True while more records may be gathered. */
  readonly room: boolean
  /** Remembers where the current record's outputs begin. */
  begin(): void
  /** Takes back the current record's outputs. */
  rollback(): void
  /** Pushes on what is full; true when another record may be gathered. */
  drain(): boolean
  /** Pushes on all that has been gathered; false when some of it has to wait. */
  flush(): boolean
  /** Sends on what is held beyond `flush`, so that a marker may follow; false when the outlet has no room for it. */
  settle(): boolean
  /** Sends a batch on as it is and takes it over; records that cannot go are reported and left out. False: no room. */
  pushWhole(batch: Batch, report: FailureReport): boolean
  /** Sends a marker behind everything that has been flushed. */
  mark(marker: Marker): void
}

/** What every leaf is made of. */
export interface LeafParts {
  readonly pool: BatchPool
  readonly origin: Origin
  readonly fill: Fill
  /** The step whose outputs it gathers. */
  readonly step: string
}

/** What a leaf is made of whose records go by key. */
export interface KeyedLeafParts extends LeafParts {
  readonly key: (value: unknown) => Key
  readonly keyLength: number
}

/** A leaf with one outlet. */
abstract class Gathering implements Leaf {
  protected batch: Batch
  protected readonly pool: BatchPool
  protected readonly origin: Origin
  protected readonly fill: Fill
  protected readonly step: string
  private start = 0

  constructor({ pool, origin, fill, step }: LeafParts) {
    this.pool = pool
    this.origin = origin
    this.fill = fill
    this.step = step
    this.batch = pool.take()
  }

  abstract readonly push: Push

  /** Whether the outlet takes a batch now, once it has sent on what it holds back as far as it can. */
  protected abstract makeRoom(): boolean

  /** Gives a batch to the outlet. */
  protected abstract give(batch: Batch): void

  abstract mark(marker: Marker): void

  /** Prepares record `i` of a batch that goes on as it is; throws where the record cannot. */
  protected abstract prepare(batch: Batch, i: number): void

  /** Remembers where the current record's outputs begin. */
  begin(): void {
    this.start = this.batch.length
  }

  /** Takes back the current record's outputs. */
  rollback(): void {
    this.batch.truncate(this.start)
  }

  /** True while more records may be gathered. */
  get room(): boolean {
    return this.batch.length < this.pool.capacity
  }

  drain(): boolean {
    return this.flush()
  }

  /** Pushes what has been gathered; false when the outlet has no room for it. */
  flush(): boolean {
    if (this.batch.length === 0) return true
    if (!this.makeRoom()) return false
    const full = this.batch
    this.batch = this.pool.take()
    this.give(full)
    return true
  }

  settle(): boolean {
    return true
  }

  /** Sends a batch on as it is and takes it over; records that cannot go are reported and left out. */
  pushWhole(batch: Batch, report: FailureReport): boolean {
    if (!this.makeRoom()) return false
    let failed = 0
    for (let i = 0; i < batch.length; i++) {
      try {
        this.prepare(batch, i)
        if (failed > 0) batch.move(i, i - failed)
      } catch (error) {
        if (!isRecordFault(error)) throw error
        failed++
        report(failureOf(batch, i, this.step, undefined, error))
      }
    }
    batch.truncate(batch.length - failed)
    if (batch.length > 0) this.give(batch)
    else this.pool.give(batch)
    return true
  }

  /** Adds `value` with the registers of the record that caused it and answers its index. */
  protected add(value: unknown): number {
    const { batch, origin } = this
    const i = batch.length
    const ordinal = origin.nextOrdinal(this.step)
    if (i === batch.capacity) batch.grow()
    batch.values[i] = value
    batch.times[i] = origin.time
    batch.splits[i] = origin.split
    batch.positions[i] = origin.position
    batch.ordinals[i] = ordinal
    batch.length = i + 1
    if (i + 1 >= this.pool.capacity) this.fill.full = true
    return i
  }
}

/** To one task on the same worker. */
export class ForwardCollector extends Gathering {
  private readonly outlet: Outlet

  constructor(outlet: Outlet, parts: LeafParts) {
    super(parts)
    this.outlet = outlet
  }

  readonly push: Push = (value) => {
    this.add(value)
  }

  protected makeRoom(): boolean {
    return this.outlet.room
  }

  protected give(batch: Batch): void {
    this.outlet.push(batch)
  }

  protected prepare(): void {}

  mark(marker: Marker): void {
    this.outlet.mark(marker)
  }
}

/** To one task on the same worker that may hold the records: says from which key each of them comes. */
export class OriginCollector extends ForwardCollector {
  override readonly push: Push = (value) => {
    const i = this.add(value)
    const { batch, origin } = this
    batch.origins ??= new Float64Array(batch.capacity)
    batch.origins[i] = origin.hash
  }
}

/** By key group to the worker that owns it. */
export class ExchangeCollector extends Gathering {
  private readonly key: (value: unknown) => Key
  private readonly keyLength: number
  private readonly exchange: Exchange

  constructor(exchange: Exchange, parts: KeyedLeafParts) {
    super(parts)
    this.exchange = exchange
    this.key = parts.key
    this.keyLength = parts.keyLength
  }

  readonly push = (value: unknown): void => {
    const key = this.key(value)
    const hash = this.hash(key)
    const i = this.add(value)
    this.batch.keys[i] = key
    this.batch.hashes[i] = hash
  }

  // A method of each leaf: one function for all of them cost a twentieth of `push`.
  private hash(key: Key): number {
    return typeof key === 'string' && key.length <= this.keyLength
      ? hashKey(key)
      : hashOther(key, this.keyLength, this.step)
  }

  protected makeRoom(): boolean {
    return this.exchange.makeRoom()
  }

  protected give(batch: Batch): void {
    this.exchange.push(batch)
  }

  override settle(): boolean {
    return this.exchange.flush()
  }

  protected prepare(batch: Batch, i: number): void {
    const key = this.key(batch.values[i])
    batch.hashes[i] = this.hash(key)
    batch.keys[i] = key
  }

  mark(marker: Marker): void {
    this.exchange.mark(marker)
  }
}

/** What an exchange asks of the one that knows the owners (`exchange.ts`). */
export interface Exchange {
  /** True when it takes a batch; sends on what it holds back for that, as far as there is room. */
  makeRoom(): boolean
  push(batch: Batch): void
  /** Sends on what it holds back; false when there is no room for it. */
  flush(): boolean
  mark(marker: Marker): void
}

/** The hash of a key that is no short text. Throws `E_KEY`, and `E_KEY_TOO_LONG` beyond `keyLength` characters. */
export function hashOther(key: Key, keyLength: number, step: string): number {
  const type = typeof key
  // A number's length is that of its hexadecimal digits: others take long to count.
  const isLong = type === 'bigint' ? BigInt.asIntN(4 * keyLength, key as bigint) !== key : type === 'string'
  if (isLong) throw fail('E_KEY_TOO_LONG', { step, limit: keyLength })
  if (type === 'number' ? !Number.isNaN(key) : type === 'bigint' || type === 'boolean') return hashKey(key)
  atOnce<unknown>(key)
  throw fail('E_KEY', { step, got: type === 'number' ? 'NaN' : describe(key) })
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`
}

/**
 * Whether the record itself is at fault. Otherwise `error` is a bug of ours, which must end the process, or a spoiled
 * state, for which the pipeline has to go back.
 */
export function isRecordFault(error: unknown): boolean {
  return !InvariantError.is(error) && !SpoiledState.is(error)
}
