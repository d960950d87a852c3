import { expect, test } from 'vitest'
import { Prng } from '../../src/base/prng.ts'
import { SimRandom } from '../../src/sim/random.ts'
import { Backoff } from '../../src/transport/backoff.ts'

test('pauses grow to the limit, differ between two workers, and begin anew after a success', () => {
  const [one, other] = [1, 2].map((seed) => new Backoff(new SimRandom(new Prng(seed)), 1000))
  const pauses = Array.from({ length: 12 }, () => one!.next())
  for (const [i, pause] of pauses.entries()) {
    const limit = Math.min(1000, 20 * 2 ** i)
    expect(pause).toBeGreaterThanOrEqual(limit / 2)
    expect(pause).toBeLessThan(limit)
  }
  expect(Array.from({ length: 12 }, () => other!.next())).not.toEqual(pauses)
  one!.reset()
  expect(one!.next()).toBeLessThan(20)
})
