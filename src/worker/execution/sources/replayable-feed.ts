/**
 * What a source task reads where the source keeps its records: readers of splits, in turn.
 *
 * F2. A snapshot holds the place of every split that was ever found, also of those that have ended; `null` of one that
 *     was not begun.
 * F3. So many splits are read at a time as the connector wants: a further one is opened where another has ended, of
 *     which its place alone is kept. A folder may hold many thousand files.
 */
import type { Json } from '../../../base/json.ts'
import type { Into, Place, ReplayableReader, SourceStatus } from '../../../connectors/connector.ts'
import type { Batch } from '../../../dataflow/batch.ts'
import type { FailureReport } from '../../../dataflow/failure.ts'
import type { Feed } from '../../../dataflow/source-task.ts'
import type { Split, SplitTable } from './split-table.ts'

/** Opens the reader of a split at `place`, or at its beginning. */
type Opener = (name: string, place: Place | null) => ReplayableReader

/** A split that is being read. */
interface OpenSplit {
  readonly name: string
  readonly split: Split
  readonly reader: ReplayableReader
}

export class ReplayableFeed implements Feed, Into {
  private readonly step: string
  private readonly splits: SplitTable
  private readonly report: FailureReport
  private readonly open: OpenSplit[] = []
  /** Where those stand that are not being read: to be opened, in their order, and ended. */
  private readonly waiting = new Map<string, Place | null>()
  private readonly ended = new Map<string, Place>()
  private openSplit: Opener | null = null
  private most = 0
  private turn = 0
  /** What the readers of splits that have ended have done. */
  private readonly done = { bytes: 0, records: 0 }
  // Registers of the poll that is under way.
  private into: Batch | null = null
  private split = 0
  private now = 0

  constructor(step: string, splits: SplitTable, report: FailureReport) {
    this.step = step
    this.splits = splits
    this.report = report
  }

  /** Begins to read all `splits` there are, `most` of them at a time; until then an empty list is no end. */
  begin(splits: Iterable<readonly [name: string, place: Place | null]>, most: number, openSplit: Opener): void {
    for (const [name, place] of splits) this.waiting.set(name, place)
    this.openSplit = openSplit
    this.most = most
    this.next()
  }

  /** Opens what waits, as far as there may be more (F3). */
  private next(): void {
    for (const [name, place] of this.waiting) {
      if (this.open.length >= this.most) return
      this.waiting.delete(name)
      const split = this.splits.of(`${this.step}/${name}`)
      this.open.push({ name, split, reader: this.openSplit!(name, place) })
    }
  }

  poll(into: Batch, max: number, now: number): 'more' | 'idle' | 'ended' {
    this.into = into
    this.now = now
    let more = false
    for (let left = this.open.length; left > 0 && into.length < max; left--) {
      this.turn = this.turn + 1 < this.open.length ? this.turn + 1 : 0
      const one = this.open[this.turn]!
      this.split = one.split.use()
      const found = one.reader.poll(this, max - into.length, now)
      if (found === 'more') more = true
      if (found === 'ended') this.retire(one)
    }
    this.into = null
    if (more) return 'more'
    return this.openSplit !== null && this.open.length === 0 ? 'ended' : 'idle'
  }

  /** Lets go of a split that has ended, and goes on with one that waits. */
  private retire(one: OpenSplit): void {
    const { name, reader } = one
    this.ended.set(name, reader.place())
    this.done.bytes += reader.status.bytes
    this.done.records += reader.status.records
    reader.close()
    this.open.splice(this.open.indexOf(one), 1)
    // The one behind it has taken its place, and is next.
    this.turn--
    this.next()
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
    const open = this.open.map(({ name, reader }): [string, Place] => [name, reader.place()])
    // A file may be called as nothing can be set on an object, such as __proto__.
    return Object.fromEntries<Place | null>([...this.ended, ...open, ...this.waiting])
  }

  /** What its readers have done together. */
  get status(): SourceStatus {
    const sum: SourceStatus = { connections: 0, accepted: 0, refused: 0, expelled: 0, ...this.done }
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
