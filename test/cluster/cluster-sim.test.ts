import { expect, test } from 'vitest'
import { runCluster } from './cluster-sim.ts'

test('in any weather one owner, one coordinator, no lost state; in fair weather everyone works again', () => {
  let generations = 0
  let rescales = 0
  for (let seed = 1; seed <= 40; seed++) {
    try {
      const outcome = runCluster(seed)
      generations += outcome.generations
      rescales += outcome.rescales
    } catch (error) {
      expect.fail(`seed ${seed}: ${(error as Error).stack}`)
    }
  }
  expect(generations).toBeGreaterThan(40 * 4)
  expect(rescales).toBeGreaterThan(40)
})
