import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Extents } from '../../src/ingest/extents.ts'

const runs = fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 12 })), { maxLength: 20 })

test('runs that come in any order say what a set of numbers would', () => {
  fc.assert(
    fc.property(runs, fc.integer({ min: 0, max: 70 }), (list, position) => {
      const extents = new Extents()
      const set = new Set<number>()
      for (const [first, length] of list) {
        extents.add(first, first + length)
        for (let n = first; n <= first + length; n++) set.add(n)
      }
      let end = position
      while (set.has(end + 1)) end++
      expect(extents.runFrom(position)).toBe(end)
      const above = extents.above(position)
      const numbers = above.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i))
      expect(numbers).toEqual([...set].filter((n) => n > position).toSorted((a, b) => a - b))
      for (let i = 1; i < above.length; i++) expect(above[i]!.first).toBeGreaterThan(above[i - 1]!.last + 1)
      expect(extents.last).toBe(Math.max(0, ...set))
    }),
  )
})
