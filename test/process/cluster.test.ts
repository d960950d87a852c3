/** A cluster of real processes, as a person meets it with commands: any worker answers for all. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import type { ClusterView } from '../../src/admin/cluster-view.ts'
import { findWorker } from '../../src/cli/control-client.ts'
import { folder, type Program, potoroo, ran } from './fixture.ts'

const COUNT = `
import { lines, nullSink, pipeline, tcpSource } from 'potoroo'

export default pipeline('count', { parameters: { port: 7001 } }, (p) => {
  p.source('lines', tcpSource({ port: p.parameters.port, framing: lines() }))
    .keyBy('by-line', (line) => line)
    .mapWithState('total', {
      init: () => ({ total: 0 }),
      step: (state, line) => {
        const end = Date.now() + (line === 'slow' ? 8000 : 0)
        while (Date.now() < end);
        if (line.startsWith('bad')) throw new Error(line + " is none")
        return { line, total: ++state.total }
      },
    })
    .sink('nowhere', nullSink())
})
`
const KEYS = 200

interface Page {
  readonly keys: number
  readonly found: readonly {
    readonly key: string
    readonly keyGroup: number
    readonly state: { readonly total: number }
  }[]
  readonly completeness: {
    readonly keyGroups: string
    readonly missing: readonly { from: number; to: number; worker: string }[]
  }
}

/** Who is stopped counts as dead after a minute: how soon somebody asks is up to the machine. */
const PATIENT = `
limits:
  suspectMs: 50000
  deadMs: 60000
  linkGraceMs: 60000
  beatSilenceMs: 60000
`

/** A cluster of three workers that runs the pipeline and has been given every key twice; `settings` as in a file. */
async function cluster(settings = '') {
  const cwd = folder()
  writeFileSync(join(cwd, 'potoroo.yaml'), settings)
  writeFileSync(join(cwd, 'count.ts'), COUNT)
  const port = await freePort()
  const up = potoroo(['up', 'count.ts', '--workers', '3', '--param', `port=${port}`], { cwd })
  await up.said(/count is submitted/)
  const on = (worker: string, ...args: string[]) => ran([...args, '--data', `.potoroo/potoroo/${worker}`], { cwd })
  const send = async (text: string) => {
    const sent = await ran(['send', String(port)], { cwd, input: text })
    expect(sent, sent.err).toMatchObject({ status: 0 })
  }
  const page = async (worker: string): Promise<Page> =>
    JSON.parse((await on(worker, 'query', 'count', 'total', '--limit', '1000', '--json')).out)
  const keys = Array.from({ length: KEYS }, (_, i) => `key ${i}\n`).join('')
  const reached = async () => (await ran(['send', String(port)], { cwd, input: '' })).status
  await expect.poll(reached).toBe(0)
  await send(keys + keys)
  await expect.poll(() => sumOf(page('w1'))).toBe(2 * KEYS)
  return { cwd, up, on, send, page }
}

async function sumOf(page: Promise<Page>): Promise<number> {
  return (await page).found.reduce((sum, { state }) => sum + state.total, 0)
}

function pidOf(up: Program, worker: string): number {
  return Number([...up.err.matchAll(new RegExp(`${worker} starts.*process (\\d+)`, 'g'))].at(-1)![1])
}

test('a worker founds no cluster where the folder of its store is not there', async () => {
  const cwd = folder()
  const env = { ...process.env, POTOROO_CLUSTER_TOKEN: 'a-token-that-nobody-guesses' }
  const answer = await ran(['worker', '--data', 'w1', '--store', 'shared/store'], { cwd, env })
  expect(answer).toMatchObject({ status: 2, err: expect.stringMatching(/E_STORE_ABSENT.*shared\/store.*mkdir -p/s) })
  expect(readdirSync(cwd)).toEqual([])
})

