/**
 * A producer: takes records, keeps them until they are stable, and sends them to whichever worker takes them.
 *
 * P1. Records have the order in which `send` took them, over every reconnection.
 * P2. What is sent stands in the outbox before; what is in the outbox is sent again until it is stable.
 * P3. A refusal for good ends the client: every promise that waits is rejected with it, and so is every later call.
 * P4. A record that is too long for the workers is refused as it comes, and the client goes on. One that is in the
 *     outbox already, since before a worker has said how much it takes, ends the client: nothing behind it can be sent.
 * P5. Whoever closes it over records that stand nowhere else is told, though nothing waits for them: they are lost.
 */
import { EventEmitter } from 'node:events'
import { fail, type PotorooError } from '../base/errors.ts'
import { writeToken } from '../protocol/read-token.ts'
import { isUnknown, UNKNOWN_MAX } from '../protocol/unknown.ts'
import { Backoff } from './backoff.ts'
import { Connection, type ServerMessage } from './connection.ts'
import { Gatherer } from './gatherer.ts'
import { newId } from './id.ts'
import type { Address, Settings } from './options.ts'
import { Outbox, type OutboxStore, recordOver } from './outbox.ts'
import { faultOf, type OutgoingRecord } from './record.ts'
import { addressOf, type Dial, elsewhere, type Target } from './transport.ts'
import { Waiters } from './waiters.ts'

/** `journaled`: on a worker's disk. `stable`: in a complete checkpoint. */
export type AckLevel = 'journaled' | 'stable'

export interface ClientEvents {
  /** A worker takes records. */
  connect: [worker: { readonly address: Address; readonly worker: string }]
  /** The connection has ended; another one is being tried. */
  disconnect: [reason: string]
  /** No worker could be reached at `address`; it, or the next address, is tried again. */
  unreachable: [attempt: { readonly address: Address; readonly reason: string }]
  /** Acknowledgements have risen. */
  ack: [acks: { readonly journaled: number; readonly stable: number }]
  /** A worker takes no records now; it is asked again later. */
  refused: [refusal: { readonly code: string; readonly reason: string }]
  /** The client has ended for good (P3). */
  failed: [error: PotorooError]
}

/** Sends that may wait for room at a time. */
const WAITING_MAX = 1024
/** Redirections that are followed before the client waits. */
const REDIRECTS_MAX = 5

export class Client extends EventEmitter<ClientEvents> {
  readonly incarnation: string
  /** All records up to this sequence are on a worker's disk, or in a checkpoint. */
  journaled = 0
  /** All records up to this sequence are in a complete checkpoint. */
  stable = 0
  private readonly settings: Settings
  private readonly dialler: Dial
  private readonly lost: (error: PotorooError) => void
  private readonly outbox: Outbox
  private readonly gatherer: Gatherer
  private readonly backoff: Backoff
  private connection: Connection | null = null
  /** The connection has been welcomed; `credit` says how many bytes it may have on the way. */
  private welcomed = false
  private credit = 0
  /** The worker that has welcomed us last, and the longest record that it takes. */
  private taker = { worker: '', recordBytes: Infinity }
  private attempt = 0
  private redirects = 0
  private unknown = 0
  private retry: NodeJS.Timeout | null = null
  private failure: PotorooError | null = null
  /** The last sequence found in an outbox on disk. */
  private readonly recovered: number
  private scheduled = false
  private readonly room = Promise.resolve()
  private readonly waitingForRoom = new Waiters<void>()
  private readonly waitingForAck = { journaled: new Waiters<string>(), stable: new Waiters<string>() }

  /** Use `connect`. `lost`: is told what is lost by `close` (P5). */
  constructor(
    settings: Settings,
    incarnation: string,
    store: OutboxStore | null,
    dialler: Dial,
    lost: (error: PotorooError) => void = () => {},
  ) {
    super()
    this.settings = settings
    this.lost = lost
    this.dialler = dialler
    this.incarnation = incarnation
    this.outbox = new Outbox(store, newId())
    this.recovered = this.outbox.next - 1
    this.gatherer = new Gatherer(settings.batchBytes, (count, body) => this.outbox.append(count, body))
    this.backoff = new Backoff(settings.maxBackoffMs)
    this.dial(settings.targets[0]!)
  }

  /** How many of the records given to `send` are not stable yet. */
  get outstanding(): number {
    return this.last - this.stable
  }

  /** Sequence of the last record that `send` took. */
  get last(): number {
    return this.outbox.next + this.gatherer.count - 1
  }

  /** Whether a worker takes records now. */
  get connected(): boolean {
    return this.welcomed
  }

