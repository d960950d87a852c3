/** What comes over a link and waits for its task. */
import { expect, test } from 'vitest'
import { ByteReader } from '../../src/base/bytes.ts'
import { type Batch, BatchPool } from '../../src/dataflow/batch.ts'
import type { BatchCodec } from '../../src/protocol/data.ts'
import type { SplitNamesReader } from '../../src/protocol/split-names.ts'
import type { ChannelTaker } from '../../src/transport/inlet.ts'
import { FarInput } from '../../src/worker/execution/far-input.ts'

const WINDOW = 64 << 10

function channel(): { readonly input: FarInput; readonly taker: ChannelTaker; readonly spare: () => number } {
  let taker: ChannelTaker
  const input = new FarInput({
    channel: 0,
    codec: { read: (reader: ByteReader) => reader.bytes(reader.remaining) } as unknown as BatchCodec,
    names: { read: () => {}, translate: () => true } as unknown as SplitNamesReader,
    pool: new BatchPool(16),
    generation: 1,
    windowBytes: WINDOW,
    open: (given) => {
      taker = given
      return { taken: () => {}, close: () => {} }
    },
    failed: (error) => {
      throw error
    },
  })
  const { spare } = input as unknown as { readonly spare: readonly Buffer[] }
  return { input, taker: taker!, spare: () => spare.reduce((sum, { length }) => sum + length, 0) }
}

test('T2: what is kept to be used again is no more than may wait, whatever lengths come in turn', () => {
  const { input, taker, spare } = channel()
  const [short, long] = [Buffer.alloc(64), Buffer.alloc(WINDOW / 2)]
  for (let round = 0; round < 300; round++) {
    // A long one among short ones, at another place each time.
    for (let n = 0; n < 60; n++) {
      const bytes = n === (round * 7) % 60 ? long : short
      taker.batch(new ByteReader(bytes), bytes.length)
    }
    while (input.length > 0) expect((input.shift() as Batch).length).toBe(0)
  }
  expect(spare()).toBeLessThanOrEqual(WINDOW)
})

test('T2: a batch that is longer than the window leaves its memory to the next', () => {
  const { input, taker, spare } = channel()
  const bytes = Buffer.alloc(3 * WINDOW)
  for (let round = 0; round < 3; round++) {
    taker.batch(new ByteReader(bytes), bytes.length)
    input.shift()
    expect(spare()).toBe(4 * WINDOW)
  }
})
