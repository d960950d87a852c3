/**
 * All links of a worker: who is linked, who knocks, and the ways out for messages and channels (PROTOCOLS 6, 15).
 *
 * W1. There are sessions for the present generation alone. A new one ends all of the old: their control messages leave,
 *     their data counts no more.
 * W2. At most `linkGreetings` connections are held that have not said who they are, or that were refused and have not
 *     hung up, each for `linkDialTimeoutMs`. Where there are more, whoever has waited longest goes: a worker says at
 *     once who it is, and strangers who say nothing keep none out.
 * W3. The beat of all links is one timer: pings, what has arrived, and the ends of waits.
 */
import { assert } from '../base/assert.ts'
import { ByteWriter } from '../base/bytes.ts'
import type { PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Timer } from '../env/clock.ts'
import type { Env } from '../env/env.ts'
import type { Address, Connection, ConnectionHandler, Listener, NetworkError } from '../env/network.ts'
import type { DialerContext, Target } from './dialer.ts'
import { type Called, Greeting, type Reception } from './greeting.ts'
import type { Hello, Identity, Program, Verdict } from './handshake.ts'
import type { ChannelTaker, Inlet } from './inlet.ts'
import { Line } from './line.ts'
import type { BatchEncoder, ChannelAddress, Outlet } from './outlet.ts'
import { type BodyWriter, Peer, type PeerEvents, type PeerStatus } from './peer.ts'
import type { ControlMessage } from './wire.ts'

export type Member = Target

export interface SwitchboardEvents extends PeerEvents {
  /**
   * A worker with the cluster's token, which the present generation does not know, asks for a link: it may be admitted.
   */
  knocked(worker: string, incarnation: string): void
  /**
   * What came from `peer`, a worker or where a stranger called from, was no frame. The session goes on by another line.
   */
  damaged(peer: string, error: PotorooError): void
}

export class Switchboard {
  readonly identity: Identity
  /** Handshakes of others that came to nothing, for metrics. */
  turnedAway = 0
  private readonly env: Env
  private readonly limits: Limits
  private readonly events: SwitchboardEvents
  private readonly context: DialerContext
  private readonly peers = new Map<string, Peer>()
  private readonly greetings = new Set<Line>()
  private listener: Listener | null = null
  private readonly reception: Reception
  private readonly standing: { identity: Identity; generation: number; programs: readonly Program[] }
  private timer: Timer
  private closed = false

  constructor(env: Env, identity: Identity, limits: Limits, events: SwitchboardEvents) {
    this.env = env
    this.identity = identity
    this.standing = { identity, generation: 0, programs: [] }
    this.limits = limits
    this.events = events
    this.context = {
      worker: identity.worker,
      clock: env.clock,
      network: env.network,
      random: env.random,
      limits,
      writer: new ByteWriter(),
      standing: this.standing,
      damaged: (peer, error) => events.damaged(peer, error),
    }
    this.reception = {
      standing: this.standing,
      find: (hello, about) => this.peers.get(hello.worker)?.lane(about.lane) ?? null,
      turnedAway: (hello, verdict, called) => this.onTurnedAway(hello, verdict, called),
      sessionName: () => env.random.id(),
      greeted: (line) => this.greetings.delete(line),
    }
    this.timer = env.clock.after(limits.linkPingMs, this.tick)
  }

  /** The generation whose sessions there are; 0 before the first. */
  get generation(): number {
    return this.standing.generation
  }

  /** All workers of the generation but this one. */
  get status(): readonly PeerStatus[] {
    return [...this.peers.values()].map((peer) => peer.status)
  }

  /** Takes connections of other workers at `at`. */
  listen(at: Address, done: (error: NetworkError | null, address: Address | null) => void): void {
    const accept = (connection: Connection): ConnectionHandler | null => this.accept(connection)
    this.env.network.listen(at, { members: true }, accept, (error, listener) => {
      if (this.closed) listener?.close()
      else this.listener = listener
      done(error, listener?.address ?? null)
    })
  }

  // ── Generations ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** From now on `generation` counts, with these members (this worker may be among them), who run `programs`. */
  activate(generation: number, members: readonly Member[], programs: readonly Program[]): void {
    assert(generation > this.standing.generation, 'W1: generations rise')
    this.deactivate(`worker ${this.identity.worker} goes on in generation ${generation}`)
    this.standing.generation = generation
    this.standing.programs = programs
    for (const member of members) {
      if (member.worker !== this.identity.worker) this.admit(member, this.identity.worker < member.worker)
    }
  }

