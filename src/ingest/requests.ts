/**
 * Requests at the door: each brings records that are taken wholly or not at all, and is answered when they are safe.
 *
 * Every request continues a stream. One that names its producer and sequence continues that producer's, where what
 * comes a second time is recognised (PROTOCOLS 2, S3), and so are other records under the same numbers (`brought.ts`).
 * All other requests continue one of this worker incarnation, numbered as they come.
 *
 * Q1. What a request brings stands in one batch of the journal: it comes out of any crash whole, or not at all.
 * Q2. `taken` is said only of what its stream says is journaled, or stable, as the request asked.
 * Q3. Where a stream leaves, or goes back to in front of what was taken, whoever waits is told to come again.
 * Q4. Nobody holds a stream for which no request waits: another worker that has more of it may ask for it (PROTOCOLS 2,
 *     S6).
 * Q5. No answer comes inside `bring`, and none after `cancel`.
 */
import { fail } from '../base/errors.ts'
import { Fifo } from '../base/fifo.ts'
import type { Address } from '../env/network.ts'
import type { Cuts } from '../model/connector.ts'
import type { RequestAnswer, RequestKey } from '../model/request.ts'
import { NO_CLAIM } from '../protocol/acked.ts'
import { writeToken } from '../protocol/read-token.ts'
import { contradicted, writerOf } from './brought.ts'
import { streamKey } from './format.ts'
import type { SessionSource } from './session.ts'
import type { Stream, StreamSession } from './stream.ts'

/** What a source needs to be to take requests. */
export type RequestSource = Omit<SessionSource, 'counters' | 'cuts' | 'limits'> & {
  readonly source: string
  readonly incarnation: string
  /** Where others send producers to this worker, `null` before that is known. */
  readonly address: Address | null
  readonly counters: { repeats: number; turnedAway: number }
}

/** A request that waits for its answer. */
interface Waiting {
  readonly last: number
  readonly repeats: number
  readonly reply: (answer: RequestAnswer) => void
}

export class Requests {
  private readonly source: RequestSource
  /** Streams of which requests wait, by key. */
  private readonly held = new Map<string, Held>()

  constructor(source: RequestSource) {
    this.source = source
  }

  /** What requests have to show, or `null`. */
  get token(): string | null {
    return this.source.token
  }

  /** Whether there is room for what a request brings. */
  get room(): boolean {
    return this.source.room.isOpen
  }

  /** Why there is none. */
  get blockedBy(): string | null {
    return this.source.blockedBy
  }

  /** Calls `fn` once, when there is room again. */
  whenRoom(fn: () => void): void {
    this.source.room.when(fn)
  }

  /** `fn` wants no room any more. */
  forgetRoom(fn: () => void): void {
    this.source.room.forget(fn)
  }

  /** Takes the records that `cuts` finds in `bytes`, which stay as they are until the answer. */
  bring(
    bytes: Buffer,
    cuts: Cuts,
    key: RequestKey | null,
    until: 'journaled' | 'stable',
    answer: (answer: RequestAnswer) => void,
  ): { cancel(): void } {
    const { source } = this
    let over = false
    const reply = (given: RequestAnswer): void => {
      if (over) return
      over = true
      answer(given)
    }
    const soon = (given: RequestAnswer): void => source.clock.soon(() => reply(given))
    const producer = key?.producer ?? `${source.worker}.requests`
    const incarnation = key?.incarnation ?? source.incarnation
    const ask = (): void => {
      if (over) return
      if (!source.room.isOpen) return source.room.when(ask)
      const hello = source.producers.hello(producer, incarnation, 1, NO_CLAIM, ask)
      if (hello === null) return
      if (hello.kind === 'welcome') {
        const held = this.hold(producer, incarnation)
        return held.admit(bytes, cuts, key?.first ?? null, until, soon, reply)
      }
      source.counters.turnedAway++
      if (hello.kind === 'redirect') {
        const { worker } = hello
        soon({ kind: 'elsewhere', worker, address: this.apart(source.addressOf(worker)) })
      } else soon({ kind: hello.kind === 'refused' ? 'refused' : 'again', error: hello.error })
    }
    ask()
    return {
      cancel: () => {
        over = true
        source.producers.forget(ask)
        source.room.forget(ask)
      },
    }
  }

