/**
 * The writer of a sink that dials, whatever it dials by. `best-effort`: given to the system is as far as this sink
 * sees, so what a connection had taken when it broke may be lost, and what it had not taken comes again.
 *
 * D1. A barrier is acknowledged when everything before it was given to the system, or after `HOLD_MS` with what was not
 *     as its snapshot; so a missing consumer delays no checkpoint until the queue is full, and then it stops the task.
 * D2. A connection begins at a record's beginning (`queue.ts`, Q2).
 * D3. A rollback drops what was not begun: the records come again from the sources.
 * D4. What a connection says counts while no other has taken its place: one that was ended, or is still being made, is
 *     heard late.
 */
import { showAddress } from '../../base/address.ts'
import { fail } from '../../base/errors.ts'
import type { Timer } from '../../env/clock.ts'
import type { Address, Connection, ConnectionHandler, NetworkError, NetworkErrorCode } from '../../env/network.ts'
import { type Base, type Json, newStatus, type SinkContext, turn, type Writer } from '../connector.ts'
import { SocketQueue } from './queue.ts'
import { Redial } from './redial.ts'

/** How long a barrier waits for the socket before its snapshot takes what is left. */
const HOLD_MS = 1000
export const DIAL_MS = 5000
/** How long the consumer may take to close its side at the end. */
export const CLOSING_MS = 5000

/** By what a sink dials. */
export interface DiallingWay {
  /** What is written to a connection has borders that must not be cut. */
  readonly whole: boolean
  dial(handler: ConnectionHandler): Connection
}

/** Why a connection ended, in a clause behind its address. */
const reasons: Readonly<Partial<Record<NetworkErrorCode, string>>> = {
  refused: 'the connection is refused',
  reset: 'it broke the connection',
  timeout: 'it does not answer',
  unreachable: 'there is no way to it',
}

export function reasonOf(error: NetworkError | null): string {
  return error === null ? 'it closed the connection' : (reasons[error.code] ?? error.message)
}

/** A barrier, or the end, that waits until `upTo` bytes of all that was ever taken have left. */
interface Waiting {
  readonly upTo: number
  readonly timer: Timer | null
  readonly done: (snapshot: Json) => void
}

export class DiallingWriter implements Writer {
  readonly status = newStatus('opening')
  private readonly context: SinkContext
  private readonly address: Address
  private readonly way: DiallingWay
  private readonly queue: SocketQueue
  /** Bytes that were ever taken, of which `queue.bytes` have not left. */
  private accepted = 0
  private waiting: Waiting[] = []
  /** The connection that is being made or stands, and the one that stands. */
  private dialled: Connection | null = null
  private connection: Connection | null = null
  private timer: Timer | null = null
  private readonly redial: Redial
  /** The operator knows that nobody is there. */
  private warned = false
  private blocked = false
  private ending: (() => void) | null = null
  private closed = false

  constructor(address: Address, context: SinkContext, way: DiallingWay) {
    this.address = address
    this.context = context
    this.way = way
    const { clock, random } = context.env
    this.redial = new Redial(random)
    this.queue = new SocketQueue(
      clock,
      context.limits.sinkQueueBytes,
      way.whole,
      () => context.maySpeak(),
      () => this.settle(),
    )
    this.dial()
  }

  get room(): boolean {
    return !this.blocked
  }

  restore(base: Base, done: () => void): void {
    this.forgetWaiting()
    // Behind the end, or on the way to it, the records come again.
    if (this.closed || this.ending !== null) this.reopen()
    this.queue.forget()
    this.accepted = this.queue.bytes
    for (const snapshot of base.snapshots) {
      if (typeof snapshot === 'string') this.take(Buffer.from(snapshot, 'base64'))
    }
    this.context.env.clock.soon(() => {
      this.settle()
      done()
    })
  }

  write(bytes: Buffer, records: number): boolean {
    this.status.records += records
    this.take(bytes)
    this.blocked = this.queue.bytes >= this.context.limits.writerBytes
    return !this.blocked
  }

  barrier(_epoch: number, _generation: number, done: (snapshot: Json) => void): void {
    const { clock } = this.context.env
    if (this.status.state === 'closed' && this.queue.bytes === 0) {
      clock.soon(() => done(null))
      return
    }
    const entry: Waiting = {
      upTo: this.accepted,
      timer: clock.after(this.connection === null ? 0 : HOLD_MS, () => this.release(entry)),
      done,
    }
    this.waiting.push(entry)
    clock.soon(() => this.settle())
  }

