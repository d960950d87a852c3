/**
 * Keys of a cluster go after their time also where all producers are at one of its workers, and where others come and
 * go.
 */
import { expect, test } from 'vitest'
import { nullSink, pipeline, seconds, tcpSource } from '../../src/index.ts'
import { SimProducer } from '../../src/sim/producer.ts'
import { DOOR, Town } from './town.ts'

const forgetting = pipeline('forgetting', (p) => {
  p.source('in', tcpSource({ host: '0.0.0.0', port: DOOR, protocol: 'acked' }))
    .keyBy('by-text', (text) => text)
    .mapWithState('count', { init: () => ({ n: 0 }), step: (state) => ++state.n, ttl: seconds(10) })
    .sink('nowhere', nullSink())
})

function open(): { readonly town: Town; readonly producer: SimProducer; readonly keys: () => number } {
  const town = new Town(51, forgetting)
  town.start('a', 'b', 'c')
  town.settle('a b c in 1')
  town.of('a').submit()
  town.epochs(2)
  const producer = new SimProducer(town.world.machine('p', { checked: true }), {
    ...{ name: 'p', address: { host: 'a', port: DOOR }, source: 'forgetting/in', outboxBytes: 64 << 10 },
    ...{ patienceMs: 500, overlapChance: 0, repeatChance: 0 },
    record: (life, sequence) => Buffer.from(`${life} ${sequence}`),
  })
  producer.start()
  const keys = () => town.live.reduce((sum, station) => sum + (town.resident(station)?.execution.status.keys ?? 0), 0)
  return { town, producer, keys }
}

test('keys go where nobody sends to the other workers', () => {
  const { town, producer, keys } = open()
  producer.produce(40)
  town.until(() => keys() === 40)
  town.run(9000)
  expect(keys()).toBe(40)
  town.until(() => keys() === 0, 5000)
})

test('keys go in the next generation, which one began whose journal had records', () => {
  const { town, producer, keys } = open()
  producer.produce(40)
  town.until(() => keys() === 40)
  town.of('a').kill()
  town.of('a').start()
  town.until(() => keys() === 40)
  town.run(5000)
  producer.produce(1)
  town.until(() => keys() === 1, 15_000)
})
