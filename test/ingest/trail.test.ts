/** Who brought the records of a stream, and who may go on behind them. */
import { expect, test } from 'vitest'
import type { IngestBatch } from '../../src/ingest/batch.ts'
import { Stream } from '../../src/ingest/stream.ts'
import { foreignIn } from '../../src/ingest/streams.ts'
import { Found } from '../../src/ingest/survey.ts'
import { NO_TRAIL, Trail } from '../../src/ingest/trail.ts'
import { TRAIL_WRITERS } from '../../src/protocol/messages.ts'

/** The trail of a stream that `runs` have brought, each up to a record. */
function trailOf(...runs: readonly (readonly [writer: string, last: number])[]): Trail {
  let [trail, end] = [NO_TRAIL, 0]
  for (const [writer, last] of runs) {
    trail = trail.follow(end, writer)
    end = last
  }
  return trail
}

const claim = (writer: string, ...earlier: readonly (readonly [writer: string, last: number])[]) => ({
  writer,
  earlier: earlier.map(([writer, last]) => ({ writer, last })),
  ageMs: 0,
})

test('a trail has the last record that each writer brought, and is the same while one goes on', () => {
  const trail = trailOf(['original', 89], ['copy', 118], ['original', 151])
  expect(trail).toEqual(new Trail('original', [{ writer: 'copy', last: 118 }]))
  expect(trail.follow(160, 'original')).toBe(trail)
  expect(trailOf(['one', 3], ['two', 5], ['three', 9])).toEqual(
    new Trail('three', [
      { writer: 'one', last: 3 },
      { writer: 'two', last: 5 },
    ]),
  )
})

test('a trail keeps the latest writers, and none of whom nobody can say who it was', () => {
  const many = Array.from({ length: 20 }, (_, i) => [`w${i + 1}`, i + 1] as const)
  expect(trailOf(...many).before.map(({ last }) => last)).toEqual([12, 13, 14, 15, 16, 17, 18, 19])
  expect(trailOf(...many).before.length).toBe(TRAIL_WRITERS)
  expect(trailOf(['', 4], ['a', 5], ['', 6], ['b', 7]).before).toEqual([{ writer: 'a', last: 5 }])
})

test('requests fill no trail, and one of them stays where somebody else goes on', () => {
  const trail = trailOf(['a', 2], ['3+1.9.aa', 3], ['4+2.9.bb', 5], ['6+1.9.cc', 6])
  expect(trail).toEqual(new Trail('6+1.9.cc', [{ writer: 'a', last: 2 }]))
  expect(trail.follow(6, 'b').before).toEqual([
    { writer: 'a', last: 2 },
    { writer: '6+1.9.cc', last: 6 },
  ])
})

test('who does not know all those that brought what it can send is told of the last of their records', () => {
  const trail = trailOf(['original', 89], ['copy', 118], ['original', 151])
  const foreign = (oldest: number, ...who: Parameters<typeof claim>) => foreignIn(trail, 151, oldest, claim(...who))
  expect(foreign(90, 'original')).toBe(118)
  expect(foreign(119, 'original')).toBe(118)
  expect(foreign(120, 'original')).toBe(null)
  expect(foreign(90, 'copy', ['original', 89])).toBe(151)
  expect(foreign(90, 'heir', ['original', 151], ['copy', 118])).toBe(null)
  expect(foreign(90, 'heir', ['original', 151], ['copy', 117])).toBe(118)
  expect(foreign(1, '')).toBe(null)
})

test('an outbox that is opened again while a journal with the end of it is away goes on, whatever comes back', () => {
  const trail = trailOf(['first', 60], ['second', 80], ['first', 100], ['second', 120])
  expect(foreignIn(trail, 120, 1, claim('second', ['first', 100]))).toBe(null)
  expect(foreignIn(trail, 120, 1, claim('third', ['first', 100], ['second', 130]))).toBe(null)
})

test('what journals have of a stream goes on its trail in the order in which it is fed', () => {
  const stream = new Stream('words/lines', 'p', '1', true)
  stream.adopt(['p', '1', 10, 'w1', 1, 0, true, 'a', { writer: 'z', last: 4 }])
  const found = new Found()
  // Behind what comes first here, and behind what is read later.
  found.note('c', 16, 20)
  found.note('a', 8, 12)
  found.note('b', 11, 15)
  found.note('d', 14, 15)
  expect(found.trailOf(stream)).toEqual(
    new Trail('c', [
      { writer: 'z', last: 4 },
      { writer: 'a', last: 12 },
      { writer: 'b', last: 15 },
    ]),
  )
})

test('a stream goes on the trail of what was fed, also behind what was given up', () => {
  const stream = new Stream('words/lines', 'p', '1', true)
  const fed = (last: number, writer: string) => stream.take(last, { writer } as IngestBatch)
  const rowWith = () => stream.row.slice(7)
  stream.adopt(['p', '1', 10, 'w1', 1, 0, true, 'a'])
  fed(12, 'b')
  fed(15, 'b')
  expect(rowWith()).toEqual(['b', { writer: 'a', last: 10 }])
  stream.goOnBehind({ first: 16, last: 20 })
  fed(21, 'c')
  expect(rowWith()).toEqual(['c', { writer: 'a', last: 10 }, { writer: 'b', last: 15 }])
})
