/** `receiveAcked` on real sockets and a real disk, fed by the acked sinks. */
import { tracingChannel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { connect, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { freePort } from '../../bench/workers/free-port.ts'
import { makeLimits } from '../../src/base/limits.ts'
import { type ReceiveOptions, type Receiver, receiveAcked } from '../../src/client.ts'
import type { Writer } from '../../src/connectors/connector.ts'
import { tcpSink } from '../../src/connectors/tcp/describe.ts'
import { tcpSinkConnector } from '../../src/connectors/tcp/sink.ts'
import { webSocketSink } from '../../src/connectors/websocket/describe.ts'
import { webSocketSinkConnector } from '../../src/connectors/websocket/sink.ts'
import { realEnv } from '../../src/env/real/env.ts'

const env = realEnv({ log: { level: 'silent' as never } })

/** A worker's writer, which goes back to its base as often as it is told to. */
class Sink {
  readonly writer: Writer
  private generation = 0
  private epoch = 0

  constructor(port: number, by: 'tcp' | 'websocket', tokenFile?: string) {
    const [connector, description] =
      by === 'tcp'
        ? [tcpSinkConnector, tcpSink({ port, protocol: 'acked', encode: String, tokenFile })]
        : [
            webSocketSinkConnector,
            webSocketSink({ url: `ws://127.0.0.1:${port}/`, protocol: 'acked', encode: String, tokenFile }),
          ]
    this.writer = connector.open(description, {
      ...{ env, limits: makeLimits(), pipeline: 'p', store: 'h', history: 'h.1', step: 'out', writer: 'w1' },
      ...{ standardOutput: { write() {} }, listening() {}, maySpeak: () => true },
      ...{ refused() {}, wake() {}, warn() {}, failed() {} },
    })
    this.back()
  }

  /** Another generation begins at the last epoch. */
  back(generation = this.generation + 1): void {
    this.generation = generation
    this.writer.restore({ generation, epoch: this.epoch, back: false, snapshots: [] }, () => {})
  }

  write(from: number, to: number, padding = ''): void {
    const records = Array.from({ length: to - from + 1 }, (_, i) => Buffer.from(`${from + i}${padding}`))
    const ends: number[] = []
    for (const { length } of records) ends.push((ends.at(-1) ?? 0) + length)
    const ids = records.map((_, i) => `out/${from + i}/0/split`)
    this.writer.write(Buffer.concat(records), records.length, { ends, ids })
  }

  /** Resolves when everything so far was acknowledged. */
  barrier(): Promise<void> {
    return new Promise((resolve) => this.writer.barrier(++this.epoch, this.generation, () => resolve()))
  }
}

let folder: string
let texts: string[]
const receivers: Receiver[] = []
const sinks: Sink[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'potoroo-inbox-'))
  texts = []
})

afterEach(() => {
  for (const receiver of receivers.splice(0)) receiver.close()
  for (const { writer } of sinks.splice(0)) writer.close()
  rmSync(folder, { recursive: true, force: true })
})

async function receive(options: Partial<ReceiveOptions> = {}): Promise<Receiver> {
  const { port = await freePort() } = options
  const receiver = await receiveAcked({ handle: ({ text }) => void texts.push(text), ...options, port })
  receiver.on('failed', () => {})
  receivers.push(receiver)
  return receiver
}

function sink(receiver: Receiver, by: 'tcp' | 'websocket' = 'tcp', tokenFile?: string): Sink {
  const made = new Sink(receiver.address.port, by, tokenFile)
  sinks.push(made)
  return made
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => String(from + i))
}

