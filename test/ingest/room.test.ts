/** Who waits for room, and who does not any more. */
import { beforeEach, expect, test } from 'vitest'
import { Room } from '../../src/ingest/room.ts'
import { encodeAcked, NO_CLAIM } from '../../src/protocol/acked.ts'
import { World } from '../../src/sim/world.ts'
import { linesOf, Rig, waitersOf } from './fixture.ts'

let rig: Rig

beforeEach(() => {
  const world = new World(1)
  rig = new Rig(world, world.machine('m'), 'rig').started()
})

test('whoever waits is called once there is room, and who wants none any more is not', () => {
  const room = new Room(100)
  const called: string[] = []
  const gone = (): void => void called.push('gone')
  room.when(gone)
  room.when(() => called.push('here'))
  room.forget(gone)
  room.held = null
  room.give()
  room.give()
  expect(called).toEqual(['here'])
})

test('a lane whose connection has ended waits no longer', () => {
  const waiting = waitersOf(rig.source!)
  rig.source!.hold('no lease')
  const lane = rig.source!.lane('test')
  expect(lane.ready()).toBe(false)
  expect(waiting.size).toBe(1)
  lane.close()
  expect(waiting.size).toBe(0)
})

test('a session whose connection has ended waits no longer', () => {
  const waiting = waitersOf(rig.source!)
  rig.source!.hold('no lease')
  const session = rig.source!.session(
    'test',
    () => true,
    () => {},
  )
  const names = { producer: 'p', incarnation: '1', source: 'lines', token: '', oldest: 1 }
  expect(session.onBytes(encodeAcked({ kind: 'hello', newest: 1, oldestVersion: 1, ...names, ...NO_CLAIM }))).toBe(
    false,
  )
  expect(waiting.size).toBe(1)
  session.onClosed()
  expect(waiting.size).toBe(0)
})

test('a request that is given up waits no longer', () => {
  const waiting = waitersOf(rig.source!)
  rig.source!.hold('no lease')
  const { bytes, cuts } = linesOf(['a'])
  const request = rig.source!.requests.bring(bytes, cuts, null, 'journaled', () => {})
  expect(waiting.size).toBe(1)
  request.cancel()
  expect(waiting.size).toBe(0)
})
