import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { type Client, type ConnectOptions, connect } from '../../src/client.ts'
import { Worker } from './fixture.ts'

const clients: Client[] = []
const workers: Worker[] = []

async function client(port: number, options: Partial<ConnectOptions> = {}): Promise<Client> {
  const made = await connect({ port, source: 'lines', producer: 'till-4', ...options })
  made.on('failed', () => {})
  clients.push(made)
  return made
}

async function worker(...options: Parameters<Worker['start']>): Promise<Worker> {
  const made = new Worker()
  workers.push(made)
  return made.start(...options)
}

afterEach(async () => {
  for (const made of clients.splice(0)) made.close()
  for (const made of workers.splice(0)) {
    await made.stop()
    made.remove()
  }
})

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `record ${from + i}`)
}

describe('a client', () => {
  test('hands records over in order and hears when they are journaled, and stable', async () => {
    const door = await worker()
    const producer = await client(door.port)
    await producer.send('record 1')
    await producer.send(numbers(2, 1000))
    await producer.flush('journaled')
    await door.took(1000)
    expect(door.taken).toEqual(numbers(1, 1000))
    expect([producer.journaled, producer.stable]).toEqual([1000, 0])
    door.checkpoint()
    await producer.flush('stable')
    expect([producer.stable, producer.outstanding]).toEqual([1000, 0])
  })

  test('loses and doubles nothing when connections are cut again and again', async () => {
    const door = await worker()
    const producer = await client(door.port, { maxBackoffMs: 5 })
    for (let i = 0; i < 20; i++) {
      await producer.send(numbers(i * 500 + 1, i * 500 + 500))
      await new Promise((resolve) => setImmediate(resolve))
      door.disconnect()
    }
    await producer.flush('journaled')
    await door.took(10_000)
    expect(door.taken).toEqual(numbers(1, 10_000))
  })

  test('goes on with a worker that has come back with its journal', async () => {
    const first = await worker()
    const producer = await client(first.port, { maxBackoffMs: 20 })
    await producer.send(numbers(1, 300))
    await producer.flush('journaled')
    await first.took(300)
    await first.stop()
    await producer.send(numbers(301, 400))
    const second = new Worker(first.directory)
    workers.push(second)
    await second.start({ incarnation: 'b', port: first.port })
    await producer.flush('journaled')
    await second.took(400)
    expect(second.taken).toEqual(numbers(1, 400))
  })

  test('waits for room, and for credit', async () => {
    const door = await worker({ limits: { ingestBytes: 64 << 10, producerCreditBytes: 16 << 10 } })
    const producer = await client(door.port, { maxOutstanding: 128 << 10, batchBytes: 4096 })
    let sent = 0
    const sending = (async () => {
      for (; sent < 200_000; sent += 1000) await producer.send(numbers(sent + 1, sent + 1000))
    })()
    await door.took(1000)
    while (door.count < 200_000) {
      await door.took(Math.min(200_000, door.count + 1))
      door.checkpoint()
    }
    await sending
    expect(door.taken.length).toBe(200_000)
    expect(door.taken.at(-1)).toBe('record 200000')
  })

  test('that is restarted with its outbox sends what was not stable', async () => {
    const door = await worker()
    const path = join(door.directory, 'outbox')
    const first = await client(door.port, { outbox: { path } })
    await first.send(numbers(1, 10))
    await first.flush('journaled')
    await door.took(10)
    door.checkpoint()
    await first.send(numbers(11, 20))
    await first.flush('journaled')
    first.close()
    const second = await client(door.port, { outbox: { path } })
    expect(second.incarnation).toBe(first.incarnation)
    expect(second.last).toBe(20)
    await second.send(numbers(21, 30))
    await second.flush('journaled')
    await door.took(30)
    expect(door.taken).toEqual(numbers(1, 30))
  })

  test('is refused by name: a wrong token, an unknown source, a lost row', async () => {
    const door = await worker({ token: 'secret' })
    const ended = async (options: Partial<ConnectOptions>): Promise<string> => {
      const producer = await client(door.port, options)
      return producer
        .send('x')
        .then(() => producer.flush())
        .then(
          () => 'fine',
          (error: { details: { code: string; reason: string } }) => `${error.details.code} ${error.details.reason}`,
        )
    }
    expect(await ended({ token: 'secre' })).toMatch(/^E_TOKEN /)
    // A worker that is behind may say so: it is asked again.
    const other = await client(door.port, { token: 'secret', source: 'nothing' })
    const refused = once(other, 'refused')
    await other.send('x')
    expect(await refused).toEqual([
      { code: 'E_SOURCE_UNKNOWN', reason: 'no source "nothing" is served here, but "lines"' },
    ])
  })

  test('that offers a record over the limit hears so, and goes on', async () => {
    const door = await worker({ limits: { recordBytes: 100 } })
    const producer = await client(door.port)
    await producer.send('record 1')
    await producer.flush('journaled')
    const refused = { code: 'E_RECORD_TOO_LONG', details: { bytes: 102, limit: 100 } }
    await expect(producer.send(['record 2', 'ä'.repeat(51)])).rejects.toMatchObject(refused)
    await producer.send(['record 2', 'x'.repeat(100)])
    await producer.flush('journaled')
    await door.took(3)
    expect(door.taken).toEqual(['record 1', 'record 2', 'x'.repeat(100)])
  })

  test('whose outbox has a record over the limit ends, and keeps it for a worker that takes it', async () => {
    const door = await worker({ limits: { recordBytes: 100 } })
    const outbox = { path: join(door.directory, 'outbox') }
    const records = ['record 1', 'x'.repeat(101), 'record 3']
    const producer = await client(door.port, { outbox, batchBytes: 64 })
    await producer.send(records)
    await expect(producer.flush()).rejects.toMatchObject({
      code: 'E_OUTBOX_RECORD',
      details: { sequence: 2, bytes: 101, limit: 100, worker: 'w1', path: outbox.path },
    })
    await expect(producer.send('more')).rejects.toMatchObject({ code: 'E_OUTBOX_RECORD' })
    await door.took(1)
    await door.stop()
    const second = new Worker(door.directory)
    workers.push(second)
    await second.start({ incarnation: 'b', port: door.port })
    await (await client(door.port, { outbox })).flush('journaled')
    await second.took(3)
    expect(second.taken).toEqual(records)
  })

  test('whose name another client has is told so', async () => {
    const door = await worker()
    const path = join(door.directory, 'outbox')
    await client(door.port, { outbox: { path } })
    await expect(connect({ port: door.port, source: 'lines', producer: 'till-4', outbox: { path } })).rejects.toThrow(
      /another process is using the outbox/,
    )
  })

  test('whose outbox is another one’s is told to take a folder of its own', async () => {
    const door = await worker()
    const path = join(door.directory, 'outbox')
    const first = await client(door.port, { outbox: { path } })
    first.close()
    const other = connect({ port: door.port, source: 'lines', producer: 'till-5', outbox: { path } })
    await expect(other).rejects.toMatchObject({
      code: 'E_OUTBOX_OWNER',
      message: expect.stringContaining('what producer "till-4" has for source "lines"'),
    })
  })
})
