/**
 * What a receiver has not acknowledged, as the frames in which it is sent.
 *
 * A1. A record has one sequence for as long as its session lasts, and its frame never changes.
 * A2. A frame leaves when all its records are acknowledged, never earlier.
 */
import { ByteWriter } from '../../base/bytes.ts'
import { appendRecord, deliveryHead } from '../../protocol/delivery.ts'
import type { Apart } from '../connector.ts'

/** A frame is closed once its body has so many bytes. */
const FRAME_BYTES = 64 << 10

export interface OutgoingFrame {
  readonly first: number
  readonly count: number
  readonly head: Buffer
  readonly body: Buffer
}

export class AckedOutbox {
  /** Sequence of the next record. */
  next = 1
  /** Everything up to here is acknowledged. */
  acked = 0
  /** Bytes of the frames that are kept. */
  bytes = 0
  private frames: OutgoingFrame[] = []
  /** Index of the next frame to send. */
  private cursor = 0

  /** Takes records that are sent since the barrier of epoch `after`. */
  add(bytes: Buffer, { ends, ids }: Apart, after: number): void {
    const writer = new ByteWriter(bytes.length + 64 * ends.length)
    let [begin, count] = [0, 0]
    ends.forEach((end, i) => {
      appendRecord(writer, ids?.[i] ?? '', bytes.subarray(begin, end))
      begin = end
      count++
      if (writer.length < FRAME_BYTES && i < ends.length - 1) return
      this.push(count, after, writer.take())
      count = 0
    })
  }

  private push(count: number, after: number, body: Buffer): void {
    const first = this.next
    this.frames.push({ first, count, head: deliveryHead(first, count, after, body), body })
    this.next = first + count
    this.bytes += body.length
  }

  /** Everything up to `through` is in the receiver's keeping. */
  ack(through: number): void {
    this.acked = Math.max(this.acked, through)
    let gone = 0
    for (const { first, count, body } of this.frames) {
      if (first + count - 1 > this.acked) break
      this.bytes -= body.length
      gone++
    }
    if (gone === 0) return
    this.frames.splice(0, gone)
    this.cursor = Math.max(0, this.cursor - gone)
  }

  /** Goes on with the frame that has `resumeAfter + 1`. */
  rewind(resumeAfter: number): void {
    const at = this.frames.findIndex(({ first, count }) => first + count - 1 > resumeAfter)
    this.cursor = at < 0 ? this.frames.length : at
  }

  /** The next frame to send, or `null`. */
  peek(): OutgoingFrame | null {
    return this.frames[this.cursor] ?? null
  }

  /** `peek`'s frame has been sent. */
  advance(): void {
    this.cursor++
  }
}
