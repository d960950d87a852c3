/**
 * Adds records up by key before they are sent to the workers that own their keys (PROTOCOLS 10): stands in front of an
 * exchange that leads to a step whose accumulators may be combined. What goes on are the accumulators.
 *
 * Y1. What is held goes on before every marker: nothing that came before a barrier stands behind it, and none of it is
 *     state.
 * Y2. What is held is one batch of accumulators, of `SUM_BATCHES` usual batches' keys or `RECORD_BATCHES` usual batches'
 *     records at most; one `push` sends at most one batch on, so room for one is room enough.
 * Y3. An accumulator bears the time and the name of the record that it took in last, as the step's own answers do
 *     (`aggregate-task.ts`, A1).
 * Y4. A record that throws leaves nothing behind and is reported as its step would report it (PROTOCOLS 9).
 */
import { assert } from '../base/assert.ts'
import type { Key } from '../base/hash.ts'
import { Copier } from '../state/copier.ts'
import type { AggregatePlan } from './aggregate-task.ts'
import type { Batch, BatchPool, Marker } from './batch.ts'
import { type Exchange, isRecordFault } from './collector.ts'
import type { FailureReport } from './failure.ts'

/** Keys that are held, in usual batches. */
const SUM_BATCHES = 16
/** Records that are added up, in usual batches, before their sums go on. */
const RECORD_BATCHES = 64

export class Combiner implements Exchange {
  private readonly exchange: Exchange
  private readonly step: string
  private readonly plan: AggregatePlan
  private readonly pool: BatchPool
  private readonly report: FailureReport
  private readonly copier = new Copier()
  /** Rows of `sums` by hash, with linear probing: 0 is free, else row + 1. At most half of them are taken. */
  private slots: Int32Array
  private sums: Batch
  /** Records in `sums`. */
  private records = 0

  /** `step` and `plan` are those of the step behind `exchange`. */
  constructor(exchange: Exchange, step: string, plan: AggregatePlan, pool: BatchPool, report: FailureReport) {
    this.exchange = exchange
    this.step = step
    this.plan = plan
    this.pool = pool
    this.report = report
    this.sums = pool.take()
    this.slots = new Int32Array(slotsFor(SUM_BATCHES * pool.capacity))
  }

  get room(): boolean {
    return this.exchange.room
  }

  push(batch: Batch): void {
    const { pool } = this
    // Before and not while the batch is worked on: so at most one goes on (Y2).
    if (
      this.sums.length + batch.length > SUM_BATCHES * pool.capacity ||
      this.records + batch.length > RECORD_BATCHES * pool.capacity
    ) {
      this.send()
    }
    if (slotsFor(this.sums.length + batch.length) > this.slots.length) this.widen(this.sums.length + batch.length)
    for (let i = 0; i < batch.length; i++) this.take(batch, i)
    this.records += batch.length
    pool.give(batch)
  }

  flush(): boolean {
    if (this.sums.length === 0) return true
    if (!this.exchange.room) return false
    this.send()
    return true
  }

  mark(marker: Marker): void {
    assert(this.sums.length === 0, 'Y1: what is held goes on before a marker')
    this.exchange.mark(marker)
  }

  private send(): void {
    const { sums } = this
    this.sums = this.pool.take()
    this.slots.fill(0)
    this.records = 0
    if (sums.length === 0) return this.pool.give(sums)
    sums.combined = true
    this.exchange.push(sums)
  }

  private take(batch: Batch, i: number): void {
    try {
      this.add(batch, i)
    } catch (error) {
      if (!isRecordFault(error)) throw error
      const [split, position, ordinal] = [batch.splits[i]!, batch.positions[i]!, batch.ordinals[i]!]
      const [time, key, given] = [batch.times[i]!, batch.keys[i]!, batch.values[i]]
      this.report({ step: this.step, split, position, ordinal, time, key, given, error })
    }
  }

  private add(batch: Batch, i: number): void {
    const { sums, plan } = this
    const key = batch.keys[i]!
    const slot = this.find(batch.hashes[i]!, key)
    const row = this.slots[slot]! - 1
    if (row < 0) {
      const sum = plan.init(key)
      plan.add(sum, batch.values[i])
      sums.append(batch, i)
      this.slots[slot] = sums.length
      sums.values[sums.length - 1] = sum
      return
    }
    const sum = sums.values[row] as object
    const before = this.copier.guard(sum)
    try {
      plan.add(sum, batch.values[i])
    } catch (error) {
      sums.values[row] = this.copier.taken(before)
      throw error
    }
    sums.times[row] = batch.times[i]!
    sums.splits[row] = batch.splits[i]!
    sums.positions[row] = batch.positions[i]!
    sums.ordinals[row] = batch.ordinals[i]!
  }

  /** The slot of `key`, or the free one for it. */
  private find(hash: number, key: Key): number {
    const { slots, sums } = this
    const mask = slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const row = slots[slot]! - 1
      if (row < 0 || (sums.hashes[row] === hash && sums.keys[row] === key)) return slot
    }
  }

  /** Makes room for the keys of a batch that is larger than usual. */
  private widen(keys: number): void {
    const { sums } = this
    this.slots = new Int32Array(slotsFor(keys))
    for (let row = 0; row < sums.length; row++) this.slots[this.find(sums.hashes[row]!, sums.keys[row]!)] = row + 1
  }
}

/** A power of two of which `keys` are at most half. */
function slotsFor(keys: number): number {
  return 2 ** Math.ceil(Math.log2(2 * keys))
}
