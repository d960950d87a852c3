/**
 * The receiving half of acked sinks, without sockets, clock or disk: what is said to a sink, and what of its records is new.
 *
 * I1. A record is acknowledged when its keeper says that it is kept, never earlier; so is a repeat of it.
 * I2. Within a session records come in the order of their sequence, each once; over sessions, workers and recoveries their
 *     ids tell what is known (`memory.ts`).
 * I3. Once a sink of a later generation has said hello, those of earlier ones are closed and heard no more: what a worker that
 *     was replaced still sends comes behind nobody.
 * I4. What was taken and not handed over is bounded, whatever a sink sends, and however often the receiver is started: by
 *     `creditBytes` and two batches. A sink that keeps
 *     to its credit goes one batch beyond it at most (`protocol/delivery.ts`, Q3), and comes to another only where it dials
 *     anew before that one is handed over; it is turned away for a while. Of who was not welcomed a hello is held, and no more. Who
 *     does not read what is said to it is turned out.
 */
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
import { SILENCES, UNFINISHED } from '../../protocol/silence.ts'
import { agreedVersion } from '../../protocol/version.ts'
import { Memory } from './memory.ts'

/** Which sink of which run of a pipeline writes. */
export interface SinkName {
  readonly pipeline: string
  readonly step: string
  readonly history: string
}

/** One sink, of which every worker may have a writer. */
export interface Stream {
  readonly name: SinkName
  readonly memory: Memory
}

export interface TakenRecord {
  readonly id: string
  readonly bytes: Buffer
}

/** What has to be kept before it is acknowledged. */
export interface Entry {
  readonly stream: Stream
  readonly after: number
  readonly records: readonly TakenRecord[]
  /** Ids that were known, and have come again. */
  readonly again: readonly string[]
}

/** What stands behind the intake. */
export interface Keeper {
  /** Calls `kept` when the entry is in keeping (I1), `handled` when its records take up no room any more. */
  keep(entry: Entry, kept: () => void, handled: () => void): void
  /** A stream stands at another generation, base or floor. */
  moved(stream: Stream): void
  /** A sink was turned away. */
  refused(code: string, reason: string): void
}

export interface IntakeSettings {
  readonly name: string
  /** Empty where none is asked for. */
  readonly token: string
  readonly creditBytes: number
  readonly recordBytes: number
  readonly keepAliveMs: number
  /** Ids of a sink that are remembered at most. */
  readonly remember: number
}

/** The way back to a sink. */
export interface Port {
  /** Answers how many bytes the sink has not read, as far as is known here. */
  send(bytes: Uint8Array): number
  /** Sends what is queued, and closes. */
  close(): void
}

/** What one writer has sent since its worker began with a base; outlives its connections. */
interface Session {
  readonly name: string
  readonly generation: number
  readonly stream: Stream
  caller: Caller | null
  /** Sequence of the last record taken, -1 before the first. */
  last: number
  acked: number
  /** Bytes that were taken and not handed over. */
  outstanding: number
  /** Credit that it gets once the backlog has been handed over. */
  withheld: number
}

const RETRY_MS = 1000
/** What somebody may send before he is welcomed, with what a WebSocket puts around it. */
const HELLO_BYTES = 2 * FIELD_BYTES
/** Bytes of what is said to a sink that it may leave unread: who reads nothing, and asks again and again, would fill the memory. */
export const UNREAD_BYTES: number = 1 << 20
/** Sinks that are remembered at a time; beyond them the first that is not connected is forgotten. */
const STREAMS = 1000

export class Intake {
  readonly settings: IntakeSettings
  readonly keeper: Keeper
  private readonly streams = new Map<string, Stream>()
  /** By stream and writer. */
  private readonly sessions = new Map<string, Session>()
  private readonly callers = new Set<Caller>()
  private backlog = 0

  constructor(settings: IntakeSettings, keeper: Keeper) {
    this.settings = settings
    this.keeper = keeper
  }

  /** The stream of a name, also of an earlier life. */
  stream(name: SinkName): Stream {
    const key = JSON.stringify([name.pipeline, name.step, name.history])
    let stream = this.streams.get(key)
    if (stream === undefined) {
      stream = { name, memory: new Memory(this.settings.remember) }
      if (this.streams.size >= STREAMS) this.forgetOne()
      this.streams.set(key, stream)
    }
    return stream
  }

  get all(): Iterable<Stream> {
    return this.streams.values()
  }

  forget({ pipeline, step, history }: SinkName): void {
    const key = JSON.stringify([pipeline, step, history])
    const stream = this.streams.get(key)
    this.streams.delete(key)
    for (const [other, session] of this.sessions) {
      if (session.stream !== stream) continue
      session.caller?.turnOut()
      this.sessions.delete(other)
    }
  }

