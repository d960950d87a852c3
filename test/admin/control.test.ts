import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import { readControlFile, writeControlFile } from '../../src/admin/control-file.ts'
import { match } from '../../src/admin/http.ts'
import { LOOP_DELAY, metricRows, workerRows } from '../../src/admin/metrics.ts'
import { plain } from '../../src/admin/plain.ts'
import type { Env } from '../../src/env/env.ts'
import { generatorSource, nullSink, pipeline, tcpSink, tcpSource } from '../../src/index.ts'
import { hashText } from '../../src/worker/loading/load-bundle.ts'
import { Station } from './fixture.ts'

const counting = (port = 0) =>
  pipeline('counting', (p) => {
    p.source('words', tcpSource({ port }))
      .keyBy('by-word', (word) => word)
      .mapWithState('count', { init: () => ({ total: 0 }), step: (state) => void ++state.total })
      .sink('nowhere', nullSink())
  })

/** Sends `text` to the pipeline's source and waits until all of it has entered. */
async function send(station: Station, text: string): Promise<void> {
  const resident = station.pipelines.find('counting')
  await station.heard('listening counting')
  const [host, port] = resident.addresses.get('words')!.split(':')
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), host, () => socket.end(text))
    socket.resume().on('close', () => resolve())
  })
  await expect.poll(() => resident.execution.tookAll('words')).toBe(true)
}

test('a part of a path is what it says, also where a URL would take it for a way up', async () => {
  const station = await new Station().open()
  for (const [part, key] of [
    ['..', '..'],
    ['.', '.'],
    ['a%2Fb%3F', 'a/b?'],
  ]) {
    const { status, json } = await station.ask('GET', `/v1/cluster/keys/${part}?x=1`)
    expect([status, (json as { key: string }[])[0]!.key]).toEqual([200, key])
  }
  expect(await station.ask('GET', 'http://elsewhere/v1/worker')).toMatchObject({
    status: 400,
    json: { error: { message: expect.stringContaining('its target is no path') } },
  })
})

