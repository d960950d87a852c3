/** The lease of a coordinator with many pipelines, on a store that takes its time: the chain is always busy. */
import { expect, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import type { ChainWriter } from '../../src/checkpoint/chain-writer.ts'
import { type FileStore, openFileStore } from '../../src/checkpoint/file-store.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import { Seat } from '../../src/worker/seat/seat.ts'
import type { SeatWork } from '../../src/worker/seat/work.ts'

const limits = makeLimits()
/** An append takes some 50 ms here, so that of each in turn takes longer than a lease. */
const PIPELINES = 100
const weather = { ...calm, disk: { ...calm.disk, latencyMs: 3, jitterMs: 1, syncMs: 10 } }

/** What a seat asks for, of a worker without state. */
function workOf(seat: () => Seat): SeatWork {
  const nothing = (): void => {}
  return {
    mayGoOn: (_, done) => done(null),
    arrive: (_, done) => done(null),
    restore: ({ number }) => seat().restored(number),
    isSealed: (done) => done(false),
    forget: (done) => done(),
    world: () => ({ keyGroups: 4, splits: [], journals: [], seen: 0 }),
    isEmpty: () => false,
    requestEpoch: (_, __, done) => done('there is none'),
    readAhead: (_, __, done) => done(),
    room: () => null,
    running: () => [],
    outdated: () => false,
    ...{ begin: nothing, stopWork: nothing, resumeWork: nothing, recorded: nothing, jumped: nothing },
    ...{ control: nothing, atDoor: nothing, forgetAhead: nothing, ended: nothing },
  }
}

/** Appends one record behind the other, as a pipeline's epochs are. */
function keepBusy(writer: ChainWriter, pipeline: string): void {
  const how = { hash: 'h', parameters: null, from: null, drop: [], places: [] }
  writer.append(
    ({ generation }) => ({ kind: 'submit', generation, pipeline, ...how }),
    () => keepBusy(writer, pipeline),
  )
}

test('a lease is renewed by what is appended, and by each look since that had its turn (PROTOCOLS 7)', () => {
  const world = new World(1, weather)
  const { env } = world.machine('a').start('a')
  let store: FileStore | null = null
  openFileStore(env, '/store', { worker: 'a', incarnation: 'one' }, (_, opened) => {
    store = opened
  })
  world.run(1000)
  const cluster = { name: 'c', token: 't', store: '/store', expected: 1, listen: { host: 'a', port: 7400 } }
  const seat: Seat = new Seat(
    { env, limits, store: store!, worker: 'a', cluster },
    workOf(() => seat),
  )
  seat.open((error) => expect(error).toBe(null))
  world.run(10_000)
  expect([seat.phase, seat.status.holdsLease]).toEqual(['active', true])
  for (let i = 0; i < PIPELINES; i++) keepBusy(seat.appender, `p${i}`)
  let held = 0
  const before = seat.cluster.next
  for (let s = 1; s <= 300; s++) {
    world.run(10_000 + 100 * s)
    if (seat.status.holdsLease) held++
  }
  // It is as busy as it is meant to be: an append of each takes longer than a lease.
  expect((seat.cluster.next - before) / 30).toBeLessThan(PIPELINES / 3)
  expect(held).toBe(300)
  seat.close()
})