  /** The streams of which a sink is connected. */
  get connected(): ReadonlySet<Stream> {
    const connected = new Set<Stream>()
    for (const { stream, caller } of this.sessions.values()) if (caller !== null) connected.add(stream)
    return connected
  }

  private forgetOne(): void {
    const { connected } = this
    for (const stream of this.streams.values()) {
      if (!connected.has(stream)) return this.forget(stream.name)
    }
  }

  /** An earlier life has taken so many bytes that were not handed over: nobody gets credit for as many before they are (I4). */
  beginBehind(bytes: number): void {
    this.backlog = bytes
  }

  /** Of what an earlier life had taken `bytes` more have been handed over. */
  catchUp(bytes: number): void {
    this.backlog = Math.max(0, this.backlog - bytes)
    for (const session of this.sessions.values()) {
      const free = session.withheld - this.backlog
      if (free <= 0) continue
      session.withheld -= free
      session.caller?.say({ kind: 'credit', bytes: free })
    }
  }

  /** The credit of a session on a new connection. */
  creditOf(session: Session): number {
    const free = Math.max(0, this.settings.creditBytes - session.outstanding)
    session.withheld = Math.min(free, this.backlog)
    return free - session.withheld
  }

  /** A sink has connected. */
  connect(port: Port): Caller {
    const caller = new Caller(this, port)
    this.callers.add(caller)
    return caller
  }

  /** Called every `keepAliveMs`: asks who is silent, and gives up who stays so. */
  tick(): void {
    for (const caller of this.callers) caller.tick()
  }

  close(): void {
    for (const caller of [...this.callers]) caller.turnOut()
  }

  /** The session of a writer that says hello, or why it may not. */
  enter(caller: Caller, hello: Hello): Session | string {
    const { pipeline, step, history, writer, session: name, generation, base } = hello
    const stream = this.stream({ pipeline, step, history })
    const { memory } = stream
    if (generation < memory.generation) return outdated(memory.generation)
    const key = JSON.stringify([pipeline, step, history, writer])
    const known = this.sessions.get(key)
    const goesOn = known?.name === name && known.generation === generation
    if (!goesOn && (generation > memory.generation || base !== memory.base)) {
      memory.begin(generation, base)
      this.keeper.moved(stream)
    }
    for (const [other, session] of this.sessions) {
      if (session.stream !== stream || session.generation === generation) continue
      session.caller?.sendAway(STALE, outdated(generation), RETRY_MS)
      this.sessions.delete(other)
    }
    known?.caller?.turnOut()
    if (goesOn) {
      known.caller = caller
      return known
    }
    const session = { name, generation, stream, caller, last: -1, acked: 0, outstanding: 0, withheld: 0 }
    this.sessions.set(key, session)
    return session
  }

  left(caller: Caller): void {
    this.callers.delete(caller)
  }
}

/** One connection. */
export class Caller {
  private readonly intake: Intake
  private readonly port: Port
  private readonly parser: FrameParser
  private session: Session | null = null
  private over = false
  private heard = true
  private said = true
  private silences = 0
  /** Bytes that have come of messages that were not whole then, before it was welcomed. */
  private unheard = 0
  /** Some of what has come may be of a message that is not whole. */
  private partial = false
  /** Looks at which a frame had begun and not ended, since one ended. */
  private unfinished = 0

  constructor(intake: Intake, port: Port) {
    this.intake = intake
    this.port = port
    // A stranger makes us hold little.
    this.parser = new FrameParser(FIELD_BYTES)
  }

  onBytes(chunk: Buffer): void {
    if (this.over) return
    this.heard = true
    try {
      this.parser.push(chunk, (frame) => this.take(readDelivery(frame)))
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      this.refuse(error.code, error.message, RETRY_MS)
    }
  }

  /**
   * `bytes` have come of a message that `onBytes` shows once it is whole, which of a long one may take a while. False: nothing more
   * is to be held for this connection (I4).
   */
  onPart(bytes: number): boolean {
    if (this.over) return false
    if (this.session === null) {
      this.unheard += bytes
      if (this.unheard > HELLO_BYTES) this.onClosed()
      return !this.over
    }
    this.heard = true
    this.partial = true
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
    this.silences = this.heard ? 0 : this.silences + 1
    this.heard = false
    if (this.parser.waiting > 0 || this.partial) this.unfinished++
    if (this.silences >= SILENCES || this.unfinished > UNFINISHED) this.turnOut()
  }

  say(message: Exclude<DeliveryMessage, { kind: 'batch' }>): void {
    if (this.over) return
    this.said = true
    if (this.port.send(encodeDelivery(message)) > UNREAD_BYTES) this.turnOut()
  }

  private take({ message, body }: ReturnType<typeof readDelivery>): void {
    if (this.over) return
    this.unfinished = 0
    this.partial = false
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

/** Why a writer of an earlier generation is not heard. */
function outdated(generation: number): string {
  return `generation ${generation} of the pipeline writes already`
}
