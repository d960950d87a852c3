/**
 * Reads records from a feed and runs them through the first chain.
 *
 * S1. The position of a cut is taken when the last batch before the barrier has passed the whole chain, so that it
 *     covers exactly what is in front of the barrier.
 * S2. A held source polls nothing until it is admitted again (`hold`, `admit`). One behind a barrier that holds polls
 *     nothing until it is released (`release`). Neither ends the other.
 * S3. A source that has ended still cuts: its position belongs into every later epoch, and the barrier behind its end
 *     starts the snapshot of tasks that have no other input.
 * S4. A watermark says that all splits of this source have passed a time. One goes out when time has risen by
 *     `everyMs`, while they are fed in the order of their records' times: what is replayed out of several journals is
 *     not.
 * S5. What a quiet source brings next comes in later than now. It says so where somebody asks for the time: the least
 *     of all sources counts, and one that nobody sends to would keep every key for ever.
 * S6. Where the clock is set back, what comes from now on is of times that were passed before: the source says so, else
 *     no key would expire until the clock is where it has been.
 */
import type { Json } from '../base/json.ts'
import { type Barrier, type Batch, type BatchPool, isHolding, type Marker, SET_BACK_MS } from './batch.ts'
import type { Chain } from './chain.ts'
import type { Task, TaskParts, TaskReports } from './task.ts'

/** What a source task reads from; the worker makes it of a connector, and of the journal where there is one. */
export interface Feed {
  /** Adds up to `max` decoded records to `into`, with all columns but the keys set. */
  poll(into: Batch, max: number, now: number): 'more' | 'idle' | 'ended'
  /** Where reading resumes after everything that was polled. */
  cut(): Json
  /** What it hands over next is no earlier than what it has handed over, by the times of the records. */
  readonly ordered: boolean
  /**
   * Nothing has come in that it has not handed over: the times of what it yields from now on are those of now, or
   * later.
   */
  readonly quiet: boolean
}

/** When watermarks go out. */
export interface Watermarks {
  /** How far time rises between two of them, in milliseconds. */
  readonly everyMs: number
  /** Somebody asks for the time of a quiet source, too (S5). */
  readonly always: boolean
}

export interface SourceTaskParts extends TaskParts {
  readonly feed: Feed
  readonly chain: Chain
  readonly watermarks: Watermarks
}

export class SourceTask implements Task {
  readonly id: number
  readonly step: string
  private readonly feed: Feed
  private readonly chain: Chain
  private readonly pool: BatchPool
  private readonly reports: TaskReports
  private readonly watermarks: Watermarks
  private batch: Batch
  private cursor = 0
  private readonly pending: Marker[] = []
  /** Between `hold` and `admit` (S2). */
  private held = false
  /** Between a barrier that holds and `release` (S2). */
  private behindBarrier = false
  private ended = false
  private watermark = -Infinity
  /** When it ran last. */
  private ranAt = -Infinity

  constructor({ id, step, feed, chain, pool, reports, watermarks }: SourceTaskParts) {
    this.id = id
    this.step = step
    this.feed = feed
    this.chain = chain
    this.pool = pool
    this.reports = reports
    this.watermarks = watermarks
    this.batch = pool.take()
  }

  /** Records come by its feed alone. */
  readonly heldSince = Infinity

  get waits(): boolean {
    return false
  }

  /** Records come by themselves; only the time of a quiet source has to be looked for. */
  get due(): number {
    const { everyMs, always } = this.watermarks
    return always && !this.held && !this.behindBarrier && !this.ended ? this.ranAt + everyMs : Infinity
  }

  get running(): string {
    return this.chain.steps[this.chain.origin.step]!
  }

  /** Cuts the input here: the barrier follows what has been polled. */
  inject(barrier: Barrier): void {
    this.pending.push(barrier)
  }

  hold(): void {
    this.held = true
  }

  /** Polls again after `hold`. */
  admit(): void {
    this.held = false
  }

  release(): void {
    this.behindBarrier = false
  }

  close(): void {}

  tryAgain(batch: Batch): boolean {
    if (this.batch.length > 0) return false
    this.pool.give(this.batch)
    this.batch = batch
    return true
  }

  run(now: number): boolean {
    if (now < this.ranAt - SET_BACK_MS && now < this.watermark) this.tellTime(now) // S6
    this.ranAt = now
    if (!this.pass()) return false
    if (this.pending.length > 0) {
      if (!this.chain.flush()) return false
      while (this.pending.length > 0) this.cut(this.pending.shift()!)
    }
    if (this.held || this.behindBarrier || this.ended) return false
    const { ordered } = this.feed
    const found = this.feed.poll(this.batch, this.pool.capacity, now)
    if (ordered) this.watch(now)
    const passed = this.pass()
    if (found === 'ended') {
      this.ended = true
      this.pending.push({ kind: 'end' })
      return passed
    }
    if (!passed) return false
    // With more to read the leaves fill up by themselves; without, nothing may wait in them.
    if (found === 'more') return true
    this.chain.flush()
    return this.pending.length > 0
  }

  /** Sends a watermark behind the batch that was polled, when it is due (S4, S5). */
  private watch(now: number): void {
    const { batch, feed, watermarks } = this
    if (batch.length === 0 && !(watermarks.always && feed.quiet)) return
    const time = batch.length === 0 ? now : batch.times[batch.length - 1]!
    if (time < this.watermark + watermarks.everyMs) return
    this.tellTime(time)
  }

  private tellTime(time: number): void {
    this.watermark = time
    this.pending.push({ kind: 'watermark', time })
  }

  /** Runs the current batch to its end; false when the chain has no room. */
  private pass(): boolean {
    const { batch } = this
    if (batch.length === 0) return true
    if (this.chain.direct) {
      if (!this.chain.pushWhole(batch)) return false
      this.batch = this.pool.take()
      return true
    }
    this.cursor = this.chain.run(batch, this.cursor)
    if (this.cursor < batch.length) return false
    batch.truncate(0)
    this.cursor = 0
    return true
  }

  private cut(marker: Marker): void {
    if (marker.kind === 'barrier') {
      this.reports.cut(marker, this.id, this.feed.cut())
      if (isHolding(marker)) this.behindBarrier = true
    }
    this.chain.mark(marker)
  }
}
