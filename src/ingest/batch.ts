/**
 * A run of records of one stream: what the door appends, the journal writes and the pipeline takes.
 *
 * B1. Record i of the batch has the sequence `first + i`. Sequences start at 1; a position is the sequence of the last
 *     record that was taken, 0 for none.
 * B2. Its bytes are valid until it is released, and it is released once.
 */
import { crc32 } from '../base/crc.ts'
import type { Cuts } from '../model/connector.ts'
import type { Block } from './block.ts'
import { varintBytes, writeHeader, writeTable } from './format.ts'
import type { SegmentWriter } from './segment.ts'
import type { Stream } from './stream.ts'

/** What a batch in memory takes up beside its payload, and each of its records, in bytes. */
const BATCH_BYTES = 256
const RECORD_BYTES = 8

/** `open`: may grow; `sealed`: in a write or waiting for it; `written`: survives the process; `durable`: the power. */
export type BatchState = 'open' | 'sealed' | 'written' | 'durable'

/** Some of the records that `cuts` has found in `bytes`: `count` of them, from number `from` on. */
export interface FoundRecords {
  readonly bytes: Buffer
  readonly cuts: Cuts
  readonly from: number
  readonly count: number
}

/** How many bytes `records` are, with what stands between them. */
export function sizeOf({ cuts, from, count }: FoundRecords): number {
  return cuts.ends[from + count - 1]! - cuts.starts[from]!
}

/** What an empty batch begins with: its fields. */
export type BatchBeginning = Pick<
  IngestBatch,
  'stream' | 'writer' | 'first' | 'time' | 'bytes' | 'cuts' | 'entryAt' | 'payloadAt' | 'block'
>

export class IngestBatch {
  readonly stream: Stream
  readonly acked: boolean
  /** Who brought it (`Claim`). */
  readonly writer: string
  readonly first: number
  /** Records so far. */
  count = 0
  /** Record time of all its records: when they came in, in milliseconds since 1970. */
  readonly time: number
  /** The memory that `cuts` point into. */
  readonly bytes: Buffer
  readonly cuts: Cuts
  /** Index in `cuts` of the first record. */
  readonly cutFrom: number
  /** Records that the pipeline has taken: its cursor. */
  taken = 0
  state: BatchState = 'open'
  /** The pipeline has been told of it: it is told once, even when the batch has to be written again. */
  announced = false
  /** Nobody but the journal needs its bytes any more. */
  released = false
  /** The segment that it was last written to, or is being written to. */
  segment: SegmentWriter | null = null
  /** Where it lives, or `null` for one that was read back from the journal. */
  readonly block: Block | null
  /** Offsets in `bytes`: the entry, its payload, the payload's end, the entry's end (once sealed). */
  readonly entryAt: number
  readonly payloadAt: number
  payloadEnd: number
  entryEnd: number
  private payloadCrc = 0
  private tableBytes = 0

  constructor({ stream, writer, first, time, bytes, cuts, entryAt, payloadAt, block }: BatchBeginning) {
    this.stream = stream
    this.acked = stream.acked
    this.writer = writer
    this.first = first
    this.time = time
    this.bytes = bytes
    this.cuts = cuts
    this.cutFrom = cuts.count
    this.block = block
    this.entryAt = entryAt
    this.payloadAt = payloadAt
    this.payloadEnd = payloadAt
    this.entryEnd = payloadAt
  }

  /** The sequence of its last record. */
  get last(): number {
    return this.first + this.count - 1
  }

  /** The position after what has been taken of it. */
  get position(): number {
    return this.first + this.taken - 1
  }

  get payloadBytes(): number {
    return this.payloadEnd - this.payloadAt
  }

  /** What it takes up in memory, about: records of no bytes, and batches of a few, are not had for nothing. */
  get heldBytes(): number {
    return BATCH_BYTES + RECORD_BYTES * this.count + this.payloadBytes
  }

  /** Bytes that the entry still needs behind its payload. */
  get tableRoom(): number {
    return this.tableBytes
  }

  /** Copies `records` behind its payload. The caller has seen to the room in the block and the sequence. */
  add(records: FoundRecords): void {
    const { bytes, cuts, from, count } = records
    const begin = cuts.starts[from]!
    const size = sizeOf(records)
    const at = this.payloadEnd
    bytes.copy(this.bytes, at, begin, begin + size)
    this.payloadCrc = crc32(this.bytes.subarray(at, at + size), this.payloadCrc)
    const shift = at - begin
    let before = begin
    let tableBytes = this.tableBytes
    const own = this.cuts
    for (let i = from; i < from + count; i++) {
      const start = cuts.starts[i]!
      const stop = cuts.ends[i]!
      own.add(start + shift, stop + shift)
      tableBytes += varintBytes(start - before) + varintBytes(stop - start)
      before = stop
    }
    this.tableBytes = tableBytes
    this.count += count
    this.payloadEnd = at + size
  }

  /** Writes the table behind the payload; the batch does not grow any more. */
  seal(): void {
    this.state = 'sealed'
    this.entryEnd = writeTable(this.bytes, this.payloadEnd, this.cuts, this.cutFrom, this.count, this.payloadAt)
    this.payloadCrc = crc32(this.bytes.subarray(this.payloadEnd, this.entryEnd), this.payloadCrc)
  }

  /** Writes the header for the segment that it goes to: anew when a write has failed and it goes to another. */
  address(segment: number): void {
    writeHeader(this.bytes, this.entryAt, {
      kind: this.acked ? 'acked' : 'plain',
      key: this.stream.keyBytes,
      writer: this.writer,
      first: this.first,
      count: this.count,
      time: this.time,
      segment,
      payloadBytes: this.payloadBytes,
      bodyBytes: this.entryEnd - this.payloadAt,
      bodyCrc: this.payloadCrc,
    })
  }
}
