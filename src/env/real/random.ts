/** Chance from the operating system. */
import { randomBytes, randomInt } from 'node:crypto'
import type { Random } from '../random.ts'

export class RealRandom implements Random {
  u32(): number {
    return randomInt(2 ** 32)
  }

  below(n: number): number {
    return randomInt(n)
  }

  id(): string {
    return randomBytes(8).toString('hex')
  }
}
