/**
 * Writes a pack while the pipeline goes on: few large writes, at a bounded rate, one sync at the end (PROTOCOLS 5).
 *
 * P3. At most one write is under way, and the next one begins no earlier than the rate allows.
 * P4. After an error nothing more is written, what has been written is removed, and `finish` answers the error. Whoever
 *     waits to add more is let go on until then.
 * P5. A pack that nothing was added to leaves no file.
 * P6. A block is filled again once its write has come back, by this pack or a later one: with fresh memory for every
 *     pack the collector would go through the whole heap for what lives a tenth of a second.
 */
import { assert } from '../base/assert.ts'
import { crc32 } from '../base/crc.ts'
import type { PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Clock } from '../env/clock.ts'
import {
  type ChunkKind,
  encodeEnd,
  encodeIndex,
  HEADER,
  type PackChunk,
  type PackHandle,
  packNameOf,
} from './pack-format.ts'
import type { Store, StoreDone, Upload } from './store.ts'

type Finish = StoreDone<PackHandle | null>

/** The blocks that packs are put together in (P6). */
export class PackBlocks {
  private readonly bytes: number
  private readonly keptMax: number
  private readonly free: Buffer[] = []

  constructor({ packWriteBytes, packQueueBytes }: Pick<Limits, 'packWriteBytes' | 'packQueueBytes'>) {
    this.bytes = packWriteBytes
    this.keptMax = Math.ceil(packQueueBytes / packWriteBytes) + 2
  }

  take(): Buffer {
    return this.free.pop() ?? Buffer.allocUnsafeSlow(this.bytes)
  }

  /** Nobody needs `block`, or a part of one from its front, any more. */
  give({ buffer }: Buffer): void {
    if (this.free.length < this.keptMax) this.free.push(Buffer.from(buffer))
  }
}

export class PackWriter {
  private readonly store: Store
  private readonly clock: Clock
  private readonly limits: Limits
  private readonly path: string
  private readonly pool: PackBlocks
  private readonly onReady: () => void
  private readonly chunks: PackChunk[] = []
  /** Bytes of the pack so far, written or waiting. */
  private length = 0
  private writtenBytes = 0
  /** Full blocks that wait, each for a write of its own. */
  private readonly blocks: Buffer[] = []
  /** The block that is being filled, and how far. */
  private block: Buffer | null = null
  private filled = 0
  private upload: Upload | null = null
  /** A write, an opening or a pause is under way (P3). */
  private busy = false
  private slowed = false
  /** Nothing more is written: finished, given up or failed. */
  private stopped = false
  private error: PotorooError | null = null
  private handle: PackHandle | null = null
  private ownIndex: Buffer | null = null
  private ending: Finish | null = null

  /** Writes the pack at `path`; `onReady` is called when `ready` has become true again. */
  constructor(
    seams: { readonly store: Store; readonly clock: Clock; readonly limits: Limits },
    path: string,
    onReady: () => void,
    blocks: PackBlocks = new PackBlocks(seams.limits),
  ) {
    this.store = seams.store
    this.clock = seams.clock
    this.limits = seams.limits
    this.path = path
    this.onReady = onReady
    this.pool = blocks
    this.push(HEADER)
  }

  /** The index, once the pack ends. */
  get index(): Buffer | null {
    return this.ownIndex
  }

  /** False: so many bytes wait that the caller should add nothing until `onReady`. */
  get ready(): boolean {
    return this.stopped || this.length - this.writtenBytes < this.limits.packQueueBytes
  }

  /**
   * Adds a chunk; copies its `bytes`. Chunks of one step and key group are restored in the order in which they were
   * added, from the last `full` one on.
   */
  add(step: string, keyGroup: number, kind: ChunkKind, bytes: Uint8Array): void {
    assert(this.ending === null, 'a finished pack takes no chunk')
    if (this.stopped) return
    this.chunks.push({ step, keyGroup, kind, position: this.length, length: bytes.length, crc: crc32(bytes) })
    this.push(bytes)
    this.slowed ||= !this.ready
    this.pump()
  }

