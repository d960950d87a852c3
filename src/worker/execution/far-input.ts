/**
 * The receiving end of a channel from another member, for the task that takes from it.
 *
 * T1. Credit returns when the task has taken a batch, and not when it has come (PROTOCOLS 15): what waits here is
 *     bounded by the channel's window.
 * T2. What waits, waits as bytes, in memory that is used again. A batch is decoded when the task takes it, so that its
 *     objects live as shortly as those of a source: what a collector meets twice it keeps, and marks the whole heap
 *     for. What is kept to be used again is no more than may wait: of pieces for short batches and long ones all would
 *     become long.
 */
import { ByteReader } from '../../base/bytes.ts'
import { PotorooError } from '../../base/errors.ts'
import { Fifo } from '../../base/fifo.ts'
import type { Batch, BatchPool, Element, Marker } from '../../dataflow/batch.ts'
import type { Intake } from '../../dataflow/channel.ts'
import type { BatchCodec } from '../../protocol/data.ts'
import type { SplitNamesReader } from '../../protocol/split-names.ts'
import type { ChannelTaker } from '../../transport/inlet.ts'
import type { ChannelMarker } from '../../transport/outlet.ts'

export interface FarInputOptions {
  /** The channel's number in the plan. */
  readonly channel: number
  readonly codec: BatchCodec
  readonly names: SplitNamesReader
  readonly pool: BatchPool
  readonly generation: number
  /** The channel's window. */
  readonly windowBytes: number
  /** Opens the way from the other member: what it sends comes to `taker` from then on. */
  open(taker: ChannelTaker): { taken(bytes: number): void; close(): void }
  /** What has come cannot be what was sent. */
  failed(error: PotorooError): void
}

/** A batch that came and was not taken yet: the first `length` bytes of `memory`. */
interface Encoded {
  readonly memory: Buffer
  readonly length: number
  readonly credit: number
}

/** Pieces of memory that are kept to be used again (T2), and the least that one has. */
const SPARE_PIECES = 64
const PIECE_BYTES = 64

export class FarInput implements Intake {
  readonly id: number
  onElement: () => void = () => {}
  batchesTotal = 0
  recordsTotal = 0
  private readonly options: FarInputOptions
  private readonly inlet: { taken(bytes: number): void; close(): void }
  private readonly waiting = new Fifo<Encoded | Marker>()
  private readonly spare: Buffer[] = []
  private spareBytes = 0
  private closed = false

  constructor(options: FarInputOptions) {
    this.id = options.channel
    this.options = options
    this.inlet = options.open({
      batch: (reader, credit) => this.keep(reader, credit),
      mark: (marker) => this.mark(marker),
    })
  }

  // ── From the link ────────────────────────────────────────────────────────────────────────────────────────────────

  private keep(reader: ByteReader, credit: number): void {
    if (this.closed) return
    const length = reader.remaining
    const memory = this.memoryFor(length)
    memory.set(reader.bytes(length))
    this.waiting.push({ memory, length, credit })
    this.onElement()
  }

  private mark(marker: ChannelMarker): void {
    if (this.closed) return
    const { waiting } = this
    const last = waiting.last
    const element = markerOf(marker, this.options.generation)
    // As in a channel (H2 of `channel.ts`).
    if (element.kind === 'watermark' && last !== undefined && 'kind' in last && last.kind === 'watermark') {
      waiting.amend(element)
    } else {
      waiting.push(element)
    }
    this.onElement()
  }

  // ── To the task ──────────────────────────────────────────────────────────────────────────────────────────────────

  get length(): number {
    return this.waiting.length
  }

  shift(): Element | undefined {
    const element = this.waiting.shift()
    return element !== undefined && 'memory' in element ? this.decode(element) : element
  }

  close(): void {
    this.closed = true
    this.inlet.close()
    this.waiting.clear()
  }

  private decode({ memory, length, credit }: Encoded): Batch {
    const { codec, names, pool, failed } = this.options
    const reader = new ByteReader(memory, 0, length)
    const batch = pool.take()
    try {
      names.read(reader)
      codec.read(reader, batch)
      if (!names.translate(batch.splits, batch.length)) throw reader.damaged('a split that was never named')
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      batch.truncate(0)
      this.close()
      failed(error)
      return batch
    }
    this.batchesTotal++
    this.recordsTotal += batch.length
    this.giveBack(memory)
    this.inlet.taken(credit)
    return batch
  }

  /** T2. */
  private giveBack(memory: Buffer): void {
    const { spare, spareBytes, options } = this
    const fits = spareBytes + memory.length <= options.windowBytes && spare.length < SPARE_PIECES
    // One is kept however long it is: where all batches are as long, it is used for each.
    if (!fits && spare.length > 0) return
    spare.push(memory)
    this.spareBytes += memory.length
  }

  private memoryFor(bytes: number): Buffer {
    const known = this.spare.pop()
    this.spareBytes -= known?.length ?? 0
    if (known !== undefined && known.length >= bytes) return known
    return Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(Math.max(bytes, PIECE_BYTES))))
  }
}

/** A marker as tasks know it, without what the message around it says. */
function markerOf(marker: ChannelMarker, generation: number): Marker {
  if (marker.kind === 'watermark') return { kind: 'watermark', time: marker.time }
  if (marker.kind === 'end') return { kind: 'end' }
  return { kind: 'barrier', generation, epoch: marker.epoch, purpose: marker.purpose }
}
