/** Reading one's own writes by commands, in a cluster of real processes: any worker shows what an acknowledgement covers. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folder, freePort, potoroo, ran } from './fixture.ts'

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

test('what was sent and what was posted is in the next answer, of any worker', { timeout: 60_000 }, async () => {
  const cwd = folder()
  writeFileSync(join(cwd, 'count.ts'), COUNT)
  const [tcp, http] = [await freePort(), await freePort()]
  // No checkpoint comes by itself while this test runs.
  writeFileSync(join(cwd, 'potoroo.yaml'), 'limits:\n  checkpointIntervalMs: 600000\n  checkpointTimeoutMs: 700000\n')
  const settings = ['--param', `tcp=${tcp}`, '--param', `http=${http}`]
  const up = potoroo(['up', 'count.ts', '--workers', '2', ...settings], { cwd })
  await up.said(/count is submitted/)
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
