/**
 * The other workers that an incarnation of this one is linked with: the life of its switchboard over the generations,
 * and what its links know of the others.
 *
 * N1. Members of a generation are linked by its record. Others that beat are linked beside them, on both sides: before
 *     the first generation, after a cold start and before a join nobody is a member, and only who is linked counts as
 *     heard.
 * N2. A member whose session has ended is not linked again in that generation: what was on the way is gone. Another
 *     incarnation of it is, as somebody new; where it was no member, at once. So it stays also where that other one was
 *     another process of its name, and has gone since.
 * N3. Who answers or calls in another incarnation has lost the one that is known: that one is gone.
 *     Whoever wants to join says how many sessions it has had with members (`rescale.ts`, H7).
 * N4. What is sent to this worker itself comes back on a turn of its own; what is sent to nobody's session is lost. So
 *     is what belongs to a generation that is over.
 * N5. Once it is closed nobody is linked any more: what is read meanwhile, the next incarnation begins with.
 */
import { showAddress } from '../../base/address.ts'
import type { ByteReader } from '../../base/bytes.ts'
import { fail, type PotorooError } from '../../base/errors.ts'
import type { Limits } from '../../base/limits.ts'
import type { Cluster } from '../../checkpoint/cluster.ts'
import type { Beat, Heard } from '../../cluster/beats.ts'
import type { Env } from '../../env/env.ts'
import type { Address } from '../../env/network.ts'
import { NEWEST_VERSION } from '../../protocol/version.ts'
import type { Identity, Program } from '../../transport/handshake.ts'
import type { BodyWriter } from '../../transport/peer.ts'
import { Switchboard } from '../../transport/switchboard.ts'
import type { ControlMessage } from '../../transport/wire.ts'
import { addressOf } from '../address.ts'
import type { Links } from '../execution/generation.ts'
import { LocalLinks } from './local-links.ts'
import type { Evidence } from './watch.ts'

export interface NeighbourEvents {
  /** `body` stands behind the message's fields, good during the call alone. */
  control(from: Heard, message: ControlMessage, body: ByteReader): void
  /** There may be something new in the chain or in the beats. */
  hint(): void
  /** What the links know of another worker. */
  evidence(evidence: Evidence): void
  /** A worker is not linked, for a reason that may need a person. */
  refused(worker: string, error: PotorooError): void
  /** What came on a link was no frame, and was not believed. */
  damaged(peer: string, error: PotorooError): void
}

interface Known {
  readonly incarnation: string
  readonly member: boolean
  lost: boolean
  /** What was told last of this session; `null` where nothing was: it may be the end of the one before. */
  linked: boolean | null
  /** It has been seen to stand. */
  begun: boolean
}

export class Neighbours {
  private readonly env: Env
  private readonly identity: Identity
  private readonly events: NeighbourEvents
  private readonly board: Switchboard
  private readonly known = new Map<string, Known>()
  /** To this worker itself (N4), in the present generation. */
  private self: LocalLinks
  private generation = 0
  private members: ReadonlySet<string> = new Set()
  /** Incarnations of members whose sessions have ended (N2). */
  private readonly ended = new Set<string>()
  /** Sessions with members of their generation that have begun (N2). */
  sessions = 0
  private closed = false

  constructor(env: Env, identity: Identity, limits: Limits, events: NeighbourEvents) {
    this.env = env
    this.identity = identity
    this.events = events
    this.self = this.loop()
    this.board = new Switchboard(env, identity, limits, {
      control: (worker, message, body) => {
        const known = this.known.get(worker)
        if (known !== undefined) events.control({ worker, incarnation: known.incarnation }, message, body)
      },
      interrupted: () => this.look(),
      lost: (worker, error) => this.onLost(worker, error),
      refused: (worker, error) => events.refused(worker, error),
      newer: () => events.hint(),
      knocked: () => events.hint(),
      damaged: (peer, error) => events.damaged(peer, error),
    })
  }

  listen(at: Address, done: (error: PotorooError | null, address: Address | null) => void): void {
    this.board.listen(at, (error, address) => {
      if (error === null) return done(null, address)
      done(fail('E_CLUSTER_LISTEN', { address: showAddress(at), reason: error.message }, error), null)
    })
  }

  /** From now on the generation of `cluster` counts, whose members are linked where this incarnation is one of them. */
  begin(cluster: Cluster, programs: readonly Program[]): void {
    const { worker, incarnation } = this.identity
    const { generation, members } = cluster
    if (generation === this.generation || this.closed) return
    this.generation = generation
    this.members = new Set(members.map((member) => member.worker))
    this.self.close()
    this.self = this.loop()
    const before = [...this.known]
    this.known.clear()
    this.ended.clear()
    const isMember = members.some((one) => one.worker === worker && one.incarnation === incarnation)
    const others = isMember ? members.filter((member) => member.worker !== worker) : []
    for (const member of others) this.note(member, true)
    for (const [name, known] of before)
      if (this.known.get(name)?.incarnation !== known.incarnation) this.tellOver(name, known)
    const targets = others.flatMap((member) => {
      const address = addressOf(member.address)
      return address === null ? [] : [{ ...member, address }]
    })
    this.board.activate(generation, targets, programs)
  }

