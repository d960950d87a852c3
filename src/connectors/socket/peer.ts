/** The connections of a listening source. R1-R3 of `peer-room.ts` are kept here. */
import { PotorooError } from '../../base/errors.ts'
import type { Timer } from '../../env/clock.ts'
import type { Connection, ConnectionHandler, NetworkError } from '../../env/network.ts'
import type { Cuts, Framing } from '../../model/connector.ts'
import { isHello } from '../../protocol/acked.ts'
import { Assembler } from '../assembler.ts'
import type { Door, Lane, Session, SourceContext, SourceStatus } from '../connector.ts'

/** How long a peer that was told goodbye, or has said it, may stay. */
const CLOSING_MS = 5000

/** What a connection asks of the source it belongs to. */
export interface PeerHome {
  readonly status: SourceStatus
  readonly context: SourceContext
  readonly framing: Framing
  /**
   * For the records of one chunk, whoever brings it: each connection would keep room for the most that it ever brought.
   */
  readonly cuts: Cuts
  /** Bytes of unfinished records, of all connections. */
  partial: number
  /** Unfinished records hold too much together: whoever holds the most has to go. */
  relieve(): void
  left(peer: Peer): void
  expelled(peer: Peer, why: string): void
}

/** What both kinds of connections have in common. */
export abstract class Peer implements ConnectionHandler {
  readonly remote: string
  protected readonly source: PeerHome
  protected readonly connection: Connection
  protected heardMs: number
  protected paused = false
  protected gone = false
  /** Ends the connection of a peer that stays. */
  private goodbye: Timer | null = null

  constructor(source: PeerHome, connection: Connection, nowMs: number) {
    this.source = source
    this.connection = connection
    this.remote = connection.remote
    this.heardMs = nowMs
  }

  /** Bytes of its unfinished record. */
  get pending(): number {
    return 0
  }

  /** Bytes of a record that nobody brings again where it breaks off. */
  protected get unfinished(): number {
    return 0
  }

  /** Not called: an accepted connection stands already. */
  onOpen(): void {}

  onBytes(chunk: Buffer): void {
    if (this.gone) return
    this.heardMs = this.source.context.env.clock.monotonic()
    this.source.status.bytes += chunk.length
    this.received(chunk)
  }

  onPart(): void {
    if (!this.gone) this.heardMs = this.source.context.env.clock.monotonic()
  }

  onEnd(): void {
    if (this.gone) return
    this.finished()
    this.leave()
    this.finish()
  }

  /** Sends what is queued and gives the peer a moment to take it: one that reads nothing would keep it for ever. */
  protected finish(): void {
    const { connection, source } = this
    connection.end()
    this.goodbye?.cancel()
    this.goodbye = source.context.env.clock.after(CLOSING_MS, () => connection.destroy())
  }

  abstract onDrain(): void

  onClosed(error: NetworkError | null): void {
    this.goodbye?.cancel()
    if (this.gone) return
    const lost = error === null ? 0 : this.unfinished
    this.leave()
    if (error?.code === 'protocol') this.source.expelled(this, error.message)
    else if (lost > 0) this.source.expelled(this, `it broke inside a record, of which ${lost} bytes had come`)
  }

  /** Closes the connection because of what it did. */
  expel(why: string): void {
    if (this.gone) return
    this.leave()
    this.turnOut(why)
    this.source.expelled(this, why)
  }

  protected turnOut(_why: string): void {
    this.connection.destroy()
  }

  /** Closes the connection because the source closes. */
  abandon(): void {
    if (this.gone) return
    this.leave()
    this.connection.destroy()
  }

  /** The source has no room: nothing is read before it has. */
  stand(): void {}

  expireAt(nowMs: number, idleMs: number): void {
    // While it is paused, the silence is ours.
    if (this.paused) this.heardMs = nowMs
    else if (nowMs - this.heardMs >= idleMs) this.expel(`it sent nothing for ${idleMs} ms`)
  }

  protected pause(): void {
    this.paused = true
    this.connection.pause()
  }

  protected resume(): void {
    if (!this.paused || this.gone) return
    this.paused = false
    this.heardMs = this.source.context.env.clock.monotonic()
    this.connection.resume()
  }

  private leave(): void {
    this.gone = true
    this.released()
    this.source.left(this)
  }

  protected abstract received(chunk: Buffer): void
  /** The peer has sent its last byte. */
  protected abstract finished(): void
  /** Nothing comes any more: lets go of what stands behind the connection. */
  protected abstract released(): void
}

/** A connection whose bytes are records, or hold some, for a lane. */
export abstract class LanePeer extends Peer {
  private readonly lane: Lane
  private full = false
  /** It has not sent anything yet. */
  private silent = true

