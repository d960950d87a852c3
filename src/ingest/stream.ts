/**
 * A stream: the records of one producer (of one incarnation) to one source, numbered from 1. Plain connections of a
 * source on one worker incarnation form one stream together, whose producer is the worker.
 *
 * R1. floor ≤ covered ≤ position ≤ admitted: what is below the floor is gone from the journal, what is covered is in a
 *     complete epoch, what is up to the position has entered the pipeline.
 * R2. `admitted` rises by what the door takes, one batch behind another without a gap; it is where a repeat is told
 *     from what is new (PROTOCOLS 2, S3).
 * R3. `durable` covers only what stands behind no record that may not be durable in the journal.
 * R4. A producer is told `stable` of what is covered *and* durable: it forgets these records, so going back to an
 *     older epoch of the horizon has to find them in the journal.
 * R5. `trail` says who brought the records up to `admitted`, `fedTrail` up to the position. They follow from the
 *     records alone, whichever journals and manifests these come from (`answerHello`).
 */
import type { Json } from '../base/json.ts'
import type { IngestBatch } from './batch.ts'
import { streamKey } from './format.ts'
import type { HomeState } from './home-table.ts'
import { type Bringer, NO_TRAIL, Trail } from './trail.ts'

/**
 * A stream's row in a manifest: producer, incarnation, position, home, session, last record time, acked, the writer of
 * the record at the position, and one by one those who brought others (`Trail`). Rows of before had neither.
 */
export type StreamRow = readonly [string, string, number, string, number, number, boolean, string, ...Bringer[]]

/** The rows in what a source has put into a manifest: none of sources that are read again, which have no streams. */
export function streamRowsOf(snapshot: Json): readonly StreamRow[] {
  return Array.isArray(snapshot) ? snapshot : []
}

/** Records `first` to `last`, which are missing. */
export interface Missing {
  readonly first: number
  readonly last: number
}

/** What a stream asks of the connection that it comes through. */
export interface StreamSession {
  /** `journaled` or `stable` has risen. */
  onAcks(): void
  /** The pipeline has taken `bytes` of what the session brought. */
  onTaken(bytes: number): void
  /** The stream goes on behind `admitted`, which is less than what was sent. */
  onRewind(): void
  /** Another connection continues the stream, or another worker is about to. */
  onReplaced(): void
  /** `worker` answers for the stream now. */
  onMoved(worker: string): void
}

export class Stream {
  readonly source: string
  readonly producer: string
  readonly incarnation: string
  readonly acked: boolean
  readonly key: string
  readonly keyBytes: Buffer
  /** Who answers for it, as this worker sees it. */
  state: HomeState = { phase: 'away', home: '' }
  /** What its row says of its home, and said at the last reset. */
  home = ''
  origin = ''
  /** It had a row in the manifest of the last reset, or in a message since. */
  hasRow = false
  /** Batches of it have been taken here in this life of the process. */
  admittedHere = false
  /** An epoch has had something of it, before the last reset. */
  private counted = false
  /**
   * The row with which it was given away in this generation, and when: reported for long enough to be known elsewhere
   * (`rows.ts`).
   */
  given: StreamRow | null = null
  givenMs = 0
  /** Its home has forgotten it: what is known of it here is older than that, and nothing to go on from. */
  forgotten = false
  /** How many connections it has been granted to: the number of the one that counts. */
  sessions = 0
  /** Record time of the last record that was admitted. */
  time = 0
  position = 0
  fedTrail = NO_TRAIL
  admitted = 0
  trail = NO_TRAIL
  durable = 0
  covered = 0
  floor = 0
  /** Up to here a journal has records that came too long ago for a stream of which nobody knows (`survey.ts`, E4). */
  lapsed = 0
  /** The connection that brings it, if there is one. */
  session: StreamSession | null = null
  /** What its journal lacks between `admitted` and a later batch, or `null`. */
  hole: Missing | null = null
  /** What was missing in front of what its producer could still send when it asked to continue. */
  private asked: Missing | null = null
  /** Admitted acked batches that are not durable, in sequence order. */
  private readonly waiting: IngestBatch[] = []
  /** The end of what is durable by itself, whatever stands in front of it. */
  private synced = 0
  /** Up to here journals hold records that could not be made durable; 0: all could. */
  private soft = 0
  /** The last row, and the trail that it holds. */
  private said: StreamRow | null = null
  private saidTrail = NO_TRAIL

