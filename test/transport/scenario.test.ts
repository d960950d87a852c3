import { expect, test } from 'vitest'
import { runScenario } from './scenario.ts'

test('everything arrives once and in order, and only in its generation', () => {
  const losses = new Set<string>()
  let resumptions = 0
  for (let seed = 1; seed <= 50; seed++) {
    try {
      const outcome = runScenario(seed)
      for (const code of outcome.losses) losses.add(code)
      resumptions += outcome.resumptions
    } catch (error) {
      expect.fail(`seed ${seed}: ${(error as Error).stack}`)
    }
  }
  // The runs are what they claim to be.
  expect([...losses]).toEqual(expect.arrayContaining(['E_LINK_INCARNATION', 'E_LINK_LOST']))
  expect(resumptions).toBeGreaterThan(300)
})