  constructor(source: PeerHome, connection: Connection, nowMs: number, lane: Lane) {
    super(source, connection, nowMs)
    this.lane = lane
    lane.onRoom(() => this.resume())
    // Whoever comes while there is no room waits like those who were there: coming anew makes none.
    if (!lane.ready()) this.pause()
  }

  protected received(chunk: Buffer): void {
    if (this.silent && isHello(chunk)) return this.expel("it speaks the acknowledged protocol: say protocol: 'acked'")
    this.silent = false
    this.full = false
    const why = this.cut(chunk)
    if (why !== null) this.expel(why)
    else if (this.full) this.pause()
  }

  /** Finds the records in `chunk` and takes them; answers what is wrong with it, or `null`. */
  protected abstract cut(chunk: Buffer): string | null

  protected take(bytes: Buffer, cuts: Cuts): void {
    this.source.status.records += cuts.count
    if (!this.lane.push(bytes, cuts)) this.full = true
  }

  onDrain(): void {}

  override stand(): void {
    if (!this.lane.ready()) this.pause()
  }

  protected released(): void {
    this.lane.close()
  }
}

/** Cuts a stream of bytes into records. */
export class PlainPeer extends LanePeer {
  private readonly assembler: Assembler

  constructor(source: PeerHome, connection: Connection, nowMs: number, lane: Lane) {
    super(source, connection, nowMs, lane)
    const { framing, context, cuts } = source
    this.assembler = new Assembler(framing, context.limits.recordBytes, (bytes, cuts) => this.take(bytes, cuts), cuts)
  }

  override get pending(): number {
    return this.assembler.pending
  }

  protected override get unfinished(): number {
    return this.pending
  }

  protected cut(chunk: Buffer): string | null {
    const { assembler, source } = this
    source.partial -= assembler.pending
    try {
      assembler.push(chunk)
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      return error.message
    } finally {
      source.partial += assembler.pending
    }
    if (source.partial > source.context.limits.partialBytes) source.relieve()
    return null
  }

  protected finished(): void {
    const { assembler, source } = this
    source.partial -= assembler.pending
    const why = assembler.end('it')
    if (why !== null) source.expelled(this, why)
  }

  protected override released(): void {
    this.source.partial -= this.assembler.pending
    super.released()
  }
}

/** Leads bytes to a session and back. */
export class AckedPeer extends Peer {
  private readonly session: Session
  private closing = false
  private spoke = false
  /** Why the connection is not read: the journal has no room, or the peer does not read its answers. */
  private full = false
  private deaf = false
  /** What it holds, as it is counted with that of others. */
  private held = 0

  constructor(source: PeerHome, connection: Connection, nowMs: number, door: Door) {
    super(source, connection, nowMs)
    this.session = door.session(
      connection.remote,
      (bytes) => this.send(bytes),
      () => this.close(),
    )
    this.session.onRoom(() => {
      this.full = false
      this.goOn()
    })
  }

  override get pending(): number {
    return this.held
  }

  override onPart(): void {
    super.onPart()
    if (!this.gone && !this.closing) this.session.onPart()
  }

  onDrain(): void {
    this.deaf = false
    this.goOn()
  }

  protected received(chunk: Buffer): void {
    const { source, session } = this
    this.spoke = true
    if (this.closing) return
    const room = session.onBytes(chunk)
    if (this.gone) return
    this.count(session.pending)
    if (source.partial > source.context.limits.partialBytes) source.relieve()
    if (room || this.gone) return
    this.full = true
    this.pause()
  }

  private count(held: number): void {
    this.source.partial += held - this.held
    this.held = held
  }

  protected finished(): void {
    // A sender of plain bytes that are too few to be refused. Who only looks whether somebody listens sends none, and
    // who has waited for an answer for long enough looks elsewhere.
    if (this.spoke && !this.session.greeted) this.source.expelled(this, 'it ended before it had said hello')
  }

  protected released(): void {
    this.count(0)
    this.session.onClosed()
  }

  /** A producer that does not read its answers is not read either, and in the end closed (`peer-room.ts`, R3). */
  private send(bytes: Uint8Array): boolean {
    const { connection } = this
    if (this.gone || this.closing) return false
    if (connection.write(bytes)) return true
    if (connection.queued > this.source.context.limits.sinkQueueBytes) {
      // Not inside the session's own call.
      this.source.context.env.clock.soon(() => this.expel('it does not read its acknowledgements'))
    } else {
      this.deaf = true
      this.pause()
    }
    return false
  }

  private goOn(): void {
    if (!this.full && !this.deaf) this.resume()
  }

  private close(): void {
    if (this.closing || this.gone) return
    this.closing = true
    this.finish()
  }
}
