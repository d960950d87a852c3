/** How long to wait before the next attempt: longer each time, and never the same for two clients. */

const FIRST_MS = 50

export class Backoff {
  private readonly maxMs: number
  private failures = 0

  constructor(maxMs: number) {
    this.maxMs = maxMs
  }

  /** Half of a doubling time, and up to the other half by chance (Brooker, "Exponential backoff and jitter"). */
  next(): number {
    const limit = Math.min(this.maxMs, FIRST_MS * 2 ** Math.min(this.failures++, 20))
    return limit / 2 + Math.random() * (limit / 2)
  }

  reset(): void {
    this.failures = 0
  }
}