  /** The programs that run from now on. */
  run(programs: readonly Program[]): void {
    this.board.run(programs)
  }

  /** Links whoever beats and is not linked (N1, N2). */
  meet(beats: Iterable<Beat>): void {
    if (this.closed) return
    for (const { worker, incarnation, address } of beats) {
      const target = addressOf(address)
      if (worker === this.identity.worker || target === null || this.ended.has(incarnation)) continue
      const known = this.known.get(worker)
      if (known !== undefined && !makesWay(known, incarnation)) continue
      if (known !== undefined) this.tellOver(worker, known)
      if (this.board.has(worker)) this.board.dismiss(worker, 'another incarnation takes its place')
      this.note({ worker, incarnation }, false)
      this.board.admit({ worker, incarnation, address: target }, this.identity.worker < worker)
    }
  }

  /** Sends on the control lane (N4). */
  send(worker: string, message: ControlMessage, body: BodyWriter | null = null): void {
    if (worker === this.identity.worker) this.self.send(worker, message, body)
    else if (this.board.has(worker)) this.board.send(worker, message, body)
  }

  /** Everyone that there is a session with. */
  get all(): readonly string[] {
    return [...this.known.keys()]
  }

  /** The version of the protocol that is spoken with `worker`; 0 before one was agreed on. */
  version(worker: string): number {
    if (worker === this.identity.worker) return NEWEST_VERSION
    return this.board.has(worker) ? this.board.version(worker) : 0
  }

  /** Bytes of messages that `worker` is not known to have. */
  backlog(worker: string): number {
    return this.board.has(worker) ? this.board.backlog(worker) : 0
  }

  /** The ways to the members of the present generation. */
  get links(): Links {
    const { board } = this
    return {
      send: (worker, message, body = null) => this.send(worker, message, body),
      version: (worker) => this.version(worker),
      backlog: (worker) => this.backlog(worker),
      outlet: (worker, address, encode) => board.outlet(worker, address, encode),
      inlet: (worker, address, taker) => board.inlet(worker, address, taker),
    }
  }

  get status(): Switchboard['status'] {
    return this.board.status
  }

  /** Tells what the links have come to know: from time to time, and at once where a connection has ended. */
  look(): void {
    for (const { worker, linked, unheard } of this.board.status) {
      const known = this.known.get(worker)
      if (known === undefined || known.lost) continue
      const { incarnation } = known
      if (linked !== known.linked) this.events.evidence({ kind: linked ? 'linked' : 'unlinked', worker, incarnation })
      known.linked = linked
      if (linked && !known.begun) this.onBegun(worker, known)
      if (!linked && unheard) this.events.evidence({ kind: 'dialRefused', worker, incarnation })
    }
  }

  close(): void {
    this.closed = true
    this.self.close()
    this.board.close()
  }

  private note({ worker, incarnation }: Heard, member: boolean): void {
    this.known.set(worker, { incarnation, member, lost: false, linked: null, begun: false })
  }

  private onBegun(worker: string, known: Known): void {
    known.begun = true
    if (this.members.has(worker)) this.sessions++
  }

  /** Tells that the session with an incarnation is over, where it was told that it stands. */
  private tellOver(worker: string, { incarnation, linked, lost }: Known): void {
    if (linked === true && !lost) this.events.evidence({ kind: 'unlinked', worker, incarnation })
  }

  private onLost(worker: string, error: PotorooError): void {
    const known = this.known.get(worker)
    if (known === undefined) return
    known.lost = true
    const { incarnation } = known
    if (known.member) this.ended.add(incarnation)
    const told = { peer: worker, error: error.code, message: error.message }
    // A worker that has left is dialled once more, by its last beat: nobody misses it.
    if (known.member || known.begun) this.env.log.warn('link.lost', told)
    else this.env.log.info('link.lost', told)
    this.events.evidence({ kind: 'unlinked', worker, incarnation })
    // N3. Not for good: a hello of an earlier incarnation may come late.
    if (error.code === 'E_LINK_INCARNATION') this.events.evidence({ kind: 'dialRefused', worker, incarnation })
    // Who is refused by a worker that has not heard of it yet asks again at the next look, not at once.
    if (known.member || error.code !== 'E_LINK_REFUSED') this.events.hint()
  }

  private loop(): LocalLinks {
    return new LocalLinks(this.env.clock, (message, body) => this.events.control(this.identity, message, body))
  }
}

/** Whether a worker's session gives way to one with `incarnation` of it (N2). */
function makesWay({ member, lost, ...known }: Known, incarnation: string): boolean {
  const another = known.incarnation !== incarnation
  return member ? lost && another : lost || another
}
