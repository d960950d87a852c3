/**
 * The leaves of a chain: they gather what comes out into batches and push full ones into their outlet.
 *
 * L1. A batch is pushed only between two records, so a record that throws can be taken back whole (`rollback`).
 */
import { fail, PotorooError } from '../base/errors.ts'
import { hashKey, type Key } from '../base/hash.ts'
import type { Batch, BatchPool, Marker } from './batch.ts'
import type { Outlet } from './channel.ts'
import type { Origin } from './origin.ts'

/** State shared by the leaves of one chain. */
export interface Fill {
  /** A leaf's batch has reached its size: drain before the next record. */
  full: boolean
}

export interface Collector {
  /** Takes one output of the current record. */
  readonly push: (value: unknown) => void
  /** Remembers where the current record's outputs begin. */
  begin(): void
  /** Takes back the current record's outputs. */
  rollback(): void
  /** Pushes what has been gathered; false when the outlet has no room for it. */
  flush(): boolean
  /** True while more records may be gathered. */
  readonly room: boolean
  mark(marker: Marker): void
}

abstract class Gathering {
  protected batch: Batch
  protected readonly pool: BatchPool
  protected readonly origin: Origin
  protected readonly fill: Fill
  protected readonly step: string
  private start = 0

  constructor(pool: BatchPool, origin: Origin, fill: Fill, step: string) {
    this.pool = pool
    this.origin = origin
    this.fill = fill
    this.step = step
    this.batch = pool.take()
  }

  begin(): void {
    this.start = this.batch.length
  }

  rollback(): void {
    this.batch.truncate(this.start)
  }

  get room(): boolean {
    return this.batch.length < this.pool.capacity
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
export class ForwardCollector extends Gathering implements Collector {
  private readonly outlet: Outlet

  constructor(outlet: Outlet, pool: BatchPool, origin: Origin, fill: Fill, step: string) {
    super(pool, origin, fill, step)
    this.outlet = outlet
  }

  readonly push = (value: unknown): void => {
    this.add(value)
  }

  flush(): boolean {
    if (this.batch.length === 0) return true
    if (!this.outlet.room) return false
    const full = this.batch
    this.batch = this.pool.take()
    this.outlet.push(full)
    return true
  }

  mark(marker: Marker): void {
    this.outlet.mark(marker)
  }
}

/** By key group to the worker that owns it. */
export class ExchangeCollector extends Gathering implements Collector {
  private readonly key: (value: unknown) => Key
  private readonly keyLength: number
  private readonly exchange: Exchange

  constructor(
    exchange: Exchange,
    key: (value: unknown) => Key,
    keyLength: number,
    pool: BatchPool,
    origin: Origin,
    fill: Fill,
    step: string,
  ) {
    super(pool, origin, fill, step)
    this.exchange = exchange
    this.key = key
    this.keyLength = keyLength
  }

  readonly push = (value: unknown): void => {
    const key = this.key(value)
    const hash = typeof key === 'string' && key.length <= this.keyLength ? hashKey(key) : this.hashOther(key)
    const i = this.add(value)
    this.batch.keys[i] = key
    this.batch.hashes[i] = hash
  }

  private hashOther(key: Key): number {
    const type = typeof key
    if (type === 'number' ? !Number.isNaN(key) : type === 'bigint' || type === 'boolean') return hashKey(key)
    if (type === 'string') throw fail('E_KEY_TOO_LONG', { step: this.step, limit: this.keyLength })
    throw fail('E_KEY', { step: this.step, got: type === 'number' ? 'NaN' : describe(key) })
  }

  flush(): boolean {
    if (this.batch.length === 0) return true
    if (!this.exchange.room) return false
    const full = this.batch
    this.batch = this.pool.take()
    this.exchange.push(full)
    return true
  }

  mark(marker: Marker): void {
    this.exchange.mark(marker)
  }
}

/** What an exchange asks of the one that knows the owners (`exchange.ts`). */
export interface Exchange {
  readonly room: boolean
  push(batch: Batch): void
  mark(marker: Marker): void
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`
}

/** Whether `error` says that the record itself is at fault (as against a bug of ours that must end the process). */
export function isRecordFault(error: unknown): boolean {
  return !(error instanceof Error && error.name === 'InvariantError') || error instanceof PotorooError
}
