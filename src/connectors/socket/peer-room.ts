/**
 * The connections of a source that listens, whatever it listens by: how many there are, what they hold, and which of
 * them have to go.
 *
 * R1. One connection never harms another: one that sends what cannot be a record is closed and counted, and the records
 *     in front of it have been taken.
 * R2. A lane without room pauses its own connection only, from its beginning if need be; the producer's window closes,
 *     nothing is buffered here.
 * R3. What is held is bounded: connections, the unfinished record of each, the sum of those, and the answers that an
 *     acknowledged producer does not read. Where the sum is too large whoever holds the most goes, not whoever comes
 *     next (R1).
 */
import type { Timer } from '../../env/clock.ts'
import type { Address, Connection } from '../../env/network.ts'
import { Cuts, type Framing, type SourceDescription } from '../../model/connector.ts'
import type { SourceContext, SourceStatus } from '../connector.ts'
import { Expulsions } from '../expulsions.ts'
import { Refusals } from '../refusals.ts'
import type { Peer, PeerHome } from './peer.ts'
import { type Listen, Ports } from './ports.ts'

/** Looks at silent connections this often within their limit. */
const LOOKS = 4

export class PeerRoom implements PeerHome {
  readonly status: SourceStatus = { connections: 0, accepted: 0, refused: 0, expelled: 0, bytes: 0, records: 0 }
  readonly context: SourceContext
  readonly framing: Framing
  readonly cuts: Cuts = new Cuts()
  /** Bytes of unfinished records, of all connections. */
  partial = 0
  closed = false
  private readonly idleMs: number
  private readonly peers = new Set<Peer>()
  private readonly expulsions: Expulsions
  private readonly refusals: Refusals
  private ports: Ports | null = null
  /** Its peers are producers that other workers may be the home of: each is told again where its stream is. */
  private own = false
  private timer: Timer | null = null

  constructor({ framing }: SourceDescription<unknown>, idleMs: number, context: SourceContext) {
    this.framing = framing
    this.idleMs = idleMs
    this.context = context
    this.expulsions = new Expulsions(context)
    this.refusals = new Refusals(context, this.status)
  }

  /** Opens its port at `at`, by `listen`; `own`: producers are sent here by other workers. */
  open(at: Address, own: boolean, listen: Listen): void {
    this.own = own
    this.ports = new Ports(this.context, at, own, listen, () => this.look())
  }

  /** See `Listening.stand`. Who has a session is closed instead, and comes again: it knows what has arrived. */
  stand(): boolean {
    if (this.own) return false
    for (const peer of this.peers) peer.stand()
    return true
  }

  /** Takes the peer that `make` makes of a connection, or `null` where there are as many as may be. */
  accept(make: (nowMs: number) => Peer): Peer | null {
    const { status, context } = this
    if (this.closed) return null
    if (this.peers.size >= context.limits.connections) {
      this.refuse()
      return null
    }
    const peer = make(context.env.clock.monotonic())
    this.peers.add(peer)
    status.accepted++
    status.connections = this.peers.size
    return peer
  }

  /** A connection was not let in, because there are as many as may be. */
  refuse(): void {
    this.refusals.add()
  }

  relieve(): void {
    const { peers, context } = this
    let most: Peer | null = null
    for (const peer of peers) if (peer.pending >= (most?.pending ?? 1)) most = peer
    most?.expel(`unfinished records hold more than ${context.limits.partialBytes} bytes, and this one the most`)
  }

  left(peer: Peer): void {
    this.peers.delete(peer)
    this.status.connections = this.peers.size
  }

  expelled({ remote: peer }: Pick<Connection, 'remote'>, reason: string): void {
    this.status.expelled++
    if (!this.closed) this.expulsions.add({ peer, reason })
  }

  close(): void {
    this.closed = true
    this.expulsions.close()
    this.timer?.cancel()
    this.ports?.close()
    for (const peer of this.peers) peer.abandon()
    this.peers.clear()
  }

  /** Closes connections that have been silent for too long while they were being read. */
  private look(): void {
    const { idleMs } = this
    if (idleMs === 0) return
    this.timer = this.context.env.clock.after(Math.ceil(idleMs / LOOKS), () => {
      const now = this.context.env.clock.monotonic()
      for (const peer of this.peers) peer.expireAt(now, idleMs)
      this.look()
    })
  }
}
