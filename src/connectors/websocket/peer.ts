/** A connection whose messages are records, or hold some. R1-R3 of `socket/peer-room.ts` are kept here. */
import { PotorooError } from '../../base/errors.ts'
import { WHOLE_MESSAGES } from '../../model/framing.ts'
import { Assembler } from '../assembler.ts'
import type { Lane } from '../connector.ts'
import { LanePeer, type PeerHome } from '../socket/peer.ts'
import type { Wire } from './wire.ts'

export class MessagePeer extends LanePeer {
  private readonly wire: Wire
  /** `null`: a message is a record. */
  private readonly assembler: Assembler | null

  constructor(source: PeerHome, wire: Wire, nowMs: number, lane: Lane) {
    super(source, wire, nowMs, lane)
    this.wire = wire
    const { framing, context, cuts } = source
    this.assembler =
      framing.kind === WHOLE_MESSAGES
        ? null
        : new Assembler(framing, context.limits.recordBytes, (bytes, cuts) => this.take(bytes, cuts), cuts)
  }

  protected cut(message: Buffer): string | null {
    return this.assembler === null ? this.cutWhole(message) : this.cutParts(message, this.assembler)
  }

  private cutWhole(message: Buffer): string | null {
    const { context, cuts } = this.source
    const { recordBytes } = context.limits
    if (message.length > recordBytes)
      return `a record of ${message.length} bytes is over the limit of ${recordBytes} (recordBytes)`
    cuts.count = 0
    cuts.add(0, message.length)
    this.take(message, cuts)
    return null
  }

  private cutParts(message: Buffer, assembler: Assembler): string | null {
    try {
      assembler.push(message)
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      return error.message
    }
    return assembler.end('a message')
  }

  protected finished(): void {}

  protected override turnOut(why: string): void {
    this.wire.turnOut(why)
  }
}