  commit(): void {}

  floor(): void {}

  end(done: () => void): void {
    const { clock } = this.context.env
    this.waiting.push({
      upTo: this.accepted,
      timer: null,
      done: () => {
        const { connection } = this
        this.ending = done
        if (connection === null) return this.ended()
        // What other workers still send to this one is what the next epoch holds of it.
        this.queue.detach()
        connection.end()
        clock.after(CLOSING_MS, () => connection.destroy())
      },
    })
    clock.soon(() => this.settle())
  }

  close(): void {
    this.closed = true
    turn(this.status, 'closed')
    this.forgetWaiting()
    this.letGo()
  }

  // ── The connection ───────────────────────────────────────────────────────────────────────────────────────────────

  private reopen(): void {
    this.letGo()
    this.closed = false
    this.ending = null
    turn(this.status, 'opening')
    this.dial()
  }

  /** Hears no more of the connection that there is, and of none that is still being made (D4). */
  private letGo(): void {
    const { dialled } = this
    this.timer?.cancel()
    this.queue.detach()
    this.dialled = null
    this.connection = null
    dialled?.destroy()
  }

  private dial(): void {
    const ours = (then: () => void): void => {
      if (this.dialled === dialled) then()
    }
    const dialled: Connection = this.way.dial({
      onOpen: () => ours(() => this.onOpen(dialled)),
      // A consumer has nothing to say.
      onBytes() {},
      onEnd: () => ours(() => this.onEnd(dialled)),
      onDrain: () => ours(() => this.queue.onDrain()),
      onClosed: (error) => ours(() => this.onClosed(error)),
    })
    this.dialled = dialled
    this.timer = this.context.env.clock.after(DIAL_MS, () => dialled.destroy())
  }

  private onOpen(connection: Connection): void {
    this.timer?.cancel()
    this.connection = connection
    this.redial.reset()
    this.warned = false
    turn(this.status, 'ready')
    this.queue.attach(connection)
    this.settle()
  }

  /** The consumer goes away; what is written from here on would be lost without a sign. */
  private onEnd(connection: Connection): void {
    if (this.ending === null) connection.destroy()
  }

  private onClosed(error: NetworkError | null): void {
    this.timer?.cancel()
    this.connection = null
    this.queue.detach()
    this.status.peers = 0
    if (this.ending !== null) {
      this.ended()
      return
    }
    const { host, port } = this.address
    const reason = reasonOf(error)
    turn(this.status, 'no-peer', `${showAddress({ host, port })}: ${reason}`)
    if (!this.warned) this.context.warn(fail('E_NO_PEER', { step: this.context.step, host, port, reason }))
    this.warned = true
    this.timer = this.context.env.clock.after(this.redial.next(), () => this.dial())
  }

  private ended(): void {
    const done = this.ending!
    this.ending = null
    this.closed = true
    turn(this.status, 'closed')
    this.letGo()
    this.context.env.clock.soon(done)
  }

  // ── What waits ───────────────────────────────────────────────────────────────────────────────────────────────────

  private take(bytes: Buffer): void {
    this.accepted += bytes.length
    this.queue.add(bytes)
    this.count()
  }

  private count(): void {
    this.status.queuedBytes = this.queue.bytes
    this.status.writtenBytes = this.accepted - this.queue.bytes
  }

  /** Answers what has waited for bytes that have left by now. */
  private settle(): void {
    if (this.closed) return
    this.count()
    const left = this.accepted - this.queue.bytes
    while (this.waiting.length > 0 && this.waiting[0]!.upTo <= left) {
      const entry = this.waiting.shift()!
      entry.timer?.cancel()
      entry.done(null)
    }
    if (this.blocked && this.queue.bytes < this.context.limits.writerBytes) {
      this.blocked = false
      this.context.wake()
    }
  }

  /** Answers a barrier with what has not left in front of it. */
  private release(entry: Waiting): void {
    const at = this.waiting.indexOf(entry)
    if (at < 0) return
    this.waiting.splice(at, 1)
    const parts: Buffer[] = []
    let end = this.accepted - this.queue.bytes
    for (const chunk of this.queue.held) {
      if ((end += chunk.length) > entry.upTo) break
      parts.push(chunk)
    }
    entry.done(Buffer.concat(parts).toString('base64'))
  }

  private forgetWaiting(): void {
    for (const entry of this.waiting) entry.timer?.cancel()
    this.waiting = []
  }
}
