/** Requests by simulated HTTP to a source that stands behind a real door: journal, streams and all. */
import { beforeEach, describe, expect, test } from 'vitest'
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import type { Listening } from '../../src/connectors/connector.ts'
import { answerOf } from '../../src/connectors/http/answers.ts'
import { type HttpSourceOptions, httpSource } from '../../src/connectors/http/describe.ts'
import { httpSourceConnector } from '../../src/connectors/http/source.ts'
import type { Headers, HttpCall, HttpHandler } from '../../src/env/http.ts'
import type { NetworkError } from '../../src/env/network.ts'
import { lines } from '../../src/model/framing.ts'
import { readToken, writeToken } from '../../src/protocol/read-token.ts'
import { type Machine, type SimProcess, World } from '../../src/sim/world.ts'
import { Rig, smallLimits, texts, waitersOf } from '../ingest/fixture.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const LINES = { 'content-type': 'application/x-ndjson' }

let world: World
let machine: Machine
let client: SimProcess
let rig: Rig
let source: Listening
let said: string[]

beforeEach(() => {
  world = new World(1)
  machine = world.machine('server')
  client = world.machine('client').start('client')
  rig = new Rig(world, machine, 'life-1').started()
  open()
})

function open(options: Partial<HttpSourceOptions<unknown>> = {}, limits: Partial<Limits> = {}): void {
  said = []
  const described = httpSource({ host: 'server', port: 8080, path: '/in', ...options })
  source = httpSourceConnector.open(described, rig.source!, {
    env: rig.process.env,
    limits: makeLimits({ ...smallLimits, httpBodyBytes: 1024, ...limits }),
    step: 'in',
    sharePort: false,
    reached: () => {},
    ownPort: 0,
    standardInput: null,
    wake: () => {},
    listening: (address) => said.push(address),
    warn: ({ code }) => said.push(code),
    failed: ({ code }) => said.push(code),
  })
  rig.settle(10)
}

interface Sent {
  status: number
  headers: Headers
  body: {
    records?: number
    repeats?: number
    next?: number
    token?: string
    error?: { code: string; message: string; remedy: string; line?: number; next?: number }
  }
  error: NetworkError | null
}

/** Begins a request; what comes back is filled in as time passes. */
function send(body: string, headers: Headers = JSON_TYPE, target = '/in', method = 'POST'): Sent {
  const sent: Sent = { status: 0, headers: {}, body: {}, error: null }
  const url = `http://server:8080${target}`
  const request = { url, method, headers, body: Buffer.from(body), timeoutMs: 120_000, answerBytes: 4096 }
  client.env.http.request(request, (error, answer) => {
    sent.error = error
    if (answer === null) return
    sent.status = answer.status
    sent.headers = answer.headers
    sent.body = answer.body.length === 0 ? {} : JSON.parse(answer.body.toString())
  })
  return sent
}

/** Sends a request and waits for its answer. */
function post(body: string, headers: Headers = JSON_TYPE, target = '/in', method = 'POST'): Sent {
  const sent = send(body, headers, target, method)
  world.runUntil(() => sent.status !== 0 || sent.error !== null, world.now + 60_000)
  return sent
}

function completed(): void {
  const rows = rig.source!.cut()
  rig.source!.secure(() => rig.source!.coverage.complete(rows))
  rig.settle()
}

