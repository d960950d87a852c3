/**
 * When one side of the acked protocols (`acked.ts`, `delivery.ts`) takes the other one to be gone, counted in the
 * `keepAliveMs` of the `welcome`: whoever has nothing to say for as long sends a ping.
 */

/** Times in a row in which nothing has come. */
export const SILENCES = 4

/**
 * Times that a frame may take to come. A bit that turns in its length makes a frame of it that never ends, and that
 * hides everything behind it, pings too.
 */
export const UNFINISHED = 12

/** What one side has heard of the other, on one connection. */
export class Hearing {
  private silences = 0
  private unfinished = 0
  /** Some of what has come may be of a message that is not whole. */
  private partial = false

  /** Bytes have come. */
  heard(): void {
    this.silences = 0
  }

  /** Bytes of a long message have come that is shown once it is whole, as a WebSocket's. */
  heardPart(): void {
    this.silences = 0
    this.partial = true
  }

  /** A frame is whole. */
  heardFrame(): void {
    this.unfinished = 0
    this.partial = false
  }

  /**
   * `keepAliveMs` have passed, and `waiting` bytes are of a frame that is not whole. Answers `null` while the other
   * side counts as there, otherwise for how many `keepAliveMs` it has given no sign of life.
   */
  look(waiting: number): number | null {
    if (waiting > 0 || this.partial) this.unfinished++
    if (++this.silences > SILENCES) return SILENCES
    return this.unfinished > UNFINISHED ? UNFINISHED : null
  }
}
