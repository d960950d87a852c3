/**
 * One lane's session between two workers, within one generation (PROTOCOLS 6). Connections come and go; the session
 * goes on where the other side stands.
 *
 * There is a session, and a connection, for each lane. In one connection a control message waits behind all data that
 * the system has taken already: megabytes, which on a slow network are seconds. Two connections share the way fairly.
 *
 * K2. Numbered frames are delivered once and in order: each has the next number of its connection, and those that the
 *     session has had already (a connection begins where the hello said, and more may have come since) are passed over.
 * K3. A frame is kept until the other side says that it has arrived. What has arrived can only be lost with its
 *     process, which is another incarnation. Batches are bounded by their credit, control messages by
 *     `controlLaneBytes`.
 * K4. A frame of another generation is never delivered.
 * K5. What is said in a frame whose checksum holds was said by the other program: if it makes no sense, no resumption
 *     helps, and the session has failed. Damage on the way is mended by another connection.
 */
import { ByteReader } from '../base/bytes.ts'
import { fail, PotorooError } from '../base/errors.ts'
import { decide } from '../base/table.ts'
import { FRAME_HEADER_BYTES, type Frame } from '../protocol/frame.ts'
import { linkMessages } from '../protocol/messages.ts'
import { FrameMemory } from './frame-memory.ts'
import type { SessionFacts } from './handshake.ts'
import type { Line, LineContext, LineUser } from './line.ts'
import { type LinkEffect, type LinkEvent, type LinkState, linkTable } from './link-table.ts'
import { Retained } from './retained.ts'
import { type Body, encodeFrame, HANDSHAKE_VERSION, isUnnumbered, type Lane, type Numbered } from './wire.ts'

/** Frames, and bytes, that arrive before the other side is told so; what is less is told with the next tick. */
const TOLD_FRAMES = 64
const TOLD_BYTES = 64 << 10

/** A frame below this is short: a copy of it costs less than a write of its own. */
const SHORT_BYTES = 4 << 10
/** Bytes of short frames that are written as one. */
const GATHERED_BYTES = 16 << 10

export interface LinkEvents {
  /**
   * The next message of the session; `reader` stands at its body. Throws `PotorooError` where it makes no sense (K5).
   */
  deliver(link: Link, message: Numbered, reader: ByteReader): void
  /** Its connection has ended; another may serve it. */
  interrupted(link: Link, reason: string): void
  /** The other side has answered a ping. */
  answered(link: Link): void
  /** The session is over: the generation cannot go on with this worker. */
  over(link: Link, error: PotorooError): void
}

export class Link implements SessionFacts, LineUser {
  readonly lane: Lane
  readonly generation: number
  session: string | null = null
  /** Frames received. */
  received = 0
  /** Frames that were ever given to a connection. */
  written = 0
  /** The version that both speak; 0 before it was agreed, and then nothing is sent. */
  version = 0
  /** When something was last heard, by the monotonic clock. */
  heardAt = Number.NEGATIVE_INFINITY
  /** For metrics. */
  readonly counters = { framesSent: 0, bytesSent: 0, framesReceived: 0, bytesReceived: 0, resumptions: 0 }
  private readonly peer: string
  private readonly context: LineContext
  private readonly events: LinkEvents
  /** Of the data lane, which is the busy one. */
  private readonly memory: FrameMemory | null
  private readonly retained: Retained
  private state: LinkState
  private line: Line | null = null
  /** The next frame for the present connection. */
  private cursor = 0
  /** Of what was received, what the other side has been told. */
  private told = 0
  private untoldBytes = 0
  /** A message found no place: what follows it is not sent any more. */
  private full = false
  /** Short frames wait for the end of this turn. */
  private gathering = false

  constructor(context: LineContext, lane: Lane, generation: number, peer: string, events: LinkEvents) {
    this.context = context
    this.lane = lane
    this.generation = generation
    this.peer = peer
    this.events = events
    this.memory = lane === 'data' ? new FrameMemory() : null
    this.retained = new Retained(this.memory)
    this.state = { phase: 'absent', until: context.clock.monotonic() + context.limits.linkStartMs }
  }

  get phase(): LinkState['phase'] {
    return this.state.phase
  }

  get over(): boolean {
    return this.state.phase === 'over'
  }

  /** Frames that the other side is known to have received. */
  get acknowledged(): number {
    return this.retained.first
  }

  /** Bytes of frames that the other side is not known to have. */
  get keptBytes(): number {
    return this.retained.bytes
  }

