/**
 * `reduce` and `aggregate`: the newest result of each changed key, at most once per `everyMs` and at the end of input.
 *
 * A1. A result is named by the record that changed its key last (`batch.ts`, B2), never by a counter: the same result
 *     after a recovery has the same name.
 * A2. While results are being emitted nothing is taken from the inputs, so a barrier never cuts through an emission.
 * A3. No result goes with its key: one whose time to live is over stays until its result is due, and where a record
 *     begins it anew before that, the result goes out first.
 * A4. What goes on shares nothing with the accumulator, which changes later: it is a copy. Results are few, and a part
 *     of the accumulator is what many of them are.
 */
import { assert } from '../base/assert.ts'
import { deepCopy } from '../base/deep-copy.ts'
import type { Key } from '../base/hash.ts'
import { atOnce } from '../base/promise.ts'
import type { KeyedPlan } from '../model/plan.ts'
import type { KeyTable } from '../state/key-table.ts'
import type { KeyedStore } from '../state/keyed-store.ts'
import { Sweeper } from '../state/sweeper.ts'
import type { Barrier, Batch } from './batch.ts'
import { isRecordFault } from './collector.ts'
import { firstState } from './first-state.ts'
import type { HeldRecords } from './held-records.ts'
import { InputTask, type InputTaskParts } from './input-task.ts'
import { PendingKeys, type PendingRow } from './pending-keys.ts'
import { SpoiledState } from './spoiled-state.ts'

export type AggregatePlan = Extract<KeyedPlan, { kind: 'aggregate' }>

/** Adds a record to an accumulator, or another accumulator. */
type Change = (accumulator: object, value: unknown) => unknown

export class AggregateTask extends InputTask {
  private readonly plan: AggregatePlan
  private readonly store: KeyedStore
  private readonly pending = new PendingKeys()
  private readonly sweeper: Sweeper | null
  private readonly combine: Change
  /** Event time has risen to this. */
  private time = -Infinity
  /** The last barrier that had passed, and how far time had risen, when `pending` was filled anew. */
  private since = -1
  private from = -Infinity
  private emission: Iterator<PendingRow> | null = null
  private dueAt = Infinity
  private emittedAt = -Infinity

  constructor(parts: InputTaskParts, plan: AggregatePlan, store: KeyedStore) {
    super(parts)
    this.plan = plan
    this.store = store
    this.combine = (accumulator, other) => {
      assert(plan.combine !== null && typeof other === 'object' && other !== null, 'only what may combine is combined')
      return plan.combine(accumulator, other)
    }
    const isPending = (table: KeyTable, entry: number): boolean => this.pending.newest(table, entry) !== null
    this.sweeper = plan.ttlMs === undefined ? null : new Sweeper(store, plan.ttlMs, isPending)
  }

  /** Puts back the pending keys of the snapshot that the store was restored from. */
  restore(segments: readonly HeldRecords[]): void {
    this.pending.restore(segments)
    if (!this.pending.empty) this.dueAt = -Infinity
  }

  override get heldSince(): number {
    return this.pending.empty && this.emission === null ? Infinity : this.since
  }

  protected override get heldFrom(): number {
    return this.pending.empty ? Infinity : this.from
  }

  /**
   * Without room nothing comes out, also where a record waits for the result of its key to go first (A3); room wakes
   * it.
   */
  protected override nextDue(): number {
    return this.chain.fill.full ? Infinity : this.dueAt
  }

  protected work(batch: Batch, cursor: number): number {
    const { chain, pending, store, sweeper } = this
    const { origin } = chain
    const { lookAhead } = store
    const change = batch.combined ? this.combine : this.plan.add
    if (pending.empty) {
      this.since = this.passed
      this.from = this.time
    }
    if (cursor === 0) store.load.add(batch.hashes, batch.length)
    let read = lookAhead.begin(store, cursor, batch.length)
    for (let i = cursor; i < batch.length; i++) {
      if (i === read) read = lookAhead.next(store, batch.hashes, i, batch.length)
      const key = batch.keys[i]!
      const hash = batch.hashes[i]!
      const time = batch.times[i]!
      const table = store.table(hash)
      let entry = table.find(hash, key)
      if (entry >= 0 && sweeper?.isOver(table.times![entry]!, time)) {
        if (!chain.room) return i
        this.end(table, entry)
        entry = -1
      }
      origin.step = 0
      try {
        if (entry < 0) entry = this.begin(table, hash, key, change, batch.values[i])
        else this.change(table, entry, change, batch.values[i])
        if (table.times !== null && time > table.times[entry]!) table.times[entry] = time
        pending.add(table, entry, key, hash, time, batch.splits[i]!, batch.positions[i]!)
      } catch (error) {
        chain.enter(batch, i)
        // An accumulator is no record that the step could be given once more.
        chain.takeBack(error, batch.values[i], key, !batch.combined)
      }
    }
    return batch.length
  }

