import { describe, expect, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import { webSocketServerSink, webSocketSink } from '../../src/connectors/websocket/describe.ts'
import { webSocketServerSinkConnector } from '../../src/connectors/websocket/server-sink.ts'
import { webSocketSinkConnector } from '../../src/connectors/websocket/sink.ts'
import type { Answer, WebSocketConnection, WebSocketEnd, WebSocketHandler } from '../../src/env/http.ts'
import type { Listener } from '../../src/env/network.ts'
import type { SinkDescription } from '../../src/model/connector.ts'
import { lines } from '../../src/model/framing.ts'
import { calm, type Weather } from '../../src/sim/weather.ts'
import type { SimProcess } from '../../src/sim/world.ts'
import { Bench } from './bench.ts'
import { keepsTheContract } from './dialling.contract.ts'
import { type Subscribed, servesItsSubscribers } from './serving.contract.ts'

const PORT = 7002

interface Heard {
  readonly text: string
  readonly binary: boolean
}

/** A program that listens for WebSockets and keeps what it hears, per connection. */
class Consumer {
  readonly heard: Heard[][] = []
  readonly sockets: WebSocketConnection[] = []
  refusal: Answer | null = null
  private readonly process: SimProcess
  private listener: Listener | null = null

  constructor(process: SimProcess) {
    this.process = process
  }

  listen(): this {
    const handler = {
      onRequest: () => expect.unreachable(),
      onUpgrade: () => this.refusal ?? ((socket: WebSocketConnection) => this.take(socket)),
      onRefused() {},
      onExpelled() {},
    }
    const { http } = this.process.env
    http.serve({ host: 'consumer', port: PORT }, { limits: makeLimits() }, handler, (_, listener) => {
      this.listener = listener
    })
    return this
  }

  get connections(): readonly string[] {
    return this.heard.map((messages) => messages.map(({ text }) => text).join(''))
  }

  get texts(): string[] {
    return this.heard.flat().map(({ text }) => text)
  }

  leave(): void {
    this.listener?.close()
    for (const socket of this.sockets) socket.close(1000, '')
  }

  private take(socket: WebSocketConnection): WebSocketHandler {
    const heard: Heard[] = []
    this.heard.push(heard)
    this.sockets.push(socket)
    return {
      onOpen() {},
      onMessage: (message, binary) => heard.push({ text: message.toString(), binary }),
      onDrain() {},
      onClosed() {},
    }
  }
}

const url = `ws://consumer:${PORT}/in`
/** Messages of whole lines: what the contract writes. */
const dialling = webSocketSink<unknown>({ url, framing: lines(), encode: String })

describe('webSocketSink', () => {
  const listen = (process: SimProcess): Consumer => new Consumer(process).listen()
  keepsTheContract({ connector: webSocketSinkConnector, description: dialling, listen }, { seeds: 30, records: 30 })

  /** What the sink task writes for `records` when each is a message. */
  const messages = (description: SinkDescription<unknown>, records: readonly string[]): Buffer =>
    Buffer.concat(records.flatMap((text) => [...description.framing!.frame(Buffer.from(text))]))

  test('sends each record as a message of its own, as text or binary', () => {
    for (const kind of ['text', 'binary'] as const) {
      const description = webSocketSink<unknown>({ url, messages: kind, encode: String })
      const on = new Bench(webSocketSinkConnector, description)
      const consumer = new Consumer(on.machine.start('consumer')).listen()
      on.writer.write(messages(description, ['one', '', 'ünd\ndrei']), 3)
      on.pass(10_000)
      expect(consumer.heard.flat()).toEqual(
        ['one', '', 'ünd\ndrei'].map((text) => ({ text, binary: kind === 'binary' })),
      )
      expect(on.writer.status).toMatchObject({ state: 'ready', peers: 1, queuedBytes: 0 })
    }
  })

  test('refuses bytes that are no text where messages are', () => {
    const bytes = Buffer.from([0x61, 0xff])
    for (const make of [webSocketSink<unknown>, webSocketServerSink<unknown>]) {
      const framing = (more: object) => make({ url, port: 0, encode: String, ...more } as never).framing!
      expect(() => framing({}).frame(bytes)).toThrow(expect.objectContaining({ code: 'E_MESSAGE_TEXT' }))
      expect(() => framing({ framing: lines() }).frame(bytes)).toThrow('no text')
      expect(Buffer.concat(framing({ messages: 'binary' }).frame(bytes)).subarray(4)).toEqual(bytes)
      expect(Buffer.concat(framing({ framing: lines() }).frame(Buffer.from('ü'))).toString()).toBe('ü\n')
    }
  })

  test('warns once when nobody is there or it is turned away, and delivers when it is let in', () => {
    const on = new Bench(webSocketSinkConnector, dialling)
    on.write(`${'a'.repeat(600)}\n`)
    expect(on.write(`${'b'.repeat(600)}\n`)).toBe(false)
    on.pass(20_000)
    expect(on.writer.status.state).toBe('no-peer')
    expect(on.warnings).toEqual(['E_NO_PEER'])
    const consumer = new Consumer(on.machine.start('consumer')).listen()
    consumer.refusal = { status: 403 }
    on.pass(20_000)
    expect(on.writer.room).toBe(false)
    consumer.refusal = null
    on.pass(10_000)
    expect(consumer.texts).toEqual([`${'a'.repeat(600)}\n`, `${'b'.repeat(600)}\n`])
    expect(on.writer.room).toBe(true)
    expect(on.wakes).toBeGreaterThan(0)
  })

  test('warns again when its consumer goes, and comes back to it', () => {
    const on = new Bench(webSocketSinkConnector, dialling)
    const consumer = new Consumer(on.machine.start('consumer')).listen()
    on.write('one\n')
    on.pass(10_000)
    consumer.leave()
    on.pass(10_000)
    on.write('two\n')
    const again = new Consumer(on.machine.start('again')).listen()
    on.pass(10_000)
    expect([consumer.texts, again.texts]).toEqual([['one\n'], ['two\n']])
    expect(on.warnings.at(-1)).toBe('E_NO_PEER')
  })

  test('what is written while its consumer takes its leave goes to the next one', () => {
    const far: Weather = { ...calm, network: { ...calm.network, latencyMs: 20 } }
    const on = new Bench(webSocketSinkConnector, dialling, far)
    const consumer = new Consumer(on.machine.start('consumer')).listen()
    on.write('first\n')
    on.pass(1000)
    consumer.leave()
    const written = Array.from({ length: 200 }, (_, n) => `${n}\n`)
    for (const line of written) {
      on.write(line)
      on.pass(1)
    }
    const again = new Consumer(on.machine.start('again')).listen()
    on.pass(10_000)
    const arrived = new Set([...consumer.texts, ...again.texts].flatMap((text) => text.split(/(?<=\n)/)))
    expect(written.filter((line) => !arrived.has(line))).toEqual([])
  })

  test('sends what stood in a snapshot after a restart', () => {
    const on = new Bench(webSocketSinkConnector, dialling)
    on.write('kept\n')
    const answer = on.barrier()
    on.pass(2000)
    const consumer = new Consumer(on.machine.start('consumer')).listen()
    on.writer.restore({ generation: 2, epoch: 1, back: false, snapshots: [answer.snapshot!] }, () => {})
    on.pass(10_000)
    expect(consumer.texts).toEqual(['kept\n'])
  })

  test('ends with a goodbye when all has left', () => {
    const on = new Bench(webSocketSinkConnector, dialling)
    const consumer = new Consumer(on.machine.start('consumer')).listen()
    on.write('x\n'.repeat(300))
    let ended = false
    on.writer.end(() => {
      ended = true
    })
    on.pass(10_000)
    expect(consumer.texts.join('')).toHaveLength(600)
    expect(ended).toBe(true)
  })

  test('wants a URL of a WebSocket', () => {
    for (const wrong of ['http://x/', 'nonsense', '', 'ws://x.example/in#there']) {
      expect(webSocketSink({ url: wrong, encode: String }).faults, wrong).not.toEqual([])
    }
    expect(webSocketSink({ url: 'wss://x.example/in', encode: String }).faults).toEqual([])
  })
})

/** A subscriber: dials a server sink and keeps what it hears. */
class Subscriber implements WebSocketHandler, Subscribed {
  readonly texts: string[] = []
  end: WebSocketEnd | null = null
  readonly socket: WebSocketConnection

  constructor(process: SimProcess, path: string, headers: Record<string, string>) {
    const where = `ws://writer:${PORT}${path}`
    this.socket = process.env.http.dialWebSocket({ url: where, headers, limits: makeLimits(), timeoutMs: 1000 }, this)
  }

  get text(): string {
    return this.texts.join('')
  }

  get closed(): boolean {
    return this.end !== null
  }

  pause(): void {
    this.socket.pause()
  }
  resume(): void {
    this.socket.resume()
  }

  onOpen(): void {}
  onMessage(message: Buffer): void {
    this.texts.push(message.toString())
  }
  onDrain(): void {}
  onClosed(end: WebSocketEnd): void {
    this.end = end
  }
}

describe('webSocketServerSink', () => {
  function open(more: object = {}, weather: Weather = calm) {
    const description = webSocketServerSink<unknown>({
      ...{ host: 'writer', port: PORT, queueBytes: 2000, framing: lines(), encode: String },
      ...more,
    })
    const bench = new Bench(webSocketServerSinkConnector, description, weather)
    return Object.assign(bench, {
      subscribe: (path = '/', headers: Record<string, string> = {}) => {
        const subscriber = new Subscriber(bench.machine.start('subscriber'), path, headers)
        bench.pass(200)
        return subscriber
      },
    })
  }

  servesItsSubscribers({ open })

  test('tells who comes to the wrong path, from a page of another site, or as one too many', () => {
    const on = open({ path: '/live', subscribers: 1 })
    expect(on.subscribe('/').end?.error?.message).toContain('404')
    expect(on.subscribe('/live', { origin: 'https://evil.example' }).end?.error?.message).toContain('403')
    const a = on.subscribe('/live', { origin: 'http://localhost:8080' })
    expect(on.subscribe('/live').end).toMatchObject({ code: 1008, reason: 'as many are connected as may be' })
    expect(a.end).toBeNull()
    expect(on.warnings).toEqual(['E_SOCKET_PATH', 'E_ORIGIN'])
  })

  test('says goodbye to its subscribers at the end', () => {
    const on = open()
    const a = on.subscribe()
    on.writer.end(() => {})
    on.pass(100)
    expect(a.end).toMatchObject({ code: 1000, error: null })
  })

  test('counts a subscriber that has said goodbye no more', () => {
    const on = open()
    const a = on.subscribe()
    a.socket.close(1000, '')
    on.pass(10)
    expect(on.writer.status.peers).toBe(0)
  })
})
