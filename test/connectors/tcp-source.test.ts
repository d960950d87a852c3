import { beforeEach, describe, expect, test } from 'vitest'
import { tcpSource } from '../../src/connectors/tcp/describe.ts'
import { tcpSourceConnector } from '../../src/connectors/tcp/source.ts'
import type { Connection, ConnectionHandler, NetworkError } from '../../src/env/network.ts'
import type { Framing } from '../../src/model/connector.ts'
import { customFraming, lengthPrefix, lines } from '../../src/model/framing.ts'
import { type SimProcess, World } from '../../src/sim/world.ts'
import { openAtDoor, type Scene } from './door.ts'
import {
  type ContractSettings,
  keepsTheAcknowledgedContract,
  keepsThePlainContract,
  type Producer,
  type SocketSource,
} from './socket-source.contract.ts'

const PORT = 7001
/** All bytes up to the end are one record. */
const whole = customFraming({ name: 'whole', next: () => null, endsWithStream: true })
let world: World
let server: SimProcess
let client: SimProcess

beforeEach(() => {
  world = new World(1)
  server = world.machine('server').start('server')
  client = world.machine('client').start('client')
})

interface Options extends ContractSettings {
  readonly framing?: Framing
}

function open({ limits = {}, sharePort = false, ownPort = 0, room = true, ...settings }: Options = {}): Scene {
  const description = tcpSource({ host: 'server', port: PORT, ...settings })
  const scene = openAtDoor(tcpSourceConnector, description, server.env, { limits, sharePort, ownPort, room })
  pass(10)
  return scene
}

class Client implements ConnectionHandler, Producer {
  readonly connection: Connection
  heard = ''
  closed: NetworkError | null | undefined = undefined

  constructor(port = PORT) {
    this.connection = client.env.network.dial({ host: 'server', port }, this)
    pass(10)
  }

  write(text: string | Buffer): void {
    this.connection.write(Buffer.from(text))
    pass(10)
  }

  get connected(): boolean {
    return this.closed === undefined
  }

  sendRecord(text: string): void {
    this.write(`${text}\n`)
  }
  sendBytes(bytes: string | Uint8Array): void {
    this.write(Buffer.from(bytes))
  }
  leave(): void {
    this.connection.end()
    pass(10)
  }
  vanish(): void {
    this.connection.destroy()
    pass(10)
  }
  pause(): void {
    this.connection.pause()
  }

  onOpen(): void {}
  onBytes(chunk: Buffer): void {
    this.heard += chunk.toString()
  }
  onEnd(): void {
    this.connection.end()
  }
  onDrain(): void {}
  onClosed(error: NetworkError | null): void {
    this.closed = error
  }
}

function pass(ms: number): void {
  world.run(world.now + ms)
}

const contract: SocketSource = { open, connect: () => new Client(), pass }

