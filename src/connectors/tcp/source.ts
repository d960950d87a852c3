/**
 * Listens for producers: plain ones, whose records go to a lane each, and acknowledged ones, whose bytes go to a session.
 *
 * R1. One connection never harms another: one that sends what cannot be a record is closed and counted, and the records
 *     in front of it have been taken.
 * R2. A lane without room pauses its own connection only; the producer's window closes, nothing is buffered here.
 * R3. What is held is bounded: connections, the unfinished record of each, the sum of those, and the answers that an
 *     acknowledged producer does not read.
 */
import { fail, PotorooError } from '../../base/errors.ts'
import type { Timer } from '../../env/clock.ts'
import type { Connection, ConnectionHandler, Listener, NetworkError } from '../../env/network.ts'
import type { Framing, SourceDescription } from '../../model/connector.ts'
import { Assembler } from '../assembler.ts'
import type { Door, JournaledSource, Lane, Listening, Session, SourceContext, SourceStatus } from '../connector.ts'
import type { TcpSourceSettings } from './describe.ts'

/** Looks at silent connections this often within their limit. */
const LOOKS = 4
/** How long a peer that was told goodbye may stay. */
const CLOSING_MS = 5000

export const tcpSourceConnector: JournaledSource = {
  family: 'journaled',
  kind: 'tcp',
  open: (description, door, context) => new TcpListening(description, door, context),
}

class TcpListening implements Listening {
  readonly status: SourceStatus = { connections: 0, accepted: 0, refused: 0, expelled: 0, bytes: 0, records: 0 }
  readonly context: SourceContext
  readonly framing: Framing
  /** Bytes of unfinished records, of all connections. */
  partial = 0
  private readonly door: Door
  private readonly settings: TcpSourceSettings
  private readonly peers = new Set<Peer>()
  private listener: Listener | null = null
  private timer: Timer | null = null
  private closed = false
  /** The limit of connections was met and the operator knows. */
  private full = false

  constructor(description: SourceDescription<unknown>, door: Door, context: SourceContext) {
    this.framing = description.framing
    this.settings = description.settings as TcpSourceSettings
    this.door = door
    this.context = context
    const { host, port } = this.settings
    context.env.network.listen(
      { host, port },
      { reusePort: context.sharePort },
      (connection) => this.accept(connection),
      (error, listener) => this.opened(error, listener),
    )
  }

  close(): void {
    this.closed = true
    this.timer?.cancel()
    this.listener?.close()
    for (const peer of this.peers) peer.abandon()
    this.peers.clear()
  }

  left(peer: Peer): void {
    this.peers.delete(peer)
    this.full = false
    this.status.connections = this.peers.size
  }

  expelled(peer: Peer, why: string): void {
    this.status.expelled++
    const { context } = this
    if (!this.closed) context.warn(fail('E_CONNECTION_CLOSED', { step: context.step, peer: peer.remote, reason: why }))
  }

  private opened(error: NetworkError | null, listener: Listener | null): void {
    if (this.closed) {
      listener?.close()
      return
    }
    const { host, port } = this.settings
    if (error !== null) {
      this.closed = true
      this.context.failed(listenFault(this.context.step, host, port, error))
      return
    }
    this.listener = listener
    this.context.listening(`${listener!.address.host}:${listener!.address.port}`)
    this.look()
  }

  private accept(connection: Connection): ConnectionHandler | null {
    const { status, context, door } = this
    if (this.closed) return null
    if (this.peers.size >= context.limits.connections) {
      status.refused++
      // Said each time that the limit is reached, not for each attempt.
      if (!this.full) {
        context.warn(fail('E_TOO_MANY_CONNECTIONS', { step: context.step, limit: context.limits.connections }))
      }
      this.full = true
      return null
    }
    const now = context.env.clock.monotonic()
    const peer =
      this.settings.protocol === 'acked'
        ? new AckedPeer(this, connection, now, door)
        : new PlainPeer(this, connection, now, door.lane(connection.remote))
    this.peers.add(peer)
    status.accepted++
    status.connections = this.peers.size
    return peer
  }

  /** Closes connections that have been silent for too long while they were being read. */
  private look(): void {
    const { idleMs } = this.settings
    if (idleMs === 0) return
    this.timer = this.context.env.clock.after(Math.ceil(idleMs / LOOKS), () => {
      const now = this.context.env.clock.monotonic()
      for (const peer of this.peers) peer.expireAt(now, idleMs)
      this.look()
    })
  }
}

