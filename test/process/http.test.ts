/** Records posted to a real worker by `curl`'s means, through kill -9 and with bodies of every size. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import { folder, potoroo } from './fixture.ts'

const SUM = `
import { httpSource, json, pipeline, stdoutSink } from 'potoroo'

export default pipeline('sum', { parameters: { port: 8080 } }, (p) => {
  p.source('in', httpSource({ port: p.parameters.port, path: '/in', decode: json<{ key: string; n: number }>() }))
    .keyBy('by-key', (record) => record.key)
    .mapWithState('sum', {
      init: () => ({ n: 0, records: 0 }),
      step: (sum, { key, n }) => \`\${key} \${(sum.n += n)} of \${++sum.records}\`,
    })
    .sink('print', stdoutSink())
})
`

async function app(env: NodeJS.ProcessEnv = {}) {
  const cwd = folder()
  writeFileSync(join(cwd, 'sum.ts'), SUM)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/in`
  const start = async () => {
    const run = potoroo(['run', 'sum.ts', '--param', `port=${port}`], { cwd, env: { ...process.env, ...env } })
    await run.said(/in listens on http/)
    return run
  }
  const post = async (body: string, headers: Record<string, string> = {}, query = '') => {
    const type = { 'content-type': 'application/x-ndjson' }
    const answer = await fetch(url + query, { method: 'POST', headers: { ...type, ...headers }, body })
    return {
      status: answer.status,
      ...((await answer.json()) as { records?: number; repeats?: number; next?: number }),
    }
  }
  return { start, post }
}

const token = expect.stringMatching(/^p1\./)
const row = (key: string, n: number) => `${JSON.stringify({ key, n })}\n`

test('a request that is sent again after kill -9 counts once', async () => {
  const { start, post } = await app()
  const key = (first: number) => ({ 'idempotency-key': `till:${first}` })
  const first = await start()
  expect(await post(row('a', 1) + row('a', 2), key(1))).toEqual({ status: 200, records: 2, repeats: 0, next: 3, token })
  expect(await post(row('a', 4), key(3), '?answer=stable')).toMatchObject({ status: 200, next: 4 })
  expect(await post(row('a', 8), key(4))).toMatchObject({ status: 200, next: 5 })
  first.kill('SIGKILL')
  await first.ended
  const second = await start()
  expect(await post(row('a', 4) + row('a', 8), key(3))).toEqual({ status: 200, records: 2, repeats: 2, next: 5, token })
  expect(await post(row('a', 16), key(5))).toMatchObject({ repeats: 0, next: 6 })
  await second.said(/a 31 of 5\n/)
  second.kill('SIGTERM')
  expect(await second.ended).toMatchObject({ status: 0 })
})

test('takes a body of many megabytes in one piece, refuses a longer one, and feeds both lives the same', async () => {
  const { start, post } = await app()
  const first = await start()
  const many = row('big', 1).repeat(400_000)
  expect(many.length).toBeGreaterThan(7 << 20)
  expect(await post(many)).toEqual({ status: 200, records: 400_000, token })
  expect(await post(many + many)).toMatchObject({ status: 413 })
  first.kill('SIGKILL')
  await first.ended
  const second = await start()
  expect(await post(row('big', 1))).toMatchObject({ status: 200 })
  await second.said(/big 400001 of 400001\n/)
})

test('wants the token that the worker was started with', async () => {
  const { start, post } = await app({ POTOROO_SOURCE_TOKEN: 'letters-nobody-guesses' })
  await start()
  expect(await post(row('a', 1))).toMatchObject({ status: 401 })
  expect(await post(row('a', 1), { authorization: 'Bearer letters-nobody-guesses' })).toMatchObject({ status: 200 })
})
