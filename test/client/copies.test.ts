/**
 * Outboxes that are copied, restored or cut short, and streams that are forgotten: nothing acknowledged is lost or
 * counted twice.
 */
import { cpSync, readdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Client, connect } from '../../src/client.ts'
import type { StreamRow } from '../../src/ingest/stream.ts'
import { Worker } from './fixture.ts'

const clients: Client[] = []
const workers: Worker[] = []
let door: Worker
let original: string
let copy: string

async function start(options: Parameters<Worker['start']>[0] = {}): Promise<void> {
  door = new Worker()
  workers.push(door)
  await door.start(options)
  original = join(door.directory, 'original')
  copy = join(door.directory, 'copy')
}

/** The worker dies, and another life goes on with its journal behind `rows`. */
async function again(rows: readonly StreamRow[], limits = {}): Promise<void> {
  const { directory, taken } = door
  await door.stop()
  door = new Worker(directory)
  door.taken.push(...taken)
  door.count = taken.length
  workers.push(door)
  await door.start({ incarnation: 'b', rows, limits })
}

async function open(path: string): Promise<Client> {
  const client = await connect({
    port: door.port,
    source: 'lines',
    producer: 'till-4',
    outbox: { path },
    maxBackoffMs: 20,
  })
  client.on('failed', () => {})
  clients.push(client)
  return client
}

/** What becomes of `records`: they are journaled, or the client ends for a reason. */
async function send(client: Client, ...records: string[]): Promise<string> {
  await client.send(records)
  return client.flush('journaled').then(
    () => 'journaled',
    (error: { readonly code: string; readonly details: { readonly code?: string } }) =>
      error.details.code ?? error.code,
  )
}

async function sendFrom(path: string, ...records: string[]): Promise<string> {
  const client = await open(path)
  const end = await send(client, ...records)
  client.close()
  return end
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  for (const worker of workers.splice(0)) {
    await worker.stop()
    worker.remove()
  }
})

describe('an outbox of which there is a copy', () => {
  test('goes on where it sends first, and the copy is refused', async () => {
    await start()
    expect(await sendFrom(original, 'one', 'two')).toBe('journaled')
    cpSync(original, copy, { recursive: true })
    expect(await sendFrom(original, 'three')).toBe('journaled')
    expect(await sendFrom(copy, 'another three', 'another four')).toBe('E_STREAM_FORKED')
    expect(await sendFrom(original, 'four')).toBe('journaled')
    await door.took(4)
    expect(door.taken).toEqual(['one', 'two', 'three', 'four'])
  })

  test('is refused itself where the copy sends first, while it is still connected', async () => {
    await start()
    const client = await open(original)
    expect(await send(client, 'one')).toBe('journaled')
    cpSync(original, copy, { recursive: true })
    expect(await sendFrom(copy, 'copied')).toBe('journaled')
    expect(await send(client, 'two')).toBe('E_STREAM_FORKED')
    await door.took(2)
    expect(door.taken).toEqual(['one', 'copied'])
  })

  test.each(['the journal', 'the epoch'])('is told from it by what %s has', async (where) => {
    await start()
    expect(await sendFrom(original, 'one')).toBe('journaled')
    cpSync(original, copy, { recursive: true })
    expect(await sendFrom(original, 'two')).toBe('journaled')
    await door.took(2)
    await again(where === 'the journal' ? [] : door.checkpoint())
    expect(await sendFrom(copy, 'another two', 'another three')).toBe('E_STREAM_FORKED')
    expect(await sendFrom(original, 'three')).toBe('journaled')
  })

  test('is told from it by what it brought in front of the end of a journal that was away', async () => {
    await start()
    expect(await sendFrom(original, 'one')).toBe('journaled')
    cpSync(original, copy, { recursive: true })
    await door.took(1)
    const rows = door.checkpoint()
    expect(await sendFrom(original, 'two', 'three')).toBe('journaled')

    // Another home goes on, which does not reach that journal.
    const away = door.directory
    await door.stop()
    door = new Worker()
    workers.push(door)
    await door.start({ rows })
    expect(await sendFrom(copy, 'another two')).toBe('journaled')
    await door.took(1)
    const further = door.checkpoint()

    await door.stop()
    door = new Worker(away)
    workers.push(door)
    await door.start({ incarnation: 'b', rows: further })
    await door.took(1)
    expect(door.taken).toEqual(['three'])
    expect(await sendFrom(original)).toBe('E_STREAM_FORKED')
    expect(await sendFrom(copy)).toBe('E_STREAM_FORKED')
  })

  test('may be moved: who has sent nothing since is nobody', async () => {
    await start()
    expect(await sendFrom(original, 'one')).toBe('journaled')
    cpSync(original, copy, { recursive: true })
    const idle = await open(original)
    await new Promise<void>((resolve) => idle.once('connect', () => resolve()))
    idle.close()
    expect(await sendFrom(copy, 'two')).toBe('journaled')
    expect(await sendFrom(copy, 'three')).toBe('journaled')
    await door.took(3)
    expect(door.taken).toEqual(['one', 'two', 'three'])
  })
})

