/**
 * Frames: how messages stand in a stream of bytes.
 *
 *     checksum u32 · length u32 · generation u32 · sequence u32 · tag u8 · payload
 *
 * The checksum is the CRC-32 of all that follows it, `length` counts the payload's bytes. `sequence` is the frame's
 * number in its session modulo 2^32. Protocols outside the cluster leave generation and sequence 0.
 *
 * F1. Nothing of a frame is shown before its checksum has been compared.
 * F2. A payload byte is copied at most once, and only where a frame lies in several chunks.
 * F3. After damage the stream has no frames any more: where the next one would begin is not known.
 */
import { assert } from '../base/assert.ts'
import type { ByteWriter } from '../base/bytes.ts'
import { crc32 } from '../base/crc.ts'
import { fail } from '../base/errors.ts'

/** Bytes before the payload. */
export const FRAME_HEADER_BYTES = 17
const CHECKED_FROM = 4

export interface Frame {
  readonly tag: number
  readonly generation: number
  readonly sequence: number
  /** A view, valid only during the call that shows the frame: whoever keeps it copies it. */
  readonly payload: Buffer
}

/** Begins a frame in `writer`, which must hold nothing else. The payload follows. */
export function beginFrame(writer: ByteWriter): void {
  assert(writer.length === 0, 'a frame begins where nothing is pending')
  writer.reserve(FRAME_HEADER_BYTES)
  writer.at += FRAME_HEADER_BYTES
}

/** Ends the frame that `beginFrame` began and takes its bytes. Throws `E_FRAME_TOO_LONG` beyond `payloadBytes`. */
export function endFrame(
  writer: ByteWriter,
  tag: number,
  generation: number,
  sequence: number,
  payloadBytes: number,
): Buffer {
  const length = writer.length - FRAME_HEADER_BYTES
  if (length > payloadBytes) {
    writer.clear()
    throw fail('E_FRAME_TOO_LONG', { bytes: length, limit: payloadBytes })
  }
  const bytes = writer.take()
  bytes.writeUInt32LE(length, 4)
  bytes.writeUInt32LE(generation, 8)
  bytes.writeUInt32LE(sequence >>> 0, 12)
  bytes[16] = tag
  bytes.writeUInt32LE(crc32(bytes.subarray(CHECKED_FROM)), 0)
  return bytes
}

/**
 * Ends a frame whose payload goes on with `body`, and takes the bytes in front of it: the two are written one behind
 * the other.
 */
export function endHead(writer: ByteWriter, tag: number, body: Uint8Array): Buffer {
  const head = writer.take()
  head.fill(0, 0, FRAME_HEADER_BYTES)
  head.writeUInt32LE(head.length - FRAME_HEADER_BYTES + body.length, 4)
  head[FRAME_HEADER_BYTES - 1] = tag
  head.writeUInt32LE(crc32(body, crc32(head.subarray(CHECKED_FROM))), 0)
  return head
}

/** Finds the frames in a stream of bytes, however it is cut. */
export class FrameParser {
  private payloadBytes: number
  /** A frame whose beginning has come: its bytes so far are `pending[0, held)`. */
  private pending: Buffer | null = null
  private held = 0
  private stopped = false

  /** A frame with a payload over `payloadBytes` is refused before anything is allocated for it. */
  constructor(payloadBytes: number) {
    this.payloadBytes = payloadBytes
  }

  /** From now on payloads may have `payloadBytes`: it is known who sends them. */
  allow(payloadBytes: number): void {
    this.payloadBytes = payloadBytes
  }

  /** Bytes of a frame that has not come whole yet. */
  get waiting(): number {
    return this.held
  }

  /** Shows no further frame, also of the chunk that is being parsed. */
  stop(): void {
    this.stopped = true
    this.pending = null
    this.held = 0
  }

  /**
   * Calls `onFrame` for every frame that `chunk` completes. Throws `E_FRAME_CHECKSUM` or `E_FRAME_TOO_LONG` where the
   * bytes are no frame, after which nothing more may be pushed (F3).
   */
  push(chunk: Buffer, onFrame: (frame: Frame) => void): void {
    let at = 0
    while (!this.stopped && at < chunk.length) {
      if (this.pending !== null) {
        at += this.fill(chunk, at, onFrame)
        continue
      }
      const left = chunk.length - at
      const size = left < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : this.sizeOf(chunk, at)
      if (left < size) {
        this.pending = Buffer.allocUnsafeSlow(size)
        continue
      }
      this.show(chunk, at, size, onFrame)
      at += size
    }
  }

  /** Copies what the pending frame still lacks out of `chunk` from `at`; returns the number of bytes. */
  private fill(chunk: Buffer, at: number, onFrame: (frame: Frame) => void): number {
    const pending = this.pending!
    const taken = chunk.copy(pending, this.held, at)
    this.held += taken
    if (this.held < pending.length) return taken
    const size = this.sizeOf(pending, 0)
    if (size > pending.length) {
      // Only the header was there to be measured; its few bytes move on.
      this.pending = Buffer.allocUnsafeSlow(size)
      pending.copy(this.pending)
      return taken
    }
    this.pending = null
    this.held = 0
    this.show(pending, 0, size, onFrame)
    return taken
  }

  private sizeOf(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32LE(at + 4)
    if (length > this.payloadBytes) {
      this.stop()
      throw fail('E_FRAME_TOO_LONG', { bytes: length, limit: this.payloadBytes })
    }
    return FRAME_HEADER_BYTES + length
  }

  private show(bytes: Buffer, at: number, size: number, onFrame: (frame: Frame) => void): void {
    if (crc32(bytes.subarray(at + CHECKED_FROM, at + size)) !== bytes.readUInt32LE(at)) {
      this.stop()
      throw fail('E_FRAME_CHECKSUM')
    }
    onFrame({
      tag: bytes[at + 16]!,
      generation: bytes.readUInt32LE(at + 8),
      sequence: bytes.readUInt32LE(at + 12),
      payload: bytes.subarray(at + FRAME_HEADER_BYTES, at + size),
    })
  }
}
