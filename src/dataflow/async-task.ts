/**
 * `asyncMap`: calls a function that answers later, several calls at a time.
 *
 * J1. Results go on in the order of their inputs, so the order per key holds.
 * J2. What has entered and not left is state (PROTOCOLS 10): the snapshot holds the inputs, and a restore calls again.
 * J3. A call that takes longer than its time is aborted and its record goes to the dead letters, as one that rejects.
 *     So is one whose task is over, and then nobody waits for its answer: it is made again where the record goes on
 *     (J2).
 * J4. Time that nobody looked at counts for no call: a clock that was put forward, or a loop that stood still, would
 *     fail all that are under way.
 * J5. What is nested too deep to be written is a dead letter before it is asked about: anybody may send that, and as
 *     long as it was held no checkpoint would complete (J2).
 */
import { depthFault, type Fault } from '../base/codec/fault.ts'
import { fail } from '../base/errors.ts'
import type { TaskPlan } from '../model/plan.ts'
import type { Barrier, Batch } from './batch.ts'
import { HeldRecords } from './held-records.ts'
import { InputTask, type InputTaskParts } from './input-task.ts'

/** A look that comes so long after a call's time was over comes by another clock, or after a standstill (J4). */
const LATE_MS = 10_000

export type AsyncPlan = Extract<TaskPlan, { kind: 'asyncMap' }>

interface Call {
  readonly value: unknown
  readonly time: number
  readonly split: number
  readonly position: number
  readonly ordinal: number
  /** Of the key that it comes from, or `NaN`. */
  readonly hash: number
  /** The last barrier that had passed when it came in. */
  readonly since: number
  /** When it counts as too slow, in milliseconds of the step's `now`; set when the call is made. */
  deadline: number
  state: 'waiting' | 'called' | 'done' | 'failed'
  /** The result, or what it failed with. */
  outcome: unknown
  abort: AbortController | null
}

export class AsyncTask extends InputTask {
  private readonly plan: AsyncPlan
  private readonly wake: () => void
  /** In the order of the inputs (J1). The first `called` of them have been called. */
  private readonly calls: Call[] = []
  private called = 0
  /** When it looked at them last. */
  private looked = 0

  /** `held`: what its snapshot had in hand (J2). */
  constructor(parts: InputTaskParts, plan: AsyncPlan, held: readonly HeldRecords[], wake: () => void) {
    super(parts)
    this.plan = plan
    this.wake = wake
    for (const { values, times, splits, positions, ordinals, hashes } of held) {
      values.forEach((value, i) => {
        this.enter(value, times[i]!, splits[i]!, positions[i]!, ordinals[i]!, hashes[i]!)
      })
    }
  }

  override get heldSince(): number {
    return this.calls[0]?.since ?? Infinity
  }

  protected override get heldFrom(): number {
    return this.calls.reduce((least, { time }) => Math.min(least, time), Infinity)
  }

  /** The earliest time at which a call is too slow (J3). */
  protected override nextDue(): number {
    let due = Infinity
    for (let i = 0; i < this.called; i++) {
      const call = this.calls[i]!
      if (call.state === 'called' && call.deadline < due) due = call.deadline
    }
    return due
  }

  protected work(batch: Batch, cursor: number): number {
    const { values, times, splits, positions, ordinals, origins } = batch
    let i = cursor
    for (;;) {
      while (i < batch.length && this.calls.length < this.plan.concurrency) {
        const fault = depthFault(values[i])
        if (fault !== null) this.refuse(batch, i, fault)
        else this.enter(values[i], times[i]!, splits[i]!, positions[i]!, ordinals[i]!, origins?.[i] ?? Number.NaN)
        i++
      }
      const before = this.calls.length
      // When it is full, what has been answered must go on, or nothing would ever make room.
      this.tick(this.now)
      if (i === batch.length) return i
      if (this.calls.length === before) {
        this.chain.flush()
        return i
      }
    }
  }

  protected tick(now: number): boolean {
    this.expire(now)
    const room = this.emit()
    this.call(now)
    return room
  }

