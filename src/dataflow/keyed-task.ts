/**
 * A stateful step: for each record, the user's function on the state of its key.
 *
 * Y1. One record × one key is all or nothing (PROTOCOLS 9): what a call returns is held until it has returned, and a
 *     call that throws leaves the state as it was: from a copy, or, where the state is too large to be copied before
 *     each call, by going back to the last epoch (`spoiled-state.ts`).
 * Y2. An entry is touched (`KeyedStore.touch`) before user code can change it, so that a freeze that is being written
 *     keeps its old value.
 * Y3. A step never gives its own state away: the state changes later, the record must not.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import { atOnce, oneAtOnce } from '../base/promise.ts'
import type { KeyedPlan } from '../model/plan.ts'
import type { KeyTable } from '../state/key-table.ts'
import type { KeyedStore } from '../state/keyed-store.ts'
import { Sweeper } from '../state/sweeper.ts'
import type { Barrier, Batch } from './batch.ts'
import { isRecordFault } from './collector.ts'
import { firstState } from './first-state.ts'
import { InputTask, type InputTaskParts } from './input-task.ts'
import { KeyedContext } from './keyed-context.ts'
import { severalOf } from './several.ts'
import { SpoiledState } from './spoiled-state.ts'

/** A step as its task calls it: what a user's step knows as its context is the whole of it here. */
export type CalledStep = Called<Extract<KeyedPlan, { kind: 'mapWithState' | 'flatMapWithState' }>>

type Called<Plan> = Plan extends { step: (state: object, value: unknown, context: never) => infer Result }
  ? Omit<Plan, 'step'> & { readonly step: (state: object, value: unknown, context: KeyedContext) => Result }
  : never

export class KeyedTask extends InputTask {
  private readonly plan: CalledStep
  private readonly store: KeyedStore
  private readonly context: KeyedContext
  private readonly sweeper: Sweeper | null
  /** A call may answer several outputs. */
  private readonly many: boolean

  constructor(parts: InputTaskParts, plan: CalledStep, store: KeyedStore) {
    super(parts)
    this.plan = plan
    this.store = store
    this.context = new KeyedContext(parts.step)
    this.many = plan.kind === 'flatMapWithState'
    this.sweeper = plan.ttlMs === undefined ? null : new Sweeper(store, plan.ttlMs)
  }

  /**
   * THE HOT LOOP of stateful steps: one record on one key after another (Y1). What the loop needs of other objects
   * stands in locals; that was worth a tenth of it.
   */
  protected work(batch: Batch, cursor: number): number {
    const { chain, store, context, sweeper, many } = this
    const { tables, shift, epoch, lookAhead } = store
    const { step } = this.plan
    const { keys, values, hashes, times, positions, length } = batch
    const { origin, fill } = chain
    if (cursor === 0) store.load.add(hashes, length)
    let read = lookAhead.begin(store, cursor, length)
    for (let i = cursor; i < length; i++) {
      if (fill.full && !chain.room) return i
      if (i === read) read = lookAhead.next(store, hashes, i, length)
      const hash = hashes[i]!
      const key = keys[i]!
      const table = tables[hash >>> shift] ?? store.open(hash >>> shift)
      let entry = table.find(hash, key)
      if (sweeper !== null && entry >= 0) entry = this.stillAlive(table, entry, times[i]!)
      const known = entry >= 0
      origin.step = 0
      let before: object | null = null
      let bare = false
      let result: unknown
      try {
        if (!known) {
          entry = store.insert(table, hash, key, firstState(this.step, this.plan.init, key))
        } else {
          if (table.epoch(entry) !== epoch) store.touch(table, entry)
          before = store.copier.guard(table.state(entry))
          bare = before === null
        }
        const state = table.state(entry)
        context.begin(key, times[i]!, positions[i]!)
        result = atOnce(step(state, values[i], context))
        if (many && result !== undefined) result = this.gather(state, result as Iterable<unknown>)
        else if (context.isState(result, state)) throw this.returned()
      } catch (error) {
        if (bare && isRecordFault(error)) throw new SpoiledState(this.step, error)
        if (before !== null) table.replace(entry, store.copier.taken(before))
        else if (!known && entry >= 0) store.withdraw(table, entry)
        chain.enter(batch, i)
        chain.takeBack(error, values[i], key)
        continue
      }
      if (table.times !== null && times[i]! > table.times[entry]!) table.times[entry] = times[i]!
      if (context.asked) this.settle(table, entry)
      if (result !== undefined) this.emit(batch, i, result)
    }
    return length
  }

  /** `entry`, or -1 when its time to live is over for a record of `time`: then it is gone. */
  private stillAlive(table: KeyTable, entry: number, time: number): number {
    if (!this.sweeper!.isOver(table.times![entry]!, time)) return entry
    this.store.remove(table, entry)
    return -1
  }

  /** Each is all that one call returned: it goes on as a whole or not at all, under the ids that it had. */
  protected override sendOn(batch: Batch, cursor: number): number {
    const { chain } = this
    for (let i = cursor; i < batch.length; i++) {
      if (chain.fill.full && !chain.room) return i
      this.emit(batch, i, batch.values[i])
    }
    return batch.length
  }

  /** Sends on what record `i` led to. */
  private emit(batch: Batch, i: number, result: unknown): void {
    const { chain } = this
    chain.enter(batch, i)
    chain.origin.hash = batch.hashes[i]!
    try {
      if (this.many) for (const output of result as unknown[]) chain.push(output)
      else chain.push(result)
    } catch (error) {
      chain.takeBack(error, result, batch.keys[i])
    }
  }

  /** What was returned is the key's state, or has become it by `replace`. */
  private returned(): PotorooError {
    return fail('E_STATE_RETURNED', { step: this.step })
  }

  /** Takes all outputs of a call before any of them goes on (Y1): a generator is user code until it has ended. */
  private gather(state: object, results: Iterable<unknown>): unknown[] {
    const { context } = this
    const { outputsMax } = this.chain.origin
    const gathered: unknown[] = []
    for (const result of severalOf(results)) {
      if (context.isState(result, state)) throw this.returned()
      if (gathered.length === outputsMax) throw fail('E_TOO_MANY_OUTPUTS', { step: this.step, limit: outputsMax })
      if (result !== undefined) gathered.push(oneAtOnce(result, results))
    }
    return gathered
  }

  /** Does what the step asked its context for. */
  private settle(table: KeyTable, entry: number): void {
    const { context, store } = this
    if (context.forgotten) store.remove(table, entry)
    else if (context.replacement !== null) table.replace(entry, context.replacement)
  }

  protected snapshot(barrier: Barrier): void {
    this.reports.freeze(barrier, this.id, this.store, null)
  }

  protected rise(time: number): void {
    this.sweeper?.rise(time)
  }

  protected override tidy(): boolean {
    return this.sweeper?.next() ?? false
  }

  protected finish(): boolean {
    return true
  }

  protected tick(): boolean {
    return true
  }
}
