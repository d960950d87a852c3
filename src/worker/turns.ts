/**
 * One thing after another: what a turn asks for waits until the turns before it are over.
 *
 * U1. A turn that throws is over: whoever took it hears that, and what waits behind it comes before the next one that
 *     is taken.
 */
export class Turns {
  private readonly queue: (() => void)[] = []
  private busy = false

  take(turn: () => void): void {
    this.queue.push(turn)
    if (this.busy) return
    this.busy = true
    try {
      for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) next()
    } finally {
      this.busy = false
    }
  }
}
