/**
 * A cluster of real processes on one machine: any worker shows what an acknowledgement covers, and redirects lead to
 * the end.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import { folder, potoroo, ran } from './fixture.ts'

const COUNT = `
import { httpSource, nullSink, pipeline, tcpSource, utf8 } from 'potoroo'

export default pipeline('count', { parameters: { tcp: 7001, http: 8080 } }, (p) => {
  const lines = p.source('lines', tcpSource({ port: p.parameters.tcp, protocol: 'acked' }))
  const posted = p.source('posted', httpSource({ port: p.parameters.http, path: '/', decode: utf8 }))
  lines.merge('all', posted)
    .keyBy('by-line', (line) => line)
    .mapWithState('total', { init: () => ({ total: 0 }), step: (state) => ({ total: ++state.total }) })
    .sink('nowhere', nullSink())
})
`

/** Two workers that run the pipeline, and the ports of its sources. */
async function cluster() {
  const cwd = folder()
  writeFileSync(join(cwd, 'count.ts'), COUNT)
  const [tcp, http] = [await freePort(), await freePort()]
  // No checkpoint comes by itself while these tests run.
  writeFileSync(join(cwd, 'potoroo.yaml'), 'limits:\n  checkpointIntervalMs: 600000\n  checkpointTimeoutMs: 700000\n')
  const settings = ['--param', `tcp=${tcp}`, '--param', `http=${http}`]
  const up = potoroo(['up', 'count.ts', '--workers', '2', ...settings], { cwd })
  await up.said(/count is submitted/)
  // It is open on both: a connection goes to one or the other.
  const runs = async (worker: string) =>
    (await ran(['status', 'count', '--data', `.potoroo/potoroo/${worker}`], { cwd })).out
  for (const worker of ['w1', 'w2']) {
    await expect.poll(() => runs(worker)).toMatch(/posted .*127\.0\.0\.1/)
  }
  return { cwd, tcp, http }
}

test('what was sent and what was posted is in the next answer, of any worker', async () => {
  const { cwd, tcp, http } = await cluster()
  const total = async (worker: string, line: string, ...args: string[]) =>
    (await ran(['query', 'count', 'total', line, '--data', `.potoroo/potoroo/${worker}`, ...args], { cwd })).out

  const send = ['send', String(tcp), '--acked', 'lines', '--wait', 'journaled', '--print-token']
  const sent = await ran(send, { cwd, input: 'one\ntwo\none\n' })
  expect(sent).toMatchObject({ status: 0, out: expect.stringMatching(/^p1\.\S+\n$/) })
  for (const worker of ['w1', 'w2']) {
    expect(await total(worker, 'one', '--after', sent.out.trim(), '--wait', '20')).toBe('{"total":2}\n')
  }

  const headers = { 'content-type': 'application/x-ndjson' }
  const answer = await fetch(`http://127.0.0.1:${http}/`, { method: 'POST', headers, body: 'one\nthree\n' })
  const { token } = (await answer.json()) as { token: string }
  for (const worker of ['w1', 'w2']) {
    for (const read of ['live', 'committed', 'linearizable']) {
      expect(await total(worker, 'one', '--after', token, '--wait', '20', '--read', read)).toBe('{"total":3}\n')
    }
  }
})

test('a redirect leads to the worker that answers for the producer, in one step', async () => {
  const { http } = await cluster()
  const shared = `http://127.0.0.1:${http}/`
  const statuses: number[] = []
  const elsewhere = new Set<string>()
  for (let producer = 1; producer <= 16; producer++) {
    // A connection of its own for each request: the system gives it to one worker or the other.
    const post = (url: string, sequence: number) => {
      const headers = { 'idempotency-key': `till-${producer}:${sequence}`, connection: 'close' }
      const type = { 'content-type': 'text/plain' }
      return fetch(url, { method: 'POST', headers: { ...type, ...headers }, body: 'x', redirect: 'manual' })
    }
    // Whoever takes the first answers for the producer.
    expect(await (await post(shared, 1)).json()).toMatchObject({ records: 1, next: 2 })
    const second = await post(shared, 2)
    statuses.push(second.status)
    const location = second.headers.get('location')
    const last = location === null ? second : await post(location, 2)
    expect(await last.json()).toMatchObject({ records: 1, repeats: 0, next: 3 })
    if (location !== null) elsewhere.add(new URL(location).port)
  }
  expect(new Set(statuses)).toEqual(new Set([200, 307]))
  expect(elsewhere).not.toContain(String(http))
})
