/** A process's chance, from the run's seed. */
import type { Prng } from '../base/prng.ts'
import type { Random } from '../env/random.ts'

export class SimRandom implements Random {
  private readonly prng: Prng

  constructor(prng: Prng) {
    this.prng = prng
  }

  u32(): number {
    return this.prng.u32()
  }

  below(n: number): number {
    return this.prng.below(n)
  }

  id(): string {
    return hex(this.prng.u32()) + hex(this.prng.u32())
  }
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0')
}
