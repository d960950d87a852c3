/** How long a writer that dials waits before it dials again. */
import type { Random } from '../../env/random.ts'

const FIRST_MS = 50
const LONGEST_MS = 5000

export class Redial {
  private readonly random: Random
  private ms = FIRST_MS

  constructor(random: Random) {
    this.random = random
  }

  /** Between half and the whole of a time that doubles, so that many writers do not come back at once. */
  next(): number {
    const { ms } = this
    this.ms = Math.min(2 * ms, LONGEST_MS)
    return ms / 2 + this.random.below(ms / 2 + 1)
  }

  /** It is wanted to stay away for `ms`, which is done as far as anything is waited for. */
  stayAway(ms: number): void {
    this.ms = Math.min(Math.max(2 * ms, this.ms), LONGEST_MS)
  }

  /** Somebody is there. */
  reset(): void {
    this.ms = FIRST_MS
  }
}