describe.each(['tcp', 'websocket'] as const)('by %s', (by) => {
  test('hands each record over once, in order, also what comes again', async () => {
    const receiver = await receive({ by })
    const from = sink(receiver, by)
    from.write(1, 1000)
    await from.barrier()
    from.write(1001, 1500)
    from.back()
    from.write(1001, 2000)
    await from.barrier()
    expect(texts).toEqual(numbers(1, 2000))
    expect(receiver.handled).toBe(2000)
  })

  test('hands over what comes behind the end of its sink, too', async () => {
    const from = sink(await receive({ by }), by)
    from.write(1, 3)
    await new Promise<void>((ended) => from.writer.end(ended))
    await from.barrier()
    from.write(4, 6)
    await from.barrier()
    expect(texts).toEqual(numbers(1, 6))
  })

  test('remembers on disk what it has acknowledged', async () => {
    const inbox = { path: join(folder, 'inbox') }
    const receiver = await receive({ by, inbox })
    const { port } = receiver.address
    const from = sink(receiver, by)
    from.write(1, 500)
    await from.barrier()
    from.write(501, 1000)
    await from.barrier()
    receiver.close()
    const again = await receive({ by, inbox, port })
    expect(again.handled).toBe(texts.length)
    from.back()
    from.write(1, 1200)
    await from.barrier()
    await expect.poll(() => texts.length).toBe(1200)
    expect(texts).toEqual(numbers(1, 1200))
  })
})

test('acknowledges in memory what was handled, and no more', async () => {
  let go = (): void => {}
  const receiver = await receive({
    handle: ({ text }) => {
      texts.push(text)
      return text === '3' ? new Promise((resolve) => (go = resolve)) : undefined
    },
  })
  const from = sink(receiver)
  from.write(1, 5)
  let acknowledged = false
  const barrier = from.barrier().then(() => (acknowledged = true))
  await expect.poll(() => texts.length).toBe(3)
  expect([acknowledged, receiver.handled]).toEqual([false, 2])
  go()
  await barrier
  expect(texts).toEqual(numbers(1, 5))
})

test('ends when its handler throws, and goes on behind what was handled', async () => {
  const inbox = { path: join(folder, 'inbox') }
  const receiver = await receive({
    inbox,
    handle: ({ text }) => {
      if (text === '4') throw new Error('four')
      texts.push(text)
    },
  })
  const failed = new Promise((resolve) => receiver.on('failed', resolve))
  const { port } = receiver.address
  const from = sink(receiver)
  from.write(1, 3)
  await from.barrier()
  await expect.poll(() => receiver.handled).toBe(3)
  from.write(4, 5)
  await expect(failed).resolves.toMatchObject({ message: 'four' })
  await receive({ inbox, port })
  await expect.poll(() => texts).toEqual(numbers(1, 5))
  from.write(6, 6)
  await from.barrier()
  await expect.poll(() => texts).toEqual(numbers(1, 6))
})

test('ends also when its handler throws nothing', async () => {
  const receiver = await receive({ handle: () => Promise.reject(null) })
  const failed = new Promise((resolve) => receiver.on('failed', resolve))
  sink(receiver).write(1, 1)
  await expect(failed).resolves.toBe(null)
})

test('throws what has ended it where nobody listens', async () => {
  const receiver = await receive({ handle: () => Promise.reject(new Error('four')) })
  receiver.removeAllListeners('failed')
  const thrown = new Promise((resolve) => {
    vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((fn) => {
      try {
        fn()
      } catch (error) {
        resolve(error)
      }
    })
  })
  onTestFinished(() => void vi.restoreAllMocks())
  sink(receiver).write(1, 1)
  await expect(thrown).resolves.toMatchObject({ message: 'four' })
})

test.each(['tcp', 'websocket'] as const)('connections that cannot be accepted end nobody, by %s', async (by) => {
  const servers: Server[] = []
  const opened = ({ server }: { readonly server?: Server }): void => void servers.push(server!)
  const { asyncEnd } = tracingChannel('net.server.listen')
  asyncEnd.subscribe(opened as never)
  await receive({ by, port: 0 })
  asyncEnd.unsubscribe(opened as never)
  expect(servers).toHaveLength(1)
  for (let i = 0; i < 3; i++) servers[0]!.emit('error', new Error('accept EMFILE'))
})