describe('a request', () => {
  test('brings one record, and is answered when that is on the disk', () => {
    const sent = send('{"n":1}')
    // Its answer is on the way as soon as the disk has it, and not before.
    let syncs = 0
    while (sent.status === 0 && world.step()) {
      if (source.status.records > 0 && syncs === 0) syncs = rig.door!.status.syncs
      if (source.status.records > 0) expect(syncs).toBe(1)
    }
    rig.settle()
    expect(sent).toMatchObject({ status: 200, body: { records: 1 }, headers: { 'content-type': 'application/json' } })
    expect(sent.body).toEqual({ records: 1, token: expect.stringMatching(/^p1\./) })
    expect(readToken(sent.body.token!)).toMatchObject({ incarnation: 'life-1', sequence: 1 })
    expect(texts(rig.take())).toEqual(['{"n":1}'])
    expect(source.status).toMatchObject({ accepted: 1, connections: 0, records: 1, expelled: 0 })
  })

  test('brings a record in each line, empty ones left out, the last one without its end', () => {
    expect(post('1\n\n2\r\n\n3', LINES)).toMatchObject({ status: 200, body: { records: 3 } })
    expect(post('\n', LINES)).toMatchObject({ status: 200, body: { records: 0 } })
    expect(texts(rig.take())).toEqual(['1', '2', '3'])
  })

  test('is answered when it is stable, where the source or the request asks for that', () => {
    const one = send('1', JSON_TYPE, '/in?answer=stable')
    rig.settle()
    expect(one.status).toBe(0)
    expect(texts(rig.take())).toEqual(['1'])
    completed()
    expect(one.status).toBe(200)

    source.close()
    open({ answer: 'stable' })
    const [asked, quick] = [send('2'), send('3', JSON_TYPE, '/in?answer=journaled')]
    rig.settle()
    expect([asked.status, quick.status]).toEqual([0, 200])
    rig.take()
    completed()
    expect(asked.status).toBe(200)
  })

  test('that waits for a checkpoint is answered also when the pipeline goes back meanwhile', () => {
    const rows = rig.source!.cut()
    const sent = send('1', JSON_TYPE, '/in?answer=stable')
    rig.settle()
    rig.take()
    rig.reset(rows)
    rig.settle()
    expect(sent.status).toBe(0)
    expect(texts(rig.drain())).toEqual(['1'])
    completed()
    expect(sent.status).toBe(200)
  })
})

describe('an Idempotency-Key', () => {
  const keyed = (key: string) => ({ ...LINES, 'idempotency-key': key })

  test('says which records these are, so that they count once', () => {
    const upTo = (producer: string, incarnation: string, sequence: number) =>
      writeToken({ source: 'words/lines', producer, incarnation, sequence })
    const [till7, till8] = [upTo('till-7', 'http', 2), upTo('till-8', 'http', 1)]
    expect(post('1\n2', keyed('till-7:1')).body).toEqual({ records: 2, repeats: 0, next: 3, token: till7 })
    expect(post('1\n2', keyed('till-7:1')).body).toEqual({ records: 2, repeats: 2, next: 3, token: till7 })
    const more = upTo('till-7', 'http', 3)
    expect(post('2\n3', keyed('"till-7:2"')).body).toEqual({ records: 2, repeats: 1, next: 4, token: more })
    expect(post('1', keyed('till-8:1')).body).toEqual({ records: 1, repeats: 0, next: 2, token: till8 })
    const second = upTo('till-7', 'second-life', 1)
    expect(post('1', keyed('till-7/second-life:1')).body).toEqual({ records: 1, repeats: 0, next: 2, token: second })
    expect(texts(rig.take())).toEqual(['1', '2', '3', '1', '1'])
  })

  test('is told what is missing in front of it', () => {
    post('1\n2', keyed('till-7:1'))
    const sent = post('9', keyed('till-7:9'))
    expect(sent).toMatchObject({ status: 409, body: { error: { code: 'E_HTTP_SEQUENCE', next: 3 } } })
    expect(post('9', keyed('never-heard-of:9'))).toMatchObject({ status: 409, body: { error: { next: 1 } } })
    expect(texts(rig.take())).toEqual(['1', '2'])
  })

  test('is recognised by the next life of the worker', () => {
    post('1\n2', keyed('till-7:1'))
    const lost = send('3\n4', keyed('till-7:3'))
    world.step()
    rig.process.kill()
    rig = new Rig(world, machine, 'life-2').started()
    open()
    expect(lost.status).toBe(0)
    expect(post('1\n2', keyed('till-7:1')).body.repeats).toBe(2)
    expect(post('3\n4', keyed('till-7:3'))).toMatchObject({ status: 200, body: { next: 5 } })
    expect(texts(rig.drain())).toEqual(['1', '2', '3', '4'])
  })

  test('under which other records came before is refused, also by the next life of the worker', () => {
    const others = (first: number, last: number, next: number) => ({
      status: 422,
      body: { error: { code: 'E_HTTP_KEY_USED', message: expect.stringContaining(`${first} to ${last}`), next } },
    })
    post('1\n2', keyed('till-7:1'))
    post('3\n4', keyed('till-7:3'))
    expect(post('3\n5', keyed('till-7:3'))).toMatchObject(others(3, 4, 5))
    expect(post('34\n', keyed('till-7:3'))).toMatchObject({ status: 200, body: { repeats: 1 } })
    // Cut in another way, and with more behind them: these are what was taken.
    expect(post('1\n2\n3\r\n\n4\n5', keyed('till-7:1'))).toMatchObject({ status: 200, body: { repeats: 4, next: 6 } })
    expect(post('34\n5', keyed('till-7:4'))).toMatchObject({ status: 200, body: { repeats: 2 } })
    expect(post('6', keyed('till-7:5'))).toMatchObject(others(5, 5, 6))
    expect(texts(rig.take())).toEqual(['1', '2', '3', '4', '5'])

    const rows = rig.source!.cut()
    rig.process.kill()
    rig = new Rig(world, machine, 'life-2').started(rows)
    open()
    expect(post('6', keyed('till-7:5'))).toMatchObject(others(5, 5, 6))
    expect(post('5', keyed('till-7:5'))).toMatchObject({ status: 200, body: { repeats: 1, next: 6 } })
    expect(post('6', keyed('till-7:6'))).toMatchObject({ status: 200, body: { repeats: 0, next: 7 } })
    expect(post('7', keyed('till-7:6'))).toMatchObject(others(6, 6, 7))
  })

  test('that counts requests and not records is refused, whatever would be lost as repeats', () => {
    expect(post('1\n2\n3', keyed('till-7:1'))).toMatchObject({ status: 200, body: { repeats: 0, next: 4 } })
    const remedy = expect.stringMatching(/^the key has the number of the first record of the request/)
    expect(post('8\n9', keyed('till-7:2'))).toMatchObject({
      status: 422,
      body: { error: { code: 'E_HTTP_KEY_USED', remedy, next: 4 } },
    })
    expect(post('8\n9', keyed('till-7:4'))).toMatchObject({ status: 200, body: { repeats: 0, next: 6 } })
    expect(texts(rig.take())).toEqual(['1', '2', '3', '8', '9'])
  })

  test('of two requests with the same one, both are answered and one counts', () => {
    const both = [send('1\n2', keyed('till-7:1')), send('1\n2', keyed('till-7:1'))]
    rig.settle()
    expect(both.map(({ status }) => status)).toEqual([200, 200])
    expect(both.map(({ body }) => body.repeats).sort()).toEqual([0, 2])
    expect(texts(rig.take())).toEqual(['1', '2'])
  })
})

