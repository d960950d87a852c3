/**
 * What a source task reads where the source keeps its records: readers of splits, in turn.
 *
 * F2. A snapshot holds the place of every split that was ever opened, also of those that have ended.
 */
import type { Json } from '../../base/json.ts'
import type { Into, Place, ReplayableReader, SourceStatus } from '../../connectors/connector.ts'
import type { Batch } from '../../dataflow/batch.ts'
import type { FailureReport } from '../../dataflow/failure.ts'
import type { Feed } from '../../dataflow/source-task.ts'
import type { SplitTable } from './split-table.ts'

interface Split {
  readonly name: string
  readonly number: number
  readonly reader: ReplayableReader
  ended: boolean
}

export class ReplayableFeed implements Feed, Into {
  private readonly step: string
  private readonly splits: SplitTable
  private readonly report: FailureReport
  private readonly open: Split[] = []
  /** Whether every split is known; until then an empty list is no end. */
  private complete = false
  private turn = 0
  // Registers of the poll that is under way.
  private into: Batch | null = null
  private split = 0
  private now = 0

  constructor(step: string, splits: SplitTable, report: FailureReport) {
    this.step = step
    this.splits = splits
    this.report = report
  }

  /** Adds the reader of a split. */
  add(name: string, reader: ReplayableReader): void {
    this.open.push({ name, number: this.splits.numberOf(`${this.step}/${name}`), reader, ended: false })
  }

  /** Every split has been added. */
  finish(): void {
    this.complete = true
  }

  poll(into: Batch, max: number, now: number): 'more' | 'idle' | 'ended' {
    this.into = into
    this.now = now
    let more = false
    for (let k = 0; k < this.open.length && into.length < max; k++) {
      this.turn = this.turn + 1 < this.open.length ? this.turn + 1 : 0
      const split = this.open[this.turn]!
      if (split.ended) continue
      this.split = split.number
      const found = split.reader.poll(this, max - into.length, now)
      if (found === 'more') more = true
      if (found === 'ended') split.ended = true
    }
    this.into = null
    if (more) return 'more'
    return this.complete && this.open.every((split) => split.ended) ? 'ended' : 'idle'
  }

  push(value: unknown, position: number): void {
    const into = this.into!
    const i = into.length
    if (i === into.capacity) into.grow()
    into.values[i] = value
    into.times[i] = this.now
    into.splits[i] = this.split
    into.positions[i] = position
    into.ordinals[i] = 0
    into.length = i + 1
  }

  failed(bytes: Buffer, position: number, error: unknown): void {
    const given = Buffer.from(bytes)
    this.report({
      step: this.step,
      split: this.split,
      position,
      ordinal: 0,
      time: this.now,
      key: undefined,
      given,
      error,
    })
  }

  /** A record has the time at which it is read. */
  readonly ordered = true
  readonly quiet = true

  cut(): Json {
    const places: Record<string, Place> = {}
    for (const { name, reader } of this.open) places[name] = reader.place()
    return places
  }

  /** What its readers have done together. */
  get status(): SourceStatus {
    const sum: SourceStatus = { connections: 0, accepted: 0, refused: 0, expelled: 0, bytes: 0, records: 0 }
    for (const { reader } of this.open) {
      sum.bytes += reader.status.bytes
      sum.records += reader.status.records
    }
    return sum
  }

  close(): void {
    for (const { reader } of this.open) reader.close()
  }
}
