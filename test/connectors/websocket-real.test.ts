/**
 * The WebSocket sinks on real sockets: who reads slowly holds them back or is dropped, and nothing is held without end.
 */
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { makeLimits } from '../../src/base/limits.ts'
import type { SinkConnector, SinkContext, Writer } from '../../src/connectors/connector.ts'
import { webSocketServerSink, webSocketSink } from '../../src/connectors/websocket/describe.ts'
import { webSocketServerSinkConnector } from '../../src/connectors/websocket/server-sink.ts'
import { webSocketSinkConnector } from '../../src/connectors/websocket/sink.ts'
import { realEnv } from '../../src/env/real/env.ts'
import type { SinkDescription } from '../../src/model/connector.ts'

const MESSAGE = 50_000
const QUEUE = 1 << 20
/** What sockets and kernels hold beside: far less than is sent. */
const SENT = 2000

let changed: () => void = () => {}
let writer: Writer
const warnings: string[] = []
afterEach(() => {
  writer.close()
  warnings.length = 0
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((go) => (changed = go))
}

async function open(connector: SinkConnector, description: SinkDescription<unknown>): Promise<number> {
  const env = realEnv()
  let port = 0
  const context: SinkContext = {
    ...{
      env,
      limits: makeLimits({ writerBytes: QUEUE }),
      pipeline: 'p',
      store: 'h',
      history: 'h.1',
      step: 'out',
      writer: 'w1',
      listening: (address: string) => {
        port = Number(address.split(':')[1])
      },
      maySpeak: () => true,
    },
    standardOutput: { write: (_, done) => done(null) },
    refused: () => {},
    wake: () => changed(),
    warn: ({ code }) => {
      warnings.push(code)
      changed()
    },
    failed: (error) => {
      throw error
    },
  }
  writer = connector.open(description, context)
  await new Promise<void>((go) => writer.restore({ generation: 1, epoch: 0, back: false, snapshots: [] }, go))
  while (writer.status.state === 'opening') await new Promise((go) => env.clock.after(1, () => go(null)))
  return port
}

/** Message `n`, as a sink task hands it over. */
function message(description: SinkDescription<unknown>, n: number): Buffer {
  const text = Buffer.alloc(MESSAGE, 97)
  text.write(`${n} `)
  return Buffer.concat([...description.framing!.frame(text)])
}

/** Writes as long as there is room, `total` messages at most; answers how many there are now. */
function fill(description: SinkDescription<unknown>, from: number, total: number): number {
  let n = from
  while (n < total && writer.room) writer.write(message(description, n++), 1)
  return n
}

async function subscribe(port: number): Promise<{ readonly socket: WebSocket; readonly heard: number[] }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`)
  const heard: number[] = []
  socket.on('message', (bytes) => {
    heard.push(Number.parseInt(String(bytes), 10))
    changed()
  })
  socket.on('close', () => changed())
  await once(socket, 'open')
  return { socket, heard }
}

const inOrder = Array.from({ length: SENT }, (_, n) => n)

test('a slow subscriber holds the sink back, with a bounded queue, and gets everything in the end', async () => {
  const description = webSocketServerSink<unknown>({ port: 0, slow: 'wait', queueBytes: QUEUE, encode: String })
  const { socket, heard } = await subscribe(await open(webSocketServerSinkConnector, description))
  socket.pause()
  let n = fill(description, 0, SENT)
  // The kernel takes some more now and then; when it takes nothing any more the sink is full.
  for (let before = -1; before !== n; n = fill(description, n, SENT)) {
    before = n
    await new Promise((go) => setTimeout(go, 50))
  }
  expect(n).toBeLessThan(SENT)
  expect(writer.status.queuedBytes).toBeLessThan(QUEUE + 2 * MESSAGE)
  socket.resume()
  while (n < SENT) {
    await until(() => writer.room)
    n = fill(description, n, SENT)
  }
  await until(() => heard.length === SENT)
  expect(heard).toEqual(inOrder)
  socket.terminate()
})

test('a slow subscriber is dropped where that was asked, and another one misses nothing', async () => {
  const description = webSocketServerSink<unknown>({ port: 0, slow: 'drop', queueBytes: QUEUE, encode: String })
  const port = await open(webSocketServerSinkConnector, description)
  const [slow, quick] = [await subscribe(port), await subscribe(port)]
  slow.socket.pause()
  for (let n = 0; n < SENT; n++) {
    writer.write(message(description, n), 1)
    // So that the quick one is never far behind.
    await until(() => quick.heard.length > n - 5)
  }
  await until(() => quick.heard.length === SENT)
  expect(quick.heard).toEqual(inOrder)
  expect(writer.status).toMatchObject({ peers: 1, dropped: 1 })
  expect(warnings).toEqual(['E_SUBSCRIBER_DROPPED'])
  for (const { socket } of [slow, quick]) socket.terminate()
})

test('a consumer that goes away and comes back gets whole messages, none of them left out', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const heard: number[][] = []
  server.on('connection', (socket) => {
    const own: number[] = []
    heard.push(own)
    socket.on('message', (bytes) => {
      expect((bytes as Buffer).length).toBe(MESSAGE)
      own.push(Number.parseInt(String(bytes), 10))
      // In the middle it breaks the connection.
      if (heard.length === 1 && own.length === 50) socket.terminate()
      changed()
    })
  })
  const { port } = server.address() as { port: number }
  const description = webSocketSink<unknown>({ url: `ws://127.0.0.1:${port}/`, messages: 'binary', encode: String })
  await open(webSocketSinkConnector, description)
  const total = 200
  for (let n = 0; n < total; ) {
    await until(() => writer.room)
    n = fill(description, n, total)
  }
  await until(() => heard[1]?.at(-1) === total - 1)
  const [first, second] = heard as [number[], number[]]
  expect(first.length).toBeGreaterThanOrEqual(50)
  expect(first).toEqual(inOrder.slice(0, first.length))
  // What the system had taken is lost, or comes again; from there on nothing is left out.
  expect(second).toEqual(inOrder.slice(second[0], total))
  server.close()
  for (const socket of server.clients) socket.terminate()
})
