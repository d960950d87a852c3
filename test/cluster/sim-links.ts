/**
 * What workers hear of each other: a matrix of directions that are cut or not. Heartbeats need one direction and get
 * lost; messages between two incarnations are a session that needs both and keeps what a cut holds up.
 */

import type { Prng } from '../../src/base/prng.ts'
import type { Member } from '../../src/checkpoint/cluster.ts'
import type { DetectorEvent } from '../../src/cluster/detector.ts'
import type { Life } from '../../src/sim/life.ts'
import type { Timeline } from '../../src/sim/timeline.ts'

/** A process, as the network sees it. */
export interface Station<M> {
  readonly name: string
  readonly life: Life
  readonly incarnation: string
  readonly identity: Member
  receive(from: Member, message: M): void
  detect(event: DetectorEvent): void
}

interface Session<M> {
  readonly waiting: M[]
  lastMs: number
}

export class SimLinks<M> {
  readonly stations = new Map<string, Station<M>>()
  private readonly cuts = new Set<string>()
  private readonly sessions = new Map<string, Session<M>>()
  private readonly timeline: Timeline
  private readonly random: Prng

  constructor(timeline: Timeline, random: Prng) {
    this.timeline = timeline
    this.random = random
  }

  reaches(from: string, to: string): boolean {
    return !this.cuts.has(`${from}>${to}`)
  }

  private joined(a: string, b: string): boolean {
    return this.reaches(a, b) && this.reaches(b, a)
  }

  /** Cuts one direction, or mends it. */
  set(from: string, to: string, open: boolean): void {
    const stood = this.joined(from, to)
    if (open) this.cuts.delete(`${from}>${to}`)
    else this.cuts.add(`${from}>${to}`)
    const stands = this.joined(from, to)
    if (stood === stands) return
    this.later(this.random.between(100, 800), () => this.meet(from, to))
    if (stands) for (const session of [`${from}>${to}`, `${to}>${from}`]) this.flush(session)
  }

  heartbeat(from: Station<M>, to: string, receive: (at: Station<M>, from: Member) => void): void {
    const { identity } = from
    this.later(this.random.between(0.2, 5), () => {
      const at = this.stations.get(to)
      if (at === undefined || !this.reaches(from.name, to)) return
      this.timeline.at(this.timeline.now, at.life, () => receive(at, identity))
    })
  }

  /** Sends in order; lost only with one of the two incarnations. */
  send(from: Station<M>, to: string, message: M): void {
    const target = this.stations.get(to)
    if (target === undefined) return
    const name = `${from.name}>${to}`
    const session = this.sessionOf(name, from.incarnation, target.incarnation)
    session.waiting.push(message)
    if (this.joined(from.name, to)) this.flush(name)
  }

  private sessionOf(pair: string, sender: string, receiver: string): Session<M> {
    const name = `${pair} ${sender} ${receiver}`
    const session = this.sessions.get(name) ?? { waiting: [], lastMs: 0 }
    this.sessions.set(name, session)
    return session
  }

  private flush(pair: string): void {
    const [from, to] = pair.split('>') as [string, string]
    for (const [name, session] of this.sessions) {
      if (!name.startsWith(`${pair} `)) continue
      const [, sender, receiver] = name.split(' ') as [string, string, string]
      if (this.stations.get(to)?.incarnation !== receiver) this.sessions.delete(name)
      else this.deliver(session, from, to, sender, receiver)
    }
  }

  private deliver(session: Session<M>, from: string, to: string, sender: string, receiver: string): void {
    for (const message of session.waiting.splice(0)) {
      session.lastMs = Math.max(session.lastMs, this.timeline.now + this.random.between(0.5, 10))
      this.timeline.at(session.lastMs, null, () => {
        const at = this.stations.get(to)
        if (at?.incarnation !== receiver) return
        if (!this.joined(from, to)) return void session.waiting.push(message)
        const identity = { worker: from, incarnation: sender, address: '' }
        this.timeline.at(this.timeline.now, at.life, () => {
          if (at.incarnation === receiver) at.receive(identity, message)
        })
      })
    }
  }

  /** Tells both ends whether a link stands between them. */
  private meet(a: string, b: string): void {
    const one = this.stations.get(a)
    const other = this.stations.get(b)
    if (one === undefined || other === undefined) return
    const kind = this.joined(a, b) ? 'linked' : 'unlinked'
    this.tell(one, { kind, worker: b, incarnation: other.incarnation })
    this.tell(other, { kind, worker: a, incarnation: one.incarnation })
  }

  private tell(at: Station<M>, event: DetectorEvent): void {
    this.timeline.at(this.timeline.now, at.life, () => at.detect(event))
  }

  /** A process, or a new incarnation in one, is there. */
  arrive(station: Station<M>): void {
    this.stations.set(station.name, station)
    for (const name of this.stations.keys()) {
      if (name !== station.name) this.later(this.random.between(20, 200), () => this.meet(station.name, name))
    }
  }

  /** A process has ended; `noticed`: its kernel refuses dials, or its supervisor says so. */
  depart(station: Station<M>, noticed: boolean): void {
    this.stations.delete(station.name)
    const { name: worker, incarnation } = station
    for (const [name, other] of this.stations) {
      this.later(this.random.between(5, 100), () => {
        if (this.stations.get(name) !== other) return
        this.tell(other, { kind: 'unlinked', worker, incarnation })
        if (!noticed || !this.reaches(name, worker)) return
        this.tell(other, { kind: this.random.chance(0.5) ? 'exited' : 'dialRefused', worker, incarnation })
      })
    }
  }

  private later(ms: number, fn: () => void): void {
    this.timeline.at(this.timeline.now + ms, null, fn)
  }
}