test('a worker that waits for the others is not ready, and says what it waits for', async () => {
  const cwd = folder()
  const env = { ...process.env, POTOROO_CLUSTER_TOKEN: 'a-token-that-nobody-guesses' }
  mkdirSync(join(cwd, 'store'))
  const worker = potoroo(['worker', '--data', 'w1', '--store', 'store', '--expected', '2'], { cwd, env })
  await worker.said(/"phase":"following"/)
  const { address } = await findWorker({ data: join(cwd, 'w1') })
  const [alive, ready] = await Promise.all(['healthz', 'readyz'].map((path) => fetch(`http://${address}/${path}`)))
  expect(alive!.status).toBe(200)
  expect([ready!.status, await ready!.text()]).toEqual([503, 'worker starting\n'])
  expect((await ran(['status', '--data', 'w1'], { cwd })).out).toMatch(
    /^cluster starting, before its first generation\nno other worker is heard yet\n\nworker w1, /,
  )
})

test('any worker shows every key once, and says what is missing where one is silent', async () => {
  const { cwd, up, on, page } = await cluster(PATIENT)
  for (const worker of ['w1', 'w2', 'w3']) {
    const { keys, found, completeness } = await page(worker)
    expect({ keys, found: new Set(found.map(({ key }) => key)).size }).toEqual({ keys: KEYS, found: KEYS })
    expect(completeness).toEqual({ keyGroups: '1024/1024', missing: [] })
    expect((await on(worker, 'query', 'count', 'total', 'key 7')).out).toBe('{"total":2}\n')
    const others = ['w1', 'w2', 'w3'].filter((other) => other !== worker).join(', ')
    expect((await on(worker, 'list')).out).toContain(
      `\n\nwithout the part of ${others}: 1 worker of 3 has been asked\n`,
    )
    expect(await on(worker, 'query', 'count', 'total', 'key 999')).toMatchObject({
      status: 2,
      err: expect.stringMatching(/E_NO_KEY/),
    })
  }
  const list = async () => JSON.parse((await ran(['list', '--json'], { cwd })).out)
  expect(await list()).toMatchObject([{ pipeline: 'count', phase: 'running', keys: KEYS, recordsIn: 2 * KEYS }])
  const whole = await page('w1')
  process.kill(pidOf(up, 'w3'), 'SIGSTOP')
  const part = await page('w1')
  process.kill(pidOf(up, 'w3'), 'SIGCONT')
  const gone = new Set(
    part.completeness.missing.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i)),
  )
  expect(part.completeness).toMatchObject({ keyGroups: `${1024 - gone.size}/1024` })
  expect(new Set(part.completeness.missing.map(({ worker }) => worker))).toEqual(new Set(['w3']))
  // Exactly the share of the others.
  expect(part.found).toEqual(whole.found.filter(({ keyGroup }) => !gone.has(keyGroup)))
  expect(part.keys).toBe(part.found.length)

  // Who has no word of the coordinator may neither read nor write, and is no place to send anything to.
  const coordinator = /, (w\d) decides/.exec((await on('w1', 'status')).out)![1]!
  const { address } = await findWorker({ data: join(cwd, '.potoroo/potoroo', coordinator === 'w1' ? 'w2' : 'w1') })
  const ready = async () => (await fetch(`http://${address}/readyz`)).text()
  expect(await ready()).toBe('ready\n')
  process.kill(pidOf(up, coordinator), 'SIGSTOP')
  await expect.poll(ready).toBe('the coordinator has granted no lease\n')
  process.kill(pidOf(up, coordinator), 'SIGCONT')
  await expect.poll(ready).toBe('ready\n')
})

