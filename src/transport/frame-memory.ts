/**
 * The memory that the frames of a session are written into: pieces of one size, each used again once none of its frames
 * is kept. New memory for each frame makes the collector go through the whole heap for every few dozen megabytes that
 * are sent.
 *
 * Y1. A piece is used again only when every frame in it has been released and the writer has left it. What was released
 *     has arrived over the present connection, so no socket holds it any more.
 * Y2. With another connection that is not known of the frames that are kept: their pieces are left to the collector.
 */
import { ByteWriter } from '../base/bytes.ts'

const PIECE_BYTES = 128 << 10
/** Pieces that wait to be used again. */
const SPARE_PIECES = 16

export class FrameMemory {
  readonly writer: ByteWriter
  /** Frames that are kept in each piece. */
  private readonly kept = new Map<ArrayBufferLike, number>()
  private readonly spare: Buffer[] = []
  /** Pieces by their memory, as far as they may be used again (Y2). */
  private readonly pieces = new Map<ArrayBufferLike, Buffer>()
  private current: ArrayBufferLike | null = null

  constructor() {
    this.writer = new ByteWriter(PIECE_BYTES, (bytes) => this.allocate(bytes))
  }

  keep(frame: Buffer): void {
    this.kept.set(frame.buffer, (this.kept.get(frame.buffer) ?? 0) + 1)
  }

  release(frame: Buffer): void {
    const memory = frame.buffer
    const left = (this.kept.get(memory) ?? 0) - 1
    if (left > 0) this.kept.set(memory, left)
    else {
      this.kept.delete(memory)
      if (memory !== this.current) this.reuse(memory)
    }
  }

  /** Another connection carries what is kept (Y2). */
  renew(): void {
    this.pieces.clear()
    this.writer.renew()
  }

  private allocate(bytes: number): Buffer {
    const piece = (bytes === PIECE_BYTES ? this.spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(bytes)
    const left = this.current
    this.current = piece.buffer
    if (bytes === PIECE_BYTES) this.pieces.set(piece.buffer, piece)
    if (left !== null && !this.kept.has(left)) this.reuse(left)
    return piece
  }

  private reuse(memory: ArrayBufferLike): void {
    const piece = this.pieces.get(memory)
    this.pieces.delete(memory)
    if (piece !== undefined && this.spare.length < SPARE_PIECES) this.spare.push(piece)
  }
}
