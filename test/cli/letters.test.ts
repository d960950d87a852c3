/** Dead letters of a worker that takes few connections and answers in pages, as all of them do. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Letters } from '../../src/cli/letters.ts'

const ids = Array.from({ length: 100 }, (_, n) => `w1-${n}`)
const PAGE = 30

/** Asks a worker with these letters that takes so many connections. */
async function lettersAt(connections: number): Promise<{ readonly letters: Letters; readonly purged: string[] }> {
  const purged: string[] = []
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://worker')
    const from = Number(searchParams.get('from'))
    const limit = Math.min(PAGE, Number(searchParams.get('limit')))
    const letters = ids.slice(from, from + limit).map((id) => ({ id, timeMs: 0 }))
    const id = /dead-letters\/(w1-\d+)$/.exec(pathname)?.[1]
    if (request.method === 'GET') return response.end(JSON.stringify(id ? { id } : { count: ids.length, letters }))
    request.setEncoding('utf8').on('data', (body: string) => {
      purged.push(...(JSON.parse(body) as { ids: string[] }).ids)
      response.end(JSON.stringify({ purged: purged.length }))
    })
  })
  server.maxConnections = connections
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const data = mkdtempSync(join(tmpdir(), 'potoroo-letters-'))
  onTestFinished(() => {
    server.close()
    rmSync(data, { recursive: true })
  })
  const tokenFile = join(data, 'token')
  writeFileSync(tokenFile, 'secret')
  const control = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return { letters: await Letters.of('p', { control, tokenFile }), purged }
}

test('as many as are asked for are listed, however many a worker answers at a time', async () => {
  const { letters } = await lettersAt(64)
  expect((await letters.list(75)).letters.map(({ id }) => id)).toEqual(ids.slice(0, 75))
  expect(await letters.list(1000)).toMatchObject({ count: 100, letters: { length: 100 } })
})

test('many that are named are found by few connections at a time', async () => {
  const { letters, purged } = await lettersAt(20)
  expect(await letters.purge(ids)).toBe(ids.length)
  expect(purged).toEqual(ids)
})
