/**
 * Finds a connection for one lane to one worker, and another where that one is gone or silent.
 *
 * D1. Of two workers the one with the lower id dials; so there is one dialler for each session.
 * D2. At most one dial is under way; a pause that grows lies between two.
 * D3. Silence ends no connection: a program that computes is silent too. When its pings stay unanswered the dialler
 *     tries a second connection beside the first, and only a welcome there replaces it. Its patience doubles each time,
 *     so that a frame that takes long on a slow way gets through in the end.
 * D4. Where pings stay unanswered and the other machine takes no second connection either, the way is dead, and the
 *     first one is given up: the system would believe in it for a quarter of an hour, while heartbeats go another way.
 *     Of a program that computes the machine takes connections, and whose name is not found may be there. Who was wrong
 *     goes on with the next one.
 */
import { showAddress } from '../base/address.ts'
import { fail, type PotorooError } from '../base/errors.ts'
import type { Timer } from '../env/clock.ts'
import { type Address, type Network, NetworkError } from '../env/network.ts'
import type { Random } from '../env/random.ts'
import { spokenVersions } from '../protocol/version.ts'
import { Backoff } from './backoff.ts'
import {
  type About,
  type Answer,
  type Expected,
  examine,
  type Hello,
  type Standing,
  type Verdict,
  type Welcome,
  weigh,
} from './handshake.ts'
import { type Dialling, Line, type LineContext } from './line.ts'
import type { Link } from './link.ts'

/** Pings without an answer after which another connection is tried, at first. */
const PATIENCE = 4
/** Longest pause before the next dial where the other side has asked for patience, in milliseconds. */
const NOT_YET_MS = 200

/** Whom a dialler looks for. */
export interface Target {
  readonly worker: string
  readonly incarnation: string
  readonly address: Address
}

export interface DialerContext extends LineContext {
  readonly network: Network
  readonly random: Random
  /** As it is at any time. */
  readonly standing: Standing
}

export interface DialerEvents {
  /** `line` was welcomed: the other side has `welcome.received` frames, and begins with number `expects`. */
  attach(link: Link, line: Line, welcome: Welcome, expects: number): void
  /** The other side refuses; the next dial may fare better. */
  refused(link: Link, error: PotorooError): void
  /** The other side is in a newer generation. */
  newer(link: Link, generation: number): void
}

export class Dialer implements Dialling {
  /** Why the last dial failed; `null` after one that did not. */
  failure: string | null = null
  /** Whether nobody listened at the last dial. */
  unheard = false
  private readonly context: DialerContext
  private readonly link: Link
  private readonly target: Target
  private readonly events: DialerEvents
  private readonly backoff: Backoff
  private readonly patienceMax: number
  private line: Line | null = null
  private pause: Timer | null = null
  private stopped = false
  /** What the hello of this dial said that we had received. */
  private said = 0
  private welcome: Welcome | null = null
  private askedToWait = false
  /** A ping waits for its answer. */
  private asked = false
  private pings = 0
  private unanswered = 0
  private patience = PATIENCE

  constructor(context: DialerContext, link: Link, target: Target, events: DialerEvents) {
    this.context = context
    this.link = link
    this.target = target
    this.events = events
    const { linkRetryMs, linkGraceMs, linkPingMs } = context.limits
    this.backoff = new Backoff(context.random, linkRetryMs)
    this.patienceMax = Math.floor(linkGraceMs / linkPingMs / 2)
  }

  start(): void {
    if (this.stopped || this.line !== null) return
    this.pause?.cancel()
    this.pause = null
    this.askedToWait = false
    const { host, port } = this.target.address
    const line = new Line(this.context, this, null, `${this.target.worker} at ${showAddress({ host, port })}`)
    this.line = line
    line.connect(this.context.network.dial({ host, port }, line))
  }

  stop(): void {
    this.stopped = true
    this.pause?.cancel()
    this.line?.drop()
    this.line = null
  }

  /** The link's connection is gone. */
  interrupted(): void {
    if (this.line === null) this.again(this.backoff.next())
  }

  /** Asks for a sign of life, or, where none has come for too long, for another connection (D3). */
  tick(): void {
    if (this.link.phase !== 'open') return
    if (!this.asked) {
      this.asked = true
      this.unanswered = 0
      this.link.ping(++this.pings >>> 0)
    } else if (++this.unanswered >= this.patience) {
      this.unanswered = 0
      this.patience = Math.min(2 * this.patience, this.patienceMax)
      this.start()
    }
  }

  /** A sign of life has come. */
  answered(): void {
    this.asked = false
    this.patience = PATIENCE
  }

  // ── The conversation ─────────────────────────────────────────────────────────────────────────────────────────────

  introduce(): readonly [Hello, About] {
    const { identity, generation, programs } = this.context.standing
    const { cluster, worker, incarnation, token, build } = identity
    const { session, received, lane } = this.link
    this.said = received
    return [
      {
        kind: 'hello',
        ...spokenVersions,
        cluster,
        token: Buffer.from(token),
        worker,
        incarnation,
        generation,
        session,
        received,
      },
      { kind: 'about', worker, incarnation, lane, build, pipelines: programs },
    ]
  }

  examine(about: About): PotorooError | null {
    const refusal = examine(this.context.standing, about, this.expected)
    if (refusal?.fatal) this.link.fail(refusal.error)
    else if (refusal) this.events.refused(this.link, refusal.error)
    return refusal?.error ?? null
  }

  weigh(welcome: Welcome): Verdict {
    const verdict = weigh(this.context.standing, welcome, this.expected)
    this.welcome = welcome
    if (verdict.kind === 'refuse' && verdict.fatal) this.link.fail(verdict.error)
    return verdict
  }

  turnedAway(answer: Answer): void {
    if (answer.kind === 'notYet') {
      this.askedToWait = true
      this.link.wait()
      this.failure = `generation ${this.link.generation} is not active there yet`
      return
    }
    const { worker } = this.context
    const { code, reason, generation } = answer
    const error = fail('E_LINK_REFUSED', { worker, peer: this.target.worker, code, reason })
    this.failure = reason
    if (code === 'E_LINK_GENERATION') this.events.newer(this.link, generation)
    else if (code === 'E_LINK_INCARNATION' || code === 'E_LINK_SESSION') this.link.fail(error)
    else this.events.refused(this.link, error)
  }

  opened(line: Line): void {
    this.line = null
    this.failure = null
    this.unheard = false
    this.asked = false
    this.backoff.reset()
    this.events.attach(this.link, line, this.welcome!, this.said)
  }

  closed(line: Line, error: Error | null): void {
    this.line = null
    if (error !== null) this.failure = error.message
    this.unheard = error instanceof NetworkError && error.code === 'refused'
    if (this.link.phase === 'open') {
      // D4. Otherwise the next silence tries again.
      if (this.asked && !line.reached && !isLost(error))
        this.link.giveUp(`it answers nothing, and takes no connection: ${this.failure}`)
      return
    }
    const ms = this.backoff.next()
    this.again(this.askedToWait ? Math.min(NOT_YET_MS, ms) : ms)
  }

  private again(ms: number): void {
    if (this.stopped || this.link.phase === 'over') return
    this.pause?.cancel()
    this.pause = this.context.clock.after(ms, () => this.start())
  }

  private get expected(): Expected {
    const { worker, incarnation, address } = this.target
    return { worker, incarnation, address: showAddress(address), facts: this.link }
  }
}

/** Nothing was sent, for there was no way, or no address. */
function isLost(error: Error | null): boolean {
  return error instanceof NetworkError && error.code === 'unreachable'
}
