/** Whole systems: the seeds that have found something, and fresh ones of every day. */
import { describe, expect, test } from 'vitest'
import seeds from './seeds.json' with { type: 'json' }
import { runSystem } from './system.ts'

/** Wall time that fresh seeds may take, in milliseconds, and how many there are at most. */
const BUDGET_MS = 12_000
const FRESH = 300

describe('seeds that found something', () => {
  test.each(seeds)('$seed: $why', ({ seed }) => {
    expect(runSystem(seed).complaints).toEqual([])
  })
})

test('fresh seeds', () => {
  const from = 1_000_000 + (Date.now() % 1_000_000_000)
  const end = Date.now() + BUDGET_MS
  let seed = from
  for (; seed < from + FRESH && Date.now() < end; seed++) {
    const { complaints } = runSystem(seed)
    expect(complaints, `npm run sim -- ${seed}`).toEqual([])
  }
  process.stdout.write(`simulated ${seed - from} systems from seed ${from} on\n`)
})

test('a system is a function of its seed', () => {
  for (const seed of [3, 300]) {
    const { log, ...first } = runSystem(seed)
    const { log: again, ...second } = runSystem(seed)
    expect(second).toEqual(first)
    expect(again).toEqual(log)
  }
})
