/**
 * Whether a source takes anything more, and who waits until it does.
 *
 * U1. What the pipeline has not taken takes up `bytesMax` of memory at most; who waits goes on when half of that is free.
 */
import type { PotorooError } from '../base/errors.ts'

export class Room {
  /** Bytes of memory of what came in and was not taken yet. */
  buffered = 0
  /** Why nothing is taken in at all, or `null`. */
  held: string | null = 'the pipeline has not started'
  /** Why nothing more is taken in, while what came goes on to be fed; `null` where something is. */
  shut: string | null = null
  /** The source's share of the journal is used up. */
  full: PotorooError | null = null
  private readonly bytesMax: number
  private readonly waiting = new Set<() => void>()

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  get isOpen(): boolean {
    const { held, shut, full, buffered } = this
    return held === null && shut === null && full === null && buffered < this.bytesMax
  }

  /** Why connections have to wait, or `null`. */
  get blockedBy(): string | null {
    if (this.held !== null) return this.held
    if (this.shut !== null) return this.shut
    if (this.full !== null) return this.full.message
    return this.buffered < this.bytesMax ? null : 'the pipeline is behind'
  }

  /** Calls `fn` once, when there is room again. */
  when(fn: () => void): void {
    this.waiting.add(fn)
  }

  /** `fn` wants none any more: who has gone takes up no memory, however long there is no room. */
  forget(fn: () => void): void {
    this.waiting.delete(fn)
  }

  /** Lets those who wait go on, where there is room for them. */
  give(): void {
    if (this.waiting.size === 0 || !this.isOpen || this.buffered > this.bytesMax / 2) return
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const fn of waiting) fn()
  }
}
