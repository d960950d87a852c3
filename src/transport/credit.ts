/**
 * Byte credit of one channel, counted at both ends (PROTOCOLS 15). Both counts only rise and stand in every `credit`
 * message as sums, so that a message may be lost, late or repeated and nothing is counted twice.
 *
 * C1. The receiver reserves `window` bytes for each channel on its own; nothing is pooled.
 * C2. A batch is sent while credit is above 0, of which it takes the bytes of its frame's payload: one batch may go
 *     beyond it, so a receiver holds at most `window` and one frame. It checks that, whoever sends.
 * C3. Credit returns when the receiving task has taken the batch, and is told once a quarter of the window has
 *     returned: a sender without credit has a whole window on the way, so it always hears of some.
 */
import { assert } from '../base/assert.ts'

/** Share of the window that returns before the sender is told (C3). */
const TOLD_AT = 1 / 4

export class SendCredit {
  /** Bytes ever sent. */
  sent = 0
  private consumed = 0
  private window = 0

  /** The receiver has opened the channel. */
  get open(): boolean {
    return this.window > 0
  }

  /** Bytes that may be sent; below 0 after a batch that went beyond it (C2). */
  get left(): number {
    return this.consumed + this.window - this.sent
  }

  spend(bytes: number): void {
    assert(this.left > 0, 'C2: a batch is sent while there is credit')
    this.sent += bytes
  }

  /** Takes what the receiver has told. `false`: it cannot be true. */
  grant(consumed: number, window: number): boolean {
    if (consumed > this.sent || consumed < this.consumed || window === 0) return false
    this.consumed = consumed
    this.window = window
    return true
  }
}

export class ReceiveCredit {
  readonly window: number
  /** Bytes ever received. */
  arrived = 0
  /** Bytes that the receiving task has taken. */
  consumed = 0
  private told = 0

  constructor(window: number) {
    assert(window > 0, 'C1: a channel has a window')
    this.window = window
  }

  /** Bytes that are here and were not taken. */
  get held(): number {
    return this.arrived - this.consumed
  }

  /** A batch has come. `false`: it was sent without credit (C2). */
  arrive(bytes: number): boolean {
    if (this.arrived >= this.told + this.window) return false
    this.arrived += bytes
    return true
  }

  /** The task has taken a batch. Answers whether the sender is to be told (C3). */
  take(bytes: number): boolean {
    assert(bytes <= this.held, 'C3: what was taken had arrived')
    this.consumed += bytes
    return this.consumed - this.told >= this.window * TOLD_AT
  }

  /** What the sender is told now. */
  tell(): number {
    this.told = this.consumed
    return this.told
  }
}
