/**
 * Who may send to one journaled source: hellos of acked producers, what they are answered, and their connections' hold
 * on the streams.
 *
 * U1. While its source recovers or is held, nobody is answered (PROTOCOLS 2, S7 and S8).
 * U2. A stream is granted only by its home, to one connection at a time: the one before is told to go.
 */
import { assert } from '../base/assert.ts'
import { fail } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Claim } from '../protocol/acked.ts'
import type { SourceCounters } from './context.ts'
import { Hellos } from './hellos.ts'
import type { Homes } from './homes.ts'
import type { Missing, Stream, StreamSession } from './stream.ts'
import { answerHello, type HelloAnswer, type Streams } from './streams.ts'

/** A stream that is parked. */
export interface Parked extends Missing {
  readonly producer: string
  readonly incarnation: string
  /** The worker whose journal has what is missing; empty where none is known. */
  readonly home: string
}

export interface ProducersOptions {
  readonly source: string
  readonly limits: Limits
  readonly streams: Streams
  readonly counters: SourceCounters
  homes(): Homes
  /** Whether the source recovers or is held (U1). */
  silent(): boolean
  /** Brings positions up to what the pipeline has taken. */
  settle(): void
}

export class Producers {
  private readonly options: ProducersOptions
  private readonly hellos = new Hellos()

  constructor(options: ProducersOptions) {
    this.options = options
  }

  /** Answers a hello, or `null` while nothing can be said: `later` is called when it can. */
  hello(producer: string, incarnation: string, oldest: number, claim: Claim, later: () => void): HelloAnswer | null {
    const { source, limits, streams } = this.options
    const homes = this.options.homes()
    if (this.options.silent()) {
      this.hellos.wait(later)
      return null
    }
    let known = streams.get(producer, incarnation)
    if (known?.forgotten === true) {
      streams.remove(known)
      known = null
    }
    if (known === null && streams.full) {
      return { kind: 'full', error: fail('E_PRODUCERS_FULL', { source, limit: limits.producers }) }
    }
    const stream = known ?? streams.add(producer, incarnation, true)
    const place = homes.want(stream)
    if (place === 'wait') {
      this.hellos.waitFor(stream, later)
      return null
    }
    const answer: HelloAnswer =
      place === 'home'
        ? answerHello({
            ...{ source, producer, oldest, end: stream.admitted, home: stream.origin },
            known: stream.hasRecords,
            ...{ claim, trail: stream.trail, producerTtlMs: limits.producerTtlMs },
          })
        : { kind: 'redirect', worker: place.home }
    if (answer.kind === 'parked') stream.park(oldest)
    else stream.unpark()
    if (answer.kind === 'redirect' && homes.isBlank(stream)) streams.remove(stream)
    return answer
  }

  /** The connection of `later` is over: its hello wants no answer. */
  forget(later: () => void): void {
    this.hellos.forget(later)
  }

  /** What is known of streams means nothing any more: whoever waits for one waits for the source. */
  gather(): void {
    this.hellos.gather()
  }

  /** Who answers for `stream` is known now. */
  answer(stream: Stream): void {
    this.hellos.answer(stream)
  }

  /** Hears all that wait for the source once more, where it may speak (U1). */
  answerAll(): void {
    if (!this.options.silent()) this.hellos.answerAll()
  }

  /** Grants the stream to `session`, which then brings it (U2). */
  grant(producer: string, incarnation: string, session: StreamSession): Stream {
    const { streams, counters } = this.options
    const stream = streams.get(producer, incarnation)
    assert(stream?.state.phase === 'home', 'U2: only a home welcomes')
    stream.session?.onReplaced()
    stream.session = session
    stream.sessions++
    counters.sessions++
    return stream
  }

  /** The session has ended; what it brought stays. */
  part(stream: Stream, session: StreamSession): void {
    if (stream.session !== session) return
    stream.session = null
    this.options.counters.sessions--
  }

  /** Streams whose producers wait for records that are missing, and the worker whose journal has them. */
  get parked(): readonly Parked[] {
    return [...this.options.streams.values()].flatMap(({ producer, incarnation, parked, origin, state }) =>
      parked === null || state.phase !== 'home' ? [] : [{ producer, incarnation, ...parked, home: origin }],
    )
  }

  /**
   * Gives up what the parked streams of `producer` wait for: they go on behind it (PROTOCOLS 2, S4). Answers what is
   * lost; the next epoch makes it so for good, until then a recovery parks them again.
   */
  abandon(producer: string): readonly Parked[] {
    const { streams, settle } = this.options
    settle()
    const given = this.parked.filter((one) => one.producer === producer)
    for (const { incarnation } of given) {
      const stream = streams.get(producer, incarnation)!
      if (stream.position === stream.admitted) stream.goOnBehind(stream.parked!)
    }
    return given.filter(({ incarnation }) => streams.get(producer, incarnation)!.parked === null)
  }

  /** Records of which their producers have not been told that they are journaled, and stable. */
  get unacknowledged(): { readonly unjournaled: number; readonly unstable: number } {
    let [unjournaled, unstable] = [0, 0]
    for (const { acked, state, admitted, journaled, stable } of this.options.streams.values()) {
      if (!acked || state.phase !== 'home') continue
      unjournaled += Math.max(0, admitted - journaled)
      unstable += Math.max(0, admitted - stable)
    }
    return { unjournaled, unstable }
  }
}
