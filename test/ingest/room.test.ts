/** Who waits for room, and who does not any more. */
import { beforeEach, expect, test } from 'vitest'
import { Room } from '../../src/ingest/room.ts'
import type { IngestSource } from '../../src/ingest/source.ts'
import { encodeAcked, NO_CLAIM } from '../../src/protocol/acked.ts'
import { World } from '../../src/sim/world.ts'
import { linesOf, Rig, waitersOf } from './fixture.ts'

let rig: Rig

beforeEach(() => {
  const world = new World(1)
  rig = new Rig(world, world.machine('m'), 'rig').started()
})

test('whoever waits is called once there is room, and who wants none any more is not', () => {
  const room = new Room(rig.process.env.clock, 100)
  const called: string[] = []
  const gone = (): void => void called.push('gone')
  room.when(gone)
  room.when(() => called.push('here'))
  room.forget(gone)
  room.held = null
  room.give()
  rig.settle()
  room.give()
  expect(called).toEqual(['here'])
})

test('of thousands who wait only so many go on at a time as there is room for, and each in its turn', () => {
  const room = new Room(rig.process.env.clock, 1 << 20)
  const called: number[] = []
  const bringing = (i: number) => (): void => {
    called.push(i)
    room.buffered += 64 << 10
  }
  for (let i = 0; i < 1000; i++) room.when(bringing(i))
  room.held = null
  room.give()
  expect(called).toHaveLength(16)
  room.give()
  rig.settle()
  expect(called).toHaveLength(16)
  for (let i = 0; i < 1000; i += 16) {
    room.buffered = 0
    room.give()
    rig.settle()
  }
  expect(called).toEqual(Array.from({ length: 1000 }, (_, i) => i))
})

test('who has nothing to bring keeps nobody waiting', () => {
  const room = new Room(rig.process.env.clock, 1 << 20)
  let called = 0
  for (let i = 0; i < 1000; i++) room.when(() => called++)
  room.held = null
  room.give()
  rig.settle()
  expect(called).toBe(1000)
})

const waits: readonly [what: string, begin: (source: IngestSource) => () => void][] = [
  [
    'a lane whose connection has ended',
    (source) => {
      const lane = source.lane('test')
      expect(lane.ready()).toBe(false)
      return () => lane.close()
    },
  ],
  [
    'a session whose connection has ended',
    (source) => {
      const session = source.session(
        'test',
        () => true,
        () => {},
      )
      const names = { producer: 'p', incarnation: '1', source: 'lines', token: '', oldest: 1 }
      const hello = encodeAcked({ kind: 'hello', newest: 1, oldestVersion: 1, ...names, ...NO_CLAIM })
      expect(session.onBytes(hello)).toBe(false)
      return () => session.onClosed()
    },
  ],
  [
    'a request that is given up',
    (source) => {
      const { bytes, cuts } = linesOf(['a'])
      const request = source.requests.bring(bytes, cuts, null, 'journaled', () => {})
      return () => request.cancel()
    },
  ],
]

test.each(waits)('%s waits no longer', (_, begin) => {
  const source = rig.source!
  const waiting = waitersOf(source)
  source.hold('no lease')
  const end = begin(source)
  expect(waiting.size).toBe(1)
  end()
  expect(waiting.size).toBe(0)
})
