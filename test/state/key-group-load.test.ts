/**
 * The sample of what key groups are given: shares come out right whatever the size of batches and the order of keys.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KeyGroupLoad } from '../../src/state/key-group-load.ts'

const GROUPS = 8
const SHIFT = 29
const hashOf = (group: number): number => group << SHIFT

test('the load of key groups counts about as many records as came, group by group, over batches of any size', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 20, maxLength: 60 }),
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: GROUPS, maxLength: GROUPS }),
      (sizes, weights) => {
        fc.pre(weights.some((weight) => weight > 0))
        const cycle = weights.flatMap((weight, group) => new Array<number>(weight).fill(group))
        // A cycle as long as the sample's stride would meet the same keys for ever.
        fc.pre(cycle.length % 7 !== 0)
        const load = new KeyGroupLoad(GROUPS, SHIFT)
        const came = new Array<number>(GROUPS).fill(0)
        let n = 0
        for (const size of sizes) {
          const hashes = Int32Array.from({ length: size }, () => hashOf(cycle[n++ % cycle.length]!))
          for (const hash of hashes) came[hash >>> SHIFT]!++
          load.add(hashes, size)
        }
        for (const [group, count] of came.entries()) {
          expect(Math.abs(load.records[group]! - count)).toBeLessThanOrEqual(7 * (cycle.length + 7))
        }
        expect(Math.abs(load.records.reduce((a, b) => a + b, 0) - n)).toBeLessThan(7)
      },
    ),
  )
})

test('the load of key groups begins anew when it is reset', () => {
  const load = new KeyGroupLoad(GROUPS, SHIFT)
  load.add(Int32Array.of(hashOf(3)), 1)
  expect(load.records[3]).toBe(7)
  load.reset()
  expect(load.records).toEqual(new Float64Array(GROUPS))
})
