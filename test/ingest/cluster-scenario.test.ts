import { expect, test } from 'vitest'
import { runClusterScenario } from './cluster-scenario.ts'

test('nothing acknowledged is lost, nothing counts twice, each stream has one home at a time', () => {
  for (let seed = 1; seed <= 300; seed++) {
    try {
      runClusterScenario(seed)
    } catch (error) {
      expect.fail(`seed ${seed}: ${(error as Error).stack}`)
    }
  }
})
