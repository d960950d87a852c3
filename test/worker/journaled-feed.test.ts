import { expect, test } from 'vitest'
import { Batch } from '../../src/dataflow/batch.ts'
import type { IngestBatch } from '../../src/ingest/batch.ts'
import type { IngestSource } from '../../src/ingest/source.ts'
import { Cuts } from '../../src/model/connector.ts'
import { decoder } from '../../src/model/decoder.ts'
import { JournaledFeed } from '../../src/worker/execution/sources/journaled-feed.ts'
import { SplitTable } from '../../src/worker/execution/sources/split-table.ts'

const bytes = Buffer.from('x'.repeat(10))

/** A batch of ten records of one byte. */
function batchAt(first: number): IngestBatch {
  const cuts = new Cuts()
  for (let i = 0; i < 10; i++) cuts.add(i, i + 1)
  return { stream: { index: 0, key: 'in/a' }, bytes, cuts, cutFrom: 0, count: 10, taken: 0, time: 1, first } as never
}

test('what its decoder refuses counts in what one poll may take, so that others have a turn', () => {
  let batches = 0
  const source = { poll: () => (batches < 100 ? batchAt(1 + 10 * batches++) : null) } as unknown as IngestSource
  const refused: number[] = []
  const refusing = decoder((_, start) => {
    if (start % 2 === 0) throw new Error('no record')
    return start
  })
  const report = ({ position }: { readonly position: number }) => refused.push(position)
  const feed = new JournaledFeed('in', source, refusing, new SplitTable(), report as never)
  const into = new Batch(25)
  expect(feed.poll(into, 25)).toBe('more')
  expect([into.length, refused.length, batches]).toEqual([12, 13, 3])
  expect(feed.poll(into, 25)).toBe('more')
  // Thirteen records: those of even positions passed.
  expect([into.length, refused.length, batches]).toEqual([19, 19, 4])
  expect(Array.from(into.positions.subarray(0, into.length), (position) => position % 2)).toEqual(Array(19).fill(0))
})
