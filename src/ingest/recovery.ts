/**
 * How a source gets back to the rows of a manifest: what was appended before comes to the disk, the survey follows
 * every stream through the journals, producers can be welcomed, and the replay is fed. In the same way one stream that
 * becomes this worker's later is followed and fed.
 *
 * C1. The survey begins only when every batch appended before is written: so the journal has all that was admitted.
 * C2. One that is overtaken by another does nothing any more.
 * C3. Where the disk gives less than the survey has found, the stream goes back to what was fed, and its producer
 *     sends the rest again.
 * C4. Sealed journals are read with this worker's own before anybody is answered (PROTOCOLS 2, S8).
 */
import { fail, type PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Clock } from '../env/clock.ts'
import type { Disk, DiskError } from '../env/disk.ts'
import type { IngestBatch } from './batch.ts'
import { Replay } from './replay.ts'
import type { Segment } from './segment.ts'
import type { Segments } from './segments.ts'
import type { Stream } from './stream.ts'
import type { Streams } from './streams.ts'
import {
  type Found,
  follow,
  holeOf,
  type Journals,
  type Needed,
  neededBy,
  neededOf,
  type SurveyTarget,
  survey,
} from './survey.ts'

/** How long the replay waits after a read has failed. */
const READ_RETRY_MS = 1000

export interface RecoveryOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly limits: Limits
  readonly segments: Segments
  readonly streams: Streams
  readonly target: SurveyTarget
  /** Calls `fn` with the segments of sealed journals, once they have been read. */
  whenSealed(fn: (segments: readonly Segment[]) => void): void
  /** There is something to poll. */
  onReady(): void
}

type Done = (error: PotorooError | null) => void
type Claim = (found: ReadonlyMap<Stream, Found>) => void

export class Recovery {
  /** Nothing can be fed and nobody welcomed yet. */
  underWay = true
  private readonly options: RecoveryOptions
  /** What is being fed. */
  private replay: Replay | null = null
  /** How far streams are to be fed next, all in one replay: so a journal is not read once for each. */
  private readonly pending = new Map<Stream, number>()
  /** Surveys of single streams that are under way. */
  private following = 0
  private sealed: readonly Segment[] = []
  /** Batches that were appended before it began and are not written: the replay feeds them. */
  private stale = 0
  private onStaleWritten: (() => void) | null = null
  /** Number of the recovery that counts (C2). */
  private round = 0

  constructor(options: RecoveryOptions) {
    this.options = options
  }

  /** All that was found has been fed. */
  get over(): boolean {
    return !this.underWay && this.pending.size === 0 && (this.replay === null || this.replay.drained)
  }

  /** Segments of the journal are being read. */
  get reading(): boolean {
    if (this.underWay || this.following > 0 || this.pending.size > 0) return true
    return this.replay !== null && !this.replay.over
  }

  /**
   * Begins. The streams stand at their rows; `unwritten` of their batches have been appended and are not written.
   * `claim` hears what was found before anything is made of it; `done` comes when producers can be welcomed.
   */
  begin(unwritten: number, claim: Claim, done: Done): void {
    const { segments, streams, clock } = this.options
    const round = ++this.round
    this.underWay = true
    this.following = 0
    segments.keep()
    this.replay?.cancel()
    this.replay = null
    this.pending.clear()
    this.stale = unwritten
    const admitted = new Map<Stream, number>()
    for (const stream of streams.values()) admitted.set(stream, stream.admitted)
    const go = (): void => {
      if (round !== this.round) return
      this.onStaleWritten = null
      this.options.whenSealed((sealed) => {
        if (round !== this.round) return
        this.sealed = sealed
        this.look(round, admitted, claim, done)
      })
    }
    this.onStaleWritten = go
    if (unwritten === 0) clock.soon(go)
  }

  /** What is under way counts no more, and nothing follows (C2). */
  end(): void {
    this.round++
    this.replay?.cancel()
  }

  /** A batch has been written; answers whether the replay feeds it. */
  takesOver(): boolean {
    if (this.stale === 0) return false
    if (--this.stale === 0) this.onStaleWritten!()
    return true
  }

  private look(round: number, admitted: ReadonlyMap<Stream, number>, claim: Claim, done: Done): void {
    const { disk, streams, target } = this.options
    const positionOf = (key: string): number => streams.ofKey(key)?.position ?? 0
    const journals = this.needed((segments) => neededBy(segments, target.source, positionOf))
    survey(
      disk,
      journals,
      target,
      () => true,
      (error, found) => {
        if (round !== this.round) return
        if (error !== null) return done(unreadable(error))
        claim(found)
        for (const stream of streams.values()) {
          const { phase } = stream.state
          if (phase === 'home' || phase === 'reading') {
            this.settle(stream, found.get(stream), admitted.get(stream) ?? 0)
          }
        }
        this.feed(journals)
        this.underWay = false
        done(null)
      },
    )
  }

