/** When a worker looks into the chain and at the beats (`src/worker/seat/look.ts`). */
import { expect, test } from 'vitest'
import { fail, type PotorooError } from '../../src/base/errors.ts'
import type { ChainReader } from '../../src/checkpoint/chain-reader.ts'
import { emptyCluster } from '../../src/checkpoint/cluster.ts'
import type { Clock } from '../../src/env/clock.ts'
import { Look } from '../../src/worker/seat/look.ts'

const unread = fail('E_STORE', { operation: 'read', path: 'chain/1', reason: 'EIO' })

test('beats that were asked for once more are read, also where the chain was not to be read at first and a hint comes before the next try', () => {
  const said: string[] = []
  let nowMs = 1000
  let answer: ((error: PotorooError | null) => void) | null = null
  const timers: { readonly atMs: number; readonly fn: () => void }[] = []
  const clock = {
    monotonic: () => nowMs,
    after: (ms: number, fn: () => void) => {
      timers.push({ atMs: nowMs + ms, fn })
      return { cancel: () => timers.splice(0) }
    },
  } as unknown as Clock
  const reader = {
    cluster: emptyCluster,
    follow: (done: (error: PotorooError | null) => void) => {
      answer = done
    },
  } as unknown as ChainReader
  const look = new Look(
    clock,
    reader,
    { read: (_, done) => done({ beats: [], young: false, late: new Set(), seen: 0 }) },
    500,
    {
      followed: () => said.push('chain'),
      seen: (_, reread) => said.push(reread ? 'beats once more' : 'beats'),
      gone: () => new Set(),
      missed: () => said.push('missed'),
      failed: (error) => said.push(error.code),
    },
  )
  look.again(true)
  answer!(unread)
  expect(said.splice(0)).toEqual(['missed'])
  look.atChain()
  answer!(null)
  expect(said.splice(0)).toEqual(['chain'])
  nowMs += 500
  for (const { atMs, fn } of timers.splice(0)) if (atMs <= nowMs) fn()
  answer!(null)
  expect(said).toEqual(['chain', 'beats once more'])
})