  /** The number of the next frame. */
  get next(): number {
    return this.retained.end
  }

  // ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Numbers `message` with the body that `body` writes, and sends it as soon as the lane can. Returns the bytes of its
   * payload. A session that is over sends nothing.
   */
  send(message: Numbered, body: Body | null = null): number {
    if (this.over || this.full) return 0
    const frame = this.encode(message, this.next, body)
    if (this.lane === 'control' && this.keptBytes + frame.length > this.context.limits.controlLaneBytes) this.overflow()
    else {
      this.retained.push(frame)
      this.offer(frame)
    }
    return frame.length - FRAME_HEADER_BYTES
  }

  /** Puts `message` in place of the frame with this number. `false`: that may have left already. */
  amend(sequence: number, message: Numbered): boolean {
    if (this.over || sequence < this.written) return false
    this.retained.replace(sequence, this.encode(message, sequence, null))
    return true
  }

  private encode(message: Numbered, sequence: number, body: Body | null): Buffer {
    const { generation, version } = this
    const { limits } = this.context
    const writer = this.memory?.writer ?? this.context.writer
    return encodeFrame(writer, message, { version, generation, sequence }, limits.frameBytes, body)
  }

  /** Ends the session, a message of which was not kept; not within the call that wanted to send it. */
  private overflow(): void {
    const { worker, clock, limits } = this.context
    const [bytes, limit] = [this.keptBytes, limits.controlLaneBytes]
    this.full = true
    clock.soon(() => this.fail(fail('E_LINK_FULL', { worker, peer: this.peer, bytes, limit })))
  }

  /** Sends what was numbered: a long frame at once, short ones together with those that follow in this turn. */
  private offer(frame: Buffer): void {
    if (frame.length >= SHORT_BYTES) return this.pump()
    if (this.gathering) return
    this.gathering = true
    this.context.clock.soon(this.flush)
  }

  private readonly flush = (): void => {
    this.gathering = false
    this.pump()
  }

  /** Gives the connection what it takes. */
  private pump(): void {
    const { line } = this
    if (line === null) return
    while (this.cursor < this.next && !line.blocked) this.writeNext(line)
    this.written = Math.max(this.written, this.cursor)
  }

