/** Heartbeats in a simulated world, where what crosses the wire may be anything. */
import { expect, test } from 'vitest'
import { fail, type PotorooError } from '../../../src/base/errors.ts'
import { makeLimits } from '../../../src/base/limits.ts'
import type { Store } from '../../../src/checkpoint/store.ts'
import type { Beat } from '../../../src/cluster/beats.ts'
import { drawAnew, isTwice, noNamesake, watchNamesake } from '../../../src/cluster/namesake.ts'
import type { Connection } from '../../../src/env/network.ts'
import { calm } from '../../../src/sim/weather.ts'
import { type SimProcess, World } from '../../../src/sim/world.ts'
import { Heartbeats } from '../../../src/worker/seat/heartbeats.ts'

const limits = makeLimits({ heartbeatMs: 250, linkDialTimeoutMs: 1000 })
const nowhere = {
  read: (_: string, done: (error: null, bytes: null) => void) => done(null, null),
  put: (_: string, __: Uint8Array, done: (error: null) => void) => done(null),
} as unknown as Store

function heartbeats({ env }: SimProcess, worker: string, then: (one: Heartbeats) => void): void {
  const seams = { env, store: nowhere, limits, cluster: 'c', token: 't', host: worker, reach: worker }
  const watcher = { worker, incarnation: `${worker}-1`, address: `${worker}:1`, seen: 0 }
  new Heartbeats(seams, watcher, { changed: () => {}, found: () => {} }).listen((_, one) => then(one))
}

test('a worker is heard again soon after a bit has turned in the length of a heartbeat', () => {
  const world = new World(1, calm)
  const [a, b] = ['a', 'b'].map((name) => world.machine(name).start(name)) as [SimProcess, SimProcess]
  let turned = false
  // The beats of `b` come with one bit turned, once: a frame that seems to be 64 KiB long.
  const { network } = b.env
  const dial: typeof network.dial = (to, handler) => {
    const connection: Connection = network.dial(to, handler)
    const write = connection.write.bind(connection)
    connection.write = (bytes) => {
      if (turned || world.now < 2000) return write(bytes)
      turned = true
      const damaged = Buffer.from(bytes)
      damaged[6]! ^= 1
      return write(damaged)
    }
    return connection
  }
  const damaging = { ...b, env: { ...b.env, network: { listen: network.listen.bind(network), dial } } } as SimProcess
  let listener: Heartbeats | null = null
  heartbeats(a, 'a', (one) => {
    listener = one
    one.tell({ kind: 'linked', worker: 'b', incarnation: 'b-1' })
    heartbeats(damaging, 'b', (other) =>
      other.follow([{ worker: 'a', incarnation: 'a-1', heartbeats: one.beat.heartbeats }]),
    )
  })
  world.run(2000)
  expect(listener!.beat.hears).toHaveLength(1)
  world.run(3000)
  expect(turned).toBe(true)
  world.run(20_000)
  expect(listener!.beat.hears).toHaveLength(1)
})

test('who calls and says nothing has no room for long, and a worker is heard all the same', () => {
  const world = new World(1, calm)
  const [a, b, stranger] = ['a', 'b', 'c'].map((name) => world.machine(name).start(name)) as SimProcess[]
  let listener: Heartbeats | null = null
  let open = 0
  let insists = true
  // Comes again as soon as it is turned out.
  const call = (port: number): void => {
    stranger!.env.network.dial(
      { host: 'a', port },
      {
        onOpen: () => open++,
        onBytes: () => {},
        onEnd: () => {
          open--
          if (insists) stranger!.env.clock.after(50, () => call(port))
        },
        onDrain: () => {},
        onClosed: () => {},
      },
    )
  }
  heartbeats(a!, 'a', (one) => {
    listener = one
    one.tell({ kind: 'linked', worker: 'b', incarnation: 'b-1' })
    for (let i = 0; i < 8 * limits.workers; i++) call(Number(one.beat.heartbeats.split(':')[1]))
  })
  world.run(500)
  expect(open).toBeLessThan(2 * limits.linkGreetings)
  heartbeats(b!, 'b', (other) =>
    other.follow([{ worker: 'a', incarnation: 'a-1', heartbeats: listener!.beat.heartbeats }]),
  )
  world.run(world.now + 1000)
  expect(listener!.beat.hears).toHaveLength(1)
  insists = false
  world.run(world.now + limits.deadMs + 2 * limits.linkDialTimeoutMs)
  expect(open).toBe(0)
  world.run(world.now + 10 * limits.linkDialTimeoutMs)
  expect(listener!.beat.hears).toHaveLength(1)
})

test('B8: who cannot write its beat says so once, and once that it can again', () => {
  const world = new World(1, calm)
  const { env } = world.machine('a').start('a')
  let full = false
  const store = {
    ...nowhere,
    put: (_: string, __: Uint8Array, done: (error: PotorooError | null) => void) =>
      done(full ? fail('E_STORE', { operation: 'put', path: 'beat/a', reason: 'no room' }) : null),
  } as unknown as Store
  const watcher = { worker: 'a', incarnation: 'a-1', address: 'a:1', seen: 0 }
  const seams = { env, store, limits, cluster: 'c', token: 't', host: 'a', reach: 'a' }
  new Heartbeats(seams, watcher, { changed: () => {}, found: () => {} }).listen(() => {})
  const said = (forMs: number): string[] => {
    world.run(world.now + forMs)
    return world.drainLog().flatMap((line) => /beat\.\w+/.exec(line) ?? [])
  }
  expect(said(5000)).toEqual([])
  full = true
  expect(said(limits.beatSilenceMs / 2)).toEqual([])
  expect(said(20_000)).toEqual(['beat.waits'])
  full = false
  expect(said(20_000)).toEqual(['beat.written'])
})

test.each([0, 1, 250, 400, 999])('B6: two processes of one name that begin %i ms apart see each other', (apartMs) => {
  const world = new World(1, calm)
  let bytes: Buffer | null = null
  // Of two that read and write at the same moment both have read before either writes.
  const { clock } = world.machine('s').start('s').env
  const store = {
    read: (_: string, done: (error: null, bytes: Buffer | null) => void) => clock.soon(() => done(null, bytes)),
    put: (_: string, put: Buffer, done: (error: null) => void) =>
      clock.soon(() => {
        bytes = put
        done(null)
      }),
  } as unknown as Store
  const known = ['x', 'y'].map((incarnation) => drawAnew(noNamesake, incarnation))
  const start = (index: number): void => {
    const { env } = world.machine(`m${index}`).start('a')
    const watcher = { worker: 'a', incarnation: known[index]!.own, address: 'a:1', seen: 0 }
    const found = (beat: Beat | null, stood: boolean): void => {
      known[index] = watchNamesake(known[index]!, beat, stood)
    }
    const seams = { env, store, limits, cluster: 'c', token: 't', host: `m${index}`, reach: 'a' }
    new Heartbeats(seams, watcher, { changed: () => {}, found }).listen(() => {})
  }
  start(0)
  world.run(apartMs)
  start(1)
  world.run(world.now + 8 * limits.beatMs)
  expect(known.map((one) => isTwice(one, ['x', 'y']))).toEqual(['yes', 'yes'])
  // N3.
  expect(known.map((one) => isTwice(one, []))).toEqual(['perhaps', 'yes'])
})
