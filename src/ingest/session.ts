/**
 * The server's end of one acked connection: bytes in, bytes out, no socket (PROTOCOLS 2).
 * `session-table.ts` decides; this file carries out and counts.
 *
 * N2. A batch is given to the source before any answer to it, and acked only by what the source says of its stream.
 * N3. Credit comes back as the pipeline takes bytes, at once for repeats. A client that goes beyond it is refused.
 * N4. When another connection brings the same stream this one is over: only the youngest counts.
 * N5. While a connection lasts, a generation may change, and journals of others may bring its stream on. So before
 *     anything is passed over, acknowledged or asked for anew it is seen that the client knows who has brought it
 *     (`streams.ts`, T4).
 */

import { assert } from '../base/assert.ts'
import { fail, PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import { decide } from '../base/table.ts'
import type { Clock, Timer } from '../env/clock.ts'
import type { Cuts } from '../model/connector.ts'
import { type AckedMessage, ackedFrameBytes, encodeAcked, readAcked } from '../protocol/acked.ts'
import { type Frame, FrameParser } from '../protocol/frame.ts'
import { FIELD_BYTES } from '../protocol/message-frame.ts'
import { Hearing } from '../protocol/silence.ts'
import { isUnknown } from '../protocol/unknown.ts'
import { refusalOf, versionFor } from './hello-check.ts'
import type { Producers } from './producers.ts'
import { cutRecords } from './records.ts'
import type { Room } from './room.ts'
import { type Hello, type SessionEffect, type SessionEvent, type SessionState, sessionTable } from './session-table.ts'
import type { Stream, StreamSession } from './stream.ts'
import { foreignIn, type HelloAnswer } from './streams.ts'

/** How long a producer is asked to wait that could not be served, but may be later. */
const RETRY_MS = 1000
/** Longest reason that is sent, in characters. */
const REASON_LENGTH = 300

/** What a session asks of its source. */
export interface SessionSource {
  /** `pipeline/step`. */
  readonly name: string
  readonly token: string | null
  readonly worker: string
  readonly limits: Limits
  readonly clock: Clock
  readonly room: Pick<Room, 'isOpen' | 'when' | 'forget'>
  /** Why nothing is taken in, or `null`. */
  readonly blockedBy: string | null
  readonly counters: { turnedAway: number }
  /**
   * For the records of one batch, whoever brings it: each session would keep room for the most that it ever brought.
   */
  readonly cuts: Cuts
  readonly producers: Pick<Producers, 'hello' | 'forget' | 'grant' | 'part'>
  addressOf(worker: string): { readonly host: string; readonly port: number } | null
  admit(stream: Stream, bytes: Buffer, cuts: Cuts, first: number, writer: string): number
}

export class Session implements StreamSession {
  private state: SessionState = { phase: 'greeting' }
  private readonly source: SessionSource
  private readonly write: (bytes: Uint8Array) => boolean
  private readonly shut: () => void
  private readonly parser: FrameParser
  private stream: Stream | null = null
  private names: Hello | null = null
  /** The batch in hand while the table decides on it. */
  private body: Buffer = Buffer.alloc(0)
  private first = 0
  private bytes = 0
  /** Bytes that were brought and have not come back as credit. */
  private outstanding = 0
  /** Credit that has come back and was not sent. */
  private owed = 0
  private journaled = 0
  private stable = 0
  /** The peer did not take our last message at once: what is cumulative waits for the next turn of the clock. */
  private stuck = false
  private readonly hearing = new Hearing()
  private spoke = false
  private paused = false
  private timer: Timer
  private resume: (() => void) | null = null

  /**
   * `write` sends bytes and answers false while the peer does not take them; `shut` sends what is queued and closes
   * the connection.
   */
  constructor(source: SessionSource, write: (bytes: Uint8Array) => boolean, shut: () => void) {
    this.source = source
    this.write = write
    this.shut = shut
    // Until it is known who brings what.
    this.parser = new FrameParser(FIELD_BYTES)
    const { helloTimeoutMs } = source.limits
    this.timer = source.clock.after(helloTimeoutMs, () => this.leave(this.lateness(helloTimeoutMs)))
  }

  // ── The connection ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes the next bytes of the connection. `false`: bring no more until the function of `onRoom` is called. */
  onBytes(chunk: Buffer): boolean {
    this.hearing.heard()
    try {
      this.parser.push(chunk, (frame) => this.onFrame(frame))
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      this.leave(error)
    }
    if (this.state.phase === 'over' || this.source.room.isOpen) return true
    if (!this.paused) {
      this.paused = true
      this.source.room.when(this.goOn)
    }
    return false
  }

  /** A long message of a WebSocket comes: its client is not silent, as long as it comes to its end. */
  onPart(): void {
    this.hearing.heardPart()
  }

  onRoom(fn: () => void): void {
    this.resume = fn
  }

  /** Whose fault it is that there was no welcome for `ms`: a client's that has not said hello, or ours. */
  private lateness(ms: number): PotorooError {
    const { state, source } = this
    if (state.phase !== 'waiting') return fail('E_ACKED_SILENT', { ms })
    const reason = source.blockedBy ?? 'it has yet to hear which worker answers for its records'
    return fail('E_SOURCE_WAITS', { source: source.name, producer: state.hello.producer, ms, reason })
  }

  get pending(): number {
    return this.parser.waiting
  }

  get greeted(): boolean {
    return this.state.phase !== 'greeting'
  }

  onClosed(): void {
    this.step({ kind: 'leave', error: null })
  }

  private readonly goOn = (): void => {
    this.paused = false
    if (this.state.phase !== 'over') this.resume?.()
  }

  private onFrame(frame: Frame): void {
    this.hearing.heardFrame()
    const { message, body } = readAcked(frame)
    switch (message.kind) {
      case 'batch': {
        this.body = frame.payload
        const { cuts, limits } = this.source
        this.first = message.first
        cuts.count = 0
        cutRecords(frame.payload, body, message.count, limits.recordBytes, cuts)
        this.bytes = frame.payload.length - body
        this.step({ kind: 'batch', bytes: this.bytes })
        break
      }
      case 'hello':
      case 'rewound':
      case 'ping':
      case 'pong':
      case 'end':
        this.step(message)
        break
      default:
        this.step({ kind: 'foreign', name: message.kind })
    }
  }

  // ── The stream ───────────────────────────────────────────────────────────────────────────────────────────────────

  onAcks(): void {
    const { stream } = this
    if (stream === null || this.stuck) return
    if (stream.journaled === this.journaled && stream.stable === this.stable) return
    if (this.isForked()) return
    this.journaled = stream.journaled
    this.stable = stream.stable
    this.send({ kind: 'ack', journaled: this.journaled, stable: this.stable })
  }

  onTaken(bytes: number): void {
    // What an earlier connection of the stream has brought is no credit of this one.
    const taken = Math.min(bytes, this.outstanding)
    this.outstanding -= taken
    this.giveBack(taken)
  }

  private giveBack(bytes: number): void {
    this.owed += bytes
    if (this.owed * 4 >= this.source.limits.producerCreditBytes && !this.stuck) this.returnCredit()
  }

  private returnCredit(): void {
    const bytes = this.owed
    this.owed = 0
    if (bytes === 0 || this.state.phase !== 'open') return
    this.step({ kind: 'returned', bytes })
    this.send({ kind: 'credit', bytes })
  }

  onRewind(): void {
    if (this.isForked()) return
    this.outstanding = 0
    this.owed = 0
    const resumeAfter = this.stream!.admitted
    this.step({ kind: 'rewind', resumeAfter, credit: this.source.limits.producerCreditBytes })
  }

  /**
   * Whether somebody has brought records of the stream whom this client does not know (N5). Then the connection ends;
   * the client comes again, and is refused for good.
   */
  private isForked(): boolean {
    const { client } = this
    const { producer } = client
    const { trail, admitted } = this.stream!
    const record = foreignIn(trail, admitted, client.oldest, client)
    if (record !== null) this.leave(fail('E_STREAM_FORKED', { producer, record }))
    return record !== null
  }

  /**
   * Not for ever: what has replaced this connection may be an earlier one of the same client, given up by it, whose
   * hello was late on the wire.
   */
  onReplaced(): void {
    this.leave(fail('E_ACKED_REPLACED', { producer: this.client.producer }))
  }

  onMoved(worker: string): void {
    this.step({ kind: 'moved', worker })
  }

  // ── Effects ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private leave(error: PotorooError | null): void {
    this.step({ kind: 'leave', error })
  }

  private step(event: SessionEvent): void {
    const { next, effects } = decide<SessionState, SessionEvent, SessionEffect>(
      'acked session',
      sessionTable,
      this.state,
      event,
    )
    this.state = next
    for (const effect of effects) this.execute(effect)
  }

  private execute(effect: SessionEffect): void {
    switch (effect.kind) {
      case 'ask':
        this.names = effect.hello
        this.ask()
        break
      case 'welcome':
        this.welcome(effect.resumeAfter)
        break
      case 'send':
        this.send(effect.message)
        break
      case 'admit':
        this.admit()
        break
      case 'turnAway':
        this.turnAway(effect.answer)
        break
      case 'close':
        this.close(effect.error)
    }
  }

  /** Who has said hello: nothing else is done before that. */
  private get client(): Hello {
    assert(this.names !== null, 'a session begins with hello')
    return this.names
  }

  /** Asks the source about the hello: now, and again when it could not say. */
  private readonly ask = (): void => {
    if (this.state.phase !== 'waiting') return
    const { hello } = this.state
    const answer =
      refusalOf(hello, this.source) ??
      this.source.producers.hello(hello.producer, hello.incarnation, hello.oldest, hello, this.ask)
    if (answer !== null) this.step({ kind: 'answered', answer })
  }

  private welcome(resumeAfter: number): void {
    const { source } = this
    const { client } = this
    const { producer, incarnation } = client
    const { producerCreditBytes: credit, recordBytes, keepAliveMs } = source.limits
    const stream = source.producers.grant(producer, incarnation, this)
    this.stream = stream
    this.parser.allow(ackedFrameBytes(source.limits.recordBytes))
    // What the welcome says: on a disk there may be more by now, which no later ack needs to say.
    this.journaled = stream.stable
    this.stable = stream.stable
    const { worker } = source
    this.send({
      kind: 'welcome',
      version: versionFor(client)!,
      worker,
      resumeAfter,
      stable: stream.stable,
      credit,
      recordBytes,
      keepAliveMs,
    })
    this.step({ kind: 'returned', bytes: credit })
    this.timer.cancel()
    this.timer = source.clock.after(keepAliveMs, this.tick)
    this.onAcks()
  }

  private admit(): void {
    const { stream, bytes } = this
    const { cuts } = this.source
    if (cuts.count === 0) {
      this.giveBack(bytes)
      return
    }
    if (this.first <= stream!.admitted && this.isForked()) return
    const appended = this.source.admit(stream!, this.body, cuts, this.first, this.client.writer)
    if (appended < 0) {
      const reason = `a batch begins at record ${this.first}, expected ${stream!.admitted + 1}`
      this.leave(fail('E_ACKED_PROTOCOL', { reason }))
    } else {
      this.outstanding += appended
      // Repeats and the lengths between records are not the pipeline's to take (N3).
      this.giveBack(bytes - appended)
    }
  }

  private turnAway(answer: Exclude<HelloAnswer, { kind: 'welcome' }>): void {
    this.source.counters.turnedAway++
    if (answer.kind !== 'redirect') return this.close(answer.error, isFinal(answer) ? 0 : RETRY_MS)
    const { worker } = answer
    const address = this.source.addressOf(worker)
    if (address === null)
      return this.close(fail('E_STREAM_ELSEWHERE', { producer: this.client.producer, home: worker }))
    this.send({ kind: 'redirect', worker, ...address })
    this.close(null)
  }

  /** Ends the connection, with the reason and when another try is worth while. */
  private close(error: PotorooError | null, retryMs: number = RETRY_MS): void {
    this.timer.cancel()
    this.parser.stop()
    this.source.producers.forget(this.ask)
    this.source.room.forget(this.goOn)
    if (this.stream !== null) this.source.producers.part(this.stream, this)
    if (error !== null) {
      const reason = error.message.slice(0, REASON_LENGTH)
      this.send({ kind: 'refused', code: error.code, reason, retryMs })
    }
    this.shut()
  }

  private send(message: Exclude<AckedMessage, { kind: 'batch' }>): void {
    this.spoke = true
    this.stuck = !this.write(encodeAcked(message))
  }

  /** Keeps the connection alive, and finds out when it is not. */
  private readonly tick = (): void => {
    const { keepAliveMs } = this.source.limits
    // A client that is made to wait is not silent by its own will.
    if (!this.paused) {
      const silentFor = this.hearing.look(this.parser.waiting)
      if (silentFor !== null) return this.leave(fail('E_ACKED_SILENT', { ms: keepAliveMs * silentFor }))
    }
    this.timer = this.source.clock.after(keepAliveMs, this.tick)
    this.stuck = false
    this.onAcks()
    if (!this.stuck) this.returnCredit()
    if (!this.spoke) this.send({ kind: 'ping' })
    this.spoke = false
  }
}

/** Whether another try is useless. */
function isFinal({ kind, error }: Exclude<HelloAnswer, { kind: 'welcome' | 'redirect' }>): boolean {
  return kind === 'refused' && !isUnknown(error.code)
}