test('an outbox that has come back from a backup is refused, however much it has by then', async () => {
  await start()
  const client = await open(original)
  expect(await send(client, 'one')).toBe('journaled')
  cpSync(original, copy, { recursive: true })
  expect(await send(client, 'two', 'three')).toBe('journaled')
  client.close()
  expect(await sendFrom(copy, 'other two', 'other three', 'other four', 'other five')).toBe('E_STREAM_FORKED')
})

test('an outbox that has lost its end is refused, however much it has by then', async () => {
  await start()
  expect(await sendFrom(original, 'one', 'two')).toBe('journaled')
  const [file = ''] = readdirSync(original).filter((name) => name.endsWith('.batches'))
  truncateSync(join(original, file), 0)
  expect(await sendFrom(original, 'other one', 'other two', 'other three')).toBe('E_STREAM_FORKED')
})

test('an outbox that is opened again and again without a word being stable stays what it was', async () => {
  await start()
  for (let i = 1; i <= 70; i++) expect(await sendFrom(original, `${i}`)).toBe('journaled')
  await door.took(70)
})

describe('a stream that was forgotten', () => {
  const limits = { producerTtlMs: 300 }

  // Nothing is silent for long unless a test says so, however slow the machine is.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
  afterEach(() => void vi.useRealTimers())

  /** Until it has expired, and longer. */
  const silence = (): void => void vi.setSystemTime(Date.now() + 400)

  /** The worker forgets what is silent for too long. */
  async function forget(): Promise<void> {
    const rows = door.checkpoint()
    await again(rows, limits)
    silence()
    // The journal gives its segments back first.
    await expect
      .poll(() => {
        door.checkpoint()
        return door.source.cut().filter(([producer]) => producer === 'till-4')
      })
      .toEqual([])
  }

  test('is not taken from its first record on again by an outbox that was told of something stable', async () => {
    await start({ limits })
    const client = await open(original)
    expect(await send(client, 'one', 'two')).toBe('journaled')
    await door.took(2)
    door.checkpoint()
    await client.flush('stable')
    client.close()
    await forget()
    expect(await sendFrom(original, 'three')).toBe('E_STREAM_UNKNOWN')
    expect(door.taken).toEqual(['one', 'two'])
  })

  test('is not taken again either by one that was not told', async () => {
    await start({ limits })
    expect(await sendFrom(original, 'one', 'two')).toBe('journaled')
    await door.took(2)
    await forget()
    expect(await sendFrom(original, 'three')).toBe('E_STREAM_EXPIRED')
    expect(door.taken).toEqual(['one', 'two'])
  })

  test('nobody believes of an outbox that has sent nothing yet', async () => {
    await start({ limits })
    const { port } = door
    await door.stop()
    const client = await connect({ port, source: 'lines', producer: 'till-4', outbox: { path: original } })
    clients.push(client)
    await client.send('one')
    silence()
    client.close()
    await again([], limits)
    expect(await sendFrom(original, 'two')).toBe('journaled')
    await door.took(2)
  })
})
