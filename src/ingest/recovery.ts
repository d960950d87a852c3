/**
 * How a source gets back to the rows of a manifest: what was appended before comes to the disk, the survey follows
 * every stream through the journal, producers can be welcomed, and the replay is fed.
 *
 * C1. The survey begins only when every batch appended before is written: so the journal has all that was admitted.
 * C2. One that is overtaken by another does nothing any more.
 * C3. Where the disk gives less than the survey has found, the stream goes back to what was fed, and its producer
 *     sends the rest again.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Clock } from '../env/clock.ts'
import type { Disk, DiskError } from '../env/disk.ts'
import type { IngestBatch } from './batch.ts'
import { holeOf, neededBy, Replay, type ReplayTarget, survey } from './replay.ts'
import type { Segments } from './segments.ts'
import type { Stream } from './stream.ts'
import type { Streams } from './streams.ts'

/** How long the replay waits after a read has failed. */
const READ_RETRY_MS = 1000

export interface RecoveryOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly limits: Limits
  readonly segments: Segments
  readonly streams: Streams
  readonly target: ReplayTarget
  /** There is something to poll. */
  onReady(): void
}

type Done = (error: PotorooError | null) => void

export class Recovery {
  /** Nothing can be fed and nobody welcomed yet. */
  underWay = true
  private readonly options: RecoveryOptions
  private replay: Replay | null = null
  /** Batches that were appended before it began and are not written: the replay feeds them. */
  private stale = 0
  private onStaleWritten: (() => void) | null = null
  /** Number of the recovery that counts (C2). */
  private round = 0

  constructor(options: RecoveryOptions) {
    this.options = options
  }

  /** The replay has been fed to its end. */
  get over(): boolean {
    return !this.underWay && (this.replay === null || this.replay.drained)
  }

  /** Segments of the journal are being read. */
  get reading(): boolean {
    return this.underWay || (this.replay !== null && !this.replay.over)
  }

  /**
   * Begins. The streams stand at their rows; `unwritten` of their batches have been appended and are not written.
   * `done` comes when producers can be welcomed.
   */
  begin(unwritten: number, done: Done): void {
    const { segments, streams, clock } = this.options
    const round = ++this.round
    this.underWay = true
    segments.keep()
    this.replay?.cancel()
    this.replay = null
    this.stale = unwritten
    const admitted = new Map<Stream, number>()
    for (const stream of streams.values()) admitted.set(stream, stream.admitted)
    this.onStaleWritten = () => {
      if (round === this.round) this.look(round, admitted, done)
    }
    if (unwritten === 0) clock.soon(this.onStaleWritten)
  }

  /** A batch has been written; answers whether the replay feeds it. */
  takesOver(): boolean {
    if (this.stale === 0) return false
    if (--this.stale === 0) this.onStaleWritten!()
    return true
  }

  private look(round: number, admitted: ReadonlyMap<Stream, number>, done: Done): void {
    const { disk, limits, segments, streams, target, onReady } = this.options
    const needed = neededBy(segments.list, target.source, (key) => streams.ofKey(key)?.position ?? 0)
    survey(disk, needed, target, (error, { ends, inherited, durable }) => {
      if (round !== this.round) return
      if (error !== null) return done(unreadable(error))
      for (const stream of streams.values()) {
        const end = Math.max(stream.position, ends.get(stream) ?? 0)
        const whole = stream.settle(end, admitted.get(stream) ?? 0)
        stream.inherit(inherited.get(stream) ?? 0, durable.get(stream) ?? 0)
        if (!whole) stream.session?.onRewind()
      }
      this.replay = new Replay(disk, needed, target, ends, limits.ingestBytes, onReady, (error) => {
        target.report(unreadable(error))
        onReady()
      })
      this.underWay = false
      done(null)
    })
  }

  /** The next batch of the replay; `null` when there is none now, or none any more (`over`). */
  poll(): IngestBatch | null {
    const { replay } = this
    if (replay === null) return null
    const batch = replay.poll()
    if (batch !== null) return batch
    if (replay.over) this.finish(replay)
    else if (replay.failed) this.retry(replay)
    return null
  }

  private finish(replay: Replay): void {
    this.replay = null
    for (const stream of replay.short()) {
      stream.hole = { first: stream.position + 1, last: stream.admitted }
      this.options.target.report(holeOf(stream))
      stream.settle(stream.position, Infinity)
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
  return fail('E_JOURNAL', { path: error.path, reason: error.message }, error)
}