  /**
   * Takes one record or several. The promise resolves when there is room for more: await it, and memory stays bounded.
   * Rejects with `E_OUTBOX_FULL` when too many sends wait already, with `E_RECORD_TOO_LONG` where a record is longer
   * than the workers take, and with `E_CLIENT_RECORD` where one is neither text nor bytes; then none of the records of
   * this call was taken. Once the client has ended, rejects with the error that ended it (P3).
   */
  send(records: OutgoingRecord | readonly OutgoingRecord[]): Promise<void> {
    if (this.failure !== null) return Promise.reject(this.failure)
    if (this.waitingForRoom.length >= WAITING_MAX) {
      const { producer } = this.settings
      return Promise.reject(fail('E_OUTBOX_FULL', { producer, waiting: WAITING_MAX }))
    }
    const given = Array.isArray(records) ? (records as readonly OutgoingRecord[]) : [records as OutgoingRecord]
    for (const record of given) {
      const fault = faultOf(record, this.taker.recordBytes)
      if (fault !== null) return Promise.reject(fault)
    }
    try {
      for (let i = 0; i < given.length; i++) this.gatherer.add(given[i]!)
    } catch (error) {
      return this.fail(error)
    }
    this.schedule()
    return this.hasRoom ? this.room : this.waitingForRoom.wait(0)
  }

  private get hasRoom(): boolean {
    return this.outbox.bytes + this.gatherer.bytes < this.settings.maxOutstanding
  }

  /**
   * Resolves when every record sent so far is acknowledged at `level`, with a token that covers them: a query with that
   * token (`potoroo query … --after`, `?after=`) shows a state that includes them. It waits for as long as no worker
   * can be reached. Rejects with the error that ends the client, `E_CLIENT_CLOSED` after `close`, and with
   * `E_CLIENT_LEVEL` where there is no such level.
   */
  flush(level: AckLevel = 'stable'): Promise<string> {
    if (this.failure !== null) return Promise.reject(this.failure)
    if (!isLevel(level)) return Promise.reject(noLevel(level))
    const until = this.last
    if (this[level] >= until) return Promise.resolve(this.tokenOf(until))
    return this.waitingForAck[level].wait(until)
  }

  /** A token for every record acknowledged at `level` so far. Throws `E_CLIENT_LEVEL` where there is no such level. */
  token(level: AckLevel = 'journaled'): string {
    if (!isLevel(level)) throw noLevel(level)
    return this.tokenOf(this[level])
  }

  private tokenOf(sequence: number): string {
    const { source, producer } = this.settings
    return writeToken({ source, producer, incarnation: this.incarnation, sequence })
  }

  /**
   * Ends the client at once: await `flush` before. Records that are not stable stay in an outbox on disk; an outbox in
   * memory is lost with them, which Node says as a warning (`E_CLIENT_LEFT`) where no worker has acknowledged them.
   */
  close(): void {
    if (this.failure !== null) return
    try {
      this.gatherer.flush()
    } catch (error) {
      this.settle(error as PotorooError)
      return
    }
    const { producer, outbox } = this.settings
    const records = outbox === null ? this.last - this.journaled : 0
    this.settle(fail('E_CLIENT_CLOSED', { producer }))
    if (records > 0) this.lost(fail('E_CLIENT_LEFT', { producer, records }))
  }

  // ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends what was gathered once the caller's turn of the loop is over. */
  private schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    setImmediate(() => {
      this.scheduled = false
      if (this.failure === null) this.pump()
    })
  }

  private pump(): void {
    const { connection, outbox } = this
    try {
      this.gatherer.flush()
      if (this.welcomed && outbox.peek() !== null) outbox.sign()
    } catch (error) {
      this.fail(error).catch(() => {})
      return
    }
    if (connection === null || !this.welcomed) return
    let long: ReturnType<typeof recordOver> = null
    connection.send(() => {
      const batch = this.credit > 0 && !connection.blocked ? outbox.peek() : null
      if (batch === null) return null
      long = recordOver(batch, this.taker.recordBytes)
      if (long !== null) return null
      this.credit -= batch.body.length
      outbox.advance()
      return batch
    })
    if (long !== null) this.refuseRecord(long)
  }

  /** P4. */
  private refuseRecord({ sequence, bytes }: { readonly sequence: number; readonly bytes: number }): void {
    const { worker, recordBytes: limit } = this.taker
    this.settle(fail('E_OUTBOX_RECORD', { ...{ sequence, bytes, worker, limit }, path: this.outboxName }))
  }

  private get outboxName(): string {
    return this.settings.outbox?.path ?? 'in memory'
  }

  // ── Connecting ───────────────────────────────────────────────────────────────────────────────────────────────────

  private dial(target: Target): void {
    this.retry = null
    const identity = { incarnation: this.incarnation, oldest: this.outbox.oldest, ...this.outbox.claim }
    this.connection = new Connection(this.dialler, target, this.settings, identity, {
      onMessage: (message) => this.onMessage(message),
      onRoom: () => this.pump(),
      onEnd: (reason) => this.onEnd(reason),
    })
  }

  private onEnd(reason: string): void {
    if (this.welcomed) this.tell('disconnect', reason)
    else this.tell('unreachable', { address: addressOf(this.connection!.target), reason })
    this.hangUp()
    const { targets } = this.settings
    this.wait(targets[++this.attempt % targets.length]!, this.backoff.next())
  }

  private hangUp(): void {
    this.connection = null
    this.welcomed = false
  }

  private wait(target: Target, ms: number): void {
    if (this.failure === null) this.retry = setTimeout(() => this.dial(target), ms)
  }

  private onMessage(message: ServerMessage): void {
    switch (message.kind) {
      case 'welcome':
        this.onWelcome(message)
        break
      case 'redirect':
        this.onRedirect(message)
        break
      case 'refused':
        this.onRefused(message)
        break
      case 'ack':
        this.onAck(message.journaled, message.stable)
        break
      case 'credit':
        this.credit += message.bytes
        this.pump()
        break
      case 'rewind':
        if (this.isBehind(message.resumeAfter)) return
        this.outbox.rewind(message.resumeAfter)
        this.credit = message.credit
        this.connection!.say({ kind: 'rewound', resumeAfter: message.resumeAfter })
        this.pump()
        break
    }
  }

  private onWelcome(welcome: Extract<ServerMessage, { kind: 'welcome' }>): void {
    const { worker, resumeAfter, stable, credit, recordBytes } = welcome
    const { outbox } = this
    if (this.isBehind(resumeAfter)) return
    this.welcomed = true
    this.taker = { worker, recordBytes }
    this.credit = credit
    this.redirects = 0
    this.unknown = 0
    this.backoff.reset()
    outbox.rewind(resumeAfter)
    this.tell('connect', { address: addressOf(this.connection!.target), worker })
    this.onAck(this.journaled, stable)
    this.pump()
  }

  /** Ends the client where the worker has records that we do not know (`outbox.ts`, U1): their sequences are taken. */
  private isBehind(known: number): boolean {
    if (known < this.outbox.next) return false
    this.settle(fail('E_OUTBOX_BEHIND', { path: this.outboxName, last: this.recovered, known }))
    return true
  }

  private onRedirect({ host, port }: Extract<ServerMessage, { kind: 'redirect' }>): void {
    const { connection } = this
    this.hangUp()
    connection!.close()
    const follow = ++this.redirects <= REDIRECTS_MAX
    this.wait(elsewhere(connection!.target, host, port), follow ? 0 : this.backoff.next())
  }

  private onRefused({ code, reason, retryMs }: Extract<ServerMessage, { kind: 'refused' }>): void {
    if (isUnknown(code)) this.unknown++
    if (retryMs === 0 || this.unknown >= UNKNOWN_MAX) {
      this.settle(fail('E_CLIENT_REFUSED', { producer: this.settings.producer, code, reason }))
      return
    }
    this.tell('refused', { code, reason })
    const { connection } = this
    this.hangUp()
    connection!.close()
    const { targets } = this.settings
    this.wait(targets[++this.attempt % targets.length]!, Math.max(retryMs, this.backoff.next()))
  }

  private onAck(journaled: number, stable: number): void {
    if (journaled <= this.journaled && stable <= this.stable) return
    if (this.isBehind(Math.max(journaled, stable))) return
    this.stable = Math.max(this.stable, stable)
    this.journaled = Math.max(this.journaled, journaled, this.stable)
    try {
      this.outbox.drop(this.stable)
    } catch (error) {
      this.fail(error).catch(() => {})
      return
    }
    this.tell('ack', { journaled: this.journaled, stable: this.stable })
    for (const level of ['journaled', 'stable'] as const) {
      this.waitingForAck[level].reach(this[level], (until) => this.tokenOf(until))
    }
    if (this.hasRoom) this.waitingForRoom.reach(0, () => {})
  }

  // ── Ending ───────────────────────────────────────────────────────────────────────────────────────────────────────

  private fail(error: unknown): Promise<never> {
    const failure = error as PotorooError
    this.settle(failure)
    return Promise.reject(failure)
  }

  /** Ends the client for `error` (P3). */
  private settle(error: PotorooError): void {
    if (this.failure !== null) return
    this.failure = error
    const { connection } = this
    this.hangUp()
    connection?.close()
    if (this.retry !== null) clearTimeout(this.retry)
    this.outbox.close()
    const { journaled, stable } = this.waitingForAck
    for (const waiters of [this.waitingForRoom, journaled, stable]) waiters.fail(error)
    if (error.code !== 'E_CLIENT_CLOSED') this.tell('failed', error)
  }

  /**
   * Tells listeners once what has happened is done with: they may call the client, and what they throw is theirs, and
   * not taken for a fault of the worker's.
   */
  private tell<K extends keyof ClientEvents>(event: K, ...args: ClientEvents[K]): void {
    queueMicrotask(() => this.emit<keyof ClientEvents>(event, ...args))
  }
}

function isLevel(level: unknown): level is AckLevel {
  return level === 'journaled' || level === 'stable'
}

function noLevel(level: unknown): PotorooError {
  return fail('E_CLIENT_LEVEL', { got: typeof level === 'string' ? `"${level}"` : typeof level })
}
