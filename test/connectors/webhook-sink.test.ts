import { beforeEach, describe, expect, test } from 'vitest'
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import type { Json, Writer } from '../../src/connectors/connector.ts'
import { type WebhookSinkOptions, webhookSink } from '../../src/connectors/webhook/describe.ts'
import { webhookSinkConnector } from '../../src/connectors/webhook/sink.ts'
import type { Answer, Headers, HttpCall } from '../../src/env/http.ts'
import type { Listener } from '../../src/env/network.ts'
import { lines } from '../../src/model/framing.ts'
import { calm } from '../../src/sim/weather.ts'
import { type Machine, type SimProcess, World } from '../../src/sim/world.ts'
import { changed } from './changed.ts'
import { crashes, findings, holds, random, type Trial, type TrialOptions } from './sink.contract.ts'

/** Connections break and are refused, and answers with them. */
const rough = { ...calm, network: { ...calm.network, jitterMs: 5, resetChance: 0.003, refuseChance: 0.2 } }

const URL_TEXT = 'http://receiver:80/hook'

interface Got {
  readonly id: string | undefined
  readonly body: string
  readonly headers: Headers
}

/** A receiver that remembers ids. `answer` decides; `null`: it says nothing. */
class Receiver {
  readonly got: Got[] = []
  readonly taken = new Map<string, string>()
  answer: (got: Got) => Answer | null = () => ({ status: 200 })
  listener: Listener | null = null
  private readonly process: SimProcess

  constructor(process: SimProcess) {
    this.process = process
  }

  open(): this {
    const at = { host: 'receiver', port: 80 }
    const refuse = () => ({ status: 404 })
    const handler = {
      onRequest: (call: HttpCall) => this.take(call),
      onUpgrade: refuse,
      onRefused: () => {},
      onExpelled: () => {},
    }
    this.process.env.http.serve(at, { limits: makeLimits() }, handler, (_, listener) => {
      this.listener = listener
    })
    return this
  }

  get bodies(): string[] {
    return this.got.map(({ body }) => body)
  }

  private take(call: HttpCall) {
    let body = ''
    return {
      onBytes: (chunk: Buffer) => {
        body += chunk.toString()
      },
      onEnd: () => {
        const got = { id: call.headers['idempotency-key'], body, headers: call.headers }
        this.got.push(got)
        const answer = this.answer(got)
        if (answer === null) return
        if (answer.status === 200 && !this.taken.has(got.id ?? body)) this.taken.set(got.id ?? body, body)
        call.answer(answer)
      },
      onClosed: () => {},
    }
  }
}

describe('through kills, power losses, rollbacks and bad weather', () => {
  const receivers = new WeakMap<World, Receiver>()
  const trial = (
    options: Partial<TrialOptions> & { sink?: Partial<WebhookSinkOptions<unknown>> } = {},
  ): TrialOptions => {
    const { sink, ...more } = options
    return {
      seed: 1,
      connector: webhookSinkConnector,
      description: webhookSink({ url: URL_TEXT, encode: String, ...sink }),
      read: ({ world }: Trial) => [...receivers.get(world)!.taken.values()].join(''),
      scene: ({ world }) => {
        receivers.set(world, new Receiver(world.machine('receiver').start('receiver')).open())
      },
      ...more,
    }
  }

  test('a receiver that remembers ids has every record once', () => {
    holds(crashes(trial({ crash: 'kill', records: 20 })))
    holds(random(trial({ crash: 'power', rollbacks: 0.3, weather: rough }), 40))
    holds(random(trial({ seed: 100, rollbacks: 0.3, sink: { concurrency: 4 } }), 20))
  })

  test('lines of several records all come', () => {
    holds(random(trial({ crash: 'kill', rollbacks: 0.3, sink: { records: 4 } }), 20))
  })

  test('a writer that forgets what it holds at a barrier is found', () => {
    const forgetful = (writer: Writer): Writer =>
      changed(writer, {
        barrier: (epoch, generation, done) => {
          void writer.barrier(epoch, generation, () => {})
          done(null)
        },
      })
    expect(findings(random(trial({ mutate: forgetful, weather: rough }), 30))).toBeGreaterThan(0)
  })
})

