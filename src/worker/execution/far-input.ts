/**
 * The receiving end of a channel from another member: a channel like any other for the task that takes from it.
 *
 * T1. Credit returns when the task has taken a batch, and not when it has come (PROTOCOLS 15): what waits here is bounded
 *     by the channel's window. Most of it waits as bytes; as many batches as a local channel holds are decoded.
 * T2. A barrier waits until this worker has begun its epoch, and what came behind it waits with it (G3 of `crossings.ts`).
 */
import { ByteReader } from '../../base/bytes.ts'
import { PotorooError } from '../../base/errors.ts'
import { Fifo } from '../../base/fifo.ts'
import { Batch, type BatchPool, type Element, type Marker } from '../../dataflow/batch.ts'
import { Channel } from '../../dataflow/channel.ts'
import type { BatchCodec } from '../../protocol/data.ts'
import type { SplitNamesReader } from '../../protocol/split-names.ts'
import type { ChannelTaker } from '../../transport/inlet.ts'
import type { ChannelMarker } from '../../transport/outlet.ts'

export interface FarInputOptions {
  readonly codec: BatchCodec
  readonly names: SplitNamesReader
  readonly pool: BatchPool
  readonly generation: number
  /** Opens the way from the other member: what it sends comes to `taker` from then on. */
  open(taker: ChannelTaker): { taken(bytes: number): void; close(): void }
  /** What has come cannot be what was sent. */
  failed(error: PotorooError): void
}

/** What came and was not decoded yet: a batch as bytes, or a marker. */
type Waiting = { readonly bytes: Buffer; readonly credit: number } | Marker

export class FarInput extends Channel {
  private readonly options: FarInputOptions
  private readonly inlet: { taken(bytes: number): void; close(): void }
  private readonly waiting = new Fifo<Waiting>()
  /** Credit of the batches that are decoded, in their order. */
  private readonly credits = new Fifo<number>()
  /** The last epoch that this worker has begun. */
  private begun = 0
  private closed = false

  constructor(id: number, batchesMax: number, options: FarInputOptions) {
    super(id, batchesMax)
    this.options = options
    this.inlet = options.open({
      batch: (reader, credit) => this.take(reader, credit),
      mark: (marker) => this.arrive(marker),
    })
  }

  // ── From the link ────────────────────────────────────────────────────────────────────────────────────────────────

  private take(reader: ByteReader, credit: number): void {
    if (this.closed) return
    if (this.waiting.length === 0 && this.room) this.decode(reader, credit)
    else this.waiting.push({ bytes: Buffer.from(reader.bytes(reader.remaining)), credit })
  }

  private arrive(marker: ChannelMarker): void {
    if (this.closed) return
    this.waiting.push(markerOf(marker, this.options.generation))
    this.feed()
  }

  // ── To the task ──────────────────────────────────────────────────────────────────────────────────────────────────

  override shift(): Element | undefined {
    const element = super.shift()
    if (element instanceof Batch) this.inlet.taken(this.credits.shift()!)
    if (this.waiting.length > 0) this.feed()
    return element
  }

  /** This worker has begun `epoch` (T2). */
  begin(epoch: number): void {
    this.begun = epoch
    this.feed()
  }

  close(): void {
    this.closed = true
    this.inlet.close()
    this.waiting.clear()
  }

  /** Moves what waits to where the task takes it, as far as there is room. */
  private feed(): void {
    const { waiting } = this
    for (let head = waiting.peek(); head !== undefined; head = waiting.peek()) {
      if ('bytes' in head) {
        if (!this.room) return
        this.decode(new ByteReader(head.bytes), head.credit)
      } else {
        if (head.kind === 'barrier' && head.epoch > this.begun) return
        super.mark(head)
      }
      waiting.shift()
    }
  }

  private decode(reader: ByteReader, credit: number): void {
    const { codec, names, pool, failed } = this.options
    const batch = pool.take()
    try {
      names.read(reader)
      codec.read(reader, batch)
      if (!names.translate(batch.splits, batch.length)) throw reader.damaged('a split that was never named')
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      this.close()
      failed(error)
      return
    }
    this.credits.push(credit)
    this.push(batch)
  }
}

/** A marker as tasks know it, without what the message around it says. */
function markerOf(marker: ChannelMarker, generation: number): Marker {
  if (marker.kind === 'watermark') return { kind: 'watermark', time: marker.time }
  if (marker.kind === 'end') return { kind: 'end' }
  return { kind: 'barrier', generation, epoch: marker.epoch, purpose: marker.purpose }
}
