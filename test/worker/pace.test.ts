/**
 * The pace at which an epoch is written:
 * - short slices while it is ahead of its time
 * - half of what everything else took while it is behind, and never more than a slice may take
 * - a loop without any other work gives nearly all its time, a full one a third, and both end
 */
import { expect, test } from 'vitest'
import { Pace } from '../../src/worker/execution/epochs/pace.ts'

const SLICE_MS = 2

/** Writes an epoch of `workMs` on a loop whose other work takes `turnMs` between two slices; answers what it took. */
function write(overMs: number, workMs: number, turnMs: number): { tookMs: number; longestMs: number } {
  const pace = new Pace(overMs, SLICE_MS, 0)
  let now = 0
  let done = 0
  while (done < workMs) {
    now += turnMs
    const slice = Math.min(workMs - done, pace.next(now, done / workMs))
    pace.took(now, now + slice)
    now += slice
    done += slice
  }
  return { tookMs: now, longestMs: pace.longestMs }
}

test('an epoch that has time is written in short slices, over the time that it is given', () => {
  const { tookMs, longestMs } = write(500, 100, 1)
  expect(longestMs).toBeLessThan(0.6)
  expect(tookMs).toBeGreaterThan(450)
  expect(tookMs).toBeLessThan(550)
})

test('one that has too little gets a third of the loop, in slices no longer than they may be', () => {
  for (const turnMs of [1, 3, 20]) {
    const { tookMs, longestMs } = write(100, 400, turnMs)
    expect(longestMs).toBeLessThanOrEqual(Math.min(SLICE_MS, turnMs / 2) + 1e-9)
    expect(tookMs).toBeLessThan(400 + (400 / Math.min(SLICE_MS, turnMs / 2)) * turnMs + turnMs + 1)
  }
})

test('one that is wanted at once does not wait for its time', () => {
  expect(write(0, 100, 0.01).tookMs).toBeLessThan(110)
  expect(write(0, 100, 3).tookMs).toBeLessThan(310)
})
