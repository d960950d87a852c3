/**
 * A stream: the records of one producer (of one incarnation) to one source, numbered from 1. Plain connections of a
 * source on one worker incarnation form one stream together, whose producer is the worker.
 *
 * R1. floor ≤ stable ≤ position ≤ admitted, and stable ≤ journaled ≤ admitted: what is below the floor is gone from
 *     the journal, what is stable is in a complete epoch, what is up to the position has entered the pipeline.
 * R2. `admitted` rises by what the door takes, one batch behind another without a gap; it is where a repeat is told
 *     from what is new (PROTOCOLS 2, S3).
 * R3. `journaled` covers only what stands behind no batch that is not durable.
 */
import type { IngestBatch } from './batch.ts'
import { streamKey } from './format.ts'

/** A stream's row in a manifest: producer, incarnation, position, home, session, last record time, acked. */
export type StreamRow = readonly [string, string, number, string, number, number, boolean]

/** What a stream asks of the connection that it comes through. */
export interface StreamSession {
  /** `journaled` or `stable` has risen. */
  onAcks(): void
  /** The pipeline has taken `bytes` of what the session brought. */
  onTaken(bytes: number): void
  /** The stream goes on behind `admitted`, which is less than what was sent. */
  onRewind(): void
  /** Another connection continues the stream. */
  onReplaced(): void
}

export class Stream {
  readonly source: string
  readonly producer: string
  readonly incarnation: string
  readonly acked: boolean
  readonly key: string
  readonly keyBytes: Buffer
  /** A number of its own within the source, for as long as the process lives. */
  readonly index: number
  /** The worker that admits its records. */
  home = ''
  /** How many connections it has been granted to: the number of the one that counts. */
  sessions = 0
  /** Record time of the last record that was admitted. */
  time = 0
  position = 0
  admitted = 0
  journaled = 0
  stable = 0
  floor = 0
  /** The connection that brings it, if there is one. */
  session: StreamSession | null = null
  /** What its journal lacks between `admitted` and a later batch, or `null`. */
  hole: { readonly first: number; readonly last: number } | null = null
  /** Admitted acked batches that are not durable, in sequence order. */
  private readonly waiting: IngestBatch[] = []

  constructor(source: string, producer: string, incarnation: string, acked: boolean, index: number) {
    this.source = source
    this.producer = producer
    this.incarnation = incarnation
    this.acked = acked
    this.index = index
    this.key = streamKey(source, producer, incarnation)
    this.keyBytes = Buffer.from(this.key, 'utf8')
  }

  /** Takes note of an admitted batch that waits for the disk. */
  wait(batch: IngestBatch): void {
    this.waiting.push(batch)
  }

  /** Whether batches wait for the disk. */
  get syncing(): boolean {
    return this.waiting.length > 0
  }

  /** Raises `journaled` over every batch that is durable now (R3). */
  confirm(): void {
    const { waiting } = this
    let settled = 0
    while (settled < waiting.length && waiting[settled]!.state === 'durable') {
      this.journaled = Math.max(this.journaled, waiting[settled]!.last)
      settled++
    }
    waiting.splice(0, settled)
  }

  /** Goes back to what the manifest says. What was admitted behind it stands in the journal (`settle`). */
  reset(row: StreamRow | null): void {
    this.position = 0
    if (row !== null) {
      const [, , position, home, sessions, time] = row
      this.position = position
      this.home = home
      this.sessions = Math.max(this.sessions, sessions)
      this.time = Math.max(this.time, time)
      this.stable = Math.max(this.stable, position)
      // The end is never taken to be below the manifest's position (PROTOCOLS 13).
      this.admitted = Math.max(this.admitted, position)
      this.journaled = Math.max(this.journaled, position)
    }
    this.hole = null
  }

  /**
   * The journals have been followed from the position to `end`. `admitted` is what the stream was believed to have
   * when they were; answers false where they have less, so that its producer has to send again from `end` on.
   */
  settle(end: number, admitted: number, hardened: boolean): boolean {
    const whole = end >= admitted || !this.acked
    if (whole) this.admitted = Math.max(this.admitted, end)
    else {
      this.admitted = end
      this.journaled = Math.min(this.journaled, end)
      this.waiting.length = 0
    }
    if (hardened && this.acked) this.journaled = Math.max(this.journaled, end)
    return whole
  }

  get row(): StreamRow {
    return [this.producer, this.incarnation, this.position, this.home, this.sessions, this.time, this.acked]
  }
}
