/** Which streams a member of a cluster still knows, that other members answer for. */
import { expect, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import type { Stream, StreamRow } from '../../src/ingest/stream.ts'
import { Streams } from '../../src/ingest/streams.ts'

const TTL_MS = 1000
/** Nothing else keeps a stream by then. */
const LATE_MS = 10_000

function known(change: (stream: Stream) => void, named: boolean, journaled = false): number {
  const streams = new Streams('in', makeLimits({ producerTtlMs: TTL_MS }))
  const live = streams.add('', 'live', false)
  const row: StreamRow = ['p', '1', 40, 'w2', 1, 0, true, '']
  streams.reset([row])
  const stream = streams.get('p', '1')!
  stream.state = { phase: 'away', home: 'w2' }
  stream.raiseFloor(40)
  change(stream)
  streams.expire(live, LATE_MS, new Set(named ? [stream] : []), () => journaled)
  return streams.size - 1
}

test('one that its home has forgotten is forgotten everywhere, and not before', () => {
  expect(known(() => {}, true)).toBe(1)
  expect(known(() => {}, false)).toBe(0)
})

test('but for who has records of it, reports it, or is about to go on with it', () => {
  expect(known(() => {}, false, true)).toBe(1)
  expect(known((stream) => (stream.given = stream.row), false)).toBe(1)
  expect(known((stream) => (stream.state = { phase: 'asking', home: 'w2' } as never), false)).toBe(1)
  expect(known((stream) => (stream.time = LATE_MS), false)).toBe(1)
})
