/** The client by WebSocket: in Node, and the file for browsers, run here by what Node has of a browser. */
import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { freePort } from '../../bench/workers/free-port.ts'
import { makeLimits } from '../../src/base/limits.ts'
import * as browser from '../../src/client/browser/buffer.ts'
import { bundleForBrowsers } from '../../src/client/browser/bundle.ts'
import { EventEmitter } from '../../src/client/browser/events.ts'
import { crc32 as browserCrc32 } from '../../src/client/browser/zlib.ts'
import { type Client, connect } from '../../src/client.ts'
import type { Door, Listening, Requests } from '../../src/connectors/connector.ts'
import { webSocketSource } from '../../src/connectors/websocket/describe.ts'
import { webSocketSourceConnector } from '../../src/connectors/websocket/source.ts'
import { realEnv } from '../../src/env/real/env.ts'
import { encodeAcked } from '../../src/protocol/acked.ts'
import { Worker } from './fixture.ts'

type Connect = (options: { url: string; source: string; producer: string; token?: string }) => Promise<Client>

const file = await bundleForBrowsers()
const inBrowser = (await import(`data:text/javascript,${encodeURIComponent(file)}`)) as { connect: Connect }

let worker: Worker
let listening: Listening
let url: string
let client: Client | null = null
let token: string | null = null

/** Opens a WebSocket source in front of the worker's door. */
async function listen(port: number): Promise<void> {
  const door: Door = {
    requests: {} as Requests,
    lane: () => expect.unreachable(),
    session: (remote, send, close) => worker.source.session(remote, send, close),
  }
  const description = webSocketSource({ port, path: '/in', protocol: 'acked' })
  const address = await new Promise<string>((go, stop) => {
    listening = webSocketSourceConnector.open(description, door, {
      ...{ env: realEnv({ log: { level: 'error' } }), limits: makeLimits(), step: 'in', sharePort: false },
      ...{ reached: () => {}, ownPort: 0, standardInput: null, wake() {}, warn() {}, listening: go, failed: stop },
    })
  })
  url = `ws://${address}/in`
}

async function open(): Promise<void> {
  worker = await new Worker().start(token === null ? {} : { token })
  await listen(await freePort())
}

beforeEach(() => {
  token = null
  client = null
})
afterEach(async () => {
  client?.close()
  listening.close()
  await worker.stop()
  worker.remove()
})

describe.each([
  ['in Node', connect as Connect],
  ['for browsers', inBrowser.connect],
])('%s', (_, connectBy) => {
  test('every record arrives once and in order, though connections are cut', async () => {
    await open()
    const port = Number(new URL(url).port)
    client = await connectBy({ url, source: 'lines', producer: 'till' })
    let cuts = 0
    for (let i = 0; i < 20_000; i++) {
      await client.send(`${i} café 🦘`)
      if (i % 4000 !== 3999) continue
      // The source is closed, with all its connections, and opened again where it was.
      await worker.took(i - 2000)
      listening.close()
      await listen(port)
      cuts++
    }
    await client.flush('journaled')
    worker.checkpoint()
    await client.flush('stable')
    expect(cuts).toBe(5)
    expect(client.outstanding).toBe(0)
    expect(worker.taken).toEqual(Array.from({ length: 20_000 }, (_, i) => `${i} café 🦘`))
  })

  test('a wrong token is refused for good', async () => {
    token = 'the right one'
    await open()
    client = await connectBy({ url, source: 'lines', producer: 'till', token: 'the wrong one' })
    const error: unknown = await client
      .send('x')
      .then(() => client!.flush('journaled'))
      .catch((error) => error)
    expect(error).toMatchObject({ code: 'E_CLIENT_REFUSED', details: { code: 'E_TOKEN' } })
  })

  test('a wrong path is nobody there, and is tried again', async () => {
    await open()
    client = await connectBy({ url: url.replace('/in', '/out'), source: 'lines', producer: 'till' })
    const reasons: string[] = []
    await new Promise<void>((go) => {
      client!.on('unreachable', ({ reason }) => {
        if (reasons.push(reason) === 2) go()
      })
    })
    expect(reasons).toEqual(Array(2).fill(expect.stringMatching(/^nobody takes a WebSocket at ws:.*\/out$/)))
  })

  test('a redirect leads to the same path of another worker', async () => {
    await open()
    const { hostname: host, port } = new URL(url)
    const other = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/in' })
    await new Promise((go) => other.once('listening', go))
    let asked = 0
    other.on('connection', (socket) => {
      asked++
      socket.once('message', () =>
        socket.send(encodeAcked({ kind: 'redirect', worker: 'w1', host, port: Number(port) })),
      )
    })
    const { port: first } = other.address() as { port: number }
    client = await connectBy({ url: `ws://127.0.0.1:${first}/in`, source: 'lines', producer: 'till' })
    await client.send('sent on')
    await client.flush('journaled')
    await worker.took(1)
    expect([asked, worker.taken]).toEqual([1, ['sent on']])
    other.close()
  })

  test('a url that is none of a WebSocket is an error of options', async () => {
    await open()
    const wrong = connectBy({ url: 'http://127.0.0.1/', source: 'lines', producer: 'till' })
    await expect(wrong).rejects.toMatchObject({ code: 'E_CLIENT_OPTIONS' })
  })

  test('so is a name that is longer than what can be said', async () => {
    await open()
    const wrong = connectBy({ url, source: 'lines', producer: 'ü'.repeat(129) })
    await expect(wrong).rejects.toMatchObject({ code: 'E_CLIENT_OPTIONS' })
  })
})