  constructor(source: string, producer: string, incarnation: string, acked: boolean) {
    this.source = source
    this.producer = producer
    this.incarnation = incarnation
    this.acked = acked
    this.key = streamKey(source, producer, incarnation)
    // Not out of the block that Buffers share: it is kept for days, and would keep 64 KiB for a few bytes.
    this.keyBytes = Buffer.alloc(Buffer.byteLength(this.key), this.key)
  }

  /**
   * There is a row of it, or it came in here and is in no epoch yet: what journals have of it counts, however old. Of
   * what epochs have had, and have no row of any more, the home has forgotten the stream.
   */
  get isKnown(): boolean {
    return this.hasRow || (this.admittedHere && !this.counted)
  }

  /** What journals have of it up to here came too long ago to count (`survey.ts`, E4). */
  get countsBehind(): number {
    return this.isKnown ? 0 : this.lapsed
  }

  /** The journal needs nothing of it up to here. */
  get freeUpTo(): number {
    return Math.max(this.floor, this.countsBehind)
  }

  /** The pipeline has taken all that was admitted. */
  get isFed(): boolean {
    return this.position === this.admitted
  }

  /** Whether some record of it was admitted, here or elsewhere, or lies in a journal. */
  get hasRecords(): boolean {
    return this.admitted > 0 || this.time > 0
  }

  /** Who brought the record `admitted`. */
  get writer(): string {
    return this.trail.writer
  }

  /** What producers are told: all up to here is on a disk. */
  get journaled(): number {
    return Math.max(this.durable, this.stable)
  }

  /** What producers are told: all up to here may be forgotten (R4). */
  get stable(): number {
    return Math.min(this.covered, this.durable)
  }

  /**
   * Records that neither its producer nor a journal at hand has. A journal that comes back, or another home, may have
   * brought some of them, or all, since its producer has asked.
   */
  get parked(): Missing | null {
    const { asked, admitted } = this
    if (asked === null || asked.last <= admitted) return null
    return { first: Math.max(asked.first, admitted + 1), last: asked.last }
  }

  /** Its producer can send nothing in front of `oldest`. */
  park(oldest: number): void {
    this.asked = { first: this.admitted + 1, last: oldest - 1 }
  }

  /** Its producer has heard another answer. */
  unpark(): void {
    this.asked = null
  }

  /** Takes note of an admitted batch that waits for the disk. */
  wait(batch: IngestBatch): void {
    this.waiting.push(batch)
  }

  /** Takes note of every batch that is durable now. */
  confirm(): void {
    const { waiting } = this
    let settled = 0
    while (settled < waiting.length && waiting[settled]!.state === 'durable') {
      const { last } = waiting[settled++]!
      // What was taken here before the stream was another's may lie beyond what is known now.
      if (last <= this.admitted) this.synced = last
    }
    waiting.splice(0, settled)
    this.harden()
  }

  /** Raises `durable` as far as R3 allows. */
  private harden(): void {
    if (this.floor >= this.soft) this.soft = 0
    if (this.soft === 0) this.durable = Math.max(this.durable, this.synced, this.floor)
  }

  raiseFloor(position: number): void {
    this.floor = Math.max(this.floor, position)
    this.harden()
  }

  /** Goes back to what the manifest says. What was admitted behind it stands in the journal (`settle`). */
  reset(row: StreamRow | null): void {
    this.position = 0
    this.fedTrail = NO_TRAIL
    this.home = ''
    this.counted ||= this.hasRow || this.given !== null || this.covered > 0 || this.forgotten
    this.hasRow = row !== null
    this.given = null
    this.givenMs = 0
    this.forgotten = false
    this.hole = null
    this.unpark()
    // What journals have of it is found by the survey.
    if (row === null && this.acked) this.time = 0
    if (row !== null) this.adopt(row)
    this.origin = this.home
  }

