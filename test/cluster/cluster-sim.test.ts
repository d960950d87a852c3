import { expect, test } from 'vitest'
import { runCluster } from './cluster-sim.ts'

/** Seeds of one test: so many take about a second. */
const SEEDS = 10

test.each([1, 11, 21, 31])(
  'in any weather one owner, one coordinator, no lost state; in fair weather everyone works again: from seed %i on',
  (from) => {
    let generations = 0
    let rescales = 0
    for (let seed = from; seed < from + SEEDS; seed++) {
      try {
        const outcome = runCluster(seed)
        generations += outcome.generations
        rescales += outcome.rescales
      } catch (error) {
        expect.fail(`seed ${seed}: ${(error as Error).stack}`)
      }
    }
    expect(generations).toBeGreaterThan(SEEDS * 4)
    expect(rescales).toBeGreaterThan(SEEDS)
  },
)
