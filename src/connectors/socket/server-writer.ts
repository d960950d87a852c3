/**
 * The writer of a sink that listens, whatever it listens by: takes subscribers and writes every record to each of them.
 * `best-effort`: without a subscriber records go nowhere, and one that comes later begins with what is written then.
 *
 * U1. A subscriber that falls more than `queueBytes` behind is dropped, or stops the task, as the user has said.
 * U2. A barrier is acknowledged when each subscriber's bytes before it were given to the system or the subscriber is
 *     gone; one that is to be dropped when slow has `HOLD_MS` for it.
 * U3. A subscriber's stream begins and ends between two records, unless its connection breaks.
 */
import { showAddress } from '../../base/address.ts'
import { fail } from '../../base/errors.ts'
import type { Timer } from '../../env/clock.ts'
import type { Connection, ConnectionHandler, Listener, NetworkError } from '../../env/network.ts'
import { type Base, type Json, newStatus, type SinkContext, type Writer } from '../connector.ts'
import { Sparing } from '../sparing.ts'
import { listenFault } from './fault.ts'
import { Subscriber, type SubscriberHome } from './subscriber.ts'

/** How long a barrier waits for a subscriber that may be dropped. */
const HOLD_MS = 5000

export interface ServerSettings {
  readonly host: string
  readonly port: number
  readonly slow: 'drop' | 'wait'
  readonly queueBytes: number
  readonly subscribers: number
}

/** By what a server sink listens. */
export interface ListeningWay {
  /** What is written to a connection has borders that must not be cut. */
  readonly whole: boolean
  /** Listens at the settings' address; `accept` answers `null` to who is not let in. */
  listen(
    accept: (connection: Connection) => ConnectionHandler | null,
    done: (error: NetworkError | null, listener: Listener | null) => void,
  ): void
}

interface Waiting {
  timer: Timer | null
  readonly done: () => void
}

export class ServerWriter implements Writer, SubscriberHome {
  readonly status = newStatus('opening')
  readonly context: SinkContext
  readonly whole: boolean
  private readonly settings: ServerSettings
  private readonly way: ListeningWay
  private readonly subscribers = new Set<Subscriber>()
  private readonly told: Sparing
  private waiting: Waiting[] = []
  private listener: Listener | null = null
  /** Its port is being opened. */
  private opening = false
  /** No record follows: nobody else is let in. */
  private ending = false
  private blocked = false
  private closed = false

  constructor(settings: ServerSettings, context: SinkContext, way: ListeningWay) {
    this.settings = settings
    this.context = context
    this.way = way
    this.whole = way.whole
    this.told = new Sparing(context.env.clock)
    this.listen()
  }

  get room(): boolean {
    return !this.blocked
  }

  /** Nothing can be taken back from a subscriber, and nothing that waits for one is kept. */
  restore(_base: Base, done: () => void): void {
    this.forgetWaiting()
    // Behind the end, or on the way to it, the records come again.
    this.ending = false
    this.closed = false
    if (this.listener === null && !this.opening) this.listen()
    for (const subscriber of this.subscribers) {
      if (subscriber.ended) this.subscribers.delete(subscriber)
      else subscriber.forget()
    }
    this.context.env.clock.soon(() => {
      this.settle()
      done()
    })
  }

  write(bytes: Buffer, records: number): boolean {
    this.status.records += records
    this.status.writtenBytes += bytes.length
    const { queueBytes, slow } = this.settings
    for (const subscriber of this.subscribers) {
      const behind = subscriber.add(bytes)
      if (behind < queueBytes) continue
      if (slow === 'wait') this.blocked = true
      else this.drop(subscriber, `it is ${behind} bytes behind`)
    }
    this.count()
    return !this.blocked
  }

  barrier(_epoch: number, _generation: number, done: (snapshot: Json) => void): void {
    const { clock } = this.context.env
    if (this.closed) {
      clock.soon(() => done(null))
      return
    }
    for (const subscriber of this.subscribers) subscriber.mark()
    this.wait(() => done(null))
  }

