/** What is shown of producers. */
import { expect, test } from 'vitest'
import { pageOfStreams } from '../../src/admin/streams.ts'
import type { ControlClient } from '../../src/cli/control-client.ts'
import { allStreams } from '../../src/cli/streams.ts'
import type { Resident } from '../../src/worker/pipelines/pipelines.ts'

test('each producer that waits is looked at once, however many do', () => {
  const count = 500
  let looks = 0
  const parked = Array.from({ length: count }, (_, i) => ({
    get producer() {
      looks++
      return `p${i}`
    },
    incarnation: 'i',
    first: i + 1,
    last: i + 9,
    home: 'w2',
  }))
  const rows = Array.from({ length: 2 * count }, (_, i) => [`p${i}`, 'i', i, 'w1', 1, 7, true, ''])
  const status = { parked: new Map([['in', parked]]), streams: new Map([['in', rows]]) }
  const resident = { name: 'p', execution: { status } } as unknown as Resident
  const { streams: shown } = pageOfStreams(resident, 0, 2 * count)
  expect(shown).toHaveLength(2 * count)
  expect(shown[3]).toMatchObject({ source: 'in', producer: 'p3', parked: { first: 4, last: 12, home: 'w2' } })
  expect(shown[count]!.parked).toBeNull()
  expect(looks).toBe(count)
})

test('a page has as many as it may, of several sources too, and their number; all pages have each stream once', async () => {
  const rowsOf = (source: string, count: number) =>
    Array.from({ length: count }, (_, i) => [`${source}${i}`, 'i', i, 'w1', 1, 7, true, ''])
  const streams = new Map([
    ['a', rowsOf('a', 5)],
    ['b', []],
    ['c', rowsOf('c', 4)],
  ])
  const lost = { producer: 'c1', incarnation: 'i', first: 2, last: 3, home: 'w2' }
  const status = { parked: new Map([['c', [lost]]]), streams }
  const resident = { name: 'p', execution: { status } } as unknown as Resident
  const { count, streams: middle } = pageOfStreams(resident, 3, 4)
  expect(count).toBe(9)
  expect(middle.map(({ producer, parked }) => [producer, parked !== null])).toEqual([
    ['a3', false],
    ['a4', false],
    ['c0', false],
    ['c1', true],
  ])
  const asked: string[] = []
  const worker = {
    get: async (path: string) => {
      asked.push(path)
      return pageOfStreams(resident, Number(/from=(\d+)$/.exec(path)![1]), 4)
    },
  }
  const all = await allStreams(worker as unknown as ControlClient, 'p')
  expect(all.map(({ producer }) => producer)).toEqual([...rowsOf('a', 5), ...rowsOf('c', 4)].map(([name]) => name))
  expect(asked).toHaveLength(3)
})
