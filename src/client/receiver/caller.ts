/** One connection of a sink to the intake of a receiver. I1-I4 of `intake.ts` are kept here. */
import { PotorooError } from '../../base/errors.ts'
import { sameSecret } from '../../base/secret.ts'
import {
  type DeliveryMessage,
  deliveryFrameBytes,
  deliveryVersions,
  encodeDelivery,
  type Hello,
  readDelivery,
  readRecords,
  STALE,
} from '../../protocol/delivery.ts'
import { FrameParser } from '../../protocol/frame.ts'
import { FIELD_BYTES } from '../../protocol/message-frame.ts'
import { Hearing } from '../../protocol/silence.ts'
import { agreedVersion } from '../../protocol/version.ts'
import type { Intake, Session, TakenRecord } from './intake.ts'

/** The way back to a sink. */
export interface Port {
  /** Answers how many bytes the sink has not read, as far as is known here. */
  send(bytes: Uint8Array): number
  /** Sends what is queued, and closes. */
  close(): void
}

/** How soon a sink that is turned away may come again, in milliseconds. */
export const RETRY_MS = 1000
/** What somebody may send before he is welcomed, with what a WebSocket puts around it. */
const HELLO_BYTES = 2 * FIELD_BYTES
/**
 * Bytes of what is said to a sink that it may leave unread: who reads nothing, and asks again and again, would fill the
 * memory.
 */
export const UNREAD_BYTES: number = 1 << 20

/** One connection. */
export class Caller {
  private readonly intake: Intake
  private readonly port: Port
  private readonly parser: FrameParser
  private session: Session | null = null
  private over = false
  private readonly hearing = new Hearing()
  private said = true
  /** Bytes that have come of messages that were not whole then, before it was welcomed. */
  private unheard = 0

  constructor(intake: Intake, port: Port) {
    this.intake = intake
    this.port = port
    // A stranger makes us hold little.
    this.parser = new FrameParser(FIELD_BYTES)
  }

  onBytes(chunk: Buffer): void {
    if (this.over) return
    this.hearing.heard()
    try {
      this.parser.push(chunk, (frame) => this.take(readDelivery(frame)))
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      this.refuse(error.code, error.message, RETRY_MS)
    }
  }

  /**
   * `bytes` have come of a message that `onBytes` shows once it is whole, which of a long one may take a while. False:
   * nothing more is to be held for this connection (`intake.ts`, I4).
   */
  onPart(bytes: number): boolean {
    if (this.over) return false
    if (this.session === null) {
      this.unheard += bytes
      if (this.unheard > HELLO_BYTES) this.onClosed()
      return !this.over
    }
    this.hearing.heardPart()
    return true
  }

  onClosed(): void {
    this.over = true
    this.parser.stop()
    if (this.session?.caller === this) this.session.caller = null
    this.intake.left(this)
  }

  /** Closes the connection. */
  turnOut(): void {
    if (this.over) return
    this.onClosed()
    this.port.close()
  }

  tick(): void {
    if (!this.said) this.say({ kind: 'ping' })
    this.said = false
    if (this.hearing.look(this.parser.waiting) !== null) this.turnOut()
  }

  say(message: Exclude<DeliveryMessage, { kind: 'batch' }>): void {
    if (this.over) return
    this.said = true
    if (this.port.send(encodeDelivery(message)) > UNREAD_BYTES) this.turnOut()
  }

  private take({ message, body }: ReturnType<typeof readDelivery>): void {
    if (this.over) return
    this.hearing.heardFrame()
    if (message.kind === 'hello') return this.onHello(message)
    const { session } = this
    if (session === null) return this.refuse('E_MESSAGE', 'it begins with hello', 0)
    switch (message.kind) {
      case 'batch':
        this.onBatch(session, message, body)
        break
      case 'floor':
        session.stream.memory.floor(message.epoch)
        this.intake.keeper.moved(session.stream)
        break
      case 'ping':
        this.say({ kind: 'pong' })
        break
      case 'pong':
        break
      case 'end':
        this.turnOut()
        break
      default:
        this.refuse('E_MESSAGE', `"${message.kind}" is for receivers to say`, 0)
    }
  }

  private onHello(hello: Hello): void {
    const { settings } = this.intake
    const range = { newest: hello.newest, oldest: hello.oldestVersion }
    const version = agreedVersion(deliveryVersions, range)
    if (this.session !== null) return this.refuse('E_MESSAGE', 'it has said hello already', 0)
    if (version === null) return this.refuse('E_VERSION', 'no version is spoken by both', 0)
    if (settings.token !== '' && !sameSecret(hello.token, settings.token))
      return this.refuse('E_TOKEN', 'the token is not the one asked for', 0)
    const session = this.intake.enter(this, hello)
    if (typeof session === 'string') return this.refuse(STALE, session, RETRY_MS)
    this.session = session
    this.parser.allow(deliveryFrameBytes(settings.recordBytes))
    this.say({
      kind: 'welcome',
      version,
      receiver: settings.name,
      resumeAfter: Math.max(0, session.last),
      credit: this.intake.creditOf(session),
      keepAliveMs: settings.keepAliveMs,
    })
    // What was kept while nobody was there to hear it.
    if (session.acked > 0) this.say({ kind: 'ack', through: session.acked })
  }

  private onBatch(
    session: Session,
    { first, count, after }: Extract<DeliveryMessage, { kind: 'batch' }>,
    body: ReturnType<typeof readDelivery>['body'],
  ): void {
    const bytes = body.remaining
    const { creditBytes, recordBytes } = this.intake.settings
    if (session.outstanding >= creditBytes + deliveryFrameBytes(recordBytes)) {
      return this.refuse('E_CREDIT', `it sends beyond its credit of ${creditBytes} bytes`, RETRY_MS)
    }
    if (session.last >= 0 && first > session.last + 1) {
      return this.refuse('E_MESSAGE', `${first} follows ${session.last}`, RETRY_MS)
    }
    const came: TakenRecord[] = []
    readRecords(body, count, (id, bytes, i) => {
      if (first + i > session.last) came.push({ id, bytes })
    })
    // Nothing is remembered of a batch that could not be read to its end.
    const records: TakenRecord[] = []
    const again: string[] = []
    const { stream } = session
    for (const { id, bytes } of came) {
      if (id !== '' && !stream.memory.take(id, after)) again.push(id)
      // A view ends with the call; whoever handles the record has it for longer.
      else records.push({ id, bytes: Buffer.from(bytes) })
    }
    const last = Math.max(session.last, first + count - 1)
    session.last = last
    session.outstanding += bytes
    const kept = (): void => {
      session.acked = Math.max(session.acked, last)
      session.caller?.say({ kind: 'ack', through: session.acked })
    }
    const handled = (): void => {
      session.outstanding -= bytes
      session.caller?.say({ kind: 'credit', bytes })
    }
    this.intake.keeper.keep({ stream, after, records, again }, kept, handled)
  }

  /** Closes the connection, and says why. */
  sendAway(code: string, reason: string, retryMs: number): void {
    this.say({ kind: 'refused', code, reason: reason.slice(0, 300), retryMs })
    this.turnOut()
  }

  private refuse(code: string, reason: string, retryMs: number): void {
    this.sendAway(code, reason, retryMs)
    this.intake.keeper.refused(code, reason)
  }
}
