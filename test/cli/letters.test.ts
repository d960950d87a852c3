/** Dead letters of a worker, which answers in pages and takes so many connections and no more. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { LetterPage, ListedLetter } from '../../src/admin/letters-view.ts'
import { defaultLimits } from '../../src/base/limits.ts'
import { Letters, onePage } from '../../src/cli/letters.ts'

const ids = Array.from({ length: 400 }, (_, n) => `w1-${n}`)
const PAGE = 30
const TURNS = 20

/** Asks a worker with these letters. `seen.most`: connections that it had at a time. */
async function lettersAtWorker() {
  const purged: string[] = []
  const seen = { open: 0, most: 0 }
  /** It is busy, and answers once nobody else has come for some turns. */
  const answer = (respond: () => void, turns = TURNS): void => {
    const { open } = seen
    if (turns === 0) respond()
    else setImmediate(() => answer(respond, seen.open > open ? TURNS : turns - 1))
  }
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://worker')
    const from = Number(searchParams.get('from'))
    const limit = Math.min(PAGE, Number(searchParams.get('limit')))
    const letters = ids.slice(from, from + limit).map((id) => ({ id, timeMs: 0 }))
    const id = /dead-letters\/(w1-\d+)$/.exec(pathname)?.[1]
    if (request.method === 'GET') {
      return answer(() => response.end(JSON.stringify(id ? { id } : { count: ids.length, letters })))
    }
    request.setEncoding('utf8').on('data', (body: string) => {
      purged.push(...(JSON.parse(body) as { ids: string[] }).ids)
      response.end(JSON.stringify({ purged: purged.length }))
    })
  })
  server.on('connection', (socket) => {
    seen.most = Math.max(seen.most, ++seen.open)
    socket.on('close', () => seen.open--)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const data = mkdtempSync(join(tmpdir(), 'potoroo-letters-'))
  onTestFinished(() => {
    server.close()
    rmSync(data, { recursive: true })
  })
  const tokenFile = join(data, 'token')
  writeFileSync(tokenFile, 'secret')
  const control = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return { letters: await Letters.of('p', { control, tokenFile }), purged, seen }
}

test('as many as are asked for are listed, however many a worker answers at a time', async () => {
  const { letters } = await lettersAtWorker()
  expect((await letters.list(75)).letters.map(({ id }) => id)).toEqual(ids.slice(0, 75))
  expect(await letters.list(1000)).toMatchObject({ count: 400, letters: { length: 400 } })
})

test('many that are named are found by few connections at a time', async () => {
  const { letters, purged, seen } = await lettersAtWorker()
  expect(await letters.purge(ids)).toBe(ids.length)
  expect(purged).toEqual(ids)
  expect(seen.most).toBeLessThan(defaultLimits.controlConnections)
})

test('what workers have is put together by its time, and what all of them have is counted once', () => {
  const page = (...times: number[]): LetterPage => {
    const letters = times.map((timeMs) => ({ id: `l${timeMs}`, timeMs }) as ListedLetter)
    return { pipeline: 'p', count: times.length, letters }
  }
  const both = onePage('p', [page(1, 4), page(2, 3)], 3)
  expect(both).toMatchObject({ count: 4, letters: [{ timeMs: 1 }, { timeMs: 2 }, { timeMs: 3 }] })
  const drained = { ...page(1, 2), ofAll: true } as const
  expect(onePage('p', [drained, drained], 3)).toEqual(drained)
})
