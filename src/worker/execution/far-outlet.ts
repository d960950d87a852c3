/**
 * The sending end of a channel to another member: batches become bytes, splits get names, and what no frame can hold is
 * divided or refused.
 *
 * F1. A record whose value cannot cross is reported like one that a step has thrown on, and leaves no other trace; the
 *     records beside it go on in their order.
 * F2. What waits here for credit is one batch's parts at most, and the markers behind them: with them there is no room.
 */
import { ByteWriter } from '../../base/bytes.ts'
import { fail, PotorooError } from '../../base/errors.ts'
import { Fifo } from '../../base/fifo.ts'
import { Batch, type BatchPool, type Element, type Marker } from '../../dataflow/batch.ts'
import type { Outlet } from '../../dataflow/channel.ts'
import type { FailureReport } from '../../dataflow/failure.ts'
import type { Clock } from '../../env/clock.ts'
import type { BatchCodec, Columns } from '../../protocol/data.ts'
import type { SplitNamesWriter } from '../../protocol/split-names.ts'
import { NEWEST_VERSION, OLDEST_VERSION } from '../../protocol/version.ts'
import type { BatchEncoder, ChannelMarker } from '../../transport/outlet.ts'

/** What a sending end asks of the link (`Outlet` of transport). */
export interface LinkOutlet {
  readonly room: boolean
  onRoom: () => void
  push(batch: Batch): void
  mark(marker: ChannelMarker): void
  close(): void
}

/** What a step has sent to other workers, for metrics. */
export interface Sent {
  records: number
  /** Time in which they became bytes. */
  encodeMs: number
}

export interface FarOutletOptions {
  readonly clock: Clock
  /** Counts for the step, over all members. */
  readonly sent: Sent
  readonly codec: BatchCodec
  readonly names: SplitNamesWriter
  /** Whether the records have keys. */
  readonly keyed: boolean
  readonly pool: BatchPool
  /** The step that is named where a record cannot cross. */
  readonly step: string
  readonly report: FailureReport
  /** Longest payload of a frame, in bytes. */
  readonly frameBytes: number
  onRoom(): void
  open(encode: BatchEncoder<Batch>): LinkOutlet
}

/** Room in a frame for the message around a batch. */
const FRAME_BYTES = 64

const noKeys: never[] = []

export class FarOutlet implements Outlet {
  recordsTotal = 0
  private readonly options: FarOutletOptions
  private readonly link: LinkOutlet
  private readonly waiting = new Fifo<Element>()

  constructor(options: FarOutletOptions) {
    this.options = options
    this.link = options.open((writer, batch, version) => this.encode(writer, batch, version))
    this.link.onRoom = () => this.drain()
  }

  get room(): boolean {
    return this.waiting.length === 0 && this.link.room
  }

  push(batch: Batch): void {
    this.recordsTotal += batch.length
    try {
      this.send(batch)
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      this.divide(batch, 0, batch.length, error)
      this.options.pool.give(batch)
      this.drain()
    }
  }

  /** Throws where the batch cannot be sent as a whole; then it has not been counted, and is not given back. */
  private send(batch: Batch): void {
    const { names, pool, sent } = this.options
    this.link.push(batch)
    names.sent()
    sent.records += batch.length
    pool.give(batch)
  }

  mark(marker: Marker): void {
    if (this.waiting.length > 0) this.waiting.push(marker)
    else this.link.mark(marker)
  }

  close(): void {
    this.link.close()
    this.waiting.clear()
  }

  private encode(writer: ByteWriter, batch: Batch, version: number): void {
    const { codec, names, keyed, clock, sent } = this.options
    const begun = clock.monotonic()
    names.write(writer, batch.splits, batch.length)
    codec.write(writer, keyed ? batch : withoutKeys(batch), version)
    sent.encodeMs += clock.monotonic() - begun
  }

  /**
   * Puts `batch[from, to)`, which could not be sent as a whole, into parts that can; reports the records that cannot
   * (F1).
   */
  private divide(batch: Batch, from: number, to: number, error: PotorooError): void {
    if (to - from === 1) return this.refuse(batch, from, error)
    const middle = (from + to) >>> 1
    for (const [start, end] of [
      [from, middle],
      [middle, to],
    ] as const) {
      const part = this.copy(batch, start, end)
      const fault = this.fault(part)
      if (fault === null) this.waiting.push(part)
      else {
        this.options.pool.give(part)
        this.divide(batch, start, end, fault)
      }
    }
  }

  private copy(batch: Batch, from: number, to: number): Batch {
    const part = this.options.pool.take()
    part.combined = batch.combined
    while (part.capacity < to - from) part.grow()
    for (let i = from; i < to; i++) part.append(batch, i)
    return part
  }

  /** Why `batch` cannot be sent, or `null`. */
  private fault(batch: Batch): PotorooError | null {
    const { frameBytes } = this.options
    try {
      // The other side may be older, and either form may be the longer one.
      for (const version of [OLDEST_VERSION, NEWEST_VERSION]) {
        const writer = new ByteWriter()
        this.encode(writer, batch, version)
        if (writer.length + FRAME_BYTES > frameBytes)
          return fail('E_FRAME_TOO_LONG', { bytes: writer.length, limit: frameBytes })
      }
      return null
    } catch (error) {
      if (error instanceof PotorooError) return error
      throw error
    }
  }

  private refuse(batch: Batch, i: number, error: PotorooError): void {
    const { step, keyed, report } = this.options
    report({
      step,
      split: batch.splits[i]!,
      position: batch.positions[i]!,
      ordinal: batch.ordinals[i]!,
      time: batch.times[i]!,
      key: keyed ? batch.keys[i] : undefined,
      given: batch.values[i],
      error,
      again: false,
    })
  }

  /** Sends what waits, as far as there is credit. */
  private drain(): void {
    const { waiting, link, options } = this
    for (let head = waiting.peek(); head !== undefined; head = waiting.peek()) {
      if (head instanceof Batch) {
        if (!link.room) return
        this.send(head)
      } else {
        link.mark(head)
      }
      waiting.shift()
    }
    if (link.room) options.onRoom()
  }
}

function withoutKeys(batch: Batch): Columns {
  const { length, values, hashes, times, splits, positions, ordinals, combined } = batch
  return { length, values, keys: noKeys, hashes, times, splits, positions, ordinals, combined }
}