test('a request is sent on to a worker by its address, whichever kind that is', () => {
  const request = { records: 1, keyed: true, target: '/in', ownPort: 1 }
  const location = (host: string) =>
    answerOf({ kind: 'elsewhere', worker: 'w2', address: { host, port: 8080 } }, request).headers?.location
  expect(location('there')).toBe('http://there:8080/in')
  expect(location('fe80::1')).toBe('http://[fe80::1]:8080/in')
})

describe('a request is refused', () => {
  const problems: readonly [string, number, string, () => Sent][] = [
    ['another path', 404, 'E_HTTP_PATH', () => post('1', JSON_TYPE, '/elsewhere')],
    ['another method', 405, 'E_HTTP_METHOD', () => post('', {}, '/in', 'GET')],
    ['a form', 415, 'E_HTTP_TYPE', () => post('a=1', { 'content-type': 'application/x-www-form-urlencoded' })],
    ['no type', 415, 'E_HTTP_TYPE', () => post('1', {})],
    ['a compressed body', 415, 'E_HTTP_TYPE', () => post('1', { ...JSON_TYPE, 'content-encoding': 'gzip' })],
    ['a key that is none', 400, 'E_HTTP_REQUEST', () => post('1', { ...JSON_TYPE, 'idempotency-key': '8e03978e' })],
    ['sequence 0', 400, 'E_HTTP_REQUEST', () => post('1', { ...JSON_TYPE, 'idempotency-key': 'a:0' })],
    [
      'a key with a long name',
      400,
      'E_HTTP_REQUEST',
      () => post('1', { ...JSON_TYPE, 'idempotency-key': `${'ü'.repeat(129)}:1` }),
    ],
    ['another promise', 400, 'E_HTTP_REQUEST', () => post('1', JSON_TYPE, '/in?answer=soon')],
    ['a long body', 413, 'E_HTTP_TOO_LARGE', () => post(`"${'x'.repeat(1024)}"`)],
    ['a long record', 400, 'E_HTTP_RECORD', () => post(`"${'x'.repeat(300)}"`)],
    ['an empty record', 400, 'E_HTTP_RECORD', () => post('')],
    ['broken JSON', 400, 'E_HTTP_RECORD', () => post('{"n":')],
  ]

  test.each(problems)('for %s', (_, status, code, act) => {
    const sent = act()
    expect(sent).toMatchObject({ status, body: { error: { code } } })
    expect(sent.body.error!.message).not.toBe('')
    expect(sent.body.error!.remedy).not.toBe('')
    expect(source.status).toMatchObject({ expelled: 1, connections: 0 })
    // Nobody else is harmed.
    expect(post('"good"').status).toBe(200)
    expect(texts(rig.take())).toEqual(['"good"'])
  })

  test('for one bad line, which is named, and nothing of it is taken', () => {
    const sent = post('{"n":1}\n\n{"n":2\n{"n":3}', LINES)
    expect(sent).toMatchObject({ status: 400, body: { error: { code: 'E_HTTP_RECORD', line: 3 } } })
    expect(post(`1\n2\n"${'x'.repeat(300)}"`, LINES)).toMatchObject({ status: 400, body: { error: { line: 3 } } })
    expect(texts(rig.take())).toEqual([])
  })

  test('for no bad line where they become dead letters', () => {
    source.close()
    open({ bad: 'dead-letter' })
    expect(post('1\n{"n":\n3', LINES)).toMatchObject({ status: 200, body: { records: 3 } })
    expect(post(`"${'x'.repeat(300)}"`, LINES)).toMatchObject({ status: 400, body: { error: { line: 1 } } })
    expect(texts(rig.take())).toEqual(['1', '{"n":', '3'])
  })

  test('without the token, where the worker has one', () => {
    rig.source!.token = 'secret'
    const code = 'E_HTTP_TOKEN'
    expect(post('1')).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer' },
      body: { error: { code } },
    })
    expect(post('1', { ...JSON_TYPE, authorization: 'Bearer wrong' }).status).toBe(401)
    expect(post('1', { ...JSON_TYPE, authorization: 'Bearer secret' }).status).toBe(200)
  })

  test('from a page of another site, which a browser lets post text anywhere', () => {
    const TEXT = { 'content-type': 'text/plain' }
    const from = (origin: string) => post('1', { ...TEXT, origin })
    expect(from('https://evil.example')).toMatchObject({ status: 403, body: { error: { code: 'E_ORIGIN' } } })
    expect(from('http://localhost.evil.example').status).toBe(403)
    expect(from('null').status).toBe(403)
    expect(texts(rig.take())).toEqual([])
    for (const own of ['http://localhost:5173', 'http://127.0.0.1:8080', 'https://[::1]'])
      expect(from(own).status).toBe(200)
    source.close()
    open({ origins: 'https://shop.example' })
    expect(from('https://shop.example').status).toBe(200)
    expect(from('http://localhost:5173').status).toBe(403)
    expect(httpSource({ port: 1, origins: 'shop.example' }).faults).toEqual([
      expect.stringMatching(/^httpSource: an origin/),
    ])
  })

  test('but a page that may come is told so, before it sends JSON and with each answer', () => {
    source.close()
    open({ origins: 'https://shop.example' })
    const asks = (origin: string) => post('', { origin, 'access-control-request-method': 'POST' }, '/in', 'OPTIONS')
    const allowed = { 'access-control-allow-origin': 'https://shop.example', vary: 'origin' }
    expect(asks('https://shop.example')).toMatchObject({
      status: 200,
      headers: {
        ...allowed,
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': 'authorization, content-type, idempotency-key',
      },
    })
    expect(source.status.expelled).toBe(0)
    expect(post('1', { ...JSON_TYPE, origin: 'https://shop.example' })).toMatchObject({ status: 200, headers: allowed })
    // What is wrong with its request it can read, too.
    const wrong = post('x', { ...JSON_TYPE, origin: 'https://shop.example' }, '/in?answer=soon')
    expect(wrong).toMatchObject({ status: 400, headers: allowed })
    for (const other of [asks('https://evil.example'), post('1'), post('1', JSON_TYPE, '/in', 'OPTIONS')])
      expect(other.headers).not.toHaveProperty('access-control-allow-origin')
    expect(asks('https://evil.example').status).toBe(403)
  })

  test('for a WebSocket', () => {
    const told: string[] = []
    const handler = { onOpen: () => {}, onMessage: () => {}, onDrain: () => {} }
    const dial = { url: 'ws://server:8080/in', limits: smallLimits, timeoutMs: 1000 }
    client.env.http.dialWebSocket(dial, { ...handler, onClosed: ({ reason }) => told.push(reason) })
    rig.settle(2000)
    expect(told).toHaveLength(1)
    expect(source.status.accepted).toBe(0)
  })
})

