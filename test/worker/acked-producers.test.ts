/**
 * Producers of the acked protocol in front of several workers, in the simulator: what is acknowledged is there once,
 * whoever dies, and wherever a producer turns to.
 */
import { expect, test } from 'vitest'
import type { Limits } from '../../src/base/limits.ts'
import { calm } from '../../src/sim/weather.ts'
import { Harbour } from './harbour.ts'
import { DOOR } from './town.ts'

const NAMES = ['a', 'b', 'c'] as const

function open(seed: number, sharesJournals = true, limits: Partial<Limits> = {}): Harbour {
  const harbour = new Harbour(seed, calm, limits)
  harbour.sharesJournals = sharesJournals
  harbour.start(...NAMES)
  harbour.settle('a b c in 1')
  harbour.of('a').submit()
  harbour.epochs(2)
  for (const worker of NAMES) harbour.addProducer(`p${worker}`, worker)
  return harbour
}

test('what producers send to several workers is there once', () => {
  const harbour = open(21)
  harbour.send(3000)
  harbour.expectAll()
})

test('a worker dies and comes back: what producers send is there once', () => {
  const harbour = open(22)
  harbour.send(2000)
  harbour.of('b').kill()
  harbour.send(2000)
  harbour.of('b').start()
  harbour.send(2000)
  harbour.expectAll()
})

test('a worker dies for good, and its producer goes elsewhere: what it sends is there once', () => {
  const harbour = open(23)
  harbour.send(2000)
  harbour.of('b').kill()
  harbour.producers[1]!.goTo({ host: 'c', port: DOOR })
  harbour.send(4000)
  harbour.expectAll()
})

test('a worker and its producer die for good: what was acknowledged is there', () => {
  const harbour = open(26)
  harbour.send(2000)
  const [gone] = harbour.producers.splice(1, 1)
  gone!.produce(20)
  harbour.until(() => gone!.life.journaled === gone!.life.made)
  gone!.kill(true)
  harbour.of('b').kill()
  expect(gone!.life.stable).toBeLessThan(gone!.life.journaled)
  harbour.send(4000)
  harbour.producers.push(gone!)
  harbour.expectAll(new Set([gone!]))
})

test('all workers die and come back: what producers send is there once', () => {
  const harbour = open(24)
  harbour.send(2000)
  for (const station of harbour.stations) station.kill()
  harbour.run(500)
  for (const station of harbour.stations) station.start()
  harbour.send(4000)
  harbour.expectAll()
})

test('producers change their worker while they send: what they send is there once', () => {
  const harbour = open(25)
  for (const [i, producer] of harbour.producers.entries()) {
    harbour.send(1000)
    producer.goTo({ host: NAMES[(i + 1) % 3]!, port: DOOR })
  }
  harbour.send(2000)
  harbour.expectAll()
})

test('a worker leaves while its producer sends: nothing that it has acknowledged waits on its disk', () => {
  const harbour = open(27, false)
  harbour.send(1000)
  const [producer] = harbour.producers
  harbour.of('a').worker!.leave()
  while (!harbour.of('a').left) {
    producer!.produce(20)
    harbour.run(5)
  }
  producer!.kill(true)
  harbour.expectAll(new Set([producer!]))
  expect(harbour.standing).toBe('b c in 2')
})

test('a worker that is to leave before it is a member brings in first what an earlier life has acknowledged', () => {
  const harbour = open(29, false)
  harbour.send(2000)
  const [gone] = harbour.producers.splice(1, 1)
  gone!.produce(20)
  harbour.until(() => gone!.life.journaled === gone!.life.made)
  gone!.kill(true)
  const b = harbour.of('b')
  b.kill()
  expect(gone!.life.stable).toBeLessThan(gone!.life.journaled)
  harbour.send(8000)
  expect(harbour.standing).toBe('a c in 2')
  b.start()
  harbour.until(() => b.worker?.phase === 'following')
  b.worker!.leave()
  harbour.until(() => b.left)
  harbour.producers.push(gone!)
  harbour.expectAll(new Set([gone!]))
  expect(harbour.standing).toBe('a c in 4')
})

test('a worker that is to leave before it is a member, and has nothing, ends at once', () => {
  const harbour = open(30, false)
  harbour.start('d')
  const d = harbour.of('d')
  harbour.until(() => d.worker?.phase === 'following')
  d.worker!.leave()
  harbour.until(() => d.left, 1000)
  harbour.run(5000)
  expect(harbour.standing).toBe('a b c in 1')
})

test('a worker goes on elsewhere under its name, and the first one is still there: it acknowledges nothing that is lost', () => {
  // Leases are no part of it: seals alone have to do.
  const harbour = open(31, true, { leaseMs: 600_000 })
  harbour.send(2000)
  const first = harbour.of('b')
  first.machine.haze.over(['/store/chain', '/store/beat'], harbour.world.now + 60_000)
  for (const other of ['a', 'c']) {
    harbour.world.network.cut('b', other)
    harbour.of(other).kill()
  }
  harbour.run(100)
  const second = harbour.add('b2', 3, 'b')
  for (const station of [harbour.of('a'), harbour.of('c'), second]) station.start()
  harbour.until(() => second.worker?.phase === 'active')
  const [gone] = harbour.producers.splice(1, 1)
  gone!.produce(20)
  harbour.run(3000)
  gone!.kill(true)
  first.kill()
  harbour.send(4000)
  harbour.producers.push(gone!)
  harbour.expectAll(new Set([gone!]))
})

test('a worker that is stopped in the middle of a sync, and finds its journal sealed, comes back', () => {
  const harbour = open(28)
  harbour.send(1000)
  const { process, worker } = harbour.of('c')
  // What is written and not synced is nobody's business but the journal's.
  const { journal } = (worker as unknown as { door: { journal: { retained: readonly unknown[] } } }).door
  harbour.until(() => {
    harbour.producers[2]!.produce(1)
    return journal.retained.length > 0
  })
  process!.stop()
  harbour.send(8000)
  process!.continue()
  expect(harbour.settle('a b c in 3')).toBe('a b c in 3')
  harbour.expectAll()
})
