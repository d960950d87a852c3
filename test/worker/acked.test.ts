/**
 * Producers of the acked protocol in front of several workers, in the simulator: what is acknowledged is there once, whoever
 * dies, and wherever a producer turns to.
 */
import { expect, test } from 'vitest'
import { SimProducer } from '../../src/sim/producer.ts'
import { collecting, DOOR, Town } from './town.ts'

const NAMES = ['a', 'b', 'c'] as const

class Harbour extends Town {
  readonly producers: SimProducer[] = []

  constructor(seed: number) {
    super(seed, collecting())
    this.start(...NAMES)
    this.settle('a b c in 1')
    this.of('a').submit()
    this.epochs(2)
    for (const worker of NAMES) this.producers.push(this.producer(`p${worker}`, worker))
    for (const producer of this.producers) producer.start()
  }

  private producer(name: string, worker: string): SimProducer {
    return new SimProducer(this.world.machine(name, { checked: true }), {
      name,
      address: { host: worker, port: DOOR },
      source: 'collecting/in',
      outboxBytes: 64 << 10,
      patienceMs: 500,
      overlapChance: 0,
      repeatChance: 0,
      record: (life, sequence) => Buffer.from(`${life} ${sequence}`),
    })
  }

  /** Everybody sends for a while. */
  send(ms: number): void {
    for (let t = 0; t < ms; t += 100) {
      for (const producer of this.producers) producer.produce(5)
      this.run(100)
    }
  }

  expectAll(gone: ReadonlySet<SimProducer> = new Set()): void {
    this.until(() => this.producers.every((producer) => producer.settled || gone.has(producer)))
    this.run(2000)
    const ids = this.producers.flatMap(({ life }) =>
      Array.from({ length: life.made }, (_, i) => `${life.name} ${i + 1}`),
    )
    this.expectIds(ids)
    for (const { complaints, forgotten } of this.producers) expect([...complaints, ...forgotten]).toEqual([])
  }
}

test('what producers send to several workers is there once', () => {
  const harbour = new Harbour(21)
  harbour.send(3000)
  harbour.expectAll()
})

test('a worker dies and comes back', () => {
  const harbour = new Harbour(22)
  harbour.send(2000)
  harbour.of('b').kill()
  harbour.send(2000)
  harbour.of('b').start()
  harbour.send(2000)
  harbour.expectAll()
})

test('a worker dies for good, and its producer goes elsewhere', () => {
  const harbour = new Harbour(23)
  harbour.send(2000)
  harbour.of('b').kill()
  harbour.producers[1]!.goTo({ host: 'c', port: DOOR })
  harbour.send(4000)
  harbour.expectAll()
})

test('a worker and its producer die for good: what was acknowledged is there', () => {
  const harbour = new Harbour(26)
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

test('all die and come back', () => {
  const harbour = new Harbour(24)
  harbour.send(2000)
  for (const station of harbour.stations) station.kill()
  harbour.run(500)
  for (const station of harbour.stations) station.start()
  harbour.send(4000)
  harbour.expectAll()
})

test('producers change their worker', () => {
  const harbour = new Harbour(25)
  for (const [i, producer] of harbour.producers.entries()) {
    harbour.send(1000)
    producer.goTo({ host: NAMES[(i + 1) % 3]!, port: DOOR })
  }
  harbour.send(2000)
  harbour.expectAll()
})