  /** Where another worker is reached, unless it shares a port with this one: who goes there may meet either. */
  private apart(address: Address | null): Address | null {
    const { address: own } = this.source
    return address?.host === own?.host && address?.port === own?.port ? null : address
  }

  private hold(producer: string, incarnation: string): Held {
    const key = streamKey(this.source.source, producer, incarnation)
    const known = this.held.get(key)
    if (known !== undefined) return known
    const held = new Held(this.source, () => this.held.delete(key))
    held.stream = this.source.producers.grant(producer, incarnation, held)
    this.held.set(key, held)
    return held
  }
}

/** A stream while requests of it wait for their answers. */
class Held implements StreamSession {
  stream!: Stream
  private readonly source: RequestSource
  private readonly forget: () => void
  private readonly waiting = { journaled: new Fifo<Waiting>(), stable: new Fifo<Waiting>() }
  private over = false

  constructor(source: RequestSource, forget: () => void) {
    this.source = source
    this.forget = forget
  }

  admit(
    bytes: Buffer,
    cuts: Cuts,
    given: number | null,
    until: 'journaled' | 'stable',
    soon: (answer: RequestAnswer) => void,
    reply: (answer: RequestAnswer) => void,
  ): void {
    const { stream, source } = this
    const { admitted: before, writer } = stream
    const first = given ?? before + 1
    const last = first + cuts.count - 1
    const repeats = Math.min(cuts.count, before + 1 - first)
    const others = given === null ? null : contradicted(writer, first, bytes, cuts)
    if (others !== null) {
      const { producer } = stream
      soon({ kind: 'others', error: fail('E_HTTP_KEY_USED', { producer, ...others }), next: before + 1 })
    } else if (repeats < 0 || source.admit(stream, bytes, cuts, first, this.writer(given, bytes, cuts, repeats)) < 0) {
      soon({ kind: 'gap', next: before + 1 })
    } else {
      if (last <= stream[until]) soon(this.taken(last, repeats))
      else this.waiting[until].push({ last, repeats, reply })
    }
    this.rest()
  }

  /** Who brings the records behind the first `known` of a request (`brought.ts`). */
  private writer(given: number | null, bytes: Buffer, cuts: Cuts, known: number): string {
    const count = cuts.count - known
    return given === null || count === 0 ? NO_CLAIM.writer : writerOf(given + known, count, bytes, cuts, known)
  }

  onAcks(): void {
    for (const until of ['journaled', 'stable'] as const) {
      const waiting = this.waiting[until]
      for (let head = waiting.peek(); head !== undefined && head.last <= this.stream[until]; head = waiting.peek()) {
        waiting.shift()
        head.reply(this.taken(head.last, head.repeats))
      }
    }
    this.rest()
  }

  /** The answer for a request whose last record has the sequence `last` (Q2). */
  private taken(last: number, repeats: number): RequestAnswer {
    const { producer, incarnation, admitted } = this.stream
    const token = writeToken({ source: this.source.name, producer, incarnation, sequence: last })
    return { kind: 'taken', repeats, next: admitted + 1, token }
  }

  onTaken(): void {}

  onRewind(): void {
    this.release((waiting) => waiting.last > this.stream.admitted)
    this.onAcks()
  }

  onReplaced(): void {
    this.leave()
  }

  onMoved(): void {
    this.leave()
  }

  private leave(): void {
    this.release(() => true)
    this.rest()
  }

  /** Tells those of whom it holds to come again (Q3). */
  private release(holds: (waiting: Waiting) => boolean): void {
    const { producer } = this.stream
    for (const waiting of [this.waiting.journaled, this.waiting.stable]) {
      for (let left = waiting.length; left > 0; left--) {
        const one = waiting.shift()!
        if (holds(one)) one.reply({ kind: 'again', error: fail('E_REQUEST_AGAIN', { producer }) })
        else waiting.push(one)
      }
    }
  }

  /** Lets go of the stream when nobody waits (Q4). */
  private rest(): void {
    if (this.over || this.waiting.journaled.length > 0 || this.waiting.stable.length > 0) return
    this.over = true
    this.forget()
    this.source.producers.part(this.stream, this)
  }
}