describe('one writer', () => {
  let world: World
  let machine: Machine
  let process: SimProcess
  let receiver: Receiver
  let said: string[]
  let refused: [id: string, bytes: string][]
  let wakes: number
  let speaks: boolean

  beforeEach(() => {
    world = new World(1)
    machine = world.machine('writer')
    process = machine.start('writer')
    receiver = new Receiver(world.machine('receiver').start('receiver'))
    said = []
    refused = []
    wakes = 0
    speaks = true
  })

  function open(
    options: Partial<WebhookSinkOptions<unknown>> = {},
    limits: Partial<Limits> = {},
    snapshots: Json[] = [],
    history = 'h.1',
  ) {
    const writer = webhookSinkConnector.open(webhookSink({ url: URL_TEXT, ...options }), {
      env: process.env,
      limits: makeLimits({ writerBytes: 300, ...limits }),
      pipeline: 'p',
      store: 'h',
      history,
      step: 'out',
      writer: 'w1',
      standardOutput: { write: () => {} },
      listening() {},
      maySpeak: () => speaks,
      refused: (id, bytes) => refused.push([id, bytes.toString()]),
      wake: () => wakes++,
      warn: ({ message }) => said.push(message),
      failed: ({ code, message }) => said.push(`${code} ${message}`),
    })
    writer.restore({ generation: 1, epoch: 0, back: false, snapshots }, () => {})
    pass(1)
    return writer
  }

  function write(writer: Writer, ...records: string[]): boolean {
    const ends: number[] = []
    for (const { length } of records) ends.push((ends.at(-1) ?? 0) + length)
    return writer.write(Buffer.from(records.join('')), records.length, {
      ends,
      ids: records.map((text) => `id-${text}`),
    })
  }

  function pass(ms: number): void {
    world.run(world.now + ms)
  }

  /** What the barrier's snapshot holds, once it is answered. */
  function barrier(writer: Writer): { snapshot?: Json } {
    const answer: { snapshot?: Json } = {}
    writer.barrier(1, 1, (snapshot) => {
      answer.snapshot = snapshot
    })
    return answer
  }

  test('posts each record with its id, one after another', () => {
    receiver.open()
    const writer = open()
    write(writer, '1', '2')
    pass(1000)
    expect(receiver.got).toMatchObject([
      { id: 'h.1/id-1', body: '1', headers: { 'content-type': 'application/json' } },
      { id: 'h.1/id-2', body: '2' },
    ])
    expect(writer.status).toMatchObject({ state: 'ready', records: 2, queuedBytes: 0, writtenBytes: 2 })
  })

  test('what another pipeline, or a fresh run, makes of the same record of a file is another record', () => {
    receiver.open()
    write(open(), '1')
    write(open({}, {}, [], 'h.7'), '1')
    write(open({}, {}, [], 'other.1'), '1')
    pass(1000)
    expect([...receiver.taken.keys()]).toEqual(['h.1/id-1', 'h.7/id-1', 'other.1/id-1'])
  })

  test('posts several as lines, and each by itself where one of them is refused', () => {
    receiver.open()
    receiver.answer = ({ body }) => ({ status: body.includes('bad') ? 422 : 200 })
    const writer = open({ records: 3 })
    write(writer, 'a\n', 'b\n', 'c\n', 'd\n', 'bad\n')
    pass(1000)
    expect(receiver.bodies).toEqual(['a\nb\nc\n', 'd\nbad\n', 'd\n', 'bad\n'])
    expect(receiver.got[0]).toMatchObject({ id: undefined, headers: { 'content-type': 'application/x-ndjson' } })
    expect(refused).toEqual([['id-bad\n', 'bad\n']])
  })

  test('comes again with backoff while the receiver is away, says so once, and stops its task at the bound', () => {
    const writer = open()
    expect(write(writer, 'x'.repeat(60))).toBe(true)
    expect(write(writer, 'y'.repeat(60))).toBe(false)
    pass(60_000)
    expect(said).toEqual([expect.stringMatching(/cannot deliver to receiver: /)])
    const blockedBy = 'receiver: the connection is refused'
    expect(writer).toMatchObject({ room: false, status: { state: 'no-peer', blockedBy, peers: 0 } })
    expect(wakes).toBe(0)
    receiver.open()
    pass(40_000)
    expect(receiver.bodies).toHaveLength(2)
    expect(writer.room).toBe(true)
    expect(wakes).toBeGreaterThan(0)
  })

  test('records of no bytes stop its task as well', () => {
    const writer = open()
    let written = 0
    while (write(writer, '') && written < 100) written++
    expect(written).toBeLessThan(10)
    receiver.open()
    pass(60_000)
    expect(receiver.got).toHaveLength(written + 1)
    expect(writer.room).toBe(true)
  })

  test.each([401, 403, 404, 408, 409, 429, 500, 503])('keeps its records at %d', (status) => {
    receiver.open()
    receiver.answer = () => ({ status, body: 'not now' })
    const writer = open()
    write(writer, '1')
    pass(10_000)
    expect(receiver.got.length).toBeGreaterThan(4)
    expect(receiver.got.length).toBeLessThan(20)
    expect(said).toEqual([expect.stringMatching(`${status}: not now`)])
    expect(writer.status).toMatchObject({ state: 'refused', blockedBy: `receiver: it answers ${status}: not now` })
    receiver.answer = () => ({ status: 204 })
    pass(60_000)
    expect(writer.status).toMatchObject({ state: 'ready', blockedBy: null, writtenBytes: 1 })
    expect(refused).toEqual([])
  })

  test('warns of nothing where a receiver asks for a record once more and takes it then', () => {
    receiver.open()
    receiver.answer = () => (receiver.got.length % 2 === 1 ? { status: 503 } : { status: 200 })
    const writer = open()
    write(writer, '1', '2', '3')
    pass(10_000)
    expect(receiver.bodies).toEqual(['1', '1', '2', '2', '3', '3'])
    expect(said).toEqual([])
    expect(writer.status.state).toBe('ready')
  })

  test('waits as long as the receiver asks', () => {
    receiver.open()
    receiver.answer = () => ({ status: 429, headers: { 'retry-after': '7' } })
    write(open(), '1')
    pass(6900)
    expect(receiver.got).toHaveLength(1)
    pass(200)
    expect(receiver.got).toHaveLength(2)
  })

  test('gives up a request that is not answered, and comes again with the same id', () => {
    receiver.open()
    receiver.answer = () => null
    write(open({ timeoutMs: 500 }), '1')
    pass(2000)
    expect(new Set(receiver.got.map(({ id }) => id))).toEqual(new Set(['h.1/id-1']))
    expect(receiver.got.length).toBeGreaterThan(1)
  })

  test('makes a dead letter of what is refused, or stops', () => {
    receiver.open()
    receiver.answer = () => ({ status: 400, body: 'no such thing' })
    write(open(), '1')
    pass(1000)
    expect(refused).toEqual([['id-1', '1']])
    expect(said).toEqual([])
    write(open({ refused: 'fail' }), '2')
    pass(1000)
    expect(refused).toHaveLength(1)
    expect(said).toEqual([
      expect.stringMatching(/E_WEBHOOK_REFUSED receiver refuses a record .* it answers 400: no such thing/),
    ])
  })

  test('a barrier waits a moment for answers, then its snapshot has what is left', () => {
    receiver.open()
    receiver.answer = ({ body }) => (body === '2' ? null : { status: 200 })
    const writer = open()
    write(writer, '1', '2', '3')
    const first = barrier(writer)
    pass(900)
    expect(first).toEqual({})
    pass(200)
    expect(first.snapshot).toEqual([
      ['id-2', Buffer.from('2').toString('base64')],
      ['id-3', Buffer.from('3').toString('base64')],
    ])
    writer.close()
    receiver.answer = () => ({ status: 200 })
    const second = open({}, {}, [first.snapshot!])
    pass(1000)
    expect(receiver.got.slice(-2).map(({ id, body }) => [id, body])).toEqual([
      ['h.1/id-2', '2'],
      ['h.1/id-3', '3'],
    ])
    const done = barrier(second)
    pass(100)
    expect(done).toEqual({ snapshot: null })
  })

  test('what is refused behind a barrier is in its snapshot: the dead letter belongs to the next epoch', () => {
    receiver.open()
    const calls: string[] = []
    receiver.answer = ({ body }) => {
      calls.push(body)
      return { status: 400 }
    }
    const writer = open()
    write(writer, '1')
    const answer = barrier(writer)
    pass(500)
    expect(refused).toEqual([['id-1', '1']])
    expect(answer.snapshot).toEqual([['id-1', Buffer.from('1').toString('base64')]])
    const next = barrier(writer)
    pass(100)
    expect(next.snapshot).toBeNull()
  })

  test('a rollback forgets what was under way', () => {
    receiver.open()
    receiver.answer = () => null
    const writer = open({ timeoutMs: 200 })
    write(writer, '1')
    pass(100)
    writer.restore({ generation: 2, epoch: 0, back: false, snapshots: [] }, () => {})
    pass(5000)
    expect(receiver.got).toHaveLength(1)
    expect(writer.status.queuedBytes).toBe(0)
  })

  test('says nothing without a lease', () => {
    receiver.open()
    speaks = false
    write(open(), '1')
    pass(1000)
    expect(receiver.got).toEqual([])
    speaks = true
    pass(100)
    expect(receiver.got).toHaveLength(1)
  })

  test('shows its token, reads it again when it is refused, and never says it', async () => {
    receiver.open()
    receiver.answer = ({ headers }) => ({ status: headers.authorization === 'Bearer new' ? 200 : 401 })
    writeFile('/token', 'old\n')
    const writer = open({ tokenFile: '/token' })
    write(writer, '1')
    pass(1000)
    expect(receiver.got[0]!.headers.authorization).toBe('Bearer old')
    writeFile('/token', 'new\n')
    pass(60_000)
    expect(writer.status.writtenBytes).toBe(1)
    expect(said.join()).not.toMatch(/old|new/)
    open({ tokenFile: '/absent' })
    pass(100)
    expect(said.at(-1)).toMatch(/E_FILE cannot read \/absent/)
    for (const text of ['one\ntwo\n', 'caf\u00e9', '']) {
      writeFile('/token', text)
      open({ tokenFile: '/token' })
      pass(100)
      expect(said.at(-1)).toMatch(/E_FILE cannot use \/token: a token is one line/)
    }
  })

  function writeFile(path: string, text: string): void {
    const { disk } = process.env
    disk.remove(path, () => {
      disk.open(path, 'create', (_, file) => file.write([Buffer.from(text)], 0, () => file.close(() => {})))
    })
    pass(100)
  }
})