describe('who may do what', () => {
  test('strangers may see that it lives, and nothing else', async () => {
    const station = await new Station().open()
    const stranger = { headers: { authorization: '' } }
    expect((await station.ask('GET', '/healthz', stranger)).status).toBe(200)
    expect((await station.ask('GET', '/readyz', stranger)).status).toBe(200)
    expect(await station.ask('HEAD', '/healthz', stranger)).toMatchObject({ status: 200, text: '' })
    expect((await station.ask('HEAD', '/metrics', stranger)).status).toBe(403)
    for (const path of ['/metrics', '/v1/worker', '/v1/pipelines']) {
      expect(await station.ask('GET', path, stranger)).toMatchObject({
        status: 403,
        json: { error: { code: 'E_CONTROL_DENIED' } },
      })
      expect((await station.ask('GET', path, { headers: { authorization: 'Bearer x' } })).status).toBe(403)
    }
  })

  test('the token for looking does not act, and its body is not even read', async () => {
    const station = await new Station().open()
    const reader = { authorization: `Bearer ${station.token('read')}` }
    expect((await station.ask('GET', '/v1/worker', { headers: reader })).status).toBe(200)
    expect((await station.ask('GET', '/metrics', { headers: reader })).status).toBe(200)
    const submitted = await station.ask('POST', '/v1/pipelines', { headers: reader, body: 'no json' })
    expect(submitted).toMatchObject({
      status: 403,
      json: { error: { message: expect.stringMatching(/may only look/) } },
    })
    for (const verb of ['drain', 'cancel', 'checkpoint', 'savepoints', 'dead-letters/replay', 'dead-letters/purge']) {
      const answer = await station.ask('POST', `/v1/pipelines/x/${verb}`, { headers: reader, body: '{}' })
      expect(answer.status, verb).toBe(403)
    }
  })

  test('the token for looking does not show secrets that a pipeline was given', async () => {
    const station = await new Station().open()
    const parameters = { password: 'hidden', url: 'wss://me:hidden@reports.internal/in', port: 0 }
    const secret = pipeline('secret', { parameters }, (p) =>
      p.source('in', tcpSource({ port: p.parameters.port })).sink('out', nullSink()),
    )
    const program = { hash: hashText(''), text: '', map: '{}' }
    await station.pipelines.submit(secret, program, secret.parameters)
    const headers = { authorization: `Bearer ${station.token('read')}` }
    const { text, json } = await station.ask('GET', '/v1/pipelines/secret', { headers })
    expect(json.parameters).toEqual({ password: '***', url: 'wss://***@reports.internal/in', port: 0 })
    expect(text).not.toContain('hidden')
  })

  test("another site's page gets nothing, by its origin or by a name that leads here", async () => {
    const station = await new Station().open()
    const from = (headers: Record<string, string>) => station.ask('GET', '/v1/worker', { headers })
    expect((await from({ origin: 'http://evil.example' })).status).toBe(403)
    expect((await from({ host: 'evil.example' })).status).toBe(403)
    expect((await from({ host: `evil.example:${station.control.address.split(':')[1]}` })).status).toBe(403)
    expect((await from({ origin: 'null' })).status).toBe(403)
    expect((await from({ origin: 'http://evil.example' })).text).toMatch(/E_CONTROL_FOREIGN.*no page of a browser/)
    expect((await from({ origin: `http://${station.control.address}` })).status).toBe(200)
    const form = { headers: { 'content-type': 'text/plain' }, body: '{"name":"x"}' }
    expect((await station.ask('POST', '/v1/pipelines/x/savepoints', form)).status).toBe(400)
  })

  test('it answers by the address that its name has led to', async () => {
    // As a system reads it that is 127.0.0.2.
    const station = await new Station().open('127.2')
    expect(station.control.address).toMatch(/^127\.0\.0\.2:/)
    expect((await station.ask('GET', '/v1/worker')).status).toBe(200)
    expect((await station.ask('GET', '/v1/worker', { headers: { host: '127.0.0.3' } })).status).toBe(403)
  })

  test('a body over the limit is refused', async () => {
    const station = await new Station({ controlBodyBytes: 100 }).open()
    const answer = await station.ask('POST', '/v1/pipelines', { body: JSON.stringify('x'.repeat(200)) })
    expect(answer).toMatchObject({ status: 400, json: { error: { message: expect.stringMatching(/over the limit/) } } })
  })

  test('tokens and control.json are for their owner alone, and tokens stay', async () => {
    const station = await new Station().open()
    for (const name of ['admin.token', 'read.token', 'control.json']) {
      expect(statSync(join(station.data, name)).mode & 0o777, name).toBe(0o600)
    }
    expect(station.token('admin')).not.toBe(station.token('read'))
    expect(readControlFile(station.data)).toMatchObject({ address: station.control.address, pid: process.pid })
    expect(readFileSync(join(station.data, 'control.json'), 'utf8')).not.toContain(station.token('admin'))
    await station.control.close()
    expect(existsSync(join(station.data, 'control.json'))).toBe(false)
  })

  test('a control.json that cannot be written is named, and nothing is left of it', () => {
    const data = mkdtempSync(join(tmpdir(), 'potoroo-control-'))
    onTestFinished(() => rmSync(data, { recursive: true }))
    mkdirSync(join(data, 'control.json'))
    const content = { address: '127.0.0.1:1', pid: 1, worker: 'w1', incarnation: 'a', store: null }
    expect(() => writeControlFile(data, { ...content, adminToken: 'a', readToken: 'r' })).toThrow(
      expect.objectContaining({ code: 'E_FILE', details: expect.objectContaining({ path: `${data}/control.json` }) }),
    )
    expect(readdirSync(data)).toEqual(['control.json'])
  })
})

