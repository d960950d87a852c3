/** Z1: a run is a function of its seed. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { runScenario } from './scenario.ts'

const program = fileURLToPath(new URL('./scenario.ts', import.meta.url))

test('the same seed gives the same run, another seed another one', () => {
  const fingerprints = new Set<string>()
  for (let seed = 1; seed <= 40; seed++) {
    const first = runScenario(seed)
    expect(runScenario(seed)).toEqual(first)
    expect(first.events).toBeGreaterThan(100)
    fingerprints.add(first.fingerprint)
  }
  expect(fingerprints.size).toBe(40)
})

test('the same seed gives the same run in another process', () => {
  for (const seed of [3, 11]) {
    const elsewhere = execFileSync(process.execPath, [program, String(seed)], { encoding: 'utf8' })
    expect(elsewhere).toBe(runScenario(seed).fingerprint)
  }
})