  /** Ends all sessions; `reason` is for the others. Nobody is linked until the next generation. */
  deactivate(reason: string): void {
    for (const peer of this.peers.values()) peer.retire(reason)
    this.peers.clear()
  }

  /** The programs that run from now on: one was submitted, or cancelled. */
  run(programs: readonly Program[]): void {
    this.standing.programs = programs
  }

  /**
   * Links a worker in the present generation. Members are linked by `activate`; a worker that is about to join is
   * admitted here, by both sides, and is the one that dials.
   */
  admit(member: Member, dials: boolean): void {
    const { worker } = member
    assert(worker !== this.identity.worker && !this.peers.has(worker), 'H1: there is one session with another worker')
    this.peers.set(worker, new Peer(this.context, this.standing.generation, member, dials, this.events))
  }

  /** Whether there is a session with `worker` in the present generation, standing or not. */
  has(worker: string): boolean {
    return this.peers.has(worker)
  }

  /** Ends the session with a worker that was admitted, or that is lost: another incarnation of it may be admitted. */
  dismiss(worker: string, reason: string): void {
    this.peer(worker).retire(reason)
    this.peers.delete(worker)
  }

  // ── Ways out ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Sends `message` to `worker`, with the body that `body` writes. It arrives once and in order, or the worker is lost;
   * so it is where more than `controlLaneBytes` wait. Who has much to send looks at `backlog`.
   */
  send(worker: string, message: ControlMessage, body: BodyWriter | null = null): void {
    this.peer(worker).send(message, body)
  }

  /** The version of the protocol that is spoken with `worker`; 0 before one was agreed on. */
  version(worker: string): number {
    return this.peer(worker).links.control.version
  }

  /** Bytes of messages that `worker` is not known to have: what a message that is sent now may have to wait for. */
  backlog(worker: string): number {
    return this.peer(worker).links.control.keptBytes
  }

  /** Opens the sending end of a channel to `worker`, once in a generation. */
  outlet<B>(worker: string, address: ChannelAddress, encode: BatchEncoder<B>): Outlet<B> {
    return this.peer(worker).outlet(address, encode)
  }

  /** Opens the receiving end of a channel from `worker`, once in a generation. */
  inlet(worker: string, address: ChannelAddress, taker: ChannelTaker): Inlet {
    return this.peer(worker).inlet(address, taker)
  }

  close(): void {
    this.closed = true
    this.timer.cancel()
    this.listener?.close()
    for (const line of this.greetings) line.drop()
    this.greetings.clear()
    this.deactivate(`worker ${this.identity.worker} ends`)
  }

  private peer(worker: string): Peer {
    const peer = this.peers.get(worker)
    assert(peer !== undefined, `worker ${worker} is one of the generation`)
    return peer
  }

  private readonly tick = (): void => {
    const now = this.env.clock.monotonic()
    for (const peer of [...this.peers.values()]) peer.tick(now)
    if (!this.closed) this.timer = this.env.clock.after(this.limits.linkPingMs, this.tick)
  }

  // ── Who dials us ─────────────────────────────────────────────────────────────────────────────────────────────────

  private accept(connection: Connection): ConnectionHandler | null {
    if (this.closed) return null
    if (this.greetings.size >= this.limits.linkGreetings) this.dropOldest()
    const line = new Line(this.context, new Greeting(this.reception), connection, connection.remote)
    this.greetings.add(line)
    return line
  }

  /** W2. */
  private dropOldest(): void {
    const [oldest] = this.greetings
    this.greetings.delete(oldest!)
    oldest!.drop()
  }

  private onTurnedAway(hello: Hello, verdict: Verdict, called: Called | null): void {
    this.turnedAway++
    if (verdict.kind === 'notYet') {
      if (hello.generation > this.standing.generation) this.events.newer(hello.generation, hello.worker)
      else this.events.knocked(hello.worker, hello.incarnation)
    } else if (verdict.kind === 'refuse') {
      if (verdict.fatal) called?.link.fail(verdict.error)
      else if (verdict.error.code !== 'E_LINK_GENERATION') this.events.refused(hello.worker, verdict.error)
    }
  }
}
