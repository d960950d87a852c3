/**
 * Adds records up by key before they are sent to the workers that own their keys (PROTOCOLS 10): stands in front of an
 * exchange that leads to a step whose accumulators may be combined. What goes on are the accumulators.
 *
 * Y1. What is held goes on before every marker: nothing that came before a barrier stands behind it, and none of it is
 *     state.
 * Y2. What is held are the accumulators of `SUM_BATCHES` usual batches' keys or `RECORD_BATCHES` usual batches'
 *     records, and what one more batch may bring. Once that is reached, or a marker asks for it, all of them go on, in
 *     usual batches, before anything else is taken; who has no room is waited for.
 * Y3. An accumulator bears the time and the name of the record that it took in last, as the step's own answers do
 *     (`aggregate-task.ts`, A1).
 * Y4. A record that throws leaves nothing behind and is reported as its step would report it (PROTOCOLS 9;
 *     `keyed-task.ts`, Y1).
 */
import { assert } from '../base/assert.ts'
import type { Key } from '../base/hash.ts'
import { atOnce } from '../base/promise.ts'
import { Copier } from '../state/copier.ts'
import type { AggregatePlan } from './aggregate-task.ts'
import { Batch, type BatchPool, type Marker } from './batch.ts'
import { type Exchange, isRecordFault } from './collector.ts'
import type { KeyExchange } from './exchange.ts'
import { type FailureReport, failureOf } from './failure.ts'
import { firstState } from './first-state.ts'
import { SpoiledState } from './spoiled-state.ts'

/** Keys that are held, in usual batches. */
const SUM_BATCHES = 16
/** Records that are added up, in usual batches, before their sums go on. */
const RECORD_BATCHES = 64

export class Combiner implements Exchange {
  private readonly exchange: KeyExchange
  private readonly step: string
  private readonly plan: AggregatePlan
  private readonly pool: BatchPool
  private readonly report: FailureReport
  private readonly copier: Copier
  /** Rows of `sums` by hash, with linear probing: 0 is free, else row + 1. At most half of them are taken. */
  private slots: Int32Array
  /** Never handed on: arrays of this length, made anew each time, cost as much as adding up. */
  private readonly sums: Batch
  /** Records in `sums`. */
  private records = 0
  /** `sums` are going on (Y2): those before `sent` have gone, or stand in `parts`. */
  private sending = false
  private sent = 0
  /** What goes to each worker next. */
  private readonly parts: Batch[]

  /**
   * `step` and `plan` are those of the step behind `exchange`; `undoBytes`: the most that is copied of a sum before it
   * changes.
   */
  constructor(
    exchange: KeyExchange,
    step: string,
    plan: AggregatePlan,
    pool: BatchPool,
    report: FailureReport,
    undoBytes: number,
  ) {
    this.copier = new Copier(undoBytes)
    this.exchange = exchange
    this.step = step
    this.plan = plan
    this.pool = pool
    this.report = report
    this.sums = new Batch(pool.capacity)
    this.parts = exchange.outlets.map(() => pool.take())
    this.slots = new Int32Array(slotsFor(SUM_BATCHES * pool.capacity))
  }

  makeRoom(): boolean {
    return !this.sending || this.send()
  }

  push(batch: Batch): void {
    const { pool, sums } = this
    assert(!this.sending, 'Y2: nothing is taken while sums go on')
    if (slotsFor(sums.length + batch.length) > this.slots.length) this.widen(sums.length + batch.length)
    for (let i = 0; i < batch.length; i++) this.take(batch, i)
    this.records += batch.length
    pool.give(batch)
    const { capacity } = pool
    if (sums.length > (SUM_BATCHES - 1) * capacity || this.records > (RECORD_BATCHES - 1) * capacity) this.send()
  }

  flush(): boolean {
    return this.sums.length === 0 || this.send()
  }

  mark(marker: Marker): void {
    assert(this.sums.length === 0, 'Y1: what is held goes on before a marker')
    this.exchange.mark(marker)
  }

  /** Sends all sums on (Y2); false when somebody has no room for the next ones. */
  private send(): boolean {
    const { exchange, sums, parts, pool } = this
    this.sending = true
    for (; this.sent < sums.length; this.sent++) {
      const owner = exchange.ownerOf(sums.hashes[this.sent]!)
      if (parts[owner]!.length === pool.capacity && !this.pass(owner)) return false
      parts[owner]!.append(sums, this.sent)
    }
    for (let owner = 0; owner < parts.length; owner++) if (!this.pass(owner)) return false
    this.clear()
    return true
  }

  /** Sends on what stands ready for `owner`; false when that has no room. */
  private pass(owner: number): boolean {
    const part = this.parts[owner]!
    const outlet = this.exchange.outlets[owner]!
    if (part.length === 0) return true
    if (!outlet.room) return false
    part.combined = true
    this.parts[owner] = this.pool.take()
    outlet.push(part)
    return true
  }

  private clear(): void {
    const { sums } = this
    // What has gone must not live on here.
    for (let row = 0; row < sums.length; row++) {
      sums.values[row] = undefined
      sums.keys[row] = ''
    }
    sums.truncate(0)
    this.slots.fill(0)
    this.records = 0
    this.sent = 0
    this.sending = false
  }

  private take(batch: Batch, i: number): void {
    try {
      this.add(batch, i)
    } catch (error) {
      if (!isRecordFault(error)) throw error
      this.report(failureOf(batch, i, this.step, batch.keys[i]!, error))
    }
  }

  private add(batch: Batch, i: number): void {
    const { sums, plan } = this
    const key = batch.keys[i]!
    const slot = this.find(batch.hashes[i]!, key)
    const row = this.slots[slot]! - 1
    if (row < 0) {
      const sum = firstState(this.step, plan.init, key)
      atOnce<unknown>(plan.add(sum, batch.values[i]))
      sums.append(batch, i)
      this.slots[slot] = sums.length
      sums.values[sums.length - 1] = sum
      return
    }
    const sum = sums.values[row] as object
    const before = this.copier.guard(sum)
    try {
      atOnce<unknown>(plan.add(sum, batch.values[i]))
    } catch (error) {
      if (before !== null) sums.values[row] = this.copier.taken(before)
      else if (isRecordFault(error)) throw new SpoiledState(this.step, error)
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
