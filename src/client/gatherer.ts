/**
 * Gathers records into bodies of batches: each record behind its length as u32.
 *
 * G1. A body is handed over when the next record does not fit into `batchBytes`; a longer record has one of its own.
 */
import { ByteWriter } from '../base/bytes.ts'
import { RECORD_HEAD_BYTES } from '../protocol/acked.ts'

export class Gatherer {
  /** Records that were gathered and not handed over. */
  count = 0
  private readonly batchBytes: number
  private readonly take: (count: number, body: Uint8Array) => void
  private readonly writer: ByteWriter

  constructor(batchBytes: number, take: (count: number, body: Uint8Array) => void) {
    this.batchBytes = batchBytes
    this.take = take
    this.writer = new ByteWriter(4 * batchBytes)
  }

  get bytes(): number {
    return this.writer.length
  }

  add(record: string | Uint8Array): void {
    const { writer } = this
    // A UTF-16 unit takes at most three bytes.
    const most = RECORD_HEAD_BYTES + (typeof record === 'string' ? 3 * record.length : record.length)
    if (writer.length + most > this.batchBytes && this.count > 0 && writer.length + exact(record) > this.batchBytes) {
      this.flush()
    }
    const at = writer.reserve(most)
    const { buffer } = writer
    const length =
      typeof record === 'string'
        ? buffer.write(record, at + RECORD_HEAD_BYTES)
        : put(buffer, record, at + RECORD_HEAD_BYTES)
    writer.view.setUint32(at, length, true)
    writer.at = at + RECORD_HEAD_BYTES + length
    this.count++
  }

  /** Hands over what was gathered. */
  flush(): void {
    const { count } = this
    if (count === 0) return
    this.count = 0
    this.take(count, this.writer.take())
  }
}

function put(buffer: Buffer, record: Uint8Array, at: number): number {
  buffer.set(record, at)
  return record.length
}

function exact(record: string | Uint8Array): number {
  return RECORD_HEAD_BYTES + (typeof record === 'string' ? Buffer.byteLength(record) : record.length)
}
