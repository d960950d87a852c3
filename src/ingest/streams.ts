/**
 * The streams of one source, and what a producer is answered that wants to continue one (PROTOCOLS 2).
 *
 * T1. Every hello to a home gets one of four answers, decided from facts alone (`answerHello`).
 * T2. A row is dropped only when no segment of the journal holds any of its batches: otherwise a replay would take
 *     them for new. Other workers' journals may hold some for longer; those are older than `producerTtlMs` by then, and
 *     do not count any more (`survey.ts`, E4).
 * T3. A source remembers at most `limits.producers` acked streams.
 * T4. A record that somebody else brought is never taken for a repeat: a stream goes on only with a writer that was, or
 *     knows, the one who brought it, for its last record and for each that the writer could send otherwise. Journals
 *     that come back add to a stream, so the last one alone says nothing of those before.
 * T5. An unknown stream is taken from its first record on only where nobody can have known it: nothing of it was sent,
 *     or too short a time ago for it to have expired.
 * T6. What others know of a stream that its home has forgotten is older than what that one knew: they go on from it no
 *     more, nor report it. A row with which it was given away is gone before its home can forget it.
 */
import type { PotorooError } from '../base/errors.ts'
import { fail } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Claim } from '../protocol/acked.ts'
import { partsOfKey, streamKey } from './format.ts'
import type { HomeState } from './home-table.ts'
import { Stream, type StreamRow } from './stream.ts'
import type { Trail } from './trail.ts'

/** What is known when a producer says hello to its stream's home. */
export interface HelloFacts {
  readonly source: string
  readonly producer: string
  /** The lowest sequence that it can still send. */
  readonly oldest: number
  /** The end of the contiguous run from the manifest's position in the journals at hand. */
  readonly end: number
  /** There is a record of the stream: it may have been given from worker to worker without any. */
  readonly known: boolean
  /** The manifest's home, which may be absent. */
  readonly home: string
  /** Who brought what up to record `end`. */
  readonly trail: Trail
  /** Who brings what follows, and was here before. */
  readonly claim: Claim
  readonly producerTtlMs: number
}

export type HelloAnswer =
  /** Continue behind `resumeAfter`. */
  | { readonly kind: 'welcome'; readonly resumeAfter: number }
  /** `worker` is the home and alive. */
  | { readonly kind: 'redirect'; readonly worker: string }
  /** Records are missing that neither the producer nor a member has: it may try again later. */
  | { readonly kind: 'parked'; readonly error: PotorooError }
  /** There are as many streams as may be; with time some are forgotten. */
  | { readonly kind: 'full'; readonly error: PotorooError }
  | { readonly kind: 'refused'; readonly error: PotorooError }

/** PROTOCOLS 2, S1 and S4 as a function, for a home that has read the journals. */
export function answerHello(facts: HelloFacts): HelloAnswer {
  const { oldest, producer, end, home, known, claim } = facts
  const refused = (error: PotorooError): HelloAnswer => ({ kind: 'refused', error })
  if (oldest > end + 1) {
    if (!known) return refused(fail('E_STREAM_UNKNOWN', { producer, oldest }))
    return { kind: 'parked', error: fail('E_STREAM_PARKED', { producer, first: end + 1, last: oldest - 1, home }) }
  }
  const record = foreignIn(facts.trail, end, oldest, claim)
  if (record !== null) return refused(fail('E_STREAM_FORKED', { producer, record }))
  if (!known && claim.ageMs > BELIEVED_FOR * facts.producerTtlMs) {
    return refused(fail('E_STREAM_EXPIRED', { producer, age: claim.ageMs }))
  }
  return { kind: 'welcome', resumeAfter: end }
}

/**
 * The last record of a stream with `trail` up to `end` that somebody brought of whom a hello that can send from
 * `oldest` on does not know; `null`: it may go on (T4). It names every writer of record `oldest - 1` and later ones, so
 * others do not count.
 */
export function foreignIn(trail: Trail, end: number, oldest: number, { writer: own, earlier }: Claim): number | null {
  const isForeign = (writer: string, last: number): boolean => {
    if (writer === '' || own === '' || writer === own) return false
    return !earlier.some((one) => one.writer === writer && last <= one.last)
  }
  if (isForeign(trail.writer, end)) return end
  const before = trail.before.findLast(({ writer, last }) => last >= oldest - 1 && isForeign(writer, last))
  return before?.last ?? null
}

/** The rows of one source in a manifest. */
export type StreamRows = readonly StreamRow[]

export class Streams {
  readonly source: string
  private readonly limits: Limits
  private readonly byKey = new Map<string, Stream>()
  /** The streams of the rows that were reported, for when they come back. */
  private readonly reported = new WeakMap<StreamRows, readonly Stream[]>()
  /** Acked streams among them. */
  private acked = 0

  constructor(source: string, limits: Limits) {
    this.source = source
    this.limits = limits
  }

  get size(): number {
    return this.byKey.size
  }

  get full(): boolean {
    return this.acked >= this.limits.producers
  }