describe('a plain source', () => {
  keepsThePlainContract(contract)

  test('gives each connection a lane and brings its records in order', () => {
    const { lanes, source } = open()
    const a = new Client()
    const b = new Client()
    a.write('one\ntw')
    b.write('un\n')
    a.write('o\nthree')
    expect(lanes.map((lane) => lane.records)).toEqual([['one', 'two'], ['un']])
    expect(source.status).toMatchObject({ connections: 2, accepted: 2, records: 3 })
    a.connection.end()
    pass(10)
    expect(lanes[0]).toMatchObject({ records: ['one', 'two', 'three'], closed: true })
    expect(lanes[1]!.closed).toBe(false)
    expect(a.closed).toBeNull()
    expect(source.status.connections).toBe(1)
  })

  test('drops the unfinished record of a connection that breaks', () => {
    const { lanes } = open()
    const a = new Client()
    a.write('one\ntw')
    world.network.reset('client', 'server')
    pass(10)
    expect(lanes[0]).toMatchObject({ records: ['one'], closed: true })
  })

  test('of many connections that it closes it tells one by one at first, and then of those of a minute together', () => {
    const { source, warnings, because } = open({ framing: lengthPrefix(), limits: { recordBytes: 100 } })
    const stranger = (): void => new Client().write('GET / HTTP/1.1')
    for (let i = 0; i < 13; i++) stranger()
    expect(warnings).toEqual(Array(10).fill('E_CONNECTION_CLOSED'))
    pass(60_000)
    expect(because.slice(10)).toEqual([
      expect.stringMatching(/over the limit of 100 .*; and 2 more in the last minute/),
    ])
    stranger()
    expect(because.length).toBe(11)
    pass(60_000)
    expect(because[11]).toBe(because[0])
    // Nobody came for a minute.
    pass(60_000)
    stranger()
    expect(because.length).toBe(13)
    for (let i = 0; i < 11; i++) stranger()
    source.close()
    expect(because.length).toBe(23)
    expect(because[22]).toMatch(/; and 1 more in the last minute/)
    pass(120_000)
    expect([source.status.expelled, because.length]).toEqual([26, 23])
  })

  test('closes a connection that sends garbage, after the records in front of it, and harms no other', () => {
    const { lanes, source, warnings } = open({ framing: lengthPrefix(), limits: { recordBytes: 100 } })
    const a = new Client()
    const b = new Client()
    a.write(Buffer.from([0, 0, 0, 1, 65, 255, 255, 255, 255, 66]))
    b.write(Buffer.from([0, 0, 0, 1, 67]))
    expect(lanes[0]).toMatchObject({ records: ['A'], closed: true })
    expect(a.closed).not.toBeUndefined()
    expect(lanes[1]).toMatchObject({ records: ['C'], closed: false })
    expect(source.status).toMatchObject({ connections: 1, expelled: 1 })
    expect(warnings).toEqual(['E_CONNECTION_CLOSED'])
  })

  test.each([
    ['inside a record', lengthPrefix(), Buffer.from([0, 0, 0, 9, 65])],
    ['in a record that is too long', whole, Buffer.alloc(101)],
    ['in a line that is too long', lines(), Buffer.alloc(101, 'x')],
  ])('says so when a stream ends %s', (_where, framing, bytes) => {
    const { lanes, warnings } = open({ framing, limits: { recordBytes: 100 } })
    const a = new Client()
    a.write(bytes)
    a.connection.end()
    pass(10)
    expect(lanes[0]).toMatchObject({ records: [], closed: true })
    expect(warnings).toEqual(['E_CONNECTION_CLOSED'])
  })

  test('says so when a connection breaks inside a record, and nothing when it breaks behind one', () => {
    const { lanes, warnings, source } = open()
    for (const text of ['whole\n', 'whole\nhal']) {
      const sender = new Client()
      sender.write(text)
      world.network.reset('client', 'server')
      pass(10)
    }
    expect(lanes.map(({ records }) => records)).toEqual([['whole'], ['whole']])
    expect(warnings).toEqual(['E_CONNECTION_CLOSED'])
    expect(source.status).toMatchObject({ connections: 0, expelled: 1 })
  })

  test('bounds the unfinished records of all connections together', () => {
    const { source, lanes } = open({ limits: { partialBytes: 100, recordBytes: 80 } })
    const a = new Client()
    const b = new Client()
    a.write('a'.repeat(60))
    b.write('b'.repeat(60))
    expect(b.closed).not.toBeUndefined()
    expect(source.status.expelled).toBe(1)
    // What the closed one held counts no more.
    const c = new Client()
    c.write('c'.repeat(30))
    expect(c.closed).toBeUndefined()
    a.write('\n')
    expect(lanes[0]!.records).toEqual(['a'.repeat(60)])
    // A record counts once, in however many pieces it comes.
    for (let i = 0; i < 6; i++) a.write('a'.repeat(10))
    expect(a.closed).toBeUndefined()
    // Not who comes last has to go, but who holds the most.
    c.write('c'.repeat(15))
    expect([a.closed, c.closed]).toEqual([null, undefined])
    c.write('\n')
    expect(lanes[2]!.records).toEqual(['c'.repeat(45)])
  })
})

describe('an acknowledged source', () => {
  keepsTheAcknowledgedContract(contract)

  test('closes a peer that does not close its side', () => {
    const { sessions, source } = open({ protocol: 'acked' })
    const a = new Client()
    a.onEnd = () => {}
    sessions[0]!.close()
    pass(1000)
    expect(source.status.connections).toBe(1)
    pass(10_000)
    expect(source.status.connections).toBe(0)
    expect(sessions[0]!.closed).toBe(1)
  })

  test('closes a peer that has closed its side and takes nothing of what it is still told', () => {
    const { sessions } = open({ protocol: 'acked' })
    const a = new Client()
    a.connection.pause()
    // More than the kernels take, and less than what makes it stop.
    expect(sessions[0]!.send(Buffer.alloc(150_000))).toBe(true)
    a.connection.end()
    pass(1000)
    expect(sessions[0]!.closed).toBe(1)
    pass(10_000)
    a.connection.resume()
    pass(1000)
    // What was left went with the connection.
    expect(a.heard.length).toBeLessThan(150_000)
    expect(a.closed).toBeDefined()
  })
})

describe('where workers share the port', () => {
  test('each has one of its own beside it, to which the others send its producers', () => {
    const a = open({ protocol: 'acked', sharePort: true })
    const b = open({ protocol: 'acked', sharePort: true })
    expect([a, b].map(({ listening }) => listening)).toEqual([[`server:${PORT}`], [`server:${PORT}`]])
    const ports = [a, b].map(({ reached: [address] }) => Number(address!.split(':')[1]))
    expect(new Set([PORT, ...ports]).size).toBe(3)
    for (const port of ports) for (let i = 0; i < 4; i++) new Client(port)
    expect([a, b].map(({ sessions }) => sessions.length)).toEqual([4, 4])
    a.source.close()
    expect(new Client(ports[0]).closed).not.toBeNull()
    // It comes back with the one that the others know, where nobody has taken that.
    const again = open({ protocol: 'acked', sharePort: true, ownPort: ports[0]! })
    const taken = open({ protocol: 'acked', sharePort: true, ownPort: ports[1]! })
    expect(again.reached).toEqual(a.reached)
    expect(taken.reached).not.toEqual(b.reached)
    expect([a, b].flatMap(({ failures, warnings }) => [...failures, ...warnings])).toEqual([])
  })

  test('a source that sends nobody elsewhere has no other port, nor one whose port is its own', () => {
    expect(open({ sharePort: true }).reached).toEqual([`server:${PORT}`])
    expect(open({ protocol: 'acked', sharePort: false }).failures).toEqual(['E_PORT_IN_USE'])
  })
})

test('lines are the framing when nothing else is said', () => {
  expect(tcpSource({ port: PORT }).framing.kind).toBe(lines().kind)
})
