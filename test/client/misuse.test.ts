/**
 * The client alone, on a wire in memory: workers that lie, listeners that throw or call it, records and options that
 * are none.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { Client } from '../../src/client/client.ts'
import { openDiskOutbox } from '../../src/client/disk-outbox.ts'
import { settingsOf } from '../../src/client/options.ts'
import { Outbox, type OutboxStore } from '../../src/client/outbox.ts'
import { dialTcp } from '../../src/client/tcp.ts'
import type { Dial, TransportEvents } from '../../src/client/transport.ts'
import { connect } from '../../src/client.ts'
import { ackedFrameBytes, encodeAcked } from '../../src/protocol/acked.ts'

const options = { port: 7, source: 'lines', producer: 'p' }
const welcome = { kind: 'welcome', version: 2, worker: 'w', resumeAfter: 0, stable: 0, credit: 1 << 20 } as const

let client: Client
let wire: TransportEvents
let dials: number
let stray: unknown[]
const onStray = (error: unknown): void => void stray.push(error)
let usual: NodeJS.UncaughtExceptionListener[]

beforeEach(() => {
  dials = 0
  stray = []
  usual = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', onStray)
})

afterEach(() => {
  client?.close()
  process.removeAllListeners('uncaughtException')
  for (const one of usual) process.on('uncaughtException', one)
})

function open(store: OutboxStore | null = null): void {
  client = new Client(settingsOf(options), 'i', store, (_, events) => {
    wire = events
    dials++
    return { write: () => true, cork() {}, uncork() {}, end() {}, destroy() {} }
  })
}

function say(...messages: Parameters<typeof encodeAcked>[0][]): void {
  wire.onBytes(Buffer.concat(messages.map((message) => encodeAcked(message))))
}

const welcomed = { ...welcome, recordBytes: 1 << 20, keepAliveMs: 60_000 }
const turn = () => new Promise<void>((go) => setImmediate(go))

test('what a listener throws is its own: acknowledgements go on, and no connection is blamed', async () => {
  open()
  const thrown = new Error('the listener’s')
  client.on('ack', () => {
    throw thrown
  })
  await client.send('one')
  say(welcomed)
  await turn()
  const flushed = client.flush('stable')
  say({ kind: 'ack', journaled: 1, stable: 1 })
  await flushed
  await turn()
  expect([stray, dials, client.connected]).toEqual([[thrown], 1, true])
})

test('a listener may close the client, which then touches its outbox no more', async () => {
  const path = mkdtempSync(join(tmpdir(), 'potoroo-odd-'))
  const events: string[] = []
  try {
    const { store } = openDiskOutbox({ path }, 'p', 'lines')
    const noted =
      <A extends unknown[], R>(event: string, act: (...args: A) => R) =>
      (...args: A): R => {
        events.push(event)
        return act(...args)
      }
    open({
      ...{ found: store.found, next: store.next, noted: store.noted },
      append: (batch) => store.append(batch),
      note: noted('note', (note) => store.note(note)),
      drop: noted('drop', (stable) => store.drop(stable)),
      close: noted('close', () => store.close()),
    })
    client.on('connect', () => client.close())
    await client.send('one')
    await turn()
    say({ ...welcomed, resumeAfter: 1, stable: 1 })
    await turn()
    expect(events.at(-1)).toBe('close')
  } finally {
    rmSync(path, { recursive: true })
  }
})

test('a worker that acknowledges what nobody has sent is not believed', async () => {
  open()
  await client.send(['one', 'two'])
  await turn()
  const failed = new Promise((go) => client.once('failed', go))
  say(welcomed, { kind: 'ack', journaled: 3, stable: 3 })
  expect(await failed).toMatchObject({ code: 'E_OUTBOX_BEHIND' })
})

test('closing with an outbox that cannot be written ends it all the same', async () => {
  open({
    ...{ found: [], next: 1, noted: { stable: 0, writers: [] }, note() {}, drop: () => false, close() {} },
    append() {
      throw new Error('the disk is full')
    },
  })
  const flushed = client.send('one').then(() => client.flush())
  await Promise.resolve()
  const failed = new Promise((go) => client.once('failed', go))
  client.close()
  await expect(flushed).rejects.toThrow('the disk is full')
  expect(await failed).toMatchObject({ message: 'the disk is full' })
})

test('what is no record is refused before anything of it is taken', async () => {
  open()
  for (const wrong of [1, null, undefined, {}, ['a', 1], ['a', undefined], new ArrayBuffer(1)]) {
    await expect(client.send(wrong as string)).rejects.toMatchObject({ code: 'E_CLIENT_RECORD' })
  }
  expect(client.last).toBe(0)
  await client.send(['a', new Uint8Array(1), ''])
  expect(client.last).toBe(3)
})

test('a level that there is not is refused, and not waited for', async () => {
  open()
  for (const level of ['stabel', null] as unknown as 'stable'[]) {
    await expect(client.flush(level)).rejects.toMatchObject({ code: 'E_CLIENT_LEVEL' })
    expect(() => client.token(level)).toThrow(expect.objectContaining({ code: 'E_CLIENT_LEVEL' }))
  }
})

test('a worker that speaks seldom is waited for as long as a timer can', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    open()
    say({ ...welcomed, keepAliveMs: 2 ** 32 - 1 })
    vi.advanceTimersByTime(60_000)
    expect([client.connected, dials]).toEqual([true, 1])
  } finally {
    vi.useRealTimers()
  }
})

test('a file of an outbox that cannot be removed is an outbox that cannot be used', () => {
  const path = mkdtempSync(join(tmpdir(), 'potoroo-odd-'))
  const { store } = openDiskOutbox({ path }, 'p', 'lines')
  try {
    const outbox = new Outbox(store, 'me')
    for (let i = 0; i < 10; i++) outbox.append(1, Buffer.alloc(1 << 20))
    const [first] = readdirSync(path).filter((name) => name.endsWith('.batches'))
    rmSync(join(path, first!))
    mkdirSync(join(path, first!))
    expect(() => outbox.drop(9)).toThrow(expect.objectContaining({ code: 'E_OUTBOX' }))
  } finally {
    store.close()
    rmSync(path, { recursive: true })
  }
})

test('options that nothing could come of are refused', async () => {
  const refused = (more: object, reason: string) =>
    expect(connect({ ...options, ...more })).rejects.toMatchObject({ code: 'E_CLIENT_OPTIONS', details: { reason } })
  await refused({ port: 70_000 }, 'a port is a whole number from 1 to 65535, unlike 70000')
  await refused({ addresses: [{ host: 7, port: 7 }] }, 'a host is a text: a name or an address')
  await refused({ dialTimeoutMs: 2 ** 31 }, 'dialTimeoutMs is a number above 0 and at most 2147483647')
  await refused({ maxBackoffMs: Number.NaN }, 'maxBackoffMs is a number above 0 and at most 2147483647')
  // A worker with short records would refuse such batches for ever.
  await refused({ batchBytes: ackedFrameBytes(0) }, 'batchBytes is a number above 0 and at most 262144')
  await refused({ maxOutstanding: 0 }, 'maxOutstanding is a number above 0')
  await refused({ producer: 'half \ud800' }, 'a producer name has no half of a character in it')
  await refused({ source: 'ü'.repeat(257) }, 'the name of a source has at most 512 bytes')
  await refused({ token: 'x'.repeat(1025) }, 'a token is a text of at most 1024 bytes')
  await refused({ token: 7 }, 'a token is a text of at most 1024 bytes')
  await refused({ outbox: null }, "outbox is 'memory' or { path }")
})

test('a worker that never closes is given two seconds for it', async () => {
  const server = createServer({ allowHalfOpen: true })
  await new Promise<void>((go) => server.listen(0, '127.0.0.1', go))
  const { port } = server.address() as { port: number }
  const told = { onBytes() {}, onRoom() {}, onEnd() {} }
  const accepted = new Promise<Socket>((go) => server.once('connection', go))
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  try {
    await new Promise<void>((onOpen) => {
      const transport = dialTcp(
        { host: '127.0.0.1', port, url: null },
        { ...told, onOpen: () => onOpen(transport.end()) },
      )
    })
    const socket = await accepted
    socket.on('error', () => {})
    const closed = new Promise((go) => socket.once('close', go))
    vi.advanceTimersByTime(2000)
    // What is said to a connection that is gone ends it here, too.
    const say = setInterval(() => socket.write('still there?'), 5)
    await closed
    clearInterval(say)
  } finally {
    vi.useRealTimers()
    server.close()
  }
})

test('an outbox holds no memory of what has left it', () => {
  const outbox = new Outbox(null, 'me')
  const before = process.memoryUsage().arrayBuffers
  outbox.append(1, Buffer.alloc(8))
  for (let i = 1; i <= 400; i++) {
    outbox.append(1, Buffer.alloc(1 << 20))
    outbox.drop(i)
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200 << 20)
})

test('who does not welcome in time is told from who is not there, and may be waiting itself', async () => {
  const reasons: string[] = []
  for (const opens of [false, true]) {
    client = new Client(settingsOf({ ...options, dialTimeoutMs: 1 }), 'i', null, (_, events) => {
      if (opens) queueMicrotask(() => events.onOpen())
      return { write: () => true, cork() {}, uncork() {}, end() {}, destroy() {} }
    })
    await new Promise<void>((go) =>
      client.once('unreachable', ({ reason }) => {
        reasons.push(reason)
        go()
      }),
    )
    client.close()
  }
  expect(reasons[0]).toBe('no connection within 1 ms')
  expect(reasons[1]).toMatch(/^no welcome within 1 ms; is it a source .*\? If so, it waits for something/)
})

test('whoever closes a client over records that no worker has is told how many, unless they stand on a disk', async () => {
  const left: Error[] = []
  const noWire: Dial = () => ({ write: () => true, cork() {}, uncork() {}, end() {}, destroy() {} })
  const lost = (error: Error): void => void left.push(error)
  const make = () => {
    const dial: Dial = (target, events) => {
      wire = events
      return noWire(target, events)
    }
    return new Client(settingsOf(options), 'i', null, dial, lost)
  }
  const one = make()
  void one.send(['a', 'b', 'c'])
  await turn()
  say(welcomed)
  await turn()
  say({ kind: 'ack', journaled: 1, stable: 0 })
  one.close()
  one.close()
  expect(left).toMatchObject([{ code: 'E_CLIENT_LEFT', details: { records: 2 } }])
  const all = make()
  void all.send(['a', 'b'])
  await turn()
  say(welcomed)
  await turn()
  say({ kind: 'ack', journaled: 2, stable: 0 })
  all.close()
  const path = mkdtempSync(join(tmpdir(), 'potoroo-left-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  const { store } = openDiskOutbox({ path }, 'p', 'lines')
  const kept = new Client(settingsOf({ ...options, outbox: { path } }), 'i', store, noWire, lost)
  void kept.send('a')
  kept.close()
  expect(left).toHaveLength(1)
})

test('Node warns of records that are lost by close', async () => {
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
  const client = await connect(options)
  void client.send('a')
  client.close()
  expect(await warned).toMatchObject({
    code: 'E_CLIENT_LEFT',
    message: expect.stringContaining('flush() before close()'),
  })
})