describe('where there is no room', () => {
  const big = (n: number) => JSON.stringify(`${n}`.padStart(200))

  /** Sends until the pipeline is behind; answers how much that was. */
  function fill(): number {
    let n = 0
    for (; rig.source!.room.isOpen; n++) expect(post(big(n)).status).toBe(200)
    return n
  }

  test('bodies are not read until there is', () => {
    const filled = fill()
    const sent = send(big(100))
    rig.settle(1000)
    expect(sent.status).toBe(0)
    const before = source.status.bytes
    // What has filled it, and what has waited.
    expect(rig.drain()).toHaveLength(filled + 1)
    rig.settle()
    expect(sent.status).toBe(200)
    expect(source.status.bytes).toBeGreaterThan(before)
  })

  test('who has waited too long is told to come again', () => {
    fill()
    const sent = send(big(100))
    rig.settle(31_000)
    expect(sent).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    expect(sent.body.error).toMatchObject({ code: 'E_HTTP_BUSY', message: expect.stringMatching(/is behind/) })
    expect(texts(rig.drain())).not.toContain(big(100))
  })

  test('who has gone is forgotten, however long there is none', () => {
    fill()
    const waiting = waitersOf(rig.source!)
    const late = send(big(100))
    rig.settle(1000)
    expect(waiting.size).toBe(1)
    rig.settle(31_000)
    expect(late.status).toBe(503)
    expect(waiting.size).toBe(0)
  })

  test('so is who waits too long for an answer', () => {
    const sent = send('1', JSON_TYPE, '/in?answer=stable')
    rig.settle(31_000)
    expect(sent).toMatchObject({ status: 503, body: { error: { message: expect.stringMatching(/not stable after/) } } })
  })

  test('bodies that are held together are bounded', () => {
    source.close()
    open({}, { partialBytes: 4096, httpBodyMs: 5000 })
    expect(post('1').status).toBe(200)
    const many = Array.from({ length: 8 }, () => send(`"${'x'.repeat(200)}"`))
    rig.settle()
    expect(new Set(many.map(({ status }) => status))).toEqual(new Set([200, 503]))
    expect(post('1').status).toBe(200)
  })

  test('a source that is held takes nothing, and goes on', () => {
    rig.source!.hold('no lease')
    const sent = send('1')
    rig.settle(1000)
    expect(sent.status).toBe(0)
    rig.source!.release()
    rig.settle()
    expect(sent.status).toBe(200)
  })
})