/** What a person is told of a port that could not be opened; the network may know who has it. */
export function listenFault(step: string, host: string, port: number, error: NetworkError): PotorooError {
  if (error.cause instanceof PotorooError) return error.cause
  if (error.code === 'inUse') return fail('E_PORT_IN_USE', { host, port, by: '' }, error)
  return fail('E_LISTEN', { host, port, step, reason: error.message }, error)
}

/** What both kinds of connections have in common. */
abstract class Peer implements ConnectionHandler {
  readonly remote: string
  protected readonly source: TcpListening
  protected readonly connection: Connection
  protected heardMs: number
  protected paused = false
  protected gone = false

  constructor(source: TcpListening, connection: Connection, nowMs: number) {
    this.source = source
    this.connection = connection
    this.remote = connection.remote
    this.heardMs = nowMs
  }

  /** Not called: an accepted connection stands already. */
  onOpen(): void {}

  onBytes(chunk: Buffer): void {
    if (this.gone) return
    this.heardMs = this.source.context.env.clock.monotonic()
    this.source.status.bytes += chunk.length
    this.received(chunk)
  }

  onEnd(): void {
    if (this.gone) return
    this.finished()
    this.leave()
    this.connection.end()
  }

  abstract onDrain(): void

  onClosed(): void {
    if (!this.gone) this.leave()
  }

  /** Closes the connection because of what it did. */
  expel(why: string): void {
    if (this.gone) return
    this.leave()
    this.connection.destroy()
    this.source.expelled(this, why)
  }

  /** Closes the connection because the source closes. */
  abandon(): void {
    if (this.gone) return
    this.leave()
    this.connection.destroy()
  }

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

class PlainPeer extends Peer {
  private readonly lane: Lane
  private readonly assembler: Assembler
  private full = false

  constructor(source: TcpListening, connection: Connection, nowMs: number, lane: Lane) {
    super(source, connection, nowMs)
    this.lane = lane
    this.assembler = new Assembler(source.framing, source.context.limits.recordBytes, (bytes, cuts) => {
      source.status.records += cuts.count
      if (!lane.push(bytes, cuts)) this.full = true
    })
    lane.onRoom(() => this.resume())
  }

  protected received(chunk: Buffer): void {
    const { assembler, source } = this
    const before = assembler.pending
    this.full = false
    try {
      assembler.push(chunk)
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      source.partial -= before
      source.partial += assembler.pending
      this.expel(error.message)
      return
    }
    source.partial += assembler.pending - before
    if (source.partial > source.context.limits.partialBytes && assembler.pending > 0) {
      this.expel(`unfinished records hold more than ${source.context.limits.partialBytes} bytes`)
    } else if (this.full) this.pause()
  }

  onDrain(): void {}

  protected finished(): void {
    const { assembler, source } = this
    const left = assembler.pending
    source.partial -= left
    if (!assembler.finish()) source.expelled(this, `it ended inside a record, of which ${left} bytes had come`)
  }

  protected released(): void {
    this.source.partial -= this.assembler.pending
    this.lane.close()
  }
}

class AckedPeer extends Peer {
  private readonly session: Session
  private closing = false

  constructor(source: TcpListening, connection: Connection, nowMs: number, door: Door) {
    super(source, connection, nowMs)
    this.session = door.session(
      connection.remote,
      (bytes) => this.send(bytes),
      () => this.close(),
    )
  }

  protected received(chunk: Buffer): void {
    if (!this.closing) this.session.onBytes(chunk)
  }

  onDrain(): void {
    this.resume()
  }

  /** A producer that does not read its answers is not read either, and in the end closed (R3). */
  private send(bytes: Uint8Array): boolean {
    const { context } = this.source
    if (this.gone || this.closing) return false
    if (this.connection.write(bytes)) return true
    if (this.connection.queued > context.limits.sinkQueueBytes) this.expel('it does not read its acknowledgements')
    else if (!this.paused) this.pause()
    return false
  }

  /** Sends what is queued and gives the peer a moment to close its side. */
  private close(): void {
    if (this.closing) return
    this.closing = true
    this.connection.end()
    this.source.context.env.clock.after(CLOSING_MS, () => this.connection.destroy())
  }

  protected finished(): void {}

  protected released(): void {
    this.session.onClosed()
  }
}