  private needed(neededIn: (segments: readonly Segment[]) => Needed[]): Journals {
    return { own: neededIn(this.options.segments.list), sealed: neededIn(this.sealed) }
  }

  /** Those that may hold batches of these streams, by their keys, above these positions. */
  private neededOf(positions: ReadonlyMap<string, number>): Journals {
    return this.needed((segments) => neededOf(segments, positions))
  }

  /** Puts `stream` to what was found of it; `admitted` is what it was believed to have when the survey began. */
  private settle(stream: Stream, found: Found | undefined, admitted: number): void {
    const end = follow(stream, found, (error) => this.options.target.report(error))
    if (end > stream.position) this.pending.set(stream, end)
    const whole = stream.settle(end, admitted, found?.trailOf(stream) ?? stream.fedTrail)
    if (found !== undefined && stream.acked) stream.inherit(end, found.hard.runFrom(stream.position))
    if (!whole) stream.session?.onRewind()
  }

  /** Feeds what is pending, out of `journals`; to be called while nothing is being fed. */
  private feed(journals?: Journals): void {
    const { disk, limits, target, onReady } = this.options
    if (this.pending.size === 0 || this.replay !== null) return
    const ends = new Map(this.pending)
    this.pending.clear()
    const positions = new Map([...ends.keys()].map((stream) => [stream.key, stream.position]))
    const { own, sealed } = journals ?? this.neededOf(positions)
    this.options.segments.keep()
    this.replay = new Replay({
      disk,
      segments: [...sealed, ...own],
      source: target.source,
      ends,
      bytesMax: limits.ingestBytes,
      streamOf: (key, acked) => target.streamOf(key, acked),
      onProgress: onReady,
      onFailed: (error) => {
        target.report(unreadable(error))
        onReady()
      },
    })
  }

  /**
   * Follows and feeds `stream`, which has become this worker's and whose batches here are all on the disk. `found` is
   * what the last survey has found of it, where nothing was taken of it here since. `done` comes when its producer can
   * be welcomed: at once where nothing has to be read.
   */
  follow(stream: Stream, found: Found | null, done: (error: PotorooError | null) => void): void {
    const { disk, segments, target } = this.options
    const { round } = this
    const journals = this.neededOf(new Map([[stream.key, stream.position]]))
    const settle = (found: Found | undefined): void => {
      this.settle(stream, found, stream.position)
      // Others follow at once, perhaps.
      if (this.pending.size === 1) this.options.clock.soon(() => this.feed())
      done(null)
    }
    if (journals.own.length + journals.sealed.length === 0) return settle(undefined)
    segments.keep()
    if (found !== null) return settle(found)
    this.following++
    survey(
      disk,
      journals,
      target,
      (key) => key === stream.key,
      (error, all) => {
        if (round !== this.round) return
        this.following--
        if (error !== null) done(unreadable(error))
        else settle(all.get(stream))
      },
    )
  }

  /** The next batch of the replay; `null` when there is none now, or none any more (`over`). */
  poll(): IngestBatch | null {
    for (;;) {
      const { replay } = this
      if (replay === null) return null
      const batch = replay.poll()
      if (batch !== null) return batch
      if (replay.failed) this.retry(replay)
      if (!replay.over) return null
      this.replay = null
      this.finish(replay)
      this.feed()
    }
  }

  private finish(replay: Replay): void {
    for (const stream of replay.short()) {
      // It went to another member, or came back and is fed anew. One that leaves has nothing more to be fed either, and
      // goes.
      const { phase } = stream.state
      if ((phase !== 'home' && phase !== 'leaving') || this.pending.has(stream)) continue
      stream.hole = { first: stream.position + 1, last: stream.admitted }
      this.options.target.report(holeOf(stream))
      stream.settle(stream.position, Infinity, stream.fedTrail)
      stream.session?.onRewind()
    }
  }

  /** What the disk could not read now it may be able to read later. */
  private retry(replay: Replay): void {
    replay.failed = false
    this.options.clock.after(READ_RETRY_MS, () => {
      if (this.replay !== replay) return
      this.replay = replay.again()
      this.options.onReady()
    })
  }
}

function unreadable(error: DiskError): PotorooError {
  return fail('E_JOURNAL', { path: error.path, reason: error.reason }, error)
}
