/**
 * Listens for producers: plain ones, whose records go to a lane each, and acknowledged ones, whose bytes go to a session.
 *
 * R1. One connection never harms another: one that sends what cannot be a record is closed and counted, and the records
 *     in front of it have been taken.
 * R2. A lane without room pauses its own connection only; the producer's window closes, nothing is buffered here.
 * R3. What is held is bounded: connections, the unfinished record of each, the sum of those, and the answers that an
 *     acknowledged producer does not read.
 */
import { fail } from '../../base/errors.ts'
import type { Timer } from '../../env/clock.ts'
import type { Connection, ConnectionHandler, Listener, NetworkError } from '../../env/network.ts'
import type { Framing, SourceDescription } from '../../model/connector.ts'
import type { Door, JournaledSource, Listening, SourceContext, SourceStatus } from '../connector.ts'
import type { TcpSourceSettings } from './describe.ts'
import { listenFault } from './fault.ts'
import { AckedPeer, type Peer, type PeerHome, PlainPeer } from './peer.ts'

/** Looks at silent connections this often within their limit. */
const LOOKS = 4

export const tcpSourceConnector: JournaledSource = {
  family: 'journaled',
  kind: 'tcp',
  open: (description, door, context) => new TcpListening(description, door, context),
}

class TcpListening implements Listening, PeerHome {
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
