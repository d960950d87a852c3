/** The generator against its published algorithm, written a second time with big integers (R1). */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Prng } from '../../src/base/prng.ts'

const MASK = 0xffff_ffffn

/** xoshiro128** 1.1, from the authors' description. */
function* reference(state: [bigint, bigint, bigint, bigint]): Generator<number> {
  const rotate = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (32n - k))) & MASK
  let [s0, s1, s2, s3] = state
  for (;;) {
    yield Number((rotate((s1 * 5n) & MASK, 7n) * 9n) & MASK)
    const t = (s1 << 9n) & MASK
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = rotate(s3, 11n)
  }
}

/** A generator whose four words of state are given. */
function withState(words: [number, number, number, number]): Prng {
  const prng = new Prng(0)
  const [a, b, c, d] = words
  return Object.assign(prng, { a: a | 0, b: b | 0, c: c | 0, d: d | 0 })
}

test('from the state 1, 2, 3, 4 come the numbers of the reference', () => {
  const prng = withState([1, 2, 3, 4])
  expect([prng.u32(), prng.u32(), prng.u32(), prng.u32()]).toEqual([11520, 0, 5927040, 70819200])
})

test('from any state come the numbers of the reference', () => {
  const word = fc.integer({ min: 0, max: 0xffff_ffff })
  fc.assert(
    fc.property(fc.tuple(word, word, word, word), (words) => {
      const prng = withState(words)
      const expected = reference(words.map(BigInt) as [bigint, bigint, bigint, bigint])
      for (let i = 0; i < 50; i++) expect(prng.u32()).toBe(expected.next().value)
    }),
  )
})

test('a seed gives the numbers that it has always given', () => {
  const first = (seed: number): number[] => {
    const prng = new Prng(seed)
    return [prng.u32(), prng.u32(), prng.u32()]
  }
  expect([first(0), first(1), first(2 ** 53 - 1)]).toMatchInlineSnapshot(`
    [
      [
        3809008728,
        1133695204,
        53579671,
      ],
      [
        2442144158,
        3238099751,
        3819917871,
      ],
      [
        3377881813,
        452688998,
        3609769547,
      ],
    ]
  `)
  expect(() => new Prng(-1)).toThrow('R1')
  expect(() => new Prng(0.5)).toThrow('R1')
})

test('neighbouring seeds, and forks, share nothing', () => {
  const words = new Set<number>()
  for (let seed = 0; seed < 1000; seed++) {
    const prng = new Prng(seed)
    words.add(prng.u32())
    words.add(prng.fork().u32())
    words.add(prng.fork().u32())
    words.add(prng.u32())
  }
  for (let seed = 0; seed < 1000; seed++) words.add(new Prng(seed * 2 ** 32).u32())
  expect(words.size).toBeGreaterThan(4990)
})

test('below is even, also where the range does not divide 2^32', () => {
  const prng = new Prng(5)
  const counts = new Array<number>(7).fill(0)
  for (let i = 0; i < 70_000; i++) counts[prng.below(7)]!++
  const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)
  expect(chiSquare).toBeLessThan(25)
  // With 3 * 2^30 numbers a plain remainder would give the lowest third twice as often.
  let low = 0
  for (let i = 0; i < 30_000; i++) if (prng.below(3 * 2 ** 30) < 2 ** 30) low++
  expect(Math.abs(low - 10_000)).toBeLessThan(500)
  expect(() => prng.below(0)).toThrow()
})

test('a certain outcome draws nothing', () => {
  const [a, b] = [new Prng(1), new Prng(1)]
  expect([a.chance(0), a.chance(1), a.chance(-1), a.chance(2)]).toEqual([false, true, false, true])
  expect(a.u32()).toBe(b.u32())
})

test('an order has every item once, and each order is as likely as the others', () => {
  const prng = new Prng(7)
  const seen = new Map<string, number>()
  for (let i = 0; i < 6000; i++) {
    const order = prng.shuffled([1, 2, 3]).join('')
    seen.set(order, (seen.get(order) ?? 0) + 1)
  }
  expect([...seen.keys()].toSorted()).toEqual(['123', '132', '213', '231', '312', '321'])
  for (const times of seen.values()) expect(Math.abs(times - 1000)).toBeLessThan(150)
})