  protected snapshot(barrier: Barrier): void {
    const held = new HeldRecords()
    for (const { value, hash, ordinal, time, split, position } of this.calls) {
      held.values.push(value)
      held.hashes.push(hash)
      held.ordinals.push(ordinal)
      held.times.push(time)
      held.splits.push(split)
      held.positions.push(position)
    }
    this.reports.hold(barrier, this.id, this.calls.length === 0 ? [] : [held])
  }

  protected rise(): void {}

  protected finish(): boolean {
    return this.tick(this.now) && this.calls.length === 0
  }

  private enter(value: unknown, time: number, split: number, position: number, ordinal: number, hash: number): void {
    const call = { value, time, split, position, ordinal, hash, since: this.passed, deadline: Infinity }
    this.calls.push({ ...call, state: 'waiting', outcome: undefined, abort: null })
  }

  /** J5. */
  private refuse(batch: Batch, i: number, { path, got }: Fault): void {
    const { chain } = this
    chain.enter(batch, i)
    chain.origin.step = 0
    chain.takeBack(fail('E_VALUE', { place: `value${path}`, got }), batch.values[i])
  }

  /** Calls what waits, as far as the plan allows. */
  private call(now: number): void {
    const { calls, plan } = this
    const end = Math.min(calls.length, plan.concurrency)
    for (; this.called < end; this.called++) {
      const call = calls[this.called]!
      call.abort = new AbortController()
      call.deadline = now + plan.timeoutMs
      call.state = 'called'
      this.chain.origin.step = 0
      try {
        const answer: unknown = plan.fn(call.value, call.abort.signal)
        // What is known already need not be waited for: it may come out of a cache.
        if (isPromise(answer)) {
          answer.then(
            (result) => this.settle(call, 'done', result),
            (error: unknown) => this.settle(call, 'failed', error),
          )
        } else this.settle(call, 'done', answer)
      } catch (error) {
        this.settle(call, 'failed', error)
      }
    }
  }

  private settle(call: Call, state: 'done' | 'failed', outcome: unknown): void {
    if (call.state !== 'called') return
    call.state = state
    call.outcome = outcome
    this.wake()
  }

  override close(): void {
    for (const call of this.calls) {
      if (call.state !== 'called') continue
      call.state = 'failed'
      call.abort?.abort()
    }
  }

  private expire(now: number): void {
    const unseen = now - this.nextDue() > LATE_MS ? now - this.looked : 0
    this.looked = now
    for (let i = 0; i < this.called; i++) {
      const call = this.calls[i]!
      // Never further off than its whole time, whatever has become of the clock.
      call.deadline = Math.min(call.deadline + unseen, now + this.plan.timeoutMs)
      if (call.state !== 'called' || call.deadline > now) continue
      call.abort?.abort()
      call.state = 'failed'
      call.outcome = fail('E_ASYNC_TIMEOUT', { step: this.step, timeout: this.plan.timeoutMs })
    }
  }

  /** Sends on what has been answered, up to the first call that has not; false when the chain has no room. */
  private emit(): boolean {
    const { calls, chain } = this
    const { origin } = chain
    let sent = 0
    let room = true
    while (sent < this.called) {
      const call = calls[sent]!
      if (call.state === 'called') break
      room = chain.room
      if (!room) break
      sent++
      origin.step = 0
      origin.time = call.time
      origin.split = call.split
      origin.position = call.position
      origin.parent = call.ordinal
      origin.hash = call.hash
      origin.outputs = 0
      chain.begin()
      if (call.state === 'failed') {
        chain.takeBack(call.outcome, call.value)
        continue
      }
      try {
        if (call.outcome !== undefined) chain.push(call.outcome)
      } catch (error) {
        // The answer is what a step behind was given.
        chain.takeBack(error, call.outcome)
      }
    }
    calls.splice(0, sent)
    this.called -= sent
    return room
  }
}

/** Whatever can be waited for, of any kind. */
function isPromise(answer: unknown): answer is PromiseLike<unknown> {
  return typeof (answer as { readonly then?: unknown } | null | undefined)?.then === 'function'
}
