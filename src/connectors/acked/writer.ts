/**
 * The writer of an acked sink, whatever it dials by: the mirror of acked ingest. `idempotent` for a receiver that
 * remembers the ids (`potoroo/client` does), at least once for one that does not.
 *
 * K1. A barrier is acknowledged only when the receiver has acknowledged everything before it. So nothing that a
 *     complete epoch covers has to be sent again, and the snapshot is empty.
 * K2. Each record says after which epoch's barrier it is sent. With the base of the generation, and the floor, the
 *     receiver knows which ids can come again and which never will.
 * K3. What is not acknowledged is kept, and sent again on the next connection. It is bounded by `writerBytes`; beyond
 *     them the task stops, and with it, channel by channel, the sources.
 * K4. What other workers still send to one that has ended is handed over like anything else, on another connection of
 *     the session: a barrier behind it would wait for ever.
 * K5. After a rollback, or on another worker, the records come again from the sources, by the same ids.
 */
import { showAddress } from '../../base/address.ts'
import type { Timer } from '../../env/clock.ts'
import { deliveryVersions, type Hello } from '../../protocol/delivery.ts'
import { type Apart, type Base, type Json, newStatus, type SinkContext, turn, type Writer } from '../connector.ts'
import { type AckedWay, type LineEvents, ReceiverLine } from './line.ts'
import { AckedOutbox } from './outbox.ts'

/** How soon to ask again whether this worker may speak. */
const LEASE_MS = 20

/** A barrier, or the end, that waits until everything up to `upTo` is acknowledged. */
interface Waiting {
  readonly upTo: number
  readonly done: (snapshot: Json) => void
}

export class AckedWriter implements Writer, LineEvents {
  readonly status = newStatus('opening')
  private readonly context: SinkContext
  private readonly way: AckedWay
  private outbox = new AckedOutbox()
  private line: ReceiverLine | null = null
  private greeting: Hello | null = null
  private ended = false
  private credit = 0
  private draining = false
  private waiting: Waiting[] = []
  /** The last barrier that has passed (K2), and the floor. */
  private after = 0
  private floorEpoch = 0
  private blocked = false
  private lease: Timer | null = null

  constructor(context: SinkContext, way: AckedWay) {
    this.context = context
    this.way = way
  }

  get room(): boolean {
    return !this.blocked
  }

  /** Begins a session: whatever was under way comes again (K5). */
  restore({ generation, epoch }: Base, done: () => void): void {
    const { context } = this
    const { pipeline, step, history, writer, env } = context
    this.forget()
    this.after = epoch
    const { newest, oldest: oldestVersion } = deliveryVersions
    const who = { pipeline, step, history, writer, session: env.random.id() }
    this.greeting = { kind: 'hello', newest, oldestVersion, ...who, generation, base: epoch, token: '' }
    this.open()
    env.clock.soon(done)
  }

  private open(): void {
    this.ended = false
    turn(this.status, 'opening')
    this.line = new ReceiverLine(this.way, this.context, this.greeting!, this)
    this.line.dial()
  }

  write(bytes: Buffer, records: number, apart?: Apart): boolean {
    this.status.records += records
    this.outbox.add(bytes, apart!, this.after)
    this.count()
    this.blocked = this.outbox.bytes >= this.context.limits.writerBytes
    // Not inside the call (`connector.ts`, O1).
    this.context.env.clock.soon(() => {
      // K4
      if (this.ended) this.open()
      this.pump()
    })
    return !this.blocked
  }

  barrier(epoch: number, _generation: number, done: (snapshot: Json) => void): void {
    this.after = epoch
    this.wait(() => done(null))
  }

  commit(): void {}

  floor(epoch: number): void {
    this.floorEpoch = epoch
    if (this.line?.welcomed) this.line.say({ kind: 'floor', epoch })
  }

  end(done: () => void): void {
    this.wait(() => {
      this.line?.end()
      this.ended = true
      turn(this.status, 'closed')
      done()
    })
  }

  close(): void {
    this.forget()
    turn(this.status, 'closed')
  }

  // ── What the receiver says ───────────────────────────────────────────────────────────────────────────────────────

  onWelcome({ resumeAfter, credit }: { readonly resumeAfter: number; readonly credit: number }): void {
    turn(this.status, 'ready')
    this.credit = credit
    this.draining = false
    this.outbox.rewind(resumeAfter)
    if (this.floorEpoch > 0) this.line!.say({ kind: 'floor', epoch: this.floorEpoch })
    this.pump()
  }

  onAck(through: number): void {
    const { outbox, status } = this
    const before = outbox.bytes
    outbox.ack(Math.min(through, outbox.next - 1))
    status.writtenBytes += before - outbox.bytes
    this.settle()
  }

  onCredit(bytes: number): void {
    this.credit += bytes
    this.pump()
  }

  onRoom(): void {
    this.draining = false
    this.pump()
  }

  onLost(state: 'no-peer' | 'refused', reason: string): void {
    const { host, port } = this.way.address
    if (this.status.state !== 'closed') turn(this.status, state, `${showAddress({ host, port })}: ${reason}`)
  }

  // ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private pump(): void {
    const { line, outbox, context } = this
    if (line === null || !line.welcomed) return
    while (!this.draining && this.credit > 0 && line.queued < context.limits.sinkQueueBytes) {
      const frame = outbox.peek()
      if (frame === null) return
      if (!context.maySpeak()) {
        this.lease ??= context.env.clock.after(LEASE_MS, () => {
          this.lease = null
          this.pump()
        })
        return
      }
      this.credit -= frame.body.length
      line.write(frame.head)
      this.draining = !line.write(frame.body)
      outbox.advance()
    }
  }

  private wait(done: () => void): void {
    this.waiting.push({ upTo: this.outbox.next - 1, done })
    this.context.env.clock.soon(() => this.settle())
  }

  /** Answers what has waited for what is acknowledged by now (K1). */
  private settle(): void {
    this.count()
    while (this.waiting.length > 0 && this.waiting[0]!.upTo <= this.outbox.acked) this.waiting.shift()!.done(null)
    if (this.blocked && this.outbox.bytes < this.context.limits.writerBytes) {
      this.blocked = false
      this.context.wake()
    }
    this.pump()
  }

  private count(): void {
    this.status.queuedBytes = this.outbox.bytes
  }

  private forget(): void {
    this.line?.close()
    this.line = null
    this.ended = false
    this.lease?.cancel()
    this.lease = null
    this.outbox = new AckedOutbox()
    this.waiting = []
    this.blocked = false
    this.status.peers = 0
    this.count()
  }
}
