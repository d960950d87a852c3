import { expect, test } from 'vitest'
import { mergeRows } from '../../src/ingest/rows.ts'
import type { StreamRow } from '../../src/ingest/stream.ts'

test('of the rows that several members report of a stream the later one counts', () => {
  const row = (position: number, home: string, sessions: number): StreamRow => [
    'p',
    '1',
    position,
    home,
    sessions,
    0,
    true,
    '',
  ]
  const [before, given, taken, on] = [row(40, 'w1', 3), row(60, 'w2', 4), row(60, 'w2', 5), row(61, 'w2', 5)]
  expect(mergeRows([[before!], [given!]])).toEqual([given])
  expect(mergeRows([[taken!], [given!], [before!]])).toEqual([taken])
  expect(mergeRows([[on!], [given!]])).toEqual([on])
  const other: StreamRow = ['q', '1', 5, 'w1', 1, 0, true, '']
  expect(mergeRows([[before!], [other]])).toEqual([before, other])
})
