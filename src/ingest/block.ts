/**
 * The memory that ingested bytes live in, from the socket until the pipeline has taken them and the journal no longer
 * needs them. Batches stand one behind another in blocks; a block is used again when its last batch has been let go.
 *
 * K1. A block belongs to the pool only while no batch in it is held.
 * K2. What has been handed to the disk is never changed: a batch grows only at the end of its block, and never after
 *     it has been sealed.
 */
import { assert } from '../base/assert.ts'
import { Cuts } from '../model/connector.ts'

export class Block {
  readonly buffer: Buffer
  /** Where the records of all its batches begin and end. */
  readonly cuts = new Cuts()
  /** Bytes in use, from the front. */
  used = 0
  /** Batches that are held. */
  held = 0

  constructor(bytes: number) {
    this.buffer = Buffer.allocUnsafeSlow(bytes)
  }

  get room(): number {
    return this.buffer.length - this.used
  }
}

export class BlockPool {
  readonly blockBytes: number
  private readonly keptMax: number
  private readonly free: Block[] = []

  /** Blocks of `blockBytes`, of which up to `keptBytes` are kept for use again. */
  constructor(blockBytes: number, keptBytes: number) {
    this.blockBytes = blockBytes
    this.keptMax = Math.max(2, Math.floor(keptBytes / blockBytes))
  }

  /** A block with room for `bytes`, which may be more than the usual size. */
  take(bytes: number): Block {
    if (bytes > this.blockBytes) return new Block(bytes)
    return this.free.pop() ?? new Block(this.blockBytes)
  }

  /** Lets go of one batch in `block`; `current` says that batches are still added to it. */
  release(block: Block, current: boolean): void {
    assert(block.held > 0, 'K1: only a held batch is let go')
    if (--block.held === 0 && !current) this.give(block)
  }

  give(block: Block): void {
    block.used = 0
    block.cuts.count = 0
    if (block.buffer.length === this.blockBytes && this.free.length < this.keptMax) this.free.push(block)
  }
}
