/**
 * How long the slices are in which one epoch is written on the loop.
 *
 * N3. An epoch is spread over the time that it is given: while more of it is written than of that time has passed, a
 *     slice is as short as one can be. What the loop has to do in a second stays the same; but records wait for several
 *     turns, each turn for a slice, and what piles up while a loop writes in a burst takes as long again to go.
 * N4. Behind that, a slice takes half of the time that everything else took since the one before: a loop that is never
 *     idle gives a third of its time, which ends the epoch.
 */

/** A slice is worth beginning for so long, in milliseconds. */
const LEAST_MS = 0.25

export class Pace {
  /** The longest slice so far, in milliseconds. */
  longestMs = 0
  private readonly overMs: number
  private readonly sliceMs: number
  private readonly startedAt: number
  /** When the last slice ended. */
  private before: number

  /**
   * `overMs`: the time that the epoch is given, 0 for none; `sliceMs`: the most that a slice may take; `now`:
   * monotonic.
   */
  constructor(overMs: number, sliceMs: number, now: number) {
    this.overMs = overMs
    this.sliceMs = sliceMs
    this.startedAt = this.before = now
  }

  /** How long the slice may take that begins `now`, with so much of the epoch `written`, from 0 to 1. */
  next(now: number, written: number): number {
    const isAhead = now - this.startedAt < written * this.overMs
    const share = isAhead ? 0 : (now - this.before) / 2
    return Math.min(this.sliceMs, Math.max(LEAST_MS, share))
  }

  /** The slice that began at `started` is over. */
  took(started: number, now: number): void {
    this.before = now
    this.longestMs = Math.max(this.longestMs, now - started)
  }
}
