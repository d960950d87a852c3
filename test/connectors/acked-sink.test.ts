import { beforeEach, describe, expect, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import type { Keeper } from '../../src/client/receiver/intake.ts'
import { Memory } from '../../src/client/receiver/memory.ts'
import type { SinkConnector, Writer } from '../../src/connectors/connector.ts'
import { tcpSink } from '../../src/connectors/tcp/describe.ts'
import { tcpSinkConnector } from '../../src/connectors/tcp/sink.ts'
import { webSocketSink } from '../../src/connectors/websocket/describe.ts'
import { webSocketSinkConnector } from '../../src/connectors/websocket/sink.ts'
import type { Connection } from '../../src/env/network.ts'
import type { SinkDescription } from '../../src/model/connector.ts'
import { lines } from '../../src/model/framing.ts'
import { encodeDelivery } from '../../src/protocol/delivery.ts'
import type { SimConnection } from '../../src/sim/connection.ts'
import { calm } from '../../src/sim/weather.ts'
import type { World } from '../../src/sim/world.ts'
import { PORT, type ReceiverOptions, SimReceiver } from '../sim/receiver.ts'
import { Bench } from './bench.ts'
import { crashes, findings, holds, random, type Trial, type TrialOptions } from './sink.contract.ts'

/** Connections break and are refused. */
const rough = { ...calm, network: { ...calm.network, jitterMs: 5, resetChance: 0.003, refuseChance: 0.2 } }

interface Way {
  readonly by: 'tcp' | 'websocket'
  readonly connector: SinkConnector
  readonly description: (more?: { readonly tokenFile?: string }) => SinkDescription<unknown>
}

const ways: readonly Way[] = [
  {
    by: 'tcp',
    connector: tcpSinkConnector,
    description: (more) => tcpSink({ host: 'receiver', port: PORT, protocol: 'acked', encode: String, ...more }),
  },
  {
    by: 'websocket',
    connector: webSocketSinkConnector,
    description: (more) =>
      webSocketSink({ url: `ws://receiver:${PORT}/in`, protocol: 'acked', encode: String, ...more }),
  },
]

const receivers = new WeakMap<World, SimReceiver>()

interface More extends Partial<TrialOptions> {
  readonly receiver?: ReceiverOptions
  /** The receiver dies so often, at random. */
  readonly deaths?: number
}

function trial(way: Way, { receiver, deaths = 0, ...more }: More = {}): TrialOptions {
  return {
    seed: 1,
    connector: way.connector,
    description: way.description(),
    read: ({ world }: Trial) => receivers.get(world)!.texts.join(''),
    scene: ({ world, random: chance }) => {
      const there = new SimReceiver(world.machine('receiver'), { by: way.by, ...receiver })
      receivers.set(world, there)
      for (let i = 0; i < deaths; i++) {
        const dies = chance.below(1500)
        world.at(dies, () => there.kill())
        world.at(dies + 1 + chance.below(200), () => there.start())
      }
    },
    ...more,
  }
}

describe.each(ways)('the acked sink by $by', (way) => {
  test('a receiver that remembers has every record once, wherever the worker dies', () => {
    holds(crashes(trial(way, { crash: 'kill', records: 20 })))
  })

  test('also through power losses, rollbacks, damaged epochs and bad weather', () => {
    holds(random(trial(way, { crash: 'power', rollbacks: 0.3, weather: rough }), 40))
    holds(random(trial(way, { crash: 'kill', rollbacks: 0.2, fallbacks: 0.3, weather: rough }), 40))
  })

  test('also when the receiver dies and comes back', () => {
    holds(random(trial(way, { crash: 'kill', rollbacks: 0.2, weather: rough, deaths: 4 }), 40))
  })
})

test('a receiver that remembers no ids has each record once while nobody dies, however often connections break', () => {
  for (const way of ways) {
    const options = trial(way, { weather: rough, receiver: { remember: 1 } })
    holds(Array.from({ length: 30 }, (_, i) => ({ ...options, seed: 100 + i })))
  }
})

describe('the contract finds', () => {
  const [tcp] = ways as [Way, Way]
  const harsh = { crash: 'kill', rollbacks: 0.2, fallbacks: 0.2, weather: rough, deaths: 4 } as const

  test('a sink that answers a barrier before its queue is empty', () => {
    const mutate = (writer: Writer): Writer => {
      const barrier = writer.barrier.bind(writer)
      writer.barrier = (epoch, generation, done) => {
        barrier(epoch, generation, () => {})
        done(null)
      }
      return writer
    }
    expect(findings(random(trial(tcp, { ...harsh, mutate }), 40))).toBeGreaterThan(0)
  })

  test('a receiver that acknowledges what it has not kept', () => {
    const mutate = ({ keep, ...rest }: Keeper): Keeper => ({
      ...rest,
      keep(entry, kept, handled) {
        kept()
        keep(entry, () => {}, handled)
      },
    })
    expect(findings(random(trial(tcp, { ...harsh, receiver: { mutate } }), 40))).toBeGreaterThan(0)
  })

  test('a receiver that forgets', () => {
    expect(findings(random(trial(tcp, { ...harsh, receiver: { forgetful: true } }), 40))).toBeGreaterThan(0)
    expect(findings(random(trial(tcp, { ...harsh, receiver: { remember: 10 } }), 40))).toBeGreaterThan(0)
  })
})

describe('what a receiver remembers', () => {
  let memory: Memory
  beforeEach(() => {
    memory = new Memory(100)
    memory.begin(1, 0)
  })

  test('an id until the floor is above the epoch after which it was sent', () => {
    expect(memory.take('a', 3)).toBe(true)
    memory.floor(3)
    expect(memory.take('a', 3)).toBe(false)
    memory.floor(4)
    expect(memory.size).toBe(0)
  })

  test('an id that comes again later for as long as that', () => {
    memory.take('a', 3)
    expect(memory.take('a', 7)).toBe(false)
    memory.floor(7)
    expect(memory.take('a', 7)).toBe(false)
    memory.floor(8)
    expect(memory.take('a', 9)).toBe(true)
  })

  test('what a generation has left behind its base until it comes again, however high the floor', () => {
    memory.take('kept', 3)
    memory.take('void', 5)
    memory.begin(2, 5)
    memory.floor(90)
    expect(memory.take('void', 95)).toBe(false)
    expect(memory.take('kept', 95)).toBe(true)
    expect([...memory.looseIds]).toEqual([])
  })

  test('an id of a store that was put back, whose floor is lower', () => {
    memory.floor(90)
    memory.begin(3, 50)
    expect(memory.take('a', 60)).toBe(true)
    expect(memory.floorEpoch).toBeLessThanOrEqual(60)
    memory.floor(61)
    expect(memory.size).toBe(0)
  })

  test('an id that is void again and again once', () => {
    for (let generation = 3; generation < 30; generation += 2) {
      memory.take('void', generation)
      memory.begin(generation, 1)
    }
    expect([...memory.looseIds]).toEqual(['void'])
  })

  test('everything, where a generation was missed, until it comes again', () => {
    memory.take('void', 3)
    memory.begin(3, 5)
    memory.floor(90)
    expect(memory.take('void', 95)).toBe(false)
    memory.floor(96)
    expect(memory.take('void', 97)).toBe(true)
  })

  test('no more than it may, the loose ones and the oldest least', () => {
    memory.take('loose', 1)
    memory.begin(2, 1)
    for (let n = 0; n < 100; n++) memory.take(`id-${n}`, 1 + (n >> 4))
    expect(memory.size).toBeLessThanOrEqual(100)
    expect(memory.forgotten).toBe(10)
    expect(memory.take('id-99', 7)).toBe(false)
    expect(memory.take('loose', 7)).toBe(true)
    expect(memory.take('id-0', 7)).toBe(true)
  })
})

describe('tcpSink({ protocol: acked })', () => {
  const [tcp] = ways as [Way, Way]
  let n = 0

  function open(options: ReceiverOptions = {}) {
    n = 0
    const bench = new Bench(tcp.connector, tcp.description())
    const receiver = new SimReceiver(bench.world.machine('receiver'), options)
    const write = (text: string): boolean => {
      const bytes = Buffer.from(text)
      return bench.writer.write(bytes, 1, { ends: [bytes.length], ids: [`id/${n++}`] })
    }
    return { bench, receiver, write }
  }

  test('keeps what is not acknowledged, stops its task when that is too much, and goes on', () => {
    const { bench, receiver, write } = open()
    receiver.stuck = true
    bench.pass(1000)
    while (write('x'.repeat(100)));
    expect(bench.writer.room).toBe(false)
    const answer = bench.barrier()
    bench.pass(60_000)
    expect(answer.snapshot).toBeUndefined()
    expect(bench.writer.status).toMatchObject({ state: 'ready', peers: 1, writtenBytes: 0 })
    receiver.stuck = false
    bench.pass(1000)
    expect(answer.snapshot).toBeNull()
    expect(bench.writer.room).toBe(true)
    expect(bench.wakes).toBe(1)
    expect(receiver.texts).toHaveLength(n)
    expect(bench.writer.status.queuedBytes).toBe(0)
  })

  test('says once that nobody is there', () => {
    const { bench, receiver, write } = open()
    receiver.kill()
    bench.pass(10_000)
    write('a')
    bench.pass(30_000)
    expect(bench.warnings).toEqual(['E_NO_PEER'])
    receiver.start()
    bench.pass(10_000)
    expect(receiver.texts).toEqual(['a'])
    receiver.kill()
    bench.pass(10_000)
    expect(bench.warnings).toEqual(['E_NO_PEER', 'E_NO_PEER'])
  })

  test('says why somebody refuses, also where it has said that nobody was there, and each once', () => {
    const { bench, receiver } = open({ token: 'secret' })
    bench.pass(30_000)
    expect(bench.warnings).toEqual(['E_NO_PEER', 'E_RECEIVER_REFUSED'])
    receiver.kill()
    bench.pass(30_000)
    expect(bench.warnings).toEqual(['E_NO_PEER', 'E_RECEIVER_REFUSED'])
  })

  test('is silent without a lease', () => {
    const { bench, receiver, write } = open()
    bench.pass(1000)
    bench.speaks = false
    write('a')
    bench.pass(1000)
    expect(receiver.texts).toEqual([])
    bench.speaks = true
    bench.pass(1000)
    expect(receiver.texts).toEqual(['a'])
  })

  test('is refused without the token, and taken once it is in its file', () => {
    const bench = new Bench(tcp.connector, tcp.description({ tokenFile: 'out/token' }))
    const receiver = new SimReceiver(bench.world.machine('receiver'), { token: 'secret' })
    const bytes = Buffer.from('a')
    bench.writer.write(bytes, 1, { ends: [1], ids: ['id/1'] })
    bench.pass(20_000)
    expect(bench.warnings).toEqual(['E_FILE', 'E_RECEIVER_REFUSED'])
    bench.process.env.disk.open('out/token', 'create', (_, file) => file.write([Buffer.from('secret\n')], 0, () => {}))
    bench.pass(20_000)
    expect(receiver.texts).toEqual(['a'])
  })

  test('a token that nobody could be told is said to be none', () => {
    const bench = new Bench(tcp.connector, tcp.description({ tokenFile: 'out/token' }))
    const receiver = new SimReceiver(bench.world.machine('receiver'), { token: 'secret' })
    const { disk } = bench.process.env
    disk.open('out/token', 'create', (_, file) => file.write([Buffer.alloc(2000, 'x')], 0, () => {}))
    bench.writer.write(Buffer.from('a'), 1, { ends: [1], ids: ['id/1'] })
    bench.pass(20_000)
    expect(bench.warnings).toEqual(['E_FILE', 'E_RECEIVER_REFUSED'])
    expect(receiver.texts).toEqual([])
  })

  /**
   * Somebody at the receiver's address who answers with `answers`, one after another, each time that something comes.
   */
  function stranger(bench: Bench, answers: readonly Parameters<typeof encodeDelivery>[0][][]): void {
    const left = answers.map((messages) => Buffer.concat(messages.map((message) => encodeDelivery(message))))
    const { network } = bench.world.machine('receiver').start('receiver').env
    const accept = (connection: Connection) => ({
      onOpen() {},
      onBytes() {
        const answer = left.shift()
        if (answer !== undefined) connection.write(answer)
      },
      onEnd() {},
      onDrain() {},
      onClosed() {},
    })
    network.listen({ host: 'receiver', port: PORT }, {}, accept, () => {})
  }

  const welcome = { kind: 'welcome', version: 1, receiver: 'r', resumeAfter: 0, credit: 1, keepAliveMs: 5000 } as const

  test('closes for good behind its goodbye, also where the receiver does not', () => {
    const bench = new Bench(tcp.connector, tcp.description())
    stranger(bench, [[welcome]])
    bench.pass(1000)
    bench.writer.end(() => {})
    bench.pass(1000)
    expect(bench.writer.status.state).toBe('closed')
    const connection = bench.dialled as SimConnection
    expect(connection.closed).toBe(false)
    bench.pass(10_000)
    expect(connection.closed).toBe(true)
  })

  test('says nothing behind its goodbye, whatever comes with the last acknowledgement', () => {
    const bench = new Bench(tcp.connector, tcp.description())
    stranger(bench, [[welcome], [{ kind: 'ack', through: 1 }, { kind: 'ping' }]])
    bench.pass(1000)
    bench.writer.write(Buffer.from('a'), 1, { ends: [1], ids: ['id/1'] })
    bench.writer.end(() => {})
    bench.pass(1000)
    expect(bench.writer.status.state).toBe('closed')
  })

  test('ends when all is acknowledged', () => {
    const { bench, receiver, write } = open()
    write('a')
    let ended = false
    bench.writer.end(() => {
      ended = true
    })
    bench.pass(10_000)
    expect([ended, receiver.texts]).toEqual([true, ['a']])
  })

  test('a writer of an earlier generation is turned out, and not heard again', () => {
    const { bench, receiver, write } = open()
    bench.pass(1000)
    const { env } = bench.machine.start('other')
    const other = tcp.connector.open(tcp.description(), {
      ...{ env, limits: makeLimits(), pipeline: 'p', store: 'h', history: 'h.1', step: 'out', writer: 'w2' },
      ...{ standardOutput: { write() {} }, listening() {}, maySpeak: () => true },
      ...{ refused() {}, wake() {}, warn() {}, failed() {} },
    })
    const before = bench.warnings.length
    other.restore({ generation: 2, epoch: 0, back: false, snapshots: [] }, () => {})
    bench.pass(500)
    // It is told why, and that is no news before it is told again.
    expect(bench.warnings.slice(before)).toEqual([])
    write('stale')
    bench.pass(20_000)
    expect(receiver.texts).toEqual([])
    expect(bench.warnings.slice(before)).toEqual(['E_RECEIVER_REFUSED'])
  })

  test('a writer whose worker has not heard of the next generation yet says so only where that lasts', () => {
    const bench = new Bench(tcp.connector, tcp.description())
    const receiver = new SimReceiver(bench.world.machine('receiver'))
    receiver.intake.stream({ pipeline: 'p', step: 'out', history: 'h.1' }).memory.begin(2, 0)
    // It dials before the receiver is there.
    bench.pass(500)
    expect(bench.warnings).toEqual(['E_NO_PEER'])
    bench.pass(20_000)
    expect(bench.warnings).toEqual(['E_NO_PEER', 'E_RECEIVER_REFUSED'])
  })
})

test.each([
  ['tcpSink', (more: object) => tcpSink({ port: PORT, encode: String, ...more })],
  ['webSocketSink', (more: object) => webSocketSink({ url: 'ws://receiver/', encode: String, ...more })],
])('%s says which options do not fit its protocol', (name, describe) => {
  const plain = describe({})
  expect([plain.promise, plain.settings.promise, plain.faults]).toEqual(['best-effort', undefined, []])
  expect(describe({ promise: 'idempotent', tokenFile: '/run/token' }).faults).toEqual([
    `${name}: promise needs protocol: 'acked'; plain bytes are best-effort`,
    `${name}: tokenFile needs protocol: 'acked'; plain bytes are best-effort`,
  ])
  const acked = describe({ protocol: 'acked', promise: 'at-least-once' })
  expect([acked.promise, acked.faults]).toEqual(['at-least-once', []])
  expect(describe({ protocol: 'acked' }).promise).toBe('idempotent')
  expect(describe({ protocol: 'acked', framing: lines() }).faults).toEqual([
    `${name}: with protocol acked records are told apart already; leave the framing out`,
  ])
})
