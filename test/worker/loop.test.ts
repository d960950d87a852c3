/**
 * The pace of a worker.
 *
 * - a busy one lets the event loop turn once between two turns, and rests behind a long one
 */
import { expect, test } from 'vitest'
import type { Clock } from '../../src/env/clock.ts'
import { Loop, type Work } from '../../src/worker/loop.ts'

/** Work without an end, of which each turn takes so many milliseconds; answers what the loop asked of its clock. */
function asked(turns: readonly number[]): readonly string[] {
  const wishes: string[] = []
  const left = [...turns]
  let nowMs = 0
  let next: (() => void) | null = null
  const wish = (what: string, fn: () => void) => {
    wishes.push(what)
    next = fn
    return { cancel: () => {} }
  }
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    after: (ms, fn) =>
      wish(`after ${ms}`, () => {
        nowMs += ms
        fn()
      }),
    soon: (fn) => void wish('soon', fn),
  }
  const loop = new Loop(clock)
  const work: Work = {
    due: Infinity,
    elapse: () => {},
    step() {
      nowMs += left.shift()!
      // What comes meanwhile is no reason to go on any earlier.
      loop.wake()
      return true
    },
  }
  loop.add(work)
  while (left.length > 0) next!()
  return wishes
}

test('a long turn is followed by a rest of a twentieth of it', () => {
  expect(asked([1, 49, 60, 100, 2])).toEqual(['soon', 'soon', 'soon', 'soon', 'after 3', 'soon', 'after 5', 'soon'])
})