  /** Goes on where `row` says. */
  adopt(row: StreamRow): void {
    const [, , position, home, sessions, time, , writer = '', ...before] = row
    this.position = position
    this.fedTrail = new Trail(writer, before)
    this.home = home
    this.hasRow = true
    this.sessions = sessions
    this.time = Math.max(this.time, time)
    this.covered = Math.max(this.covered, position)
    // The end is never taken to be below the manifest's position (PROTOCOLS 13), behind which the journal is durable,
    // but for what is known not to be: the pipeline has taken that, and a base of before would have to find it.
    if (position >= this.admitted) this.trail = this.fedTrail
    this.admitted = Math.max(this.admitted, position)
    this.synced = Math.max(this.synced, position)
    this.harden()
  }

  /** The pipeline has taken all up to `position`, the last of them out of `batch`. */
  take(position: number, { writer }: IngestBatch): void {
    if (position === this.position) return
    this.fedTrail = this.fedTrail.follow(this.position, writer)
    this.position = position
  }

  /**
   * The journals have been followed from the position to `end`. `admitted` is what the stream was believed to have when
   * they were, `trail` says who brought what up to `end`; answers false where they have less, so that its producer has
   * to send again from `end` on.
   */
  settle(end: number, admitted: number, trail: Trail): boolean {
    if (end >= this.admitted || (end < admitted && this.acked)) this.trail = trail
    if (end >= admitted || !this.acked) {
      this.admitted = Math.max(this.admitted, end)
      return true
    }
    this.admitted = end
    this.durable = Math.min(this.durable, end)
    this.synced = 0
    this.waiting.length = 0
    return false
  }

  /** The records that it is parked for are given up: it goes on behind them. */
  goOnBehind({ last }: Missing): void {
    this.unpark()
    if (this.hole !== null && this.hole.last <= last) this.hole = null
    this.fedTrail = this.fedTrail.follow(this.position, '')
    this.position = last
    this.trail = this.fedTrail
    this.admitted = last
    this.durable = Math.max(this.durable, last)
    this.synced = last
  }

  /**
   * The journals have it up to `end`, of which what lies up to `hard` survives the loss of power once it is written.
   */
  inherit(end: number, hard: number): void {
    this.synced = Math.max(this.synced, Math.min(hard, this.undurable - 1))
    this.harden()
    if (end > hard && end > this.durable) this.soft = end
  }

  /**
   * Another member answers for it, or nobody: what this worker has taken of it counts when its journal is read again.
   */
  letGo(): void {
    this.admitted = this.position
    this.trail = this.fedTrail
    this.durable = this.position
    this.synced = 0
    this.soft = 0
  }

  /** Sequence of the first admitted batch that is not durable, or `Infinity`. */
  get undurable(): number {
    return this.waiting[0]?.first ?? Infinity
  }

  /** The row with which it goes to member `to`. */
  rowFor(to: string): StreamRow {
    return this.rowAt(to, this.sessions + 1)
  }

  /**
   * The same object as long as it says the same: each epoch keeps it until it lies below the floor, and most streams
   * are idle.
   */
  get row(): StreamRow {
    const { said, saidTrail, position, home, sessions, time, fedTrail } = this
    const stands = said !== null && said[2] === position && said[3] === home && said[4] === sessions && said[5] === time
    if (stands && saidTrail === fedTrail) return said
    this.saidTrail = fedTrail
    return (this.said = this.rowAt(home, sessions))
  }

  private rowAt(home: string, sessions: number): StreamRow {
    const { producer, incarnation, position, time, acked, fedTrail } = this
    const { writer, before } = fedTrail
    return [producer, incarnation, position, home, sessions, time, acked, writer, ...before]
  }
}