test('a worker that takes a WebSocket and answers nothing is let go of at once', async () => {
  await open()
  let closed = 0
  const server = createServer((socket) => {
    socket.once('data', (head) => {
      const key = /Sec-WebSocket-Key: (.*)\r\n/i.exec(String(head))?.[1]
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
      const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}`
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`)
      socket.resume()
    })
    socket.on('error', () => {})
    socket.on('close', () => closed++)
  })
  await new Promise<void>((go) => server.listen(0, '127.0.0.1', go))
  const { port } = server.address() as { port: number }
  const timing = { dialTimeoutMs: 20, maxBackoffMs: 1 }
  const mute = await connect({ url: `ws://127.0.0.1:${port}/`, source: 'lines', producer: 'till', ...timing })
  await expect.poll(() => closed).toBeGreaterThan(2)
  mute.close()
  server.close()
})

describe('what browsers have not', () => {
  beforeEach(() => open())

  test('CRC-32 is that of zlib, also in parts', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ maxLength: 100 }), (a, b) => {
        expect(browserCrc32(b, browserCrc32(a))).toBe(crc32(b, crc32(a)))
      }),
    )
  })

  test('text becomes the bytes that Node makes of it, and back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
        const own = browser.Buffer.allocUnsafeSlow(200)
        const written = own.write(text, 3)
        expect(written).toBe(Buffer.byteLength(text))
        expect(browser.Buffer.byteLength(text)).toBe(written)
        expect(Buffer.from(own.subarray(3, 3 + written)).equals(Buffer.from(text))).toBe(true)
        expect(own.toString('utf8', 3, 3 + written)).toBe(Buffer.from(text).toString())
        const bytes = own.subarray(3, 3 + written) as InstanceType<typeof browser.Buffer>
        expect(bytes.equals(browser.Buffer.from(text))).toBe(true)
        expect(bytes.equals(browser.Buffer.from(`${text}!`))).toBe(false)
      }),
    )
    for (const text of ['\ufeffa mark in front', 'a \ufffd within']) {
      const bytes = browser.Buffer.from(text)
      expect(bytes.toString()).toBe(text)
      expect(bytes.equals(Buffer.from(text))).toBe(true)
    }
    expect(browser.Buffer.byteLength('\ud800x\udc00')).toBe(Buffer.byteLength('\ud800x\udc00'))
  })

  test('events come to who listens, in order, and once where that was asked', () => {
    const heard: string[] = []
    const emitter = new EventEmitter()
    const first = (): number => heard.push('first')
    emitter.on('x', first)
    emitter.once('x', (what) => heard.push(`once ${what}`))
    expect(emitter.emit('x', 1)).toBe(true)
    emitter.off('x', first)
    emitter.off('x', first)
    expect([emitter.emit('x', 2), emitter.emit('y')]).toEqual([false, false])
    expect(heard).toEqual(['first', 'once 1'])
  })
})
