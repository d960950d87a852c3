/** One thing after another: what a turn asks for waits until the turns before it are over. */
export class Turns {
  private readonly queue: (() => void)[] = []
  private busy = false

  take(turn: () => void): void {
    this.queue.push(turn)
    if (this.busy) return
    this.busy = true
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) next()
    this.busy = false
  }
}