  /**
   * Writes the rest and the index and syncs; answers the pack's handle, `null` where it is empty (P5), or `E_STORE`.
   */
  finish(done: Finish): void {
    if (this.chunks.length === 0 || this.stopped) {
      this.stopped = true
      this.drop()
      this.clock.soon(() => done(this.error, null))
      return
    }
    this.ending = done
    const index = encodeIndex(packNameOf(this.path), this.chunks)
    const crc = crc32(index)
    this.push(index)
    this.push(encodeEnd(index.length, crc))
    if (this.block !== null) this.blocks.push(this.block.subarray(0, this.filled))
    this.block = null
    this.handle = { path: this.path, bytes: this.length, crc }
    this.ownIndex = index
    this.pump()
  }

  /** Gives up: removes what has been written. Nothing is called any more. */
  abort(): void {
    this.ending = null
    this.stop()
  }

  private push(bytes: Uint8Array): void {
    this.length += bytes.length
    for (let from = 0; from < bytes.length; ) {
      const block = (this.block ??= this.pool.take())
      const part = bytes.subarray(from, from + block.length - this.filled)
      block.set(part, this.filled)
      this.filled += part.length
      from += part.length
      if (this.filled === block.length) {
        this.blocks.push(block)
        this.block = null
        this.filled = 0
      }
    }
  }

  /** Lets go of what has not been written and will not be. */
  private drop(): void {
    if (this.block !== null) this.blocks.push(this.block)
    this.block = null
    for (const block of this.blocks.splice(0)) this.pool.give(block)
  }

  private pump(): void {
    if (this.busy || this.stopped) return
    if (this.blocks.length === 0 && this.handle === null) return
    this.busy = true
    const block = this.upload && this.blocks.shift()
    if (this.upload === null) this.open()
    else if (block) this.write(this.upload, block)
    else this.seal(this.upload)
  }

  private open(): void {
    this.store.upload(this.path, (error, upload) => {
      if (error === null) this.upload = upload
      this.proceed(error)
    })
  }

  private write(upload: Upload, block: Buffer): void {
    const earliest = this.clock.monotonic() + (block.length * 1000) / this.limits.packBytesPerSecond
    upload.append([block], (error) => {
      this.writtenBytes += block.length
      this.pool.give(block)
      const pauseMs = earliest - this.clock.monotonic()
      if (error !== null || pauseMs <= 0) this.proceed(error)
      else this.clock.after(pauseMs, () => this.proceed(null))
    })
  }

  private seal(upload: Upload): void {
    this.upload = null
    upload.finish((error) => {
      this.stopped = true
      // A pack that was given up while it was being synced stays until the removal of what no manifest names.
      if (error === null) this.ending?.(null, this.handle)
      else this.store.remove(this.path, () => this.ending?.(error, null))
    })
  }

  /** After a step of the writing: the next one, or the end of it all. */
  private proceed(error: PotorooError | null): void {
    this.busy = false
    if (this.stopped) return this.remove()
    if (error !== null) {
      this.error = error
      this.stop()
    }
    if (this.slowed && (this.stopped || this.hasRoom)) {
      this.slowed = false
      this.onReady()
    }
    this.pump()
  }

  /**
   * Whether so little waits that its caller may go on. What lies in a block that is not full waits for more, and is no
   * reason to wait.
   */
  private get hasRoom(): boolean {
    return this.blocks.length === 0 || this.length - this.writtenBytes <= this.limits.packQueueBytes / 2
  }

  private stop(): void {
    if (this.stopped) return
    this.stopped = true
    this.drop()
    if (!this.busy) this.remove()
  }

  /** Removes what has been written and answers who waits for the end (P4). */
  private remove(): void {
    const done = this.ending
    this.ending = null
    const upload = this.upload
    this.upload = null
    const answer = () => done?.(this.error, null)
    if (upload === null) answer()
    else upload.abort(answer)
  }
}
