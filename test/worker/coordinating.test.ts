import { expect, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import type { Clock } from '../../src/env/clock.ts'
import {
  Coordinating,
  type CoordinatingParts,
  type CoordinatingSeams,
  type MailToMembers,
} from '../../src/worker/execution/epochs/coordinating.ts'

/** A clock that stands until its only timer is let fire. */
class Standing {
  nowMs = 0
  waits: { readonly at: number; readonly fn: () => void } | null = null
  asked = 0

  monotonic(): number {
    return this.nowMs
  }

  after(ms: number, fn: () => void) {
    expect(this.waits).toBe(null)
    this.asked++
    this.waits = { at: this.nowMs + ms, fn }
    return {
      cancel: () => {
        this.waits = null
      },
    }
  }

  /** Fires `early` milliseconds before it is due. */
  fire(early = 0): void {
    const { at, fn } = this.waits!
    this.waits = null
    this.nowMs = at - early
    fn()
  }
}

test('O3: it looks at the time when an epoch is due, or late, and at no other', () => {
  const clock = new Standing()
  const begun: number[] = []
  const limits = makeLimits({ checkpointIntervalMs: 1000, checkpointTimeoutMs: 5000 })
  const parts: CoordinatingParts = { frame: null as never, members: new Map([['w1', 'i']]), base: null, highest: 6 }
  const seams = { clock: clock as unknown as Clock, limits } as CoordinatingSeams
  const post = {
    startEpoch: (epoch: number) => begun.push(epoch),
    endEpoch: () => {},
  } as unknown as MailToMembers
  const coordinating = new Coordinating(seams, parts, post, () => {})
  expect(clock.waits).toBe(null)
  coordinating.start()
  expect(clock.waits?.at).toBe(1000)
  clock.fire(0.5)
  expect([begun, clock.waits?.at]).toEqual([[], 1000])
  clock.fire()
  expect([begun, clock.waits?.at, clock.asked]).toEqual([[7], 6000, 3])
  coordinating.stop()
  expect(clock.waits).toBe(null)
})