test('a source that is closed closes its requests, and the port is free', () => {
  const sent = send('1', JSON_TYPE, '/in?answer=stable')
  rig.settle()
  source.close()
  rig.settle()
  expect(sent.error).not.toBeNull()
  open()
  expect(said).toEqual(['server:8080'])
})

test('a source that is closed takes nothing by a connection that outlived it', () => {
  const { http } = rig.process.env
  const serve = http.serve.bind(http)
  let handler: HttpHandler | null = null
  http.serve = (at, options, given, done) => {
    handler = given
    serve(at, options, given, done)
  }
  source.close()
  open()
  source.close()
  let destroyed = false
  const head = { remote: 'client:1', method: 'POST', target: '/in', headers: JSON_TYPE }
  const call: HttpCall = { ...head, pause() {}, resume() {}, answer() {}, destroy: () => (destroyed = true) }
  const heard = handler!.onRequest(call)
  heard.onBytes(Buffer.from('1'))
  heard.onEnd()
  rig.settle()
  expect(destroyed).toBe(true)
  expect(texts(rig.drain())).toEqual([])
})

test('a path is a path', () => {
  const faults = (path: string) => httpSource({ port: 1, path }).faults
  expect(faults('/in/put')).toEqual([])
  for (const path of ['in', '/in?a=1', '/in put']) expect(faults(path)).toEqual([expect.stringMatching(/begins with/)])
})

test('has no option that would have no effect', () => {
  const given = { port: 8080, framing: lines() }
  expect(httpSource(given).faults).toEqual([expect.stringMatching(/no option framing/)])
})
