/**
 * What an operator hears of things that any stranger can bring about, as often as he likes: of the same one once, and
 * of a few different ones in a minute. All of them are counted elsewhere.
 */
import type { Clock } from '../env/clock.ts'

const DIFFERENT_MAX = 10
const TOGETHER_MS = 60_000

export class Sparing {
  private readonly clock: Clock
  private readonly said = new Set<string>()
  /** When the last of them was said. */
  private saidMs = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Whether `what` is to be said now. */
  isNews(what: string): boolean {
    const now = this.clock.monotonic()
    if (this.said.size >= DIFFERENT_MAX && now - this.saidMs >= TOGETHER_MS) this.said.clear()
    if (this.said.has(what) || this.said.size >= DIFFERENT_MAX) return false
    this.said.add(what)
    this.saidMs = now
    return true
  }
}
