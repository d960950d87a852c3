import fc from 'fast-check'
import { expect, test } from 'vitest'
import { largestSet } from '../../src/cluster/largest-set.ts'

const names = (count: number) => Array.from({ length: count }, (_, i) => String.fromCharCode(97 + i))

/** By trying all subsets: as large as can be, then the one with the lowest ids. */
function exhaustive(workers: readonly string[], hears: (a: string, b: string) => boolean): readonly string[] {
  let best: readonly string[] = []
  for (let mask = 0; mask < 1 << workers.length; mask++) {
    const set = workers.filter((_, i) => (mask >>> i) & 1)
    if (!set.every((a) => set.every((b) => a === b || hears(a, b)))) continue
    if (set.length > best.length || (set.length === best.length && set.join() < best.join())) best = set
  }
  return best
}

test('the largest set is what trying all subsets finds, whatever the order of the workers', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 8 }),
      fc.array(fc.boolean(), { minLength: 64, maxLength: 64 }),
      fc.nat(),
      (n, edges, turn) => {
        const workers = names(n)
        const hears = (a: string, b: string) => edges[(a.charCodeAt(0) - 97) * 8 + b.charCodeAt(0) - 97]!
        const turned = [...workers.slice(turn % (n || 1)), ...workers.slice(0, turn % (n || 1))].reverse()
        expect(largestSet(turned, hears)).toEqual(exhaustive(workers, hears))
      },
    ),
    { numRuns: 300 },
  )
})

test('workers that hear each other in one direction only are in no set together', () => {
  expect(largestSet(['a', 'b'], (a, b) => a === 'a' && b === 'b')).toEqual(['a'])
})

test('twenty workers in the worst of graphs take no time worth speaking of', () => {
  const workers = names(20)
  const place = (worker: string) => workers.indexOf(worker)
  // Moon and Moser's graph: thirds that do not hear each other, 3^(20/3) maximal sets.
  const set = largestSet(workers, (a, b) => Math.floor(place(a) / 3) !== Math.floor(place(b) / 3))
  expect(set).toHaveLength(7)
  expect(set).toEqual(['a', 'd', 'g', 'j', 'm', 'p', 's'])
})
