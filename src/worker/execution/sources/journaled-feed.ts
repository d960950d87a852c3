/**
 * What a source task reads where a journal stands behind the source: takes the door's batches, record by record, and
 * decodes them.
 *
 * F1. A record that its decoder refuses is reported with its bytes and passed over; its position counts, and so does it
 *     in what one poll may take: nobody else has a turn meanwhile.
 */
import type { Json } from '../../../base/json.ts'
import type { Batch } from '../../../dataflow/batch.ts'
import type { FailureReport } from '../../../dataflow/failure.ts'
import type { Feed } from '../../../dataflow/source-task.ts'
import type { IngestBatch } from '../../../ingest/batch.ts'
import type { IngestSource } from '../../../ingest/source.ts'
import type { Decoder } from '../../../model/connector.ts'
import type { SplitTable } from './split-table.ts'

export class JournaledFeed implements Feed {
  private readonly step: string
  private readonly source: IngestSource
  private readonly decoder: Decoder<unknown>
  private readonly splits: SplitTable
  private readonly report: FailureReport
  private batch: IngestBatch | null = null

  constructor(
    step: string,
    source: IngestSource,
    decoder: Decoder<unknown>,
    splits: SplitTable,
    report: FailureReport,
  ) {
    this.step = step
    this.source = source
    this.decoder = decoder
    this.splits = splits
    this.report = report
  }

  poll(into: Batch, max: number): 'more' | 'idle' | 'ended' {
    for (let left = max - into.length; left > 0; ) {
      const batch = this.next()
      if (batch === null) return 'idle'
      left -= this.decode(batch, into, left)
    }
    return 'more'
  }

  get ordered(): boolean {
    return !this.source.replaying && this.batch?.block !== null
  }

  get quiet(): boolean {
    return this.batch === null && this.source.quiet
  }

  cut(): Json {
    return this.source.cut()
  }

  private next(): IngestBatch | null {
    const { batch } = this
    if (batch !== null && batch.taken < batch.count) return batch
    this.batch = this.source.poll()
    return this.batch
  }

  /** Takes up to `max` records; answers how many it took. */
  private decode(batch: IngestBatch, into: Batch, max: number): number {
    const { decoder } = this
    const { bytes, time, first, count, cutFrom } = batch
    const { starts, ends } = batch.cuts
    const split = this.splits.numberOf(batch.stream.key)
    const { values, positions } = into
    const from = into.length
    let i = from
    let taken = batch.taken
    const stop = Math.min(count, taken + max)
    while (taken < stop) {
      const start = starts[cutFrom + taken]!
      const end = ends[cutFrom + taken]!
      try {
        values[i] = decoder.decode(bytes, start, end)
        positions[i] = first + taken
        i++
      } catch (error) {
        this.refuse(bytes.subarray(start, end), split, first + taken, time, error)
      }
      taken++
    }
    // These are the same for all of them.
    into.times.fill(time, from, i)
    into.splits.fill(split, from, i)
    into.ordinals.fill(0, from, i)
    into.length = i
    const took = taken - batch.taken
    batch.taken = taken
    return took
  }

  private refuse(record: Buffer, split: number, position: number, time: number, error: unknown): void {
    const given = Buffer.from(record)
    this.report({ step: this.step, split, position, ordinal: 0, time, key: undefined, given, error })
  }
}
