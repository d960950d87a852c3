import { expect, test } from 'vitest'
import { runScenario } from './scenario.ts'

test('nothing acknowledged is lost, nothing counts twice, order is kept', () => {
  for (let seed = 1; seed <= 200; seed++) {
    try {
      runScenario(seed)
    } catch (error) {
      expect.fail(`seed ${seed}: ${(error as Error).stack}`)
    }
  }
})
