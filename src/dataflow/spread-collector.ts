/**
 * The leaf of a chain whose records go by key to several workers: a batch for each of them, so that what is sent is full
 * and no record is copied on its way.
 *
 * G1. A batch is pushed only between two records (L1 of `collector.ts`), and the outputs of a record that throws are taken
 *     back from every batch that they went into.
 * G2. What has few records does not wait for ever beside what has many: after `PATIENCE` full batches for each worker
 *     everything is sent.
 */
import { hashKey, type Key } from '../base/hash.ts'
import type { Batch, BatchPool, Marker } from './batch.ts'
import { type Fill, hashOther, isRecordFault, type Leaf } from './collector.ts'
import type { KeyExchange } from './exchange.ts'
import type { FailureReport } from './failure.ts'
import type { Origin } from './origin.ts'

const PATIENCE = 2

export interface SpreadOptions {
  readonly exchange: KeyExchange
  readonly key: (value: unknown) => Key
  readonly keyLength: number
  readonly pool: BatchPool
  readonly origin: Origin
  readonly fill: Fill
  /** The step that the key comes from. */
  readonly step: string
}

export class SpreadCollector implements Leaf {
  private readonly options: SpreadOptions
  /** By worker. */
  private readonly batches: Batch[]
  /** Where the current record's outputs begin in the batches of `touched`. */
  private readonly starts: Int32Array
  private readonly touched: number[] = []
  /** Records since everything was sent last (G2). */
  private since = 0
  private readonly patience: number

  constructor(options: SpreadOptions) {
    const { exchange, pool } = options
    this.options = options
    this.batches = exchange.outlets.map(() => pool.take())
    this.starts = new Int32Array(exchange.outlets.length).fill(-1)
    this.patience = PATIENCE * exchange.outlets.length * pool.capacity
  }

  readonly push = (value: unknown): void => {
    const { exchange, key: keyOf, origin, step, pool, fill } = this.options
    const key = keyOf(value)
    const hash = this.hash(key)
    const owner = exchange.ownerOf(hash)
    const batch = this.batches[owner]!
    const i = batch.length
    const ordinal = origin.nextOrdinal(step)
    if (this.starts[owner]! < 0) {
      this.starts[owner] = i
      this.touched.push(owner)
    }
    if (i === batch.capacity) batch.grow()
    batch.values[i] = value
    batch.keys[i] = key
    batch.hashes[i] = hash
    batch.times[i] = origin.time
    batch.splits[i] = origin.split
    batch.positions[i] = origin.position
    batch.ordinals[i] = ordinal
    batch.length = i + 1
    if (i + 1 >= pool.capacity || ++this.since >= this.patience) fill.full = true
  }

  begin(): void {
    const { touched, starts } = this
    for (let k = 0; k < touched.length; k++) starts[touched[k]!] = -1
    touched.length = 0
  }

  rollback(): void {
    for (const owner of this.touched) this.batches[owner]!.truncate(this.starts[owner]!)
  }

  get room(): boolean {
    if (this.since >= this.patience) return false
    for (const batch of this.batches) if (batch.length >= this.options.pool.capacity) return false
    return true
  }

  drain(): boolean {
    if (this.since >= this.patience) {
      // What is left behind for want of room is full before long.
      this.send(1)
      this.since = 0
    }
    return this.send(this.options.pool.capacity)
  }

  flush(): boolean {
    this.since = 0
    return this.send(1)
  }

  settle(): boolean {
    return true
  }

  /** Pushes the batches that have at least so many records; false when one of them has to wait. */
  private send(least: number): boolean {
    const { exchange, pool } = this.options
    let all = true
    for (let owner = 0; owner < this.batches.length; owner++) {
      const batch = this.batches[owner]!
      if (batch.length < least) continue
      if (!exchange.outlets[owner]!.room) {
        all = false
        continue
      }
      this.batches[owner] = pool.take()
      exchange.outlets[owner]!.push(batch)
    }
    return all
  }

  /** Deals out a batch; one that becomes full in the middle leaves at once, or grows while there is no room. */
  pushWhole(batch: Batch, report: FailureReport): boolean {
    const { exchange, key: keyOf, pool, step } = this.options
    if (!this.room && !this.drain()) return false
    for (let i = 0; i < batch.length; i++) {
      try {
        const key = keyOf(batch.values[i])
        const hash = this.hash(key)
        batch.keys[i] = key
        batch.hashes[i] = hash
        const owner = exchange.ownerOf(hash)
        this.batches[owner]!.append(batch, i)
      } catch (error) {
        if (!isRecordFault(error)) throw error
        const [split, position, ordinal] = [batch.splits[i]!, batch.positions[i]!, batch.ordinals[i]!]
        const given = batch.values[i]
        report({ step, split, position, ordinal, time: batch.times[i]!, key: undefined, given, error })
      }
    }
    this.since += batch.length
    pool.give(batch)
    this.send(pool.capacity)
    return true
  }

  mark(marker: Marker): void {
    this.options.exchange.mark(marker)
  }

  private hash(key: Key): number {
    const { keyLength, step } = this.options
    return typeof key === 'string' && key.length <= keyLength ? hashKey(key) : hashOther(key, keyLength, step)
  }
}