test('hands over again only what was in hand, however many came together', async () => {
  const inbox = { path: join(folder, 'inbox') }
  const receiver = await receive({
    inbox,
    handle: async ({ text }) => {
      if (text === '40') throw new Error('forty')
      texts.push(text)
    },
  })
  const failed = new Promise((resolve) => receiver.on('failed', resolve))
  sink(receiver).write(1, 50)
  await failed
  expect(texts).toEqual(numbers(1, 39))
  await receive({ inbox, port: receiver.address.port })
  await expect.poll(() => texts).toEqual(numbers(1, 50))
})

test('goes on behind the sequence that its user has kept with the effects', async () => {
  const inbox = { path: join(folder, 'inbox') }
  const receiver = await receive({ inbox })
  const from = sink(receiver)
  from.write(1, 10)
  await from.barrier()
  await expect.poll(() => receiver.handled).toBe(10)
  receiver.close()
  texts = []
  await receive({ inbox, after: 7 })
  await expect.poll(() => texts).toEqual(['8', '9', '10'])
})

test('goes on behind it also in a new inbox, as one that stands in for a damaged one', async () => {
  const inbox = { path: join(folder, 'inbox') }
  const taken: number[] = []
  const handle = ({ sequence }: { readonly sequence: number }): void | Promise<void> => {
    if (taken.push(sequence) === 3) return new Promise(() => {})
  }
  const receiver = await receive({ inbox, after: 100, handle })
  const from = sink(receiver)
  from.write(1, 10)
  await from.barrier()
  await expect.poll(() => taken).toEqual([101, 102, 103])
  receiver.close()
  await expect(receive({ inbox, after: 111 })).rejects.toThrow(/after is 111, and the inbox ends at record 110/)
  await receive({ inbox, after: 103 })
  await expect.poll(() => texts).toEqual(numbers(4, 10))
})

test('pushes back on a sink whose records are not handled', async () => {
  const receiver = await receive({ creditBytes: 10_000, handle: () => new Promise(() => {}) })
  const from = sink(receiver)
  for (let n = 0; n < 100; n++) from.write(n * 100, n * 100 + 99, 'x'.repeat(100))
  await expect.poll(() => from.writer.room).toBe(false)
})

test('gives credit again once what an earlier life had taken is handed over', async () => {
  const inbox = { path: join(folder, 'inbox') }
  const hand = Promise.withResolvers<void>()
  const first = await receive({ inbox, creditBytes: 50_000, handle: () => new Promise<void>(() => {}) })
  const { port } = first.address
  const from = sink(first)
  for (let n = 0; n < 100; n++) from.write(n * 100 + 1, n * 100 + 100, 'x'.repeat(100))
  await expect.poll(() => from.writer.status.writtenBytes).toBeGreaterThan(50_000)
  first.close()
  const handle = async ({ text }: { readonly text: string }): Promise<void> => {
    await hand.promise
    texts.push(text)
  }
  await receive({ inbox, port, creditBytes: 50_000, handle })
  await expect.poll(() => from.writer.status.state).toBe('ready')
  hand.resolve()
  await expect.poll(() => texts.length, { timeout: 20_000 }).toBe(10_000)
})

test('takes nobody without the token', async () => {
  const tokenFile = join(folder, 'token')
  writeFileSync(tokenFile, 'wrong')
  const from = sink(await receive({ token: 'secret' }), 'tcp', tokenFile)
  from.write(1, 3)
  await expect.poll(() => from.writer.status.state).toBe('refused')
  expect(from.writer.status.blockedBy).toMatch(/^127\.0\.0\.1:\d+: .*token/)
  expect(texts).toEqual([])
  writeFileSync(tokenFile, 'secret')
  await expect.poll(() => texts).toEqual(numbers(1, 3))
  expect(from.writer.status).toMatchObject({ state: 'ready', blockedBy: null, peers: 1 })
})

