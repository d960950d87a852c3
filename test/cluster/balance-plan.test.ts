/**
 * What is shown of a rebalance: it adds up, is never worse than what stands, keeps to its budget, and is what is done.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { planByLoad } from '../../src/cluster/balance-plan.ts'
import { targetOf } from '../../src/cluster/target.ts'

const GROUPS = 32
const member = (worker: string) => ({ worker, incarnation: `${worker}1`, address: '' })

const scene = fc
  .record({ size: fc.integer({ min: 1, max: 6 }), budget: fc.integer({ min: 1, max: 40 }) })
  .chain(({ size, budget }) =>
    fc.record({
      size: fc.constant(size),
      budget: fc.constant(budget),
      owners: fc.array(fc.integer({ min: 0, max: size - 1 }), {
        minLength: GROUPS,
        maxLength: GROUPS,
      }),
      load: fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { minLength: GROUPS, maxLength: GROUPS }),
    }),
  )
  .map(({ size, owners, load, budget }) => ({
    origin: {
      members: Array.from({ length: size }, (_, i) => member(`w${i}`)),
      owners: Uint16Array.from(owners),
    },
    load: Float64Array.from(load),
    budget,
  }))

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

test('a plan of a rebalance is never worse than what stands, keeps to its budget, and adds up', () => {
  fc.assert(
    fc.property(scene, ({ origin, load, budget }) => {
      const { workers, moves, before, after } = planByLoad(origin, load, budget)
      expect(after).toBeLessThanOrEqual(before + 1e-9)
      expect(moves.length).toBeLessThanOrEqual(budget)
      const most = (of: (worker: (typeof workers)[number]) => number) => Math.max(...workers.map(of))
      expect(most(({ loadAfter }) => loadAfter)).toBeLessThanOrEqual(most((worker) => worker.load) + 1e-6)
      const mean = sum([...load]) / workers.length
      if (mean > 0) {
        expect(before).toBeCloseTo(most((worker) => worker.load) / mean, 5)
        expect(after).toBeCloseTo(most(({ loadAfter }) => loadAfter) / mean, 5)
      }
      expect(sum(workers.map((worker) => worker.load))).toBeCloseTo(sum([...load]), 5)
      expect(sum(workers.map(({ loadAfter }) => loadAfter))).toBeCloseTo(sum([...load]), 5)
      expect(sum(workers.map(({ keyGroupsAfter }) => keyGroupsAfter))).toBe(GROUPS)
      for (const { worker, load, loadAfter } of workers) {
        const gets = sum(moves.filter(({ to }) => to === worker).map((move) => move.load))
        const gives = sum(moves.filter(({ from }) => from === worker).map((move) => move.load))
        expect(loadAfter).toBeCloseTo(load + gets - gives, 5)
      }
    }),
  )
})

test('a plan of a rebalance is what the coordinator does of the same load, wherever it is made', () => {
  fc.assert(
    fc.property(scene, ({ origin, load, budget }) => {
      const { moves } = planByLoad(origin, load, budget)
      expect(planByLoad(origin, load, budget).moves).toEqual(moves)
      const request = { kind: 'rebalance', worker: 'w0', number: 1, load, budget, skipStalled: false } as const
      const target = targetOf(origin, [request])
      const done = (target?.moves ?? []).flatMap(({ from, to, keyGroups }) =>
        keyGroups.map((keyGroup) => ({ keyGroup, from, to })),
      )
      const order = (a: { keyGroup: number }, b: { keyGroup: number }) => a.keyGroup - b.keyGroup
      expect(done.toSorted(order)).toEqual(moves.map(({ keyGroup, from, to }) => ({ keyGroup, from, to })))
    }),
  )
})
