/**
 * One connection between two workers: bytes in, frames out, and the handshake in front. `handshake-table.ts` decides;
 * this file carries out. After the handshake it serves a session, which may outlive it.
 *
 * L1. A line always reads. What it brings is taken at once or breaks it: flow is controlled by credit alone.
 * L2. It writes what the session gives while the system takes it, so what waits in user space for one connection is
 *     bounded by the system's mark and one frame.
 * L3. `closed` comes once, unless the line was dropped; nothing follows it, or the drop.
 */
import { ByteReader, type ByteWriter } from '../base/bytes.ts'
import { fail, PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import { decide } from '../base/table.ts'
import type { Clock, Timer } from '../env/clock.ts'
import type { Connection, ConnectionHandler, NetworkError } from '../env/network.ts'
import { type Frame, FrameParser } from '../protocol/frame.ts'
import { linkMessages } from '../protocol/messages.ts'
import type { About, Answer, Hello, Verdict, Welcome } from './handshake.ts'
import { type HandshakeEffect, type HandshakeEvent, type HandshakeState, handshakeTable } from './handshake-table.ts'
import { encodeFrame, HANDSHAKE_BYTES, HANDSHAKE_VERSION, type Unnumbered } from './wire.ts'

/** What all lines of a worker share. */
export interface LineContext {
  readonly worker: string
  readonly clock: Clock
  readonly limits: Limits
  /** Encodes all frames, one after another. */
  readonly writer: ByteWriter
  /** What came from `peer` was no frame, and has not been believed; its line ends. */
  damaged(peer: string, error: PotorooError): void
}

/** Who dials: what it says and what it makes of the answers. */
export interface Dialling {
  introduce(): readonly [Hello, About]
  /** Looks at who answers; an error ends the line. */
  examine(about: About): PotorooError | null
  weigh(welcome: Welcome): Verdict
  turnedAway(answer: Answer): void
  opened(line: Line, version: number): void
  closed(line: Line, error: Error | null): void
}

/** Who accepts. */
export interface Accepting {
  judge(hello: Hello, about: About): Verdict
  /** What the caller is told; the last message is the answer, nothing at all is silence. */
  answer(verdict: Verdict): readonly Unnumbered[]
  opened(line: Line, version: number): void
  closed(line: Line, error: Error | null): void
  /** The connection is closed, however the line has ended. */
  gone(line: Line): void
}

/** The session that a line serves. */
export interface LineUser {
  frame(line: Line, frame: Frame): void
  drained(line: Line): void
  closed(line: Line, error: Error | null): void
}

export class Line implements ConnectionHandler {
  /** The number that the next numbered frame of this connection has. */
  expects = 0
  /** Whether the system takes no more at the moment (L2). */
  blocked = false
  /** Whether the other machine has taken a connection that was dialled. */
  reached = false
  /** The worker at the other end, once it has said who it is; before, where it is. */
  peer: string
  private readonly context: LineContext
  private readonly side: Dialling | Accepting
  private readonly parser: FrameParser
  private connection: Connection | null
  private state: HandshakeState
  private user: LineUser | null = null
  private timer: Timer | null
  private generation = 0

  /** A line for a connection that was accepted, or for one that `dial` makes. */
  constructor(context: LineContext, side: Dialling | Accepting, accepted: Connection | null, peer: string) {
    this.context = context
    this.side = side
    this.connection = accepted
    this.peer = peer
    const dialled = accepted === null
    this.state = { phase: dialled ? 'dialling' : 'greeting' }
    // A stranger makes us hold little; whom we have dialled may go on at once with frames of the session.
    this.parser = new FrameParser(dialled ? context.limits.frameBytes : HANDSHAKE_BYTES)
    const ms = context.limits.linkDialTimeoutMs
    this.timer = context.clock.after(ms, () => this.step({ kind: 'late', ms }))
  }

  /** Gives a dialled line its connection, at once after `dial`. */
  connect(connection: Connection): void {
    this.connection = connection
  }

  get open(): boolean {
    return this.state.phase === 'open'
  }

  /**
   * From now on `user` has what comes; its frames belong to `generation`, the next numbered one has number `expects`.
   */
  serve(user: LineUser, generation: number, expects: number): void {
    this.user = user
    this.generation = generation
    this.expects = expects
  }

  // ── Out ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  write(frame: Buffer): void {
    if (!this.connection!.write(frame)) this.blocked = true
  }

  say(message: Unnumbered): void {
    const { writer } = this.context
    const place = { version: HANDSHAKE_VERSION, generation: this.generation, sequence: 0 }
    this.write(encodeFrame(writer, message, place, HANDSHAKE_BYTES))
  }

  /** Sends what is queued and says that nothing follows. Nobody hears of this line any more (L3). */
  finish(): void {
    this.forget()
    this.connection?.end()
    // The other side may never answer: its end, or our patience, closes the connection.
    const { clock, limits } = this.context
    this.timer = clock.after(limits.linkDialTimeoutMs, () => this.connection?.destroy())
  }

  /** Closes at once. Nobody hears of this line any more (L3). */
  drop(): void {
    this.forget()
    this.connection?.destroy()
  }

  /** Ends the line for `error`. */
  break(error: Error | null): void {
    this.step({ kind: 'leave', error })
  }

  // ── In ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  onOpen(): void {
    this.reached = true
    this.step({ kind: 'connected' })
  }

  onBytes(chunk: Buffer): void {
    if (this.state.phase === 'over') return
    try {
      this.parser.push(chunk, this.onFrame)
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      this.context.damaged(this.peer, error)
      this.break(error)
    }
  }

  onDrain(): void {
    this.blocked = false
    this.user?.drained(this)
  }

  onEnd(): void {
    if (this.state.phase === 'over') this.connection?.destroy()
    else this.break(null)
  }

  onClosed(error: NetworkError | null): void {
    this.step({ kind: 'leave', error })
    this.timer?.cancel()
    if ('gone' in this.side) this.side.gone(this)
  }

  private readonly onFrame = (frame: Frame): void => {
    if (this.state.phase === 'open') this.user?.frame(this, frame)
    else this.step(readGreeting(frame))
  }

  // ── What the table decides ───────────────────────────────────────────────────────────────────────────────────────

  private step(event: HandshakeEvent): void {
    const { next, effects } = decide<HandshakeState, HandshakeEvent, HandshakeEffect>(
      'handshake',
      handshakeTable,
      this.state,
      event,
    )
    this.state = next
    for (const effect of effects) this.carryOut(effect)
  }

  private carryOut(effect: HandshakeEffect): void {
    const dialling = this.side as Dialling
    const accepting = this.side as Accepting
    switch (effect.kind) {
      case 'introduce':
        for (const message of dialling.introduce()) this.say(message)
        break
      case 'examine': {
        const error = dialling.examine(effect.about)
        if (error !== null) this.step({ kind: 'leave', error })
        break
      }
      case 'weigh':
        this.step({ kind: 'judged', verdict: dialling.weigh(effect.welcome) })
        break
      case 'judge':
        this.peer = effect.hello.worker
        this.step({ kind: 'judged', verdict: accepting.judge(effect.hello, effect.about) })
        break
      case 'answer':
        for (const message of accepting.answer(effect.verdict)) this.say(message)
        if (effect.verdict.kind !== 'welcome') {
          this.side.closed(this, effect.verdict.kind === 'refuse' ? effect.verdict.error : null)
          this.finish()
        }
        break
      case 'open':
        this.timer?.cancel()
        this.parser.allow(this.context.limits.frameBytes)
        this.side.opened(this, effect.version)
        break
      case 'turnedAway':
        dialling.turnedAway(effect.answer)
        break
      case 'offended': {
        const reason = `"${effect.name}" is out of place in a handshake that is ${effect.phase}`
        this.close(fail('E_LINK_PROTOCOL', { worker: this.context.worker, peer: this.peer, reason }))
        break
      }
      case 'close':
        this.close(effect.error)
    }
  }

  private close(error: Error | null): void {
    const listener = this.user ?? this.side
    this.drop()
    listener.closed(this, error)
  }

  private forget(): void {
    this.state = { phase: 'over' }
    this.user = null
    this.parser.stop()
    this.timer?.cancel()
  }
}

function readGreeting(frame: Frame): HandshakeEvent {
  const message = linkMessages.read(frame.tag, new ByteReader(frame.payload), HANDSHAKE_VERSION)
  switch (message.kind) {
    case 'hello':
      // The frame's bytes are gone when `about` comes.
      return { ...message, token: Buffer.from(message.token) }
    case 'about':
    case 'welcome':
    case 'notYet':
    case 'refused':
      return message
    default:
      return { kind: 'other', name: message.kind }
  }
}