  commit(): void {}

  floor(): void {}

  end(done: () => void): void {
    this.ending = true
    this.listener?.close()
    this.listener = null
    for (const subscriber of this.subscribers) {
      subscriber.mark()
      subscriber.endWhenSent()
    }
    this.wait(() => {
      this.closed = true
      this.status.state = 'closed'
      done()
    })
  }

  close(): void {
    this.closed = true
    this.status.state = 'closed'
    this.forgetWaiting()
    this.listener?.close()
    this.listener = null
    for (const subscriber of this.subscribers) subscriber.destroy()
    this.subscribers.clear()
    this.count()
  }

  left(subscriber: Subscriber): void {
    if (this.subscribers.delete(subscriber)) this.settle()
  }

  /** Answers the barriers that no subscriber is behind of any more. */
  settle(): void {
    if (this.closed) return
    this.count()
    let late = 0
    let most = 0
    for (const subscriber of this.subscribers) {
      late = Math.max(late, subscriber.marks)
      most = Math.max(most, subscriber.behind)
    }
    while (this.waiting.length > late) {
      const entry = this.waiting.shift()!
      entry.timer?.cancel()
      entry.done()
    }
    if (this.blocked && most < this.settings.queueBytes) {
      this.blocked = false
      this.context.wake()
    }
  }

  private listen(): void {
    this.opening = true
    this.status.state = 'opening'
    this.way.listen(
      (connection) => this.accept(connection),
      (error, listener) => this.opened(error, listener),
    )
  }

  private opened(error: NetworkError | null, listener: Listener | null): void {
    this.opening = false
    if (this.closed || this.ending) {
      listener?.close()
      return
    }
    const { host, port } = this.settings
    if (error === null) {
      this.listener = listener
      this.status.state = 'ready'
      const { address } = listener!
      this.context.listening(showAddress(address))
      return
    }
    this.status.state = 'failed'
    this.closed = true
    this.context.failed(listenFault(this.context.step, host, port, error))
  }

  private accept(connection: Connection): ConnectionHandler | null {
    if (this.closed || this.ending || this.subscribers.size >= this.settings.subscribers) return null
    const subscriber = new Subscriber(this, connection)
    this.subscribers.add(subscriber)
    this.count()
    return subscriber
  }

  private drop(subscriber: Subscriber, reason: string): void {
    this.status.dropped++
    this.subscribers.delete(subscriber)
    subscriber.destroy()
    const { context } = this
    context.env.clock.soon(() => {
      if (this.closed) return
      const { remote: peer } = subscriber
      if (this.told.isNews(peer)) context.warn(fail('E_SUBSCRIBER_DROPPED', { step: context.step, peer, reason }))
      this.settle()
    })
  }

  /**
   * Calls `done` when no subscriber is behind any more; who holds it up for too long is dropped, where that is wanted.
   */
  private wait(done: () => void): void {
    const { clock } = this.context.env
    const entry: Waiting = { timer: null, done }
    if (this.settings.slow === 'drop') entry.timer = clock.after(HOLD_MS, () => this.dropLate(entry))
    this.waiting.push(entry)
    clock.soon(() => this.settle())
  }

  private dropLate(entry: Waiting): void {
    // Who is behind a later one only has been asked just now.
    const late = this.waiting.length - this.waiting.indexOf(entry)
    for (const subscriber of this.subscribers) {
      if (subscriber.marks >= late) this.drop(subscriber, `it took nothing for ${HOLD_MS} ms`)
    }
  }

  private count(): void {
    this.status.peers = this.subscribers.size
    let queued = 0
    for (const subscriber of this.subscribers) queued += subscriber.behind
    this.status.queuedBytes = queued
  }

  private forgetWaiting(): void {
    for (const entry of this.waiting) entry.timer?.cancel()
    this.waiting = []
  }
}