  /** The accumulator of a key that has none, of a value or another accumulator, or nothing (PROTOCOLS 9); its entry. */
  private begin(table: KeyTable, hash: number, key: Key, by: Change, value: unknown): number {
    const { store, plan } = this
    const entry = store.insert(table, hash, key, firstState(this.step, plan.init, key))
    try {
      atOnce(by(table.state(entry), value))
    } catch (error) {
      store.withdraw(table, entry)
      throw error
    }
    return entry
  }

  /** Changes an accumulator by a value or by another accumulator, all or nothing (PROTOCOLS 9; `keyed-task.ts`, Y1). */
  private change(table: KeyTable, entry: number, by: Change, value: unknown): void {
    const { store } = this
    if (table.epoch(entry) !== store.epoch) store.touch(table, entry)
    const before = store.copier.guard(table.state(entry))
    try {
      atOnce(by(table.state(entry), value))
    } catch (error) {
      if (before !== null) table.replace(entry, store.copier.taken(before))
      else if (isRecordFault(error)) throw new SpoiledState(this.step, error)
      throw error
    }
  }

  /** The time of the key is over: nobody can ask for its result once it has gone (A3). */
  private end(table: KeyTable, entry: number): void {
    const row = this.pending.newest(table, entry)
    if (row !== null) this.emitOne(row)
    this.store.remove(table, entry)
  }

  protected snapshot(barrier: Barrier): void {
    this.reports.freeze(barrier, this.id, this.store, this.pending.freeze())
  }

  protected rise(time: number): void {
    this.time = time
    this.sweeper?.rise(time)
  }

  protected override tidy(): boolean {
    return this.sweeper?.next() ?? false
  }

  /** At the end of input every pending result is emitted. */
  protected finish(): boolean {
    this.dueAt = Infinity
    this.emission ??= this.pending.drain()
    return this.emit()
  }

  protected tick(now: number): boolean {
    if (this.emission === null) {
      if (this.pending.empty) return true
      // Never further off than one interval, whatever has become of the clock.
      this.dueAt = Math.min(this.dueAt, this.emittedAt + this.plan.everyMs, now + this.plan.everyMs)
      if (now < this.dueAt) return true
      this.emittedAt = now
      this.dueAt = Infinity
      this.emission = this.pending.drain()
    }
    return this.emit()
  }

  /** Emits until all is out or the chain has no room (A2). */
  private emit(): boolean {
    const { chain, emission } = this
    if (emission === null) return true
    for (;;) {
      if (!chain.room) return false
      const { value: next, done } = emission.next()
      if (done === true) break
      this.emitOne(next)
    }
    this.emission = null
    return true
  }

  /** Emits the newest result of one key, in the name of the record that changed it last (A1). */
  private emitOne({ segment, row, number }: PendingRow): void {
    const { chain, store, plan, pending } = this
    const { origin } = chain
    const key = segment.values[row] as Key
    const hash = segment.hashes[row]!
    const table = store.table(hash)
    const entry = table.find(hash, key)
    if (entry < 0) return // gone, after its result (A3)
    if (!pending.isNewest(table, entry, number)) return
    const state = table.state(entry)
    origin.step = 0
    origin.time = segment.times[row]!
    origin.split = segment.splits[row]!
    origin.position = segment.positions[row]!
    origin.parent = 0
    origin.hash = hash
    origin.outputs = 0
    chain.begin()
    try {
      const result = atOnce(plan.result(state, key))
      if (result !== undefined) chain.push(deepCopy(result)) // A4
    } catch (error) {
      chain.takeBack(error, state, key, false)
    }
  }
}
