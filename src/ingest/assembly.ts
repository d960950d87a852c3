/**
 * Puts what the doors take into batches, one behind another in blocks of memory that are used again and again.
 *
 * H1. A batch grows only while it is the last one, and only by what follows its last record in the same stream, brought
 *     by the same writer at the same record time.
 * H2. Its memory is let go when the pipeline has taken it and the disk no longer needs it, whichever comes last.
 */
import { type FoundRecords, IngestBatch, sizeOf } from './batch.ts'
import { type Block, BlockPool } from './block.ts'
import { HEADER_BYTES, varintBytes } from './format.ts'
import type { Stream } from './stream.ts'

/** What has become of appended records. */
export interface Appended {
  /** The batch that they are in. */
  readonly batch: IngestBatch
  readonly isNew: boolean
  /** What they take up in memory, in bytes. */
  readonly heldBytes: number
}

export class Assembly {
  private readonly pool: BlockPool
  private block: Block
  /** The batch that may still grow: the last one. */
  private open: IngestBatch | null = null

  constructor(blockBytes: number, keptBytes: number) {
    this.pool = new BlockPool(blockBytes, keptBytes)
    this.block = this.pool.take(0)
  }

  /** Copies `records` behind the last batch, or into a new one: the arguments are those of `Journal.append`. */
  add(stream: Stream, records: FoundRecords, first: number, now: number): Appended {
    const size = sizeOf(records)
    // No varint of the table is longer than that of the whole piece.
    const tableBytes = 2 * records.count * varintBytes(size)
    const { open } = this
    const grows =
      open !== null &&
      open.stream === stream &&
      open.writer === stream.writer &&
      open.time === now &&
      open.last + 1 === first &&
      this.block.room >= open.tableRoom + size + tableBytes
    const before = grows ? open.heldBytes : 0
    const batch = grows ? open : this.begin(stream, first, now, size + tableBytes)
    batch.add(records)
    this.block.used = batch.payloadEnd
    return { batch, isNew: !grows, heldBytes: batch.heldBytes - before }
  }

  private begin(stream: Stream, first: number, now: number, bodyBytes: number): IngestBatch {
    this.sealOpen()
    const { writer, keyBytes } = stream
    const head = HEADER_BYTES + keyBytes.length + (writer === '' ? 0 : Buffer.byteLength(writer))
    if (this.block.room < head + bodyBytes) {
      if (this.block.held === 0) this.pool.give(this.block)
      this.block = this.pool.take(head + bodyBytes)
    }
    const { block } = this
    const at = block.used
    const batch = new IngestBatch({
      ...{ stream, writer, first, block },
      time: now,
      bytes: block.buffer,
      cuts: block.cuts,
      entryAt: at,
      payloadAt: at + head,
    })
    block.held++
    this.open = batch
    return batch
  }

  /** What is added from now on stands in a batch of its own. */
  sealOpen(): void {
    const { open } = this
    if (open === null) return
    open.seal()
    this.block.used = open.entryEnd
    this.open = null
  }

  /** Lets go of the memory of `batch`, where neither the pipeline nor the disk needs it (H2). */
  letGo(batch: IngestBatch): void {
    const settled = batch.state === 'durable' || (batch.state === 'written' && !batch.acked)
    if (!batch.released || !settled || batch.block === null) return
    this.pool.release(batch.block, batch.block === this.block)
    if (batch.block === this.block && this.block.held === 0) {
      // The current block is empty again: begin at its front.
      this.block.used = 0
      this.block.cuts.count = 0
    }
  }
}
