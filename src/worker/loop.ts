/**
 * The pace of a worker: works while there is work, lets sockets and timers in between, sleeps when there is none.
 *
 * The caller owns the loop: callbacks of the seams only leave things and call `wake`.
 *
 * Where steps are slow a turn is one batch, and what waits for the disk moves on once a turn, while a checkpoint takes
 * dozens of disk operations one after another. So a long turn is followed by a short rest, in which they go as fast as
 * the disk.
 */
import { defaultLimits } from '../base/limits.ts'
import type { Clock, Timer } from '../env/clock.ts'

/**
 * A turn that takes so long, in milliseconds, is followed by a rest of such a share of it. Turns of quick steps are
 * shorter, also behind a collection or a slow disk: where those rested too, the p99 of `npm run bench -- latency` was
 * 20 to 77 ms in place of 6.
 */
const LONG_TURN_MS = 50
const REST_SHARE = 20

export interface Work {
  /** Runs up to `budget` tasks; true when more could run at once. */
  step(now: number, budget: number): boolean
  /** When something wants to run by itself, in milliseconds of `Clock.now`; `Infinity` when nothing does. */
  readonly due: number
  /** Marks what has come due. */
  elapse(now: number): void
}

export class Loop {
  private readonly clock: Clock
  private readonly turnRuns: number
  private readonly works = new Set<Work>()
  private scheduled = false
  private timer: Timer | null = null
  private timerAt = Infinity
  private stopped = false
  /** Until when it rests, by the clock that never goes back. */
  private restsUntil = -Infinity
  /** The time of the last turn. */
  private before = -Infinity

  /** `turnRuns`: task runs of a pipeline between two turns of the event loop. */
  constructor(clock: Clock, turnRuns: number = defaultLimits.turnRuns) {
    this.clock = clock
    this.turnRuns = turnRuns
  }

  add(work: Work): void {
    this.works.add(work)
    this.wake()
  }

  remove(work: Work): void {
    this.works.delete(work)
  }

  /** There is work. Calling it too often is harmless. */
  readonly wake = (): void => {
    if (this.scheduled || this.stopped) return
    this.scheduled = true
    this.clock.soon(this.turn)
  }

  stop(): void {
    this.stopped = true
    this.timer?.cancel()
  }

  private readonly turn = (): void => {
    this.scheduled = false
    if (this.stopped) return
    const began = this.clock.monotonic()
    if (began < this.restsUntil) {
      this.scheduled = true
      this.clock.after(this.restsUntil - began, this.turn)
      return
    }
    const now = this.clock.now()
    // Wall clocks are set back: what was due at a time that is far off now has to look again.
    const elapsed = now < this.before ? Infinity : now
    this.before = now
    let busy = false
    let due = Infinity
    for (const work of this.works) {
      if (work.due <= elapsed) work.elapse(elapsed)
      if (work.step(now, this.turnRuns)) busy = true
      if (work.due < due) due = work.due
    }
    const ended = this.clock.monotonic()
    if (ended - began >= LONG_TURN_MS) this.restsUntil = ended + (ended - began) / REST_SHARE
    if (busy) this.wake()
    else this.sleep(now, due)
  }

  /** Wakes at `due`, unless something does so earlier. */
  private sleep(now: number, due: number): void {
    if (due === this.timerAt) return
    this.timer?.cancel()
    this.timerAt = due
    this.timer = due === Infinity ? null : this.clock.after(Math.max(0, due - now), this.elapsed)
  }

  private readonly elapsed = (): void => {
    this.timerAt = Infinity
    this.timer = null
    this.wake()
  }
}