test('what is no address, or tells a secret, is refused before it runs', () => {
  const faults = (url: string) => webhookSink({ url }).faults
  expect(faults('https://shop.example/a?b=c')).toEqual([])
  expect(faults('shop.example')).toEqual([expect.stringMatching(/begins with http/)])
  expect(faults('ftp://shop.example')).toEqual([expect.stringMatching(/begins with http/)])
  expect(faults('https://me:secret@shop.example')).toEqual([expect.stringMatching(/tokenFile/)])
  const typed = (contentType: string) => webhookSink({ url: 'http://shop.example', contentType }).faults
  expect(typed('text/plain; charset=utf-8')).toEqual([])
  expect(typed('text/plain\r\nx: y')).toEqual([expect.stringMatching(/contentType/)])
})

test('what would have no effect, or never work, is refused before it runs', () => {
  const faults = (options: object) => webhookSink({ url: 'http://shop.example', ...options }).faults
  expect(faults({ records: 2 })).toEqual([])
  expect(faults({ records: 2, promise: 'idempotent' })).toEqual([expect.stringMatching(/idempotent needs records: 1/)])
  expect(faults({ framing: lines() })).toEqual([expect.stringMatching(/no option framing/)])
  // Node's own timers end at once where they are asked for more than this.
  expect(faults({ timeoutMs: 2 ** 31 })).toEqual([expect.stringMatching(/timeoutMs must be/)])
})
