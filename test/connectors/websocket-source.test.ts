import { beforeEach, describe, expect, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import {
  type WebSocketSourceOptions,
  webSocketServerSink,
  webSocketSource,
} from '../../src/connectors/websocket/describe.ts'
import { webSocketSourceConnector } from '../../src/connectors/websocket/source.ts'
import type { IncomingAnswer, WebSocketConnection, WebSocketEnd, WebSocketHandler } from '../../src/env/http.ts'
import { customFraming, lengthPrefix, lines } from '../../src/model/framing.ts'
import { encodeAcked, NO_CLAIM } from '../../src/protocol/acked.ts'
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
/** All bytes of a message are one record. */
const whole = customFraming({ name: 'whole', next: () => null, endsWithStream: true })
let world: World
let server: SimProcess
let client: SimProcess

beforeEach(() => {
  world = new World(1)
  server = world.machine('server').start('server')
  client = world.machine('client').start('client')
})

type Options = ContractSettings & Partial<WebSocketSourceOptions<unknown>>

function open({ limits = {}, sharePort = false, ownPort = 0, room = true, ...settings }: Options = {}): Scene {
  const description = webSocketSource({ host: 'server', port: PORT, ...settings })
  const surroundings = { limits: { recordBytes: 1000, ...limits }, sharePort, ownPort, room }
  const scene = openAtDoor(webSocketSourceConnector, description, server.env, surroundings)
  pass(10)
  return scene
}

class Client implements WebSocketHandler, Producer {
  readonly socket: WebSocketConnection
  heard = ''
  open = false
  end: WebSocketEnd | null = null

  constructor(path = '/', headers: Record<string, string> = {}) {
    const url = `ws://server:${PORT}${path}`
    this.socket = client.env.http.dialWebSocket({ url, headers, limits: makeLimits(), timeoutMs: 1000 }, this)
    pass(10)
  }

  send(message: string | Buffer, binary = false): void {
    this.socket.send(Buffer.from(message), binary)
    pass(10)
  }

  get connected(): boolean {
    return this.open && this.end === null
  }

  sendRecord(text: string): void {
    this.send(text)
  }
  sendBytes(bytes: string | Uint8Array): void {
    this.send(Buffer.from(bytes), true)
  }
  leave(): void {
    this.socket.close(1000, '')
    pass(10)
  }
  vanish(): void {
    this.socket.destroy()
    pass(10)
  }
  pause(): void {
    this.socket.pause()
  }

  onOpen(): void {
    this.open = true
  }
  onMessage(message: Buffer): void {
    this.heard += message.toString()
  }
  onDrain(): void {}
  onClosed(end: WebSocketEnd): void {
    this.end = end
  }
}

function pass(ms: number): void {
  world.run(world.now + ms)
}

test('a path without its stroke, and a page that no browser names so, are faults of the pipeline', () => {
  const faults = (options: object) => webSocketSource({ port: 1, ...options }).faults
  expect(faults({ path: 'x' })).toEqual(['webSocketSource: path begins with / and has no ? in it'])
  expect(faults({ origins: 'local https://shop.example/' })).toEqual([
    'webSocketSource: an origin is local, *, or what a browser says of its page, such as https://shop.example, not "https://shop.example/"',
  ])
  expect(faults({ path: '/a/b', origins: 'local, null http://[::1]:80 https://shop.example' })).toEqual([])
  expect(webSocketServerSink({ port: 1, path: 'x', encode: String }).faults).toHaveLength(1)
})

const contract: SocketSource = { open, connect: () => new Client(), pass }

describe('a plain source', () => {
  keepsThePlainContract(contract)

  test('takes each message as a record, text or binary, also an empty one', () => {
    const { lanes, source } = open()
    const a = new Client()
    const b = new Client()
    a.send('one')
    b.send('un', true)
    a.send('')
    a.send('with\nnewline')
    expect(lanes.map(({ records }) => records)).toEqual([['one', '', 'with\nnewline'], ['un']])
    expect(source.status).toMatchObject({ connections: 2, accepted: 2, records: 4 })
    a.socket.close(1000, '')
    pass(10)
    expect(lanes.map(({ closed }) => closed)).toEqual([true, false])
    expect(a.end).toMatchObject({ code: 1000, error: null })
    expect(source.status.connections).toBe(1)
  })

  test('takes the records that a framing finds in a message, and none that spans two', () => {
    const { lanes } = open({ framing: lines() })
    const a = new Client()
    a.send('one\ntwo\r\nthree')
    a.send('four\n')
    expect(lanes[0]!.records).toEqual(['one', 'two', 'three', 'four'])
  })

  test('keeps room for the lines of a message once, and not for each connection', () => {
    const { lanes } = open({ framing: lines() })
    for (const text of ['one', 'two']) new Client().send(text)
    expect(lanes.map(({ records }) => records)).toEqual([['one'], ['two']])
    expect(lanes[0]!.cuts).toBe(lanes[1]!.cuts)
  })

  test.each([
    ['ends inside a record', lengthPrefix(), Buffer.from([0, 0, 0, 1, 65, 0, 0, 0, 9, 66]), ['A'], 'inside a record'],
    ['cannot be a record', lengthPrefix(), Buffer.from([0, 0, 0, 1, 65, 255, 0, 0, 0]), ['A'], 'over the limit'],
    ['ends in a record that is too long', whole, Buffer.alloc(1001), [], 'over the limit of 1000'],
    ['is longer than a record may be', undefined, Buffer.alloc(1001), [], 'over the limit of 1000'],
  ])(
    'tells a sender whose message %s, after the records in front, and harms no other',
    (_, framing, bytes, records, why) => {
      const { lanes, source, warnings } = open(framing === undefined ? {} : { framing })
      const a = new Client()
      const b = new Client()
      a.send(bytes, true)
      a.send(Buffer.from([0, 0, 0, 1, 67]), true)
      b.send(Buffer.from([0, 0, 0, 1, 68]), true)
      expect(lanes[0]).toMatchObject({ records, closed: true })
      expect(lanes[1]!.records.length).toBe(1)
      expect(a.end).toMatchObject({ code: 1008, reason: expect.stringContaining(why) })
      expect(b.end).toBeNull()
      expect(source.status).toMatchObject({ connections: 1, expelled: 1 })
      expect(warnings).toEqual(['E_CONNECTION_CLOSED'])
    },
  )

  test('tells a producer that speaks the acknowledged protocol what the pipeline has to say', () => {
    open()
    const a = new Client()
    const versions = { newest: 1, oldestVersion: 1 }
    const hello = { producer: 'p', incarnation: 'a', source: 'in', oldest: 1, token: '', ...NO_CLAIM }
    a.sendBytes(encodeAcked({ kind: 'hello', ...versions, ...hello }))
    expect(a.end).toMatchObject({ code: 1008, reason: expect.stringContaining("say protocol: 'acked'") })
  })

  test('tells a silent sender why it is closed', () => {
    open({ idleMs: 1000 })
    const silent = new Client()
    pass(2000)
    expect(silent.end).toMatchObject({ code: 1008, reason: 'it sent nothing for 1000 ms' })
  })

  test('closes and counts a sender whose message is over the limit of messages', () => {
    const { source, warnings } = open({ framing: lines(), limits: { messageBytes: 2000 } })
    const a = new Client()
    a.send('x\n'.repeat(1001))
    expect(a.end).not.toBeNull()
    expect(source.status).toMatchObject({ connections: 0, expelled: 1, records: 0 })
    expect(warnings).toEqual(['E_CONNECTION_CLOSED'])
  })

  test('is at its path, and says where that is', () => {
    const { warnings, source } = open({ path: '/orders' })
    expect(new Client('/orders?till=4').open).toBe(true)
    const lost = new Client('/order')
    expect(lost.end!.error?.message).toContain('404')
    new Client('/order')
    expect(warnings).toEqual(['E_SOCKET_PATH'])
    expect(source.status).toMatchObject({ accepted: 1, expelled: 2 })
    let answer: IncomingAnswer | null = null
    const asked = { url: `http://server:${PORT}/`, method: 'GET', headers: {}, body: Buffer.alloc(0) }
    client.env.http.request({ ...asked, timeoutMs: 1000, answerBytes: 1000 }, (_, value) => {
      answer = value
    })
    pass(10)
    expect(answer).toMatchObject({ status: 426 })
    expect(answer!.body.toString()).toContain('/orders')
  })

  test('says a few times a minute where a stranger has been who tries every path, and repeats little of it', () => {
    const { warnings, source } = open({ path: '/orders' })
    const tryAll = (): void => {
      for (let i = 0; i < 30; i++) new Client(`/${i}-${'x'.repeat(1000)}`)
    }
    tryAll()
    tryAll()
    expect(warnings).toHaveLength(10)
    expect(source.status.expelled).toBe(60)
    const { end } = new Client(`/${'x'.repeat(1000)}`)
    expect(end!.error!.message.length).toBeLessThan(500)
    pass(60_000)
    tryAll()
    expect(warnings).toHaveLength(20)
  })

  test('lets pages of this machine in, programs that are no browser, and no page of another site', () => {
    const { warnings, source } = open()
    for (const origin of ['http://localhost:3000', 'http://127.0.0.1', 'https://[::1]:8443']) {
      expect(new Client('/', { origin }).open, origin).toBe(true)
    }
    expect(new Client().open).toBe(true)
    for (const origin of ['https://evil.example', 'http://localhost.evil.example', 'null', 'http://127.0.0.1.evil']) {
      expect(new Client('/', { origin }).end?.error?.message, origin).toContain('403')
    }
    expect(warnings).toEqual(['E_ORIGIN', 'E_ORIGIN', 'E_ORIGIN', 'E_ORIGIN'])
    expect(source.status).toMatchObject({ accepted: 4, expelled: 4 })
  })

  test('lets the pages in that it was told to, and others no more', () => {
    open({ origins: 'https://shop.example, https://till.example' })
    expect(new Client('/', { origin: 'https://till.example' }).open).toBe(true)
    expect(new Client('/', { origin: 'http://localhost' }).open).toBe(false)
  })

  test('lets every page in when it was told to', () => {
    open({ origins: '*' })
    expect(new Client('/', { origin: 'https://anybody.example' }).open).toBe(true)
  })
})

describe('an acknowledged source', () => {
  keepsTheAcknowledgedContract(contract)

  test('understands no text', () => {
    const { sessions, source, warnings } = open({ protocol: 'acked' })
    const a = new Client()
    a.send('hello')
    expect(sessions[0]).toMatchObject({ heard: [], closed: 1 })
    expect(a.end).toMatchObject({ code: 1003 })
    expect(source.status.expelled).toBe(1)
    expect(warnings).toEqual(['E_CONNECTION_CLOSED'])
  })

  test('ends in order when its session ends', () => {
    const { sessions } = open({ protocol: 'acked' })
    const a = new Client()
    sessions[0]!.close()
    pass(10)
    expect(a.end).toMatchObject({ code: 1000, error: null })
  })
})