test('dead letters of all workers are listed, tried again and purged by one command', async () => {
  const { cwd, on, send } = await cluster()
  const bad = Array.from({ length: 30 }, (_, i) => `bad ${i}`)
  const letters = async (verb: string, ...args: string[]) => {
    const ended = await ran(['dead-letters', verb, 'count', ...args, '--json'], { cwd })
    expect(ended, ended.err).toMatchObject({ status: 0 })
    return JSON.parse(ended.out)
  }
  await send(bad.map((line) => `${line}\n`).join(''))
  await expect.poll(async () => (await letters('list')).count).toBe(bad.length)
  const { letters: listed } = await letters('list', '--limit', '100')
  expect(listed.map(({ error }: { error: string }) => error).toSorted()).toEqual(
    bad.map((line) => `Error: ${line} is none`).toSorted(),
  )
  const own = JSON.parse((await on('w1', 'dead-letters', 'list', 'count', '--json')).out)
  expect(own.count, 'of the worker whose folder is named').toBeLessThan(bad.length)

  expect(await letters('replay', '--all')).toEqual({ tried: bad.length, left: 0 })
  const ids = listed.map(({ id }: { id: string }) => id)
  expect(await letters('show', ids[0])).toMatchObject({ id: ids[0], step: 'total' })
  expect(await letters('purge', ...ids.slice(0, 10))).toEqual({ purged: 10 })
  const absent = await ran(['dead-letters', 'purge', 'count', ids[0]], { cwd })
  expect(absent).toMatchObject({ status: 2, err: expect.stringContaining(`no dead letter ${ids[0]}`) })
  expect(await letters('purge', '--all')).toEqual({ purged: bad.length - 10 })
  expect((await letters('list')).count).toBe(0)
})

test('a worker leaves in order, and what it had is with the others', async () => {
  const { cwd, up, page } = await cluster()
  const plan = await ran(['rebalance', '--plan', '--moves', '2'], { cwd })
  expect(plan).toMatchObject({ status: 0, out: expect.stringMatching(/^w1 +[\d.]+ % +\d+ +[\d.]+ % +\d+$/m) })
  const applied = await ran(['rebalance', '--apply', '--moves', '2', '--json'], { cwd })
  expect(applied, applied.err).toMatchObject({ status: 0 })
  expect(JSON.parse(applied.out)).toMatchObject({ budget: 2, workers: [{ worker: 'w1' }, {}, {}] })
  expect(await ran(['rebalance'], { cwd })).toMatchObject({ status: 2, err: expect.stringMatching(/E_USAGE/) })
  expect(await sumOf(page('w3'))).toBe(2 * KEYS)
  const other = ['--data', join(cwd, '.potoroo/potoroo/w1')]
  expect((await ran(['leave', 'w2', ...other], { cwd })).err).toContain('no worker w2 is running here: there is w1')
  expect(await ran(['leave', 'w2'], { cwd })).toMatchObject({ status: 0 })
  await up.said(/w2 is not started again: it has ended in order/)
  // The others may work again before its process has ended.
  await up.said(/normal, generation \d+: w1, w3\n/)
  await expect.poll(() => sumOf(page('w3'))).toBe(2 * KEYS)
  expect((await page('w1')).completeness.keyGroups).toBe('1024/1024')

  expect((await ran(['leave', 'w3'], { cwd })).out).toContain('hands over what it owns')
  await up.said(/w3 is not started again/)
  expect((await ran(['leave', 'w1'], { cwd })).out).toContain('w1 is the only member')
  expect((await ran(['leave', 'w2'], { cwd })).err).toContain('E_OTHER_WORKERS')
})

test('a step that blocks is named by the other workers, and nobody is taken for dead', async () => {
  const { cwd, up, on, send } = await cluster()
  const generation = /generation (\d+) of 3/.exec((await on('w1', 'status')).out)![1]
  const [{ worker }] = JSON.parse((await ran(['where', 'slow', '--json'], { cwd })).out) as [{ worker: string }]
  const other = worker === 'w1' ? 'w2' : 'w1'
  await send('slow\n')
  await up.said(/is stuck in step "total", key slow\n +at step \(.*count\.ts:\d+:\d+\)/)
  const data = join(cwd, '.potoroo/potoroo', other)
  const view = async () => (await findWorker({ data })).get<ClusterView>('/v1/cluster')
  const stuck = async () =>
    (await view()).workers.flatMap((one) => (one.stuck === null ? [] : [[one.worker, one.stuck.step, one.stuck.key]]))
  await expect.poll(stuck).toEqual([[worker, 'total', 'slow']])
  await expect.poll(stuck).toEqual([])
  expect(await view()).toMatchObject({ mode: 'normal', generation: Number(generation) })
  expect((await on(worker, 'status')).out).toMatch(
    /its loop stood still 1 time, last for [\d.]+ s in step "total", key slow/,
  )
})
