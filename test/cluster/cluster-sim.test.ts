import { expect, test } from 'vitest'
import { runCluster } from './cluster-sim.ts'

const SEEDS = 40
/** And these, in which who leaves is long at it. */
const LONG_LEAVES = [68, 305]
const seeds = [...Array.from({ length: SEEDS }, (_, i) => i + 1), ...LONG_LEAVES]
const outcomes: ReturnType<typeof runCluster>[] = []

test.each(seeds)(
  'seed %i: in any weather one owner, one coordinator, no lost state; in fair weather everyone works again',
  (seed) => {
    outcomes.push(runCluster(seed))
  },
)

test('the simulated clusters begin generations and change owners, or they would prove nothing', () => {
  const sum = (what: 'generations' | 'rescales') => outcomes.reduce((total, outcome) => total + outcome[what], 0)
  expect(outcomes.length).toBe(seeds.length)
  expect(sum('generations')).toBeGreaterThan(SEEDS * 4)
  expect(sum('rescales')).toBeGreaterThan(SEEDS)
})
