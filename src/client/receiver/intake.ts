/**
 * The receiving half of acked sinks, without sockets, clock or disk: what is said to a sink, and what of its records is
 * new.
 *
 * I1. A record is acknowledged when its keeper says that it is kept, never earlier; so is a repeat of it.
 * I2. Within a session records come in the order of their sequence, each once; over sessions, workers and recoveries
 *     their ids tell what is known (`memory.ts`).
 * I3. Once a sink of a later generation has said hello, those of earlier ones are closed and heard no more: what a
 *     worker that was replaced still sends comes behind nobody.
 * I4. What was taken and not handed over is bounded, whatever a sink sends, and however often the receiver is started:
 *     by `creditBytes` and two batches. A sink that keeps to its credit goes one batch beyond it at most
 *     (`protocol/delivery.ts`, Q3), and comes to another only where it dials anew before that one is handed over; it is
 *     turned away for a while. Of who was not welcomed a hello is held, and no more. Who does not read what is said to
 *     it is turned out.
 */
import { type Hello, STALE } from '../../protocol/delivery.ts'
import { Caller, type Port, RETRY_MS } from './caller.ts'
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

/** What one writer has sent since its worker began with a base; outlives its connections. */
export interface Session {
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

  /**
   * An earlier life has taken so many bytes that were not handed over: nobody gets credit for as many before they are
   * (I4).
   */
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

/** Why a writer of an earlier generation is not heard. */
function outdated(generation: number): string {
  return `generation ${generation} of the pipeline writes already`
}
