/**
 * The streams of one source, and what a producer is answered that wants to continue one (PROTOCOLS 2).
 *
 * T1. Every hello gets one of four answers, decided from facts alone (`answerHello`).
 * T2. A row is dropped only when no segment of the journal holds any of its batches: otherwise a replay would take
 *     them for new.
 * T3. A source remembers at most `limits.producers` streams, its own plain one not counted.
 */
import type { PotorooError } from '../base/errors.ts'
import { fail } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import { streamKey } from './format.ts'
import { Stream, type StreamRow } from './stream.ts'

/** What is known when a producer says hello. */
export interface HelloFacts {
  readonly source: string
  readonly producer: string
  /** The lowest sequence that it can still send. */
  readonly oldest: number
  /** The stream's row, or `null` where there is none. */
  readonly stream: {
    readonly home: string
    /** Position of the base that the generation began with. */
    readonly position: number
    /** The end of the contiguous run from that position in the journals at hand. */
    readonly end: number
  } | null
  readonly self: string
  /** Whether `worker` is a member of the generation. */
  isMember(worker: string): boolean
  /** No further stream fits into the table. */
  readonly full: boolean
  readonly limit: number
}

export type HelloAnswer =
  /** Continue behind `resumeAfter`. `takesHome`: the worker asked is the home from now on. */
  | { readonly kind: 'welcome'; readonly resumeAfter: number; readonly takesHome: boolean }
  /** `worker` is the home and alive. */
  | { readonly kind: 'redirect'; readonly worker: string }
  /** Records are missing that neither the producer nor a member has: it may try again later. */
  | { readonly kind: 'parked'; readonly error: PotorooError }
  | { readonly kind: 'refused'; readonly error: PotorooError }

/** S1 and S4 as a function. */
export function answerHello(facts: HelloFacts): HelloAnswer {
  const { stream, oldest, self, source, producer } = facts
  if (stream === null) {
    if (oldest !== 1) return { kind: 'refused', error: fail('E_STREAM_UNKNOWN', { producer, oldest }) }
    if (facts.full) return { kind: 'refused', error: fail('E_PRODUCERS_FULL', { source, limit: facts.limit }) }
    return { kind: 'welcome', resumeAfter: 0, takesHome: true }
  }
  const { home, end } = stream
  if (home !== self && facts.isMember(home)) return { kind: 'redirect', worker: home }
  if (oldest > end + 1) {
    return { kind: 'parked', error: fail('E_STREAM_PARKED', { producer, first: end + 1, last: oldest - 1, home }) }
  }
  return { kind: 'welcome', resumeAfter: end, takesHome: home !== self }
}

/** The rows of one source in a manifest. */
export type StreamRows = readonly StreamRow[]

export class Streams {
  readonly source: string
  private readonly limits: Limits
  private readonly byKey = new Map<string, Stream>()
  private nextIndex = 0

  constructor(source: string, limits: Limits) {
    this.source = source
    this.limits = limits
  }

  get size(): number {
    return this.byKey.size
  }

  get full(): boolean {
    return this.byKey.size > this.limits.producers
  }

  get(producer: string, incarnation: string): Stream | null {
    return this.byKey.get(streamKey(this.source, producer, incarnation)) ?? null
  }

  ofKey(key: string): Stream | null {
    return this.byKey.get(key) ?? null
  }

  add(producer: string, incarnation: string, acked: boolean, home: string): Stream {
    const stream = new Stream(this.source, producer, incarnation, acked, this.nextIndex++)
    stream.home = home
    this.byKey.set(stream.key, stream)
    return stream
  }

  values(): IterableIterator<Stream> {
    return this.byKey.values()
  }

  /** Goes back to the rows of a manifest. A stream without a row goes back to its beginning. */
  reset(rows: StreamRows): void {
    const byKey = new Map(rows.map((row) => [streamKey(this.source, row[0], row[1]), row]))
    for (const stream of this.byKey.values()) stream.reset(byKey.get(stream.key) ?? null)
    for (const [key, row] of byKey) {
      if (!this.byKey.has(key)) this.add(row[0], row[1], row[6], row[3]).reset(row)
    }
  }

  /** The rows as they stand now: what a cut takes into the epoch. */
  rows(): StreamRow[] {
    const rows: StreamRow[] = []
    for (const stream of this.byKey.values()) if (stream.admitted > 0 || stream.sessions > 0) rows.push(stream.row)
    return rows
  }

  /** Calls `fn` for every row of which there is a stream. */
  match(rows: StreamRows, fn: (stream: Stream, position: number) => void): void {
    for (const [producer, incarnation, position] of rows) {
      const stream = this.get(producer, incarnation)
      if (stream !== null) fn(stream, position)
    }
  }

  /**
   * Drops the rows that nobody can continue: plain streams of incarnations other than `live`, and producers that have
   * been silent for `producerTtlMs` of record time at `now`. `isJournaled` says whether a segment still holds a batch.
   */
  expire(live: Stream, now: number, isJournaled: (key: string) => boolean): void {
    for (const stream of this.byKey.values()) {
      if (stream === live || stream.session !== null || stream.floor < stream.admitted) continue
      const silent = stream.time < now - this.limits.producerTtlMs
      if ((silent || !stream.acked) && !isJournaled(stream.key)) this.byKey.delete(stream.key)
    }
  }
}