  /** Writes the next frame; short ones that follow one another as one piece, for a write costs more than a copy. */
  private writeNext(line: Line): void {
    const { retained, counters } = this
    const { end } = retained
    const pieces = [retained.at(this.cursor++)]
    let bytes = pieces[0]!.length
    while (this.cursor < end && bytes < GATHERED_BYTES && pieces.at(-1)!.length < SHORT_BYTES) {
      const frame = retained.at(this.cursor)
      if (frame.length >= SHORT_BYTES) break
      pieces.push(frame)
      bytes += frame.length
      this.cursor++
    }
    counters.framesSent += pieces.length
    counters.bytesSent += bytes
    line.write(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, bytes))
  }

  // ── Connections ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * `line` serves the session from now on, in place of any other. The other side has `theirs` frames; its own begin
   * with number `expects`, which is what we had received when we said so.
   */
  attach(line: Line, theirs: number, expects: number): void {
    this.line?.drop()
    this.line = line
    this.retained.release(theirs)
    this.memory?.renew()
    this.cursor = theirs
    this.told = expects
    this.untoldBytes = 0
    if (this.written > 0 || this.received > 0) this.counters.resumptions++
    line.serve(this, this.generation, expects)
    this.hear()
    this.step({ kind: 'attached' })
  }

  /** The other side asks for patience. */
  wait(): void {
    const { clock, limits } = this.context
    this.step({ kind: 'notYet', until: clock.monotonic() + limits.linkStartMs })
  }

  ping(counter: number): void {
    this.line?.say({ kind: 'ping', counter })
  }

  /** Tells what has arrived, and looks whether a wait has ended. */
  tick(now: number): void {
    if (this.told < this.received) this.tell()
    this.step({ kind: 'tick', now })
  }

  /** The way of its connection is dead: it is closed, and another one may serve the session. */
  giveUp(reason: string): void {
    this.line?.break(new Error(reason))
  }

  /** The session ends for `error`. */
  fail(error: PotorooError): void {
    this.step({ kind: 'failed', error })
  }

  /**
   * The generation is over here. Control messages that wait leave with the connection, if there is one: they may speak
   * of the next generation. Data of this one counts no more.
   */
  retire(reason: string): void {
    const { line, retained } = this
    if (line !== null) {
      if (this.lane === 'control')
        for (; this.cursor < retained.end; this.cursor++) line.write(retained.at(this.cursor))
      line.say({ kind: 'goodbye', reason })
      line.finish()
      this.line = null
    }
    this.step({ kind: 'retired' })
    retained.clear()
  }

  drained(): void {
    this.pump()
  }

  closed(_: Line, error: Error | null): void {
    const { clock, limits } = this.context
    const reason = error === null ? 'the other side has closed the connection' : error.message
    this.line = null
    this.step({ kind: 'detached', until: clock.monotonic() + limits.linkGraceMs, reason })
    if (this.state.phase === 'interrupted') this.events.interrupted(this, reason)
  }

  // ── Receiving ────────────────────────────────────────────────────────────────────────────────────────────────────

  frame(line: Line, frame: Frame): void {
    this.hear()
    if (frame.generation !== this.generation) {
      line.break(this.offence(`a frame of generation ${frame.generation} came in generation ${this.generation} (K4)`))
      return
    }
    try {
      if (isUnnumbered(frame.tag)) this.onUnnumbered(line, frame)
      else this.onNumbered(line, frame)
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      this.fail(error)
    }
  }

  private onUnnumbered(line: Line, frame: Frame): void {
    const message = linkMessages.read(frame.tag, new ByteReader(frame.payload), HANDSHAKE_VERSION)
    switch (message.kind) {
      case 'received':
        if (message.sequence >= this.written) throw this.offence('it has received more than was sent')
        this.release(message.sequence + 1)
        break
      case 'ping':
        line.say({ kind: 'pong', counter: message.counter })
        break
      case 'pong':
        this.events.answered(this)
        break
      case 'goodbye':
        line.break(new Error(`it left: ${message.reason}`))
        break
      default:
        throw this.offence(`"${message.kind}" came after the handshake`)
    }
  }

  /**
   * The other side has the frames below `arrived`. Those that this connection has still to carry stay: what the other
   * side received over another one since it said hello, it passes over here (K2).
   */
  private release(arrived: number): void {
    this.retained.release(Math.max(this.retained.first, Math.min(arrived, this.cursor)))
  }

  private onNumbered(line: Line, frame: Frame): void {
    if (frame.sequence !== line.expects >>> 0) {
      line.break(this.offence(`frame ${frame.sequence} came in place of ${line.expects} (K2)`))
      return
    }
    line.expects++
    if (line.expects <= this.received) return
    this.received = line.expects
    const bytes = FRAME_HEADER_BYTES + frame.payload.length
    this.counters.framesReceived++
    this.counters.bytesReceived += bytes
    this.untoldBytes += bytes
    const reader = new ByteReader(frame.payload)
    const message = linkMessages.read(frame.tag, reader, this.version)
    this.events.deliver(this, message as Numbered, reader)
    if (this.received - this.told >= TOLD_FRAMES || this.untoldBytes >= TOLD_BYTES) this.tell()
  }

  private tell(): void {
    this.line?.say({ kind: 'received', sequence: this.received - 1 })
    this.told = this.received
    this.untoldBytes = 0
  }

  private hear(): void {
    this.heardAt = this.context.clock.monotonic()
  }

  /** The error for what the other side must not do. */
  offence(reason: string): PotorooError {
    return fail('E_LINK_PROTOCOL', { worker: this.context.worker, peer: this.peer, reason })
  }

  // ── What the table decides ───────────────────────────────────────────────────────────────────────────────────────

  private step(event: LinkEvent): void {
    const { next, effects } = decide<LinkState, LinkEvent, LinkEffect>('link', linkTable, this.state, event)
    this.state = next
    for (const effect of effects) this.carryOut(effect)
  }

  private carryOut(effect: LinkEffect): void {
    const { context, peer, lane } = this
    const { worker, limits } = context
    switch (effect.kind) {
      case 'resume':
        this.pump()
        break
      case 'lost': {
        const { reason } = effect
        const error =
          effect.why === 'absent'
            ? fail('E_LINK_ABSENT', { worker, peer, ms: limits.linkStartMs, reason })
            : fail('E_LINK_LOST', { worker, peer, lane, ms: limits.linkGraceMs, reason })
        this.conclude(error)
        break
      }
      case 'failed':
        this.conclude(effect.error)
    }
  }

  private conclude(error: PotorooError): void {
    this.line?.drop()
    this.line = null
    this.retained.clear()
    this.events.over(this, error)
  }
}
