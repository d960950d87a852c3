/**
 * One thing after another: what an effect raises waits until the effects before it have been carried out, so that no table
 * is stepped within a step of its own.
 */
export class Turns {
  private readonly waiting: (() => void)[] = []
  private running = false

  /** Runs `turn` now, or behind those that are under way. */
  take(turn: () => void): void {
    this.waiting.push(turn)
    if (this.running) return
    this.running = true
    try {
      for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) next()
    } finally {
      this.running = false
    }
  }
}
