import { expect, test } from 'vitest'
import { type Found, look, startPulse } from '../../../src/worker/seat/detector/pulse.ts'

const settings = { stuckMs: 1000, lookMs: 300 }

/** What is found at looks `[ms, counter]`. */
function looks(...at: readonly (readonly [ms: number, count: number])[]): Found[] {
  let pulse = startPulse(0, 0)
  return at.map(([ms, count]) => {
    const { next, found } = look(pulse, count, ms, settings)
    pulse = next
    return found
  })
}

test('a loop is stuck when its counter has stood for long enough, and returns when it moves', () => {
  const standing = [250, 500, 750, 1000, 1250].map((ms) => [ms, 0] as const)
  expect(looks(...standing, [1500, 1], [1750, 2])).toEqual([
    'beats',
    'beats',
    'beats',
    'stops',
    'stands',
    'returns',
    'beats',
  ])
})

test('a counter that has wrapped around moves too', () => {
  expect(looks([250, 2 ** 31 - 1], [500, -(2 ** 31)], [1400, -(2 ** 31) + 1])).toEqual(['beats', 'beats', 'beats'])
})

test('time in which nobody looked is not held against the loop', () => {
  expect(looks([250, 0], [60_000, 0], [60_250, 0], [60_500, 0])).toEqual(['beats', 'beats', 'beats', 'stops'])
})