test('takes nothing from a page, which a browser lets come from anywhere', async () => {
  const { address } = await receive({ by: 'websocket' })
  const page = new WebSocket(`ws://127.0.0.1:${address.port}/`, { origin: 'http://127.0.0.1:8080' })
  const [, answer] = (await once(page, 'unexpected-response')) as [unknown, IncomingMessage]
  page.on('error', () => {}).terminate()
  expect(answer.statusCode).toBe(403)
})

test('holds nothing of a message that comes from somebody who has not said hello', async () => {
  const { address } = await receive({ by: 'websocket' })
  const stranger = new WebSocket(`ws://127.0.0.1:${address.port}/`)
  await once(stranger, 'open')
  const closed = once(stranger, 'close')
  stranger.on('error', () => {})
  // A message that never ends: one fragment behind the other.
  const fragment = Buffer.alloc(64 << 10)
  let sent = 0
  const more = (): void => {
    if (stranger.readyState !== WebSocket.OPEN) return
    sent += fragment.length
    stranger.send(fragment, { fin: false }, () => setImmediate(more))
  }
  more()
  await closed
  // What the system takes by itself, and no more.
  expect(sent).toBeLessThan(16 << 20)
})

test('closes with itself whoever has not come to be a WebSocket', async () => {
  const receiver = await receive({ by: 'websocket' })
  const stranger = connect(receiver.address.port, '127.0.0.1')
  await once(stranger, 'connect')
  stranger.on('error', () => {}).write('GET / HTTP/1.1\r\nHost: a\r\n')
  // That it has come is seen by another one, who is answered.
  const page = await fetch(`http://127.0.0.1:${receiver.address.port}/`)
  expect(page.status).toBe(426)
  receiver.close()
  await once(stranger, 'close')
})

test('lets go of files whose ids cannot come again', async () => {
  const inbox = { path: join(folder, 'inbox') }
  const receiver = await receive({ inbox, handle: () => {} })
  const from = sink(receiver)
  const files = (): string[] => readdirSync(inbox.path).filter((name) => name.endsWith('.inbox'))
  for (let n = 0; n < 50; n++) {
    from.write(n, n, 'x'.repeat(1 << 20))
    await from.barrier()
  }
  expect(files()).toHaveLength(4)
  from.writer.floor(50)
  await expect.poll(files).toHaveLength(1)
  receiver.close()
  await expect(receive({ inbox, after: 3 })).rejects.toThrow(/after is 3, and the inbox has records from \d+ on only/)
  await receive({ inbox })
  expect(files().length).toBeLessThanOrEqual(3)
})

test.each(['disk', 'memory'] as const)(
  'finishes with the record in hand, and hands none over behind it: in %s',
  async (where) => {
    const inbox = where === 'memory' ? where : { path: join(folder, 'inbox') }
    const begun: string[] = []
    const hand = Promise.withResolvers<void>()
    const handle = ({ text }: { readonly text: string }): void | Promise<void> => {
      begun.push(text)
      if (text === '3') return hand.promise.then(() => void texts.push(text))
      texts.push(text)
    }
    const receiver = await receive({ inbox, handle })
    const { port } = receiver.address
    const from = sink(receiver)
    from.write(1, 10)
    await expect.poll(() => begun).toEqual(['1', '2', '3'])
    const finished = receiver.finish()
    expect(receiver.finish()).toBe(finished)
    from.write(11, 12)
    hand.resolve()
    await finished
    expect(texts).toEqual(numbers(1, 3))
    if (where === 'memory') return
    await receive({ inbox, port })
    await expect.poll(() => texts).toEqual(numbers(1, 12))
  },
)

test('finishes at once where nothing is in hand, and where its handler throws', async () => {
  const idle = await receive()
  await idle.finish()
  await idle.finish()
  const hand = Promise.withResolvers<void>()
  const failing = await receive({ handle: () => hand.promise })
  const failed = new Promise((resolve) => failing.on('failed', resolve))
  sink(failing).write(1, 1)
  await expect.poll(() => (failing as unknown as { running: boolean }).running).toBe(true)
  const finished = failing.finish()
  hand.reject(new Error('four'))
  await finished
  await expect(failed).resolves.toMatchObject({ message: 'four' })
})

