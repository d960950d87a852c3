/**
 * Whether a source takes anything more, and who waits until it does.
 *
 * U1. What the pipeline has not taken takes up `bytesMax` of memory at most; who waits goes on when half of that is
 *     free.
 * U2. Of those who wait only so many go on at a time as there is room for what each brings, and the next ones when
 *     these have had their turn: thousands would bring a hundred times what there is room for before the first of them
 *     is told to wait.
 */
import type { PotorooError } from '../base/errors.ts'
import type { Clock } from '../env/clock.ts'

/** What one brings before it looks whether there is room, about. */
const BROUGHT_BYTES = 64 << 10

export class Room {
  /** Bytes of memory of what came in and was not taken yet. */
  buffered = 0
  /** Why nothing is taken in at all, or `null`. */
  held: string | null = 'the pipeline has not started'
  /** Why nothing more is taken in, while what came goes on to be fed; `null` where something is. */
  shut: string | null = null
  /** The source's share of the journal is used up. */
  full: PotorooError | null = null
  private readonly clock: Pick<Clock, 'soon'>
  private readonly bytesMax: number
  private readonly waiting = new Set<() => void>()
  /** Some have just gone on (U2). */
  private inTurn = false

  constructor(clock: Pick<Clock, 'soon'>, bytesMax: number) {
    this.clock = clock
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

  /** Lets those who wait longest go on, where there is room for them. */
  readonly give = (): void => {
    const { waiting, buffered, bytesMax } = this
    if (this.inTurn || waiting.size === 0 || !this.isOpen || buffered > bytesMax / 2) return
    const next = [...waiting].slice(0, Math.ceil((bytesMax - buffered) / BROUGHT_BYTES))
    for (const fn of next) waiting.delete(fn)
    this.inTurn = true
    this.clock.soon(() => {
      this.inTurn = false
      this.give()
    })
    for (const fn of next) fn()
  }
}
