/** What leaves for another member (`src/worker/execution/far-outlet.ts`). */
import { expect, test } from 'vitest'
import { ByteWriter } from '../../src/base/bytes.ts'
import { fail } from '../../src/base/errors.ts'
import { type Batch, BatchPool } from '../../src/dataflow/batch.ts'
import type { Clock } from '../../src/env/clock.ts'
import type { BatchCodec, Columns } from '../../src/protocol/data.ts'
import type { SplitNamesWriter } from '../../src/protocol/split-names.ts'
import { OLDEST_VERSION } from '../../src/protocol/version.ts'
import type { BatchEncoder } from '../../src/transport/outlet.ts'
import { FarOutlet } from '../../src/worker/execution/far-outlet.ts'

test('a record that cannot cross is reported, and the others are sent and counted once', () => {
  const [left, refused] = [[] as unknown[], [] as unknown[]]
  const sent = { records: 0, encodeMs: 0 }
  const pool = new BatchPool(16)
  const outlet = new FarOutlet({
    ...{ sent, pool, clock: { monotonic: () => 0 } as Clock, keyed: false, step: 'by', frameBytes: 1 << 20 },
    codec: {
      write: (_: ByteWriter, { values, length }: Columns) => {
        if (values.slice(0, length).includes('bad')) throw fail('E_VALUE', { path: '', what: 'bad' })
      },
    } as unknown as BatchCodec,
    names: { write: () => {}, sent: () => {} } as unknown as SplitNamesWriter,
    report: ({ given }) => refused.push(given),
    onRoom: () => {},
    open: (encode: BatchEncoder<Batch>) => ({
      ...{ room: true, onRoom: () => {}, mark: () => {}, close: () => {} },
      push: (batch) => {
        encode(new ByteWriter(), batch, OLDEST_VERSION)
        left.push(...batch.values.slice(0, batch.length))
      },
    }),
  })
  const batch = pool.take()
  for (const value of ['a', 'b', 'bad', 'c']) batch.values[batch.length++] = value
  outlet.push(batch)
  expect([left, refused, sent.records]).toEqual([['a', 'b', 'c'], ['bad'], 3])
})
