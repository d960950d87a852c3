/**
 * The sending end of a channel to another worker: what an exchange pushes into, as into a channel of its own worker.
 *
 * O1. Nothing leaves before the receiver has opened the channel, which its first credit says; markers that come before
 *     wait here.
 * O2. There is room while there is credit; a batch leaves at once, in the order of the calls. Markers cost no credit
 *     and stand behind what was pushed before them (PROTOCOLS 15).
 * O3. A watermark takes the place of the one before it where that has not left and nothing was pushed in between: so a
 *     lane that stands still does not fill with them.
 */
import { assert } from '../base/assert.ts'
import type { ByteWriter } from '../base/bytes.ts'
import { SendCredit } from './credit.ts'
import type { Link } from './link.ts'
import type { Message } from './wire.ts'

type Purpose = Message<'barrier'>['purpose']

/** What separates batches. The generation is the session's. */
export type ChannelMarker =
  | { readonly kind: 'barrier'; readonly epoch: number; readonly purpose: Purpose }
  | { readonly kind: 'watermark'; readonly time: number }
  | { readonly kind: 'end' }

/** Where a channel is, within a generation. */
export interface ChannelAddress {
  readonly pipeline: number
  readonly channel: number
}

/**
 * Writes a batch behind what the writer holds, as `version` of the protocol has it. What it throws comes out of `push`,
 * and nothing has been sent.
 */
export type BatchEncoder<B> = (writer: ByteWriter, batch: B, version: number) => void

/** What a peer asks of its outlets, whatever their batches. */
export interface CreditTaker {
  /** `false`: what the receiver has told cannot be true. */
  grant(consumed: number, window: number): boolean
}

export class Outlet<B> implements CreditTaker {
  /** Called when room has come: the sender may go on. */
  onRoom: () => void = () => {}
  /** For metrics. */
  batchesTotal = 0
  private readonly link: Link
  private readonly address: ChannelAddress
  /** `null` once nothing more is pushed. */
  private encode: BatchEncoder<B> | null
  private readonly credit = new SendCredit()
  /** Markers from before the opening (O1). */
  private early: ChannelMarker[] = []
  /** The number of the watermark that is the last element; -1 where something else is. */
  private watermarkAt = -1

  constructor(link: Link, address: ChannelAddress, encode: BatchEncoder<B>) {
    this.link = link
    this.address = address
    this.encode = encode
  }

  /** Whether a batch may be pushed now. */
  get room(): boolean {
    return this.credit.left > 0
  }

  /** Throws `E_FRAME_TOO_LONG` for a batch that no frame holds, or what the encoder throws; then nothing is sent. */
  push(batch: B): void {
    assert(this.room, 'O2: a batch is pushed where there is room')
    const bytes = this.link.send({ kind: 'batch', ...this.address }, (writer, version) =>
      this.encode!(writer, batch, version),
    )
    this.credit.spend(bytes)
    this.batchesTotal++
    this.watermarkAt = -1
  }

  mark(marker: ChannelMarker): void {
    if (!this.credit.open) this.hold(marker)
    else if (marker.kind === 'watermark') this.markTime(marker.time)
    else this.send(marker)
  }

  /**
   * Nothing more is pushed: lets go of whoever did, for the channel stays as long as the generation (`peer.ts`, P3).
   */
  close(): void {
    this.encode = null
    this.onRoom = () => {}
  }

  grant(consumed: number, window: number): boolean {
    const { room } = this
    const { open } = this.credit
    if (!this.credit.grant(consumed, window)) return false
    if (!open) {
      for (const marker of this.early) this.mark(marker)
      this.early = []
    }
    if (!room && this.room) this.onRoom()
    return true
  }

  private hold(marker: ChannelMarker): void {
    if (marker.kind === 'watermark' && this.early.at(-1)?.kind === 'watermark') this.early.pop()
    this.early.push(marker)
  }

  private markTime(time: number): void {
    const message = { kind: 'watermark', ...this.address, time } as const
    if (this.watermarkAt >= 0 && this.link.amend(this.watermarkAt, message)) return
    this.watermarkAt = this.link.next
    this.link.send(message)
  }

  private send(marker: Exclude<ChannelMarker, { kind: 'watermark' }>): void {
    this.watermarkAt = -1
    if (marker.kind === 'end') this.link.send({ kind: 'end', ...this.address })
    else this.link.send({ kind: 'barrier', ...this.address, epoch: marker.epoch, purpose: marker.purpose })
  }
}
