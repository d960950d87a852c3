/**
 * The receiving end of a channel from another worker. It keeps nothing itself: what comes goes to its taker at once,
 * and the taker says when its task has taken it.
 *
 * I1. Opening it tells the sender its first credit; what the sender may send has a place here from then on.
 * I2. What a channel holds is never more than its window and one batch: a sender that goes beyond it is at fault.
 * I3. A closed inlet passes over what still comes, and gives no credit for it.
 */
import type { ByteReader } from '../base/bytes.ts'
import { ReceiveCredit } from './credit.ts'
import type { ChannelAddress, ChannelMarker } from './outlet.ts'
import type { Message } from './wire.ts'

export interface ChannelTaker {
  /**
   * A batch: `reader` stands at what the sender's encoder wrote, good during the call alone. It holds `bytes` of
   * credit, which are given to `Inlet.taken` once the receiving task has taken it.
   */
  batch(reader: ByteReader, bytes: number): void
  mark(marker: ChannelMarker): void
}

/** Tells the other worker, on the control lane. */
export interface CreditSender {
  send(message: Message<'credit'>, body: null): void
}

export class Inlet {
  readonly credit: ReceiveCredit
  private readonly control: CreditSender
  private readonly address: ChannelAddress
  private taker: ChannelTaker | null

  constructor(control: CreditSender, address: ChannelAddress, windowBytes: number, taker: ChannelTaker) {
    this.control = control
    this.address = address
    this.credit = new ReceiveCredit(windowBytes)
    this.taker = taker
  }

  /** Tells the sender its credit. */
  tell(): void {
    const { window } = this.credit
    this.control.send({ kind: 'credit', ...this.address, consumed: this.credit.tell(), window }, null)
  }

  /** `bytes` of batches have been taken by the task: their credit returns. */
  taken(bytes: number): void {
    if (this.credit.take(bytes) && this.taker !== null) this.tell()
  }

  /** Takes a batch that has come. `false`: it came without credit (I2). */
  arrive(reader: ByteReader, bytes: number): boolean {
    if (this.taker === null) return true
    if (!this.credit.arrive(bytes)) return false
    this.taker.batch(reader, bytes)
    return true
  }

  mark(marker: ChannelMarker): void {
    this.taker?.mark(marker)
  }

  close(): void {
    this.taker = null
  }
}
