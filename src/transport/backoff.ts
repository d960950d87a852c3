/** How long to wait before the next dial: longer each time, and never the same for two workers. */
import type { Random } from '../env/random.ts'

const FIRST_MS = 20
/** Doublings after which the time no longer grows, whatever the limit. */
const DOUBLINGS = 20
const FINENESS = 1 << 16

export class Backoff {
  private readonly random: Random
  private readonly maxMs: number
  private failures = 0

  constructor(random: Random, maxMs: number) {
    this.random = random
    this.maxMs = maxMs
  }

  /** Half of a doubling time, and up to the other half by chance (Brooker, "Exponential backoff and jitter"). */
  next(): number {
    const limit = Math.min(this.maxMs, FIRST_MS * 2 ** Math.min(this.failures++, DOUBLINGS))
    return limit / 2 + (this.random.below(FINENESS) / FINENESS) * (limit / 2)
  }

  reset(): void {
    this.failures = 0
  }
}
