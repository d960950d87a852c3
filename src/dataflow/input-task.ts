/**
 * What every task between a source and a sink does: take elements, work through batches from a cursor, and pass
 * markers on behind what came before them.
 *
 * Q1. A marker leaves only after everything that was gathered before it has been flushed (`task.ts`, K2); while there
 *     is no room for that, nothing more is taken.
 * Q2. What comes due by itself waits behind what has to go out first. While that has no room the task asks for no turn,
 *     and is woken when there is room: otherwise it would be run again and again for a time that has passed, to no
 *     effect.
 * Q3. After a barrier that holds a task does nothing, not even what comes due by itself, until it is released
 *     (PROTOCOLS 10): what it did would stand in no epoch.
 * Q4. Behind a task time rises no further than to the oldest record that it holds. Otherwise that record would find
 *     keys expired in later steps which it should have found alive (PROTOCOLS 14).
 * Q5. The end waits until nothing is held, but holds up no barrier meanwhile: an answer may take long, and epochs must
 *     go on completing.
 */
import { type Barrier, Batch, type BatchPool, isHolding, type Marker } from './batch.ts'
import type { Chain } from './chain.ts'
import type { Inputs } from './inputs.ts'
import type { Task, TaskParts, TaskReports } from './task.ts'

export interface InputTaskParts extends TaskParts {
  readonly inputs: Inputs
  readonly chain: Chain
}

export abstract class InputTask implements Task {
  readonly id: number
  readonly step: string
  protected readonly chain: Chain
  protected readonly reports: TaskReports
  private readonly inputs: Inputs
  private readonly pool: BatchPool
  private batch: Batch | null = null
  private cursor = 0
  private marker: Marker | null = null
  /** The end, which has come and has not gone (Q5). */
  private ending: Marker | null = null
  /** Between a barrier that holds and `release` (Q3). */
  private behindBarrier = false
  /** What has to go out first has no room (Q2). */
  private stuck = false
  /** Records that go through the chain once more, before anything else is taken. */
  private repeated: Batch | null = null
  private repeatedCursor = 0
  /** The time of the run that is under way. */
  protected now = 0
  /** The last barrier that has passed. Before the first of a term nobody knows what stood in front of which. */
  protected passed = -1

  constructor({ id, step, inputs, chain, pool, reports }: InputTaskParts) {
    this.id = id
    this.step = step
    this.inputs = inputs
    this.chain = chain
    this.pool = pool
    this.reports = reports
  }

  /** Works on `batch` from `cursor` on; answers the first index that it did not get to for want of room. */
  protected abstract work(batch: Batch, cursor: number): number

  /** Takes the snapshot: everything before the barrier has been worked on, nothing after it. */
  protected abstract snapshot(barrier: Barrier): void

  /** Sends on what the task's own step has made of records; as `work`. */
  protected sendOn(batch: Batch, cursor: number): number {
    return this.chain.run(batch, cursor)
  }

  /** Event time has risen to `time`: outputs may be pushed. */
  protected abstract rise(time: number): void

  /**
   * Nothing follows, or not in this life: last outputs may be pushed. False when the chain had no room for all: asked
   * again.
   */
  protected abstract finish(): boolean

  /** Work that comes due by itself; false when the chain has no room for all of it. */
  protected abstract tick(now: number): boolean

  /** The least time that what it holds may have; `Infinity` where it holds nothing (Q4). */
  protected get heldFrom(): number {
    return Infinity
  }

  /** When something comes due by itself; `Infinity`: never. */
  protected nextDue(): number {
    return Infinity
  }

  get waits(): boolean {
    return this.inputs.waits
  }

  get heldSince(): number {
    return Infinity
  }

  get due(): number {
    return this.behindBarrier || this.stuck ? Infinity : this.nextDue()
  }

  release(): void {
    this.behindBarrier = false
  }

  close(): void {}

  /** Does a little of what is never urgent; true when there is more of it. */
  protected tidy(): boolean {
    return false
  }

  get running(): string {
    return this.chain.steps[this.chain.origin.step]!
  }

  tryAgain(batch: Batch): boolean {
    if (this.repeated !== null) return false
    this.repeated = batch
    return true
  }

  run(now: number): boolean {
    if (this.behindBarrier) return false
    this.now = now
    this.stuck = this.repeated !== null && !this.repeat(this.repeated)
    if (this.stuck) return false
    if (this.batch !== null && !this.pass(this.batch)) return false
    if (this.marker !== null && !this.passMarker(this.marker)) return false
    if (this.ending !== null) this.passMarker(this.ending)
    if (this.stuck || !this.tick(now)) return false
    // Also where there is always something to take.
    const untidy = this.tidy()
    const element = this.inputs.next()
    if (element === undefined) {
      this.chain.flush()
      return untidy
    }
    if (element instanceof Batch) {
      this.batch = element
      return this.pass(element)
    }
    this.marker = element
    return this.passMarker(element)
  }

  private pass(batch: Batch): boolean {
    this.cursor = this.work(batch, this.cursor)
    if (this.cursor < batch.length) return false
    this.batch = null
    this.cursor = 0
    this.pool.give(batch)
    return true
  }

  private repeat(batch: Batch): boolean {
    this.repeatedCursor = this.sendOn(batch, this.repeatedCursor)
    if (this.repeatedCursor < batch.length) return false
    this.repeated = null
    this.repeatedCursor = 0
    this.pool.give(batch)
    return true
  }

  private passMarker(marker: Marker): boolean {
    if (marker.kind === 'watermark') this.rise(marker.time)
    if (isLast(marker) && !this.finish()) {
      if (marker.kind !== 'end') return false
      this.ending = marker
      this.marker = null
      return true
    }
    this.stuck = !this.chain.flush()
    if (this.stuck) return false
    if (marker.kind === 'barrier') {
      this.snapshot(marker)
      this.passed = marker.epoch
    }
    if (marker === this.ending) this.ending = null
    else this.marker = null
    this.chain.mark(marker.kind === 'watermark' ? { ...marker, time: Math.min(marker.time, this.heldFrom) } : marker)
    this.behindBarrier = marker.kind === 'barrier' && isHolding(marker)
    return !this.behindBarrier
  }
}

/** A drain puts out what there is: nobody may come back for it. */
function isLast(marker: Marker): boolean {
  return marker.kind === 'end' || (marker.kind === 'barrier' && marker.purpose === 'drain')
}