  get(producer: string, incarnation: string): Stream | null {
    return this.byKey.get(streamKey(this.source, producer, incarnation)) ?? null
  }

  ofKey(key: string): Stream | null {
    return this.byKey.get(key) ?? null
  }

  /** The stream of `key`, made when it was not known. */
  ofKeyOrNew(key: string, acked: boolean): Stream {
    const { producer, incarnation } = partsOfKey(key)
    return this.ofKey(key) ?? this.add(producer, incarnation, acked)
  }

  add(producer: string, incarnation: string, acked: boolean): Stream {
    const stream = new Stream(this.source, producer, incarnation, acked)
    this.byKey.set(stream.key, stream)
    if (acked) this.acked++
    return stream
  }

  remove(stream: Stream): void {
    if (this.byKey.delete(stream.key) && stream.acked) this.acked--
  }

  values(): IterableIterator<Stream> {
    return this.byKey.values()
  }

  /** Acked streams in the middle of which journals lack records. */
  get torn(): readonly Stream[] {
    return [...this.values()].filter((stream) => stream.acked && stream.hole !== null)
  }

  /**
   * Goes back to the rows of a manifest, one for each stream (`mergeRows`). A stream without a row goes back to its
   * beginning.
   */
  reset(rows: StreamRows): void {
    const byKey = new Map(rows.map((row) => [streamKey(this.source, row[0], row[1]), row]))
    for (const stream of this.byKey.values()) stream.reset(byKey.get(stream.key) ?? null)
    for (const [key, row] of byKey) if (!this.byKey.has(key)) this.add(row[0], row[1], row[6]).reset(row)
  }

  /** The rows that this member reports, as they stand now: what a cut takes into the epoch (`rows.ts`). */
  rows(): StreamRow[] {
    const rows: StreamRow[] = []
    const streams: Stream[] = []
    for (const stream of this.byKey.values()) {
      const row = rowOf(stream)
      if (row === null) continue
      rows.push(row)
      streams.push(stream)
    }
    this.reported.set(rows, streams)
    return rows
  }

  /**
   * Calls `fn` for every row of which there is a stream, but for those that say no `news` of it: most are idle, and of
   * a hundred thousand each look-up by name counts.
   */
  match(
    rows: StreamRows,
    news: (stream: Stream, row: StreamRow) => boolean,
    fn: (stream: Stream, row: StreamRow) => void,
  ): void {
    const reported = this.reported.get(rows)
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!
      if (reported !== undefined && !news(reported[i]!, row)) continue
      // One that was dropped since may have come again.
      const stream = this.get(row[0], row[1])
      if (stream !== null && news(stream, row)) fn(stream, row)
    }
  }

  /**
   * Drops the rows that nobody can continue: streams that have been silent for longer than `producerTtlMs`, as `ageOf`
   * says of their last record's time, but not `live`. `isJournaled` says whether a segment still holds a batch (T2).
   * `dropped` hears of each.
   */
  expire(
    live: Stream,
    ageOf: (time: number) => number,
    isJournaled: (key: string) => boolean,
    dropped: (stream: Stream) => void,
  ): void {
    const { producerTtlMs } = this.limits
    const isSilent = ({ time }: Stream): boolean => ageOf(time) > KEPT_LONGER * producerTtlMs
    for (const stream of this.byKey.values()) {
      if (stream.given !== null && ageOf(stream.givenMs) > producerTtlMs) stream.given = null
      if (stream === live || stream.session !== null || !(stream.forgotten || (isOver(stream) && isSilent(stream))))
        continue
      if (isJournaled(stream.key)) continue
      this.remove(stream)
      dropped(stream)
    }
  }
}

/**
 * An unknown stream is believed never to have been known for less than records without a row count: clocks differ (T5).
 */
const BELIEVED_FOR = 0.875

/** A row is kept longer than records without a row count, by so much: clocks differ. */
const KEPT_LONGER = 1.125

/**
 * Whether nobody can continue `stream`, where nothing has come of it for long. What another member answers for is that
 * one's to drop; who is asked whose it is forgets it only with the generation, for that one may go on with it at any
 * time.
 */
function isOver({ state, floor, admitted }: Stream): boolean {
  if (floor < admitted) return false
  return state.phase === 'away' ? state.home === '' : state.phase === 'home'
}

/** The row that this member reports of `stream`, or `null` where another one does. */
function rowOf(stream: Stream): StreamRow | null {
  const { state, given, forgotten } = stream
  if (forgotten) return null
  switch (state.phase) {
    case 'home':
    case 'reading':
      return stream.admitted > 0 || stream.sessions > 0 ? stream.row : null
    case 'leaving':
      return stream.isFed ? stream.rowFor(state.to) : stream.row
    case 'away':
    case 'asking':
    case 'wanting':
      if (given !== null) return given
      return state.phase !== 'wanting' && stream.hasRow && nobodyHas(state) ? stream.row : null
  }
}

function nobodyHas(state: Extract<HomeState, { phase: 'away' | 'asking' }>): boolean {
  return state.phase === 'asking' || state.home === ''
}