describe('what may be asked', () => {
  test('how late the loop was is known from the first scrape on, and then since the last', async () => {
    const station = await new Station().open()
    const worst = async () =>
      Number(/loop_delay_seconds\{quantile="1"\} (\S+)/.exec((await station.ask('GET', '/metrics')).text)![1])
    await new Promise((resolve) => setTimeout(resolve, 50))
    const end = performance.now() + 300
    while (performance.now() < end);
    expect(await worst()).toBeGreaterThan(0.2)
  })

  test('a list whose pipeline has begun anew says so, and leaves no key out', async () => {
    const station = await new Station({ checkpointIntervalMs: 50_000, keyGroups: 2 }).open()
    const forgetful = pipeline('counting', (p) => {
      p.source('words', tcpSource({ port: 0 }))
        .keyBy('word', (word) => word.slice(1))
        .mapWithState('seen', {
          init: () => ({ n: 0 }),
          step: (state, word, context) => {
            if (word.startsWith('-')) context.forget()
            else state.n++
          },
        })
        .sink('nowhere', nullSink())
    })
    await station.run(forgetful)
    const numbers = Array.from({ length: 200 }, (_, i) => i)
    const words = [...numbers.map((n) => `+${n}`), ...numbers.filter((n) => n % 4 !== 0).map((n) => `-${n}`)]
    await send(station, words.map((word) => `${word}\n`).join(''))
    const path = '/v1/pipelines/counting/state/seen'
    const first = (await station.ask('GET', `${path}?limit=25`)).json
    expect([first.keys, first.found.length]).toEqual([50, 25])
    const again = await station.submit(forgetful)
    await expect.poll(() => again.phase).toBe('running')
    const second = await station.ask('GET', `${path}?cursor=${encodeURIComponent(first.next)}`)
    expect([second.status, second.json.error?.code]).toEqual([503, 'E_LIST_CHANGED'])
  })

  test('status, state and metrics of a pipeline', async () => {
    const station = await new Station({ checkpointIntervalMs: 50_000 }).open()
    await station.run(counting())
    await send(station, 'a\nb\na\n')

    const status = (await station.ask('GET', '/v1/pipelines/counting')).json
    expect(status).toMatchObject({ pipeline: 'counting', phase: 'running', keys: 2, recordsIn: 3, error: null })
    expect(status.steps.map(({ step, recordsIn }: { step: string; recordsIn: number }) => [step, recordsIn])).toEqual([
      ['words', 0],
      ['count', 3],
      ['nowhere', 0],
    ])
    const found = await station.ask('GET', '/v1/pipelines/counting/state/count?key=a')
    expect(found.json).toMatchObject({ read: 'live', keys: 2, found: { key: 'a', state: { total: 2 } } })
    const page = (await station.ask('GET', '/v1/pipelines/counting/state/count?limit=1')).json
    expect(page.found).toHaveLength(1)
    const rest = (await station.ask('GET', `/v1/pipelines/counting/state/count?cursor=${page.next}`)).json
    expect([...page.found, ...rest.found].map(({ key }: { key: string }) => key).sort()).toEqual(['a', 'b'])
    expect(rest.next).toBeNull()
    for (const number of ['-1', '1.5', 'all', '']) {
      for (const words of ['state/count?limit', 'state/count?wait', 'dead-letters?limit']) {
        const refused = await station.ask('GET', `/v1/pipelines/counting/${words}=${number}`)
        expect([refused.status, refused.json.error?.code], number).toEqual([400, 'E_CONTROL_REQUEST'])
      }
    }
    for (const place of ['abc', '1.5', 'latest/objects/x']) {
      const refused = await station.ask('GET', `/v1/pipelines/counting/checkpoints/${place}`)
      expect([refused.status, refused.json.error?.code], place).toEqual([400, 'E_CONTROL_REQUEST'])
    }

    const metrics = (await station.ask('GET', '/metrics')).text
    expect(metrics).toContain('potoroo_source_records_total{pipeline="counting",step="words"} 3\n')
    expect(metrics).toContain('potoroo_keys{pipeline="counting",step="count"} 2\n')
    // Sampled again, counters do not add up.
    expect((await station.ask('GET', '/metrics')).text).toContain(
      'potoroo_source_records_total{pipeline="counting",step="words"} 3\n',
    )
    for (const name of [...metricRows.map((row) => row.name), ...workerRows.map(({ name }) => name), LOOP_DELAY]) {
      expect(metrics).toContain(`# TYPE potoroo_${name} `)
    }

    const taken = (name: string): number => Number(new RegExp(`^potoroo_${name} (\\S+)$`, 'm').exec(metrics)![1])
    expect(taken('heap_bytes')).toBeGreaterThan(1e6)
    expect(taken('heap_bytes')).toBeLessThan(taken('heap_limit_bytes'))
    expect(taken('memory_resident_bytes')).toBeGreaterThan(taken('heap_bytes'))
    expect(taken('cpu_seconds_total')).toBeGreaterThan(0)

    const committed = '/v1/pipelines/counting/state/count?read=committed'
    const { epoch } = (await station.ask('POST', '/v1/pipelines/counting/checkpoint', { body: '{}' })).json
    await send(station, 'a\n')
    const kept = (await station.ask('GET', `${committed}&key=a`)).json
    expect(kept).toMatchObject({ read: 'committed', keys: null, found: { key: 'a', state: { total: 2 } } })
    expect(kept.epoch).toBeGreaterThanOrEqual(epoch)
    expect((await station.ask('GET', committed)).json.found).toHaveLength(2)
    const wrong = await station.ask('GET', '/v1/pipelines/counting/state/count?read=soon')
    expect(wrong.json.error.message).toMatch(/live, committed or linearizable/)
  })

  test('what is not there, by name and with the one that was meant', async () => {
    const station = await new Station().open()
    await station.run(counting())
    const code = async (method: string, path: string) => {
      const { status, json } = await station.ask(method, path)
      return [status, json.error.code, json.error.message]
    }
    expect(await code('GET', '/v1/pipelines/countin')).toEqual([
      404,
      'E_NO_PIPELINE',
      expect.stringMatching(/did you mean counting\?/),
    ])
    expect(await code('GET', '/v1/pipelines/counting/state/words')).toEqual([404, 'E_NO_STEP', expect.anything()])
    expect(await code('GET', '/v1/pipelines/counting/state/count?key=zz')).toEqual([404, 'E_NO_KEY', expect.anything()])
    expect(await code('GET', '/v1/pipelines/counting/savepoints/s')).toEqual([404, 'E_NO_SAVEPOINT', expect.anything()])
    expect(await code('GET', '/v1/pipelines/counting/checkpoints/99')).toEqual([
      404,
      'E_NO_CHECKPOINT',
      expect.anything(),
    ])
    expect(await code('GET', '/v1/pipelines/counting/dead-letters/x')).toEqual([404, 'E_NO_LETTER', expect.anything()])
    expect(await code('GET', '/v2/')).toEqual([400, 'E_CONTROL_REQUEST', expect.anything()])
    expect(await code('PUT', '/v1/worker')).toEqual([400, 'E_CONTROL_REQUEST', expect.anything()])
    expect(await code('GET', '//')).toEqual([400, 'E_CONTROL_REQUEST', expect.anything()])
  })

  test('checkpoints and savepoints: made, listed, verified, begun from, removed', async () => {
    const station = await new Station().open()
    await station.run(counting())
    await send(station, 'a\n')
    const post = async (path: string, body: unknown = {}) => {
      const answer = await station.ask('POST', path, { body: JSON.stringify(body) })
      expect(answer, answer.text).toMatchObject({ status: 200 })
      return answer.json
    }
    const { epoch } = await post('/v1/pipelines/counting/checkpoint')
    expect(epoch).toBeGreaterThan(0)
    const made = await post('/v1/pipelines/counting/savepoints', { name: 'one' })
    expect(made.epoch).toBeGreaterThan(epoch)
    const [listed] = (await station.ask('GET', '/v1/pipelines/counting/savepoints')).json
    expect(listed).toMatchObject({ name: 'one', epoch: made.epoch, keys: 1 })
    expect((await station.ask('GET', '/v1/pipelines/counting/savepoints/one')).json.damages).toEqual([])

    await send(station, 'a\na\n')
    await expect(station.submit(counting(), { savepoint: 'one' })).rejects.toMatchObject({ code: 'E_PIPELINE_THERE' })
    await post('/v1/pipelines/counting/cancel')
    expect((await station.ask('GET', '/v1/pipelines')).json).toEqual([])
    station.log.length = 0
    await station.submit(counting(), { savepoint: 'one' })
    await station.heard('running counting')
    expect(station.pipelines.find('counting').base?.epoch).toBe(made.epoch)

    // What it began with stays for as long as its checkpoints stand on it.
    const remove = () => station.ask('DELETE', '/v1/pipelines/counting/savepoints/one')
    expect((await remove()).json.error.code).toBe('E_SAVEPOINT_NEEDED')
    await post('/v1/pipelines/counting/checkpoint')
    expect((await remove()).json.error.code).toBe('E_SAVEPOINT_NEEDED')
    await post('/v1/pipelines/counting/cancel')
    expect((await remove()).status).toBe(200)
    expect((await station.ask('GET', '/v1/pipelines/counting/savepoints')).json).toEqual([])
  })

  test('a savepoint goes when the run that began with it has written everything anew', async () => {
    const station = await new Station({ keyGroups: 2, horizonEpochs: 2 }).open()
    await station.run(counting())
    await send(station, 'a\n')
    const post = (path: string, body: unknown = {}) =>
      station.ask('POST', `/v1/pipelines/counting/${path}`, { body: JSON.stringify(body) })
    await post('savepoints', { name: 'one' })
    await post('cancel')
    station.log.length = 0
    await station.submit(counting(), { savepoint: 'one' })
    await station.heard('running counting')
    const remove = async () => {
      await post('checkpoint')
      return (await station.ask('DELETE', '/v1/pipelines/counting/savepoints/one')).status
    }
    expect(await remove()).toBe(503)
    await expect.poll(remove).toBe(200)
  })

  test('a savepoint holds the dead letters, and one of a run that began with it is whole', async () => {
    const station = await new Station().open()
    const picky = pipeline('picky', (p) =>
      p
        .source('in', generatorSource({ value: (n) => n, rate: 1000 }))
        .map('check', (n) => {
          if (n < 5) throw new Error('too small')
          return n
        })
        .keyBy('by', (n) => n % 8)
        .mapWithState('sum', { init: () => ({ sum: 0 }), step: (state, n) => void (state.sum += n) })
        .sink('out', nullSink()),
    )
    const path = '/v1/pipelines/picky'
    const ask = async (method: string, rest: string, body?: unknown) => {
      const options = body === undefined ? {} : { body: JSON.stringify(body) }
      const answer = await station.ask(method, `${path}/${rest}`, options)
      expect(answer, answer.text).toMatchObject({ status: 200 })
      return answer.json
    }
    const letters = async () => (await ask('GET', 'dead-letters')).letters.map(({ id }: { id: string }) => id)
    await station.run(picky)
    await expect.poll(() => station.pipelines.find('picky').execution.status.failures).toBe(5)
    for (let i = 0; i < 3; i++) await ask('POST', 'checkpoint', {})
    await ask('POST', 'savepoints', { name: 'one' })
    const kept = await letters()
    expect(kept).toHaveLength(5)
    await ask('POST', 'dead-letters/purge', { ids: null })

    for (const savepoint of ['one', 'two']) {
      await ask('POST', 'cancel', {})
      station.log.length = 0
      await station.submit(picky, { savepoint })
      await station.heard('running picky')
      expect(await letters(), savepoint).toEqual(kept)
      await ask('POST', 'checkpoint', {})
      if (savepoint === 'one') await ask('POST', 'savepoints', { name: 'two' })
      expect(await ask('GET', 'savepoints/two'), savepoint).toMatchObject({ damages: [] })
    }
    // A file of letters belongs to what `verify` reads.
    const folder = join(station.data, 'store/pipelines/picky/savepoints/two')
    const file = readdirSync(folder).find((name) => readFileSync(join(folder, name)).includes('potoroo-letters'))!
    writeFileSync(join(folder, file), 'noise')
    expect((await ask('GET', 'savepoints/two')).damages).toMatchObject([{ path: expect.stringContaining(file) }])
  })

  test('drain ends a pipeline with its state, and a submission lets it go on', async () => {
    const station = await new Station().open()
    await station.run(counting())
    await send(station, 'a\nb\n')
    expect((await station.ask('POST', '/v1/pipelines/counting/drain')).json).toMatchObject({ phase: 'drained' })
    expect((await station.ask('POST', '/v1/pipelines/counting/drain')).json.error.code).toBe('E_NOT_RUNNING')
    const { json: view } = await station.ask('GET', '/v1/pipelines/counting')
    expect(view).toMatchObject({ phase: 'drained', held: null, keys: 2, recordsIn: 2 })
    expect(view.sources).toMatchObject([{ address: null, blockedBy: null, records: 2 }])
    station.log.length = 0
    const resident = await station.run(counting())
    expect(resident.base?.counts.keys).toBe(2)
    await send(station, 'a\n')
    const found = await station.ask('GET', '/v1/pipelines/counting/state/count?key=a')
    expect(found.json.found.state).toEqual({ total: 2 })
  })

  test('a drain that is late says why, and comes to its end all the same', async () => {
    const station = await new Station({ drainTimeoutMs: 100 }).open()
    const port = await freePort()
    const plenty = pipeline('plenty', (p) =>
      p
        .source('in', generatorSource({ value: (n) => `value number ${n}\n` }))
        .sink('out', tcpSink({ port, encode: (text) => text })),
    )
    const { execution } = await station.run(plenty)
    await expect.poll(() => execution.status.stuckSinks).toEqual(['out'])
    expect(await station.ask('POST', '/v1/pipelines/plenty/drain')).toMatchObject({
      status: 503,
      json: { error: { code: 'E_NOT_DRAINED', message: expect.stringMatching(/nobody takes the output of out/) } },
    })
    const phase = async () => (await station.ask('GET', '/v1/pipelines/plenty')).json.phase
    expect(await phase()).toBe('draining')
    const present = createServer((socket) => socket.resume()).listen(port, '127.0.0.1')
    onTestFinished(() => void present.close())
    await expect.poll(phase).toBe('drained')
  })

  test('a pipeline that was cancelled, or begins anew, meets nothing of its earlier runs', async () => {
    const station = await new Station().open()
    await station.run(counting())
    await send(station, 'a\nb\n')
    expect((await station.ask('POST', '/v1/pipelines/counting/cancel')).status).toBe(200)
    station.log.length = 0
    expect((await station.run(counting())).base).toBeNull()
    await send(station, 'a\n')
    const count = async () => (await station.ask('GET', '/v1/pipelines/counting/state/count?key=a')).json.found.state
    expect(await count()).toEqual({ total: 1 })
    station.log.length = 0
    await station.submit(counting(), { fresh: true })
    await station.heard('running counting')
    await send(station, 'a\n')
    expect(await count()).toEqual({ total: 1 })
  })

  test('a pipeline that fails is listed with its error, the worker is not ready, and the others go on', async () => {
    const station = await new Station().open()
    await station.run(counting())
    const [, port] = station.control.address.split(':')
    const taken = pipeline('barred', (p) => p.source('in', tcpSource({ port: Number(port) })).sink('out', nullSink()))
    await station.submit(taken)
    await station.heard('failed barred')
    const { json } = await station.ask('GET', '/v1/pipelines')
    expect(json).toMatchObject([
      { pipeline: 'barred', phase: 'failed', error: { code: 'E_PORT_IN_USE' } },
      { pipeline: 'counting', phase: 'running' },
    ])
    expect(await station.ask('GET', '/readyz')).toMatchObject({ status: 503, text: 'barred failed\n' })
    await send(station, 'a\n')
    expect(station.pipelines.find('counting').execution.status.keys).toBe(1)
  })

  test('dead letters: listed without their content, shown with it', async () => {
    const station = await new Station().open()
    const numbers = pipeline('numbers', (p) =>
      p
        .source('in', generatorSource({ count: 3, value: (n) => n }))
        .map('halve', (n) => {
          if (n === 1) throw new Error('odd')
          return n / 2
        })
        .sink('out', nullSink()),
    )
    await station.run(numbers)
    await station.heard('ended numbers')
    await station.ask('POST', '/v1/pipelines/numbers/checkpoint')
    const { json } = await station.ask('GET', '/v1/pipelines/numbers/dead-letters')
    expect(json).toMatchObject({ count: 1, letters: [{ step: 'halve', error: 'Error: odd', again: true }] })
    expect(json.letters[0].given).toBeUndefined()
    const shown = await station.ask(
      'GET',
      `/v1/pipelines/numbers/dead-letters/${encodeURIComponent(json.letters[0].id)}`,
    )
    expect(shown.json).toMatchObject({ content: { value: 1 }, error: { message: 'Error: odd' } })
  })

  test('dead letters of a drained pipeline are those of its last checkpoint, whoever is asked', async () => {
    const before = await new Station().open()
    const failing = pipeline('failing', (p) =>
      p
        .source('in', generatorSource({ count: 3, value: (n) => n }))
        .map('fails', () => {
          throw new Error('odd')
        })
        .sink('out', nullSink()),
    )
    await before.run(failing)
    await before.heard('ended failing')
    await before.ask('POST', '/v1/pipelines/failing/drain')
    await before.pipelines.close()
    await before.control.close()

    const station = await new Station({}, before.data).open()
    const path = '/v1/pipelines/failing/dead-letters'
    const { json } = await station.ask('GET', `${path}?from=1&limit=1`)
    expect(json).toMatchObject({ count: 3, ofAll: true, letters: [{ step: 'fails', error: 'Error: odd' }] })
    const shown = await station.ask('GET', `${path}/${encodeURIComponent(json.letters[0].id)}`)
    expect(shown.json).toMatchObject({ content: { value: 1 } })
    expect((await station.ask('GET', `${path}/none`)).json.error.code).toBe('E_NO_LETTER')
    const replayed = await station.ask('POST', `${path}/replay`, { body: '{"ids":null}' })
    expect(replayed.json.error.code).toBe('E_NOT_RUNNING')
  })

  test('what a step throws may be anything, and its record is a dead letter', async () => {
    const station = await new Station().open()
    const throwing = pipeline('throwing', (p) =>
      p
        .source('in', generatorSource({ count: 1, value: (n) => n }))
        .map('throw', () => {
          throw Object.create(null)
        })
        .sink('out', nullSink()),
    )
    await station.run(throwing)
    await station.heard('ended throwing')
    expect(station.pipelines.find('throwing').execution.status.failures).toBe(1)
  })

  test('letters of a pipeline whose input has ended are tried again, and whoever asks hears how many were', async () => {
    const station = await new Station().open()
    let fails = true
    const picky = pipeline('picky', (p) =>
      p
        .source('in', generatorSource({ count: 20, value: (n) => n }))
        .map('check', (n) => {
          if (fails && n % 4 === 0) throw new Error('not yet')
          return n
        })
        .sink('out', nullSink()),
    )
    await station.run(picky)
    await station.heard('ended picky')
    const post = async (verb: string, ids: readonly string[] | null = null) =>
      (await station.ask('POST', `/v1/pipelines/picky/${verb}`, { body: JSON.stringify({ ids }) })).json
    await post('checkpoint')
    const { deadLetters } = station.pipelines.find('picky').execution
    expect(deadLetters.count).toBe(5)
    fails = false
    const { id } = deadLetters.list(0, 1)[0]!
    // One that is named twice is one.
    expect(await post('dead-letters/replay', [id, id])).toEqual({ tried: 1, left: 0 })
    expect(await post('dead-letters/replay')).toEqual({ tried: 4, left: 0 })
    expect(station.pipelines.find('picky').execution.deadLetters.count).toBe(0)
  })

  test('who waits for letters to be tried again hears of it when their pipeline begins anew meanwhile', async () => {
    const station = await new Station().open()
    const slow = (value: number) =>
      pipeline('slow', (p) => p.source('in', generatorSource({ rate: 1, value: () => value })).sink('out', nullSink()))
    const { execution } = await station.run(slow(1))
    // As where there is no room for them. It is not looked after them before the pipeline runs again.
    Object.defineProperty(execution, 'replaying', { value: 1 })
    const { clock } = (station.pipelines as unknown as { env: Env }).env
    let look = (): void => {}
    const asked = new Promise<void>((resolve) => {
      execution.replay = () => {
        clock.after = (_ms, fn) => {
          Reflect.deleteProperty(clock, 'after')
          look = fn
          return { cancel() {} }
        }
        resolve()
      }
    })
    const replayed = station.ask('POST', '/v1/pipelines/slow/dead-letters/replay', { body: '{"ids":null}' })
    await asked
    const [text, map] = ['another program', '{}']
    await station.pipelines.submit(slow(2), { hash: hashText(text), text, map }, {}, {})
    await expect.poll(() => station.pipelines.find('slow').phase).toBe('running')
    look()
    expect((await replayed).json).toMatchObject({ error: { code: 'E_CHECKPOINT' } })
  })
})

test('paths match by their parts', () => {
  expect(match('/v1/pipelines/:pipeline', '/v1/pipelines/a%2Fb')).toEqual({ pipeline: 'a/b' })
  expect(match('/v1/pipelines/:pipeline', '/v1/pipelines')).toBeNull()
  expect(match('/v1/pipelines/:pipeline', '/v1/pipelines/a/b')).toBeNull()
  expect(match('/v1/x', '/v1/y')).toBeNull()
  expect(match('/:a', '/%zz')).toBeNull()
})

test('values are shown in a form that JSON can carry', () => {
  const value = {
    big: 5n,
    when: new Date(0),
    map: new Map([['a', 1n]]),
    set: new Set([1]),
    bytes: Buffer.from('a'),
    buffer: new Uint8Array([97]).buffer,
    nan: NaN,
  }
  expect(JSON.parse(JSON.stringify(plain(value)))).toEqual({
    big: '5n',
    when: '1970-01-01T00:00:00.000Z',
    map: { map: [['a', '1n']] },
    set: { set: [1] },
    bytes: { base64: 'YQ==' },
    buffer: { base64: 'YQ==' },
    nan: 'NaN',
  })
})
