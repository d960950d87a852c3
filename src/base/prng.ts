/**
 * The generator of pseudo-random numbers behind every simulated run: xoshiro128** 1.1 (Blackman and Vigna, "Scrambled
 * linear pseudorandom number generators", 2018), seeded through splitmix32 so that neighbouring seeds share nothing.
 *
 * R1. The numbers depend on the seed alone: the same seed gives the same numbers on every machine and version.
 */
import { assert } from './assert.ts'

const TWO_32 = 0x1_0000_0000

export class Prng {
  private a: number
  private b: number
  private c: number
  private d: number

  /** `seed` is any integer from 0 to 2^53 - 1. */
  constructor(seed: number) {
    assert(Number.isSafeInteger(seed) && seed >= 0, 'R1: a seed is an integer from 0 to 2^53 - 1')
    const mixer = new SplitMix((seed | 0) ^ Math.imul(Math.floor(seed / TWO_32), 0x9e3779b1))
    this.a = mixer.next()
    this.b = mixer.next()
    this.c = mixer.next()
    this.d = mixer.next()
    // The generator stays at zero for ever when all its state is zero.
    if ((this.a | this.b | this.c | this.d) === 0) this.a = 1
  }

  /** An integer from 0 to 2^32 - 1. */
  u32(): number {
    const product = Math.imul(this.b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9)
    const shifted = this.b << 9
    this.c ^= this.a
    this.d ^= this.b
    this.b ^= this.c
    this.a ^= this.d
    this.c ^= shifted
    this.d = (this.d << 11) | (this.d >>> 21)
    return result >>> 0
  }

  /** An integer from 0 to `n` - 1, each as likely as the others; `n` from 1 to 2^32. */
  below(n: number): number {
    assert(n >= 1 && n <= TWO_32, 'a range has 1 to 2^32 numbers')
    // Numbers at or above the largest multiple of n would favour the small remainders.
    const fair = TWO_32 - (TWO_32 % n)
    let drawn = this.u32()
    while (drawn >= fair) drawn = this.u32()
    return drawn % n
  }

  /** A number from 0 up to, but not including, 1. */
  fraction(): number {
    return this.u32() / TWO_32
  }

  /** A number from `low` up to, but not including, `high`. */
  between(low: number, high: number): number {
    return low + this.fraction() * (high - low)
  }

  /** True with `probability`. Draws nothing when the outcome is certain, so that a fault that is off costs nothing. */
  chance(probability: number): boolean {
    if (probability <= 0) return false
    if (probability >= 1) return true
    return this.fraction() < probability
  }

  /** The items in an order of which each is as likely as the others (Fisher and Yates, in Durstenfeld's form). */
  shuffled<T>(items: readonly T[]): T[] {
    const order = [...items]
    for (let left = order.length; left > 1; left--) {
      const at = this.below(left)
      const last = order[left - 1]!
      order[left - 1] = order[at]!
      order[at] = last
    }
    return order
  }

  /** Another generator, whose numbers share nothing with what this one gives from here on. */
  fork(): Prng {
    return new Prng((this.u32() & 0x1f_ffff) * TWO_32 + this.u32())
  }
}

/** Spreads one word over many (Steele, Lea and Flood's SplitMix with the constants of MurmurHash3's finalizer). */
class SplitMix {
  private state: number

  constructor(seed: number) {
    this.state = seed | 0
  }

  next(): number {
    this.state = (this.state + 0x9e3779b9) | 0
    let z = this.state
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return z ^ (z >>> 16)
  }
}
