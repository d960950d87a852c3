/**
 * One connection of a simulated producer: says hello, sends what the outbox holds within its credit, and hears answers.
 */
import { fail } from '../base/errors.ts'
import type { Outbox, OutboxBatch } from '../client/outbox.ts'
import type { Timer } from '../env/clock.ts'
import type { Address, Connection, ConnectionHandler } from '../env/network.ts'
import { type AckedMessage, ackedFrameBytes, encodeAcked, readAcked } from '../protocol/acked.ts'
import { FrameParser } from '../protocol/frame.ts'
import { SILENCES } from '../protocol/silence.ts'
import { dialBy, type Way } from './dial.ts'
import type { SimProcess } from './world.ts'

/** What a connection tells its producer. */
export interface WireOwner {
  hello(): Uint8Array
  acked(journaled: number, stable: number): void
  /** The worker goes on behind record `resumeAfter`. */
  resumed(resumeAfter: number): void
  /** Another worker has the stream. */
  redirected(to: Address): void
  /** Another one has brought records of the stream (`producer.ts`, P3). */
  forked(): void
  /** The worker does not know the stream, which does not begin here (`producer.ts`, P4). */
  unknown(): void
  complain(what: string): void
  /** The connection is of no use any more. */
  over(retryMs: number): void
}

/** One connection of a producer. */
export class Wire implements ConnectionHandler {
  private readonly outbox: Outbox
  private readonly owner: WireOwner
  private readonly connection: Connection
  private readonly parser = new FrameParser(ackedFrameBytes(0))
  /** When it is given up, unless something is heard before. */
  private patience: Timer
  private readonly process: SimProcess
  private readonly patienceMs: number
  private readonly repeats: boolean
  private welcomed = false
  private keepAliveMs = 0
  private left = false
  /** The worker has ended the connection, and this end follows. */
  private ending = false
  private blocked = false
  private credit = 0

  constructor(
    process: SimProcess,
    { address, by }: { readonly address: Address; readonly by: Way },
    patienceMs: number,
    repeats: boolean,
    outbox: Outbox,
    owner: WireOwner,
  ) {
    this.process = process
    this.patienceMs = patienceMs
    this.repeats = repeats
    this.outbox = outbox
    this.owner = owner
    const { env } = process
    this.connection = dialBy(by, env, address, this)
    this.patience = this.wait(10 * patienceMs)
  }

  private wait(ms: number): Timer {
    return this.process.env.clock.after(ms, () => this.end(0))
  }

  /** Another connection takes over; this one drains as it likes. */
  leave(): void {
    this.left = true
    this.patience.cancel()
    const { clock, random } = this.process.env
    clock.after(random.below(this.patienceMs), () => this.connection.destroy())
  }

  pump(): void {
    while (this.welcomed && !this.left && !this.ending && !this.blocked && this.credit > 0) {
      const batch: OutboxBatch | null = this.outbox.peek()
      if (batch === null) return
      this.outbox.sign()
      this.outbox.advance()
      this.credit -= batch.body.length
      this.connection.write(batch.head)
      this.blocked = !this.connection.write(batch.body)
    }
  }

  onOpen(): void {
    if (!this.left) this.connection.write(this.owner.hello())
  }

  onBytes(chunk: Buffer): void {
    if (this.left) return
    try {
      this.parser.push(chunk, (frame) => this.take(readAcked(frame).message))
    } catch {
      // A bit has turned on the wire.
      this.end(0)
      return
    }
    this.pump()
  }

  onEnd(): void {
    this.ending = true
    this.connection.end()
  }

  onDrain(): void {
    this.blocked = false
    this.pump()
  }

  onClosed(): void {
    this.end(0)
  }

  private take(message: AckedMessage): void {
    const { outbox, owner } = this
    if (this.left) return
    if (this.welcomed) {
      this.patience.cancel()
      this.patience = this.wait(SILENCES * this.keepAliveMs)
    }
    switch (message.kind) {
      case 'welcome':
        owner.resumed(message.resumeAfter)
        if (message.resumeAfter >= outbox.next)
          owner.complain(`welcomed at ${message.resumeAfter}, made ${outbox.next - 1}`)
        if (message.resumeAfter + 1 < outbox.oldest) {
          owner.complain(`welcomed at ${message.resumeAfter}, has from ${outbox.oldest} on`)
        }
        this.welcomed = true
        this.keepAliveMs = message.keepAliveMs
        this.credit = message.credit
        owner.acked(0, message.stable)
        outbox.rewind(this.repeats ? outbox.oldest - 1 : message.resumeAfter)
        return
      case 'ack':
        return owner.acked(message.journaled, message.stable)
      case 'credit':
        this.credit += message.bytes
        return
      case 'rewind':
        owner.resumed(message.resumeAfter)
        if (message.resumeAfter + 1 < outbox.oldest) {
          owner.complain(`rewound to ${message.resumeAfter}, has from ${outbox.oldest} on`)
        }
        outbox.rewind(message.resumeAfter)
        this.credit = message.credit
        this.connection.write(encodeAcked({ kind: 'rewound', resumeAfter: message.resumeAfter }))
        return
      case 'ping':
        this.connection.write(encodeAcked({ kind: 'pong' }))
        return
      case 'refused':
        this.process.env.log.info('producer.refused', { code: message.code, reason: message.reason })
        if (message.code === 'E_STREAM_FORKED') {
          if (message.retryMs === 0) owner.forked()
        } else if (message.code === 'E_STREAM_UNKNOWN' || message.code === 'E_STREAM_EXPIRED') owner.unknown()
        else if (message.retryMs === 0) owner.complain(`refused: ${message.code} ${message.reason}`)
        return this.end(message.retryMs)
      case 'redirect':
        owner.redirected({ host: message.host, port: message.port })
        return this.end(0)
      case 'pong':
      case 'end':
        return
      default:
        throw fail('E_ACKED_PROTOCOL', { reason: `a server says ${message.kind}` })
    }
  }

  private end(retryMs: number): void {
    if (this.left) return
    this.left = true
    this.patience.cancel()
    this.connection.destroy()
    this.owner.over(retryMs)
  }
}