test('gives its folder to the next one at once, whatever is under way', async () => {
  const inbox = { path: join(folder, 'inbox') }
  let [until, over] = [0, (): void => {}]
  const handle = ({ text }: { readonly text: string }): void => {
    texts.push(text)
    if (Number(text) >= until) over()
  }
  let receiver = await receive({ inbox, handle })
  const from = sink(receiver)
  for (let round = 1; round <= 20; round++) {
    const reached = new Promise<void>((resolve) => (over = resolve))
    until = round * 500 - 250
    for (let n = 1; n <= 50; n++) from.write((round - 1) * 500 + n * 10 - 9, (round - 1) * 500 + n * 10)
    await reached
    over = () => {}
    receiver.close()
    receiver = await receive({ inbox, handle, port: receiver.address.port, after: receiver.handled })
  }
  await from.barrier()
  await expect.poll(() => texts.length).toBe(10_000)
  expect(texts).toEqual(numbers(1, 10_000))
})

describe('a damaged inbox', () => {
  async function filled(): Promise<string> {
    const path = join(folder, 'inbox')
    const receiver = await receive({ inbox: { path } })
    const from = sink(receiver)
    for (let n = 1; n <= 10; n++) {
      from.write(n, n)
      await from.barrier()
    }
    receiver.close()
    from.writer.close()
    texts = []
    return path
  }

  test('ends where its last frame was cut off', async () => {
    const path = await filled()
    const [file] = readdirSync(path).filter((name) => name.endsWith('.inbox'))
    truncateSync(join(path, file!), statSync(join(path, file!)).size - 3)
    const receiver = await receive({ inbox: { path }, after: 0 })
    await expect.poll(() => receiver.handled).toBe(10)
    expect(texts).toEqual(numbers(1, 10))
  })

  test('is named where damage lies in front of what is whole', async () => {
    const path = await filled()
    const [file] = readdirSync(path).filter((name) => name.endsWith('.inbox'))
    const descriptor = openSync(join(path, file!), 'r+')
    writeSync(descriptor, 'damage', 300)
    closeSync(descriptor)
    await expect(receive({ inbox: { path } })).rejects.toMatchObject({ code: 'E_INBOX_DAMAGED' })
  })

  test('is used by one receiver at a time', async () => {
    const path = join(folder, 'inbox')
    await receive({ inbox: { path } })
    await expect(receive({ inbox: { path } })).rejects.toMatchObject({ code: 'E_INBOX_LOCKED' })
  })
})

test('says what is wrong with its options, and who has the port', async () => {
  const rejects = (options: object, reason: string) =>
    expect(receive(options)).rejects.toMatchObject({ code: 'E_RECEIVER_OPTIONS', details: { reason } })
  await rejects({ port: -1 }, 'it needs a port')
  await rejects({ handle: null }, 'it needs a function that handles records')
  await rejects({ by: 'udp' }, "sinks come by 'tcp' or by 'websocket'")
  await rejects({ inbx: { path: './inbox' } }, 'there is no option inbx; did you mean inbox?')
  await rejects({ inbox: {} }, "inbox is 'memory' or { path }")
  await rejects({ after: 3 }, 'after counts records of an inbox on disk')
  await rejects({ after: Number.NaN, inbox: { path: join(folder, 'inbox') } }, 'after is the sequence of a record')
  await rejects({ remember: 0.5 }, 'remember is a whole number from 1 to 16000000')
  await rejects({ creditBytes: 2 ** 32 }, 'creditBytes is a whole number from 1 to 4294967295')
  await rejects({ token: 7 }, 'a token is a text')
  await rejects({ token: '' }, 'a token is no empty text: leave it out where none is asked for')
  const { address } = await receive()
  await expect(receive({ port: address.port })).rejects.toMatchObject({ code: 'E_RECEIVER_LISTEN' })
})
