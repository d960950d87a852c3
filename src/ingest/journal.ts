/**
 * The journal of one worker incarnation: what its doors took, on its disk, in the order it came (PROTOCOLS 13).
 *
 * One write is under way at a time and takes everything that was appended since the last; one sync is under way at a
 * time, beside the writes, and only while an acked batch waits for it. So the busier the worker, the larger both.
 *
 * J1. Batches are announced (`written`, then `durable` for acked ones) in journal order, each once.
 * J2. A batch is `durable` only by a sync that was asked after its write was confirmed, and only once the journal was
 *     seen without a seal after that sync (PROTOCOLS 2, S8).
 * J3. A failed write or sync is final: that segment gets no further byte, and what it did not make durable does not
 *     count. The batches of the failed write, and every acked batch that is not durable, go to a new segment, in
 *     order, before anything else. They are in memory: a batch is let go only when it no longer needs the disk.
 * J4. An older segment is synced before a younger one, so nothing is durable in front of a hole.
 * J6. Serials rise over all incarnations of a data folder, and no file is written by two.
 * J8. A journal that ends with its process does not wait for a disk that fails: what that has not taken is lost with
 *     the process as by a kill, and nothing of it was acknowledged.
 *
 * Which file it goes to stands in `segment-writers.ts`; what may go is decided in `segments.ts`, J5 and J7.
 */
import { assert } from '../base/assert.ts'
import { fail, type PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Clock } from '../env/clock.ts'
import type { Disk, DiskError } from '../env/disk.ts'
import { type Appended, Assembly } from './assembly.ts'
import { type FoundRecords, type IngestBatch, sizeOf } from './batch.ts'
import { Names } from './names.ts'
import type { Segment, SegmentWriter } from './segment.ts'
import { SegmentWriters } from './segment-writers.ts'
import { Segments } from './segments.ts'
import type { Stream } from './stream.ts'
import type { Vouch } from './vouch.ts'

export interface JournalEvents {
  /** The batch may enter the pipeline: it survives the death of the process. */
  written(batch: IngestBatch): void
  /** Acked batches up to `batch` survive the loss of power. */
  durable(batch: IngestBatch): void
  /** A round of `written` or `durable` calls is over. */
  settled(): void
  /** The disk fails; the journal tries again, in a new segment each time, until it is `recovered`. */
  failed(error: PotorooError): void
  /** The disk takes what is written again. */
  recovered(): void
}

export interface JournalOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly limits: Limits
  readonly directory: string
  readonly worker: string
  readonly incarnation: string
  /** The first generation that the incarnation may work in. */
  readonly first: number
  /** Looks for a seal before anything counts as durable; `null` where nobody could make one. */
  readonly vouch: Vouch | null
}

/** Counters for metrics: plain fields that the reader samples. */
export interface JournalStatus {
  batches: number
  records: number
  payloadBytes: number
  writes: number
  writtenBytes: number
  syncs: number
  failures: number
  /** The last failure while the disk cannot be written, else `null`. */
  problem: PotorooError | null
}

export class Journal {
  readonly status: JournalStatus = {
    batches: 0,
    records: 0,
    payloadBytes: 0,
    writes: 0,
    writtenBytes: 0,
    syncs: 0,
    failures: 0,
    problem: null,
  }
  readonly segments: Segments
  private readonly writers: SegmentWriters
  private readonly options: JournalOptions
  private readonly events: JournalEvents
  private readonly assembly: Assembly
  /** Appended and not in a write yet, in order. */
  private pending: IngestBatch[] = []
  /** In the write that is under way. */
  private writing: IngestBatch[] = []
  /** Acked, written and not durable, in journal order. */
  private retained: IngestBatch[] = []
  private syncing = false
  /** Operations of the disk that have not come back. */
  private underWay = 0
  /** The disk has failed; nothing more is asked of it until what is under way has come back. */
  private broken = false
  /** Nothing is vouched for any more. */
  private sealed = false
  private closing: (() => void) | null = null
  /** It is closed with its process (J8). */
  private ends = false
  private failuresInRow = 0
  /** The acked batch that was appended last. */
  private lastAcked: IngestBatch | null = null
  private readonly durableWaiters: { readonly last: IngestBatch; readonly done: () => void }[] = []

  /** `found`: the segments of earlier incarnations, in serial order. */
  constructor(options: JournalOptions, found: readonly Segment[], events: JournalEvents) {
    this.options = options
    this.events = events
    const { disk, clock, limits, worker, incarnation, first } = options
    const { journalBlockBytes, ingestBytes, journalSegmentBytes } = limits
    const names = new Names(disk, options.directory)
    const failed = (error: DiskError): void => this.report(error)
    const inUse = (segment: Segment): boolean =>
      this.writers.has(segment) || this.writing[0]?.segment?.segment === segment
    this.segments = new Segments({ disk, names, limits, incarnation, inUse, failed }, found)
    this.writers = new SegmentWriters({
      ...{ disk, clock, names, segments: this.segments },
      owner: { worker, incarnation, first },
      bytesMax: journalSegmentBytes,
      lastSerial: found.at(-1)?.serial ?? 0,
      opened: () => {
        this.pump()
        this.rest()
      },
      failed: (error) => {
        this.report(error)
        this.rest()
      },
    })
    this.assembly = new Assembly(journalBlockBytes, 2 * ingestBytes)
    this.writers.open()
  }

  /** Whether everything appended is on the disk as its kind needs it. */
  get idle(): boolean {
    return this.written && this.retained.length === 0
  }

  private get written(): boolean {
    return this.pending.length === 0 && this.writing.length === 0
  }

  /**
   * Appends `records` of `stream`, the first of which has the sequence `first`. Copies their bytes. `now` is their
   * record time, in milliseconds since 1970.
   */
  append(stream: Stream, records: FoundRecords, first: number, now: number): Appended {
    const { status, assembly } = this
    const appended = assembly.add(stream, records, first, now)
    const { batch, isNew } = appended
    if (isNew) {
      status.batches++
      this.pending.push(batch)
      if (batch.acked) this.lastAcked = batch
    }
    status.records += records.count
    status.payloadBytes += sizeOf(records)
    this.pump()
    return appended
  }

  /** What is appended from now on stands in a batch of its own. */
  sealOpen(): void {
    this.assembly.sealOpen()
  }

  /** Nobody else needs the bytes of `batch` any more. */
  release(batch: IngestBatch): void {
    assert(!batch.released, 'B2: a batch is released once')
    batch.released = true
    this.assembly.letGo(batch)
  }

  // ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private pump(): void {
    const writer = this.writers.current
    if (writer === null || this.broken || this.writing.length > 0 || this.pending.length === 0) return
    this.assembly.sealOpen()
    const batches = this.gather(writer)
    if (batches.length === 0) {
      this.rotate()
      return
    }
    this.writing = batches
    this.underWay++
    writer.write(batches, (error) => this.onWritten(error))
  }

  /** Takes from `pending` what fits into one write and into the segment of `writer`. */
  private gather({ segment, length }: SegmentWriter): IngestBatch[] {
    const { journalSegmentBytes, journalWriteBytes } = this.options.limits
    let room = Math.min(journalSegmentBytes - length, journalWriteBytes)
    const { pending } = this
    let count = 0
    while (count < pending.length) {
      const bytes = pending[count]!.entryEnd - pending[count]!.entryAt
      // A batch beyond a segment's size gets one of its own.
      const alone = count === 0 && (segment.ranges.size === 0 || length + bytes <= journalSegmentBytes)
      if (bytes > room && !alone) break
      room -= bytes
      count++
    }
    if (count === pending.length) {
      this.pending = []
      return pending
    }
    return pending.splice(0, count)
  }

  private onWritten(error: DiskError | null): void {
    this.underWay--
    if (this.breaks(error)) return
    const batches = this.writing
    this.writing = []
    this.failuresInRow = 0
    if (this.status.problem !== null) this.events.recovered()
    this.status.problem = null
    this.status.writes++
    for (const batch of batches) {
      this.status.writtenBytes += batch.entryEnd - batch.entryAt
      batch.state = 'written'
      if (batch.acked) this.retained.push(batch)
      if (!batch.announced) {
        batch.announced = true
        this.events.written(batch)
      }
    }
    this.events.settled()
    this.sync()
    this.pump()
    this.rest()
  }

  /** The segment that grows is full. */
  private rotate(): void {
    this.underWay++
    this.writers.rotate((error) => {
      this.underWay--
      if (this.breaks(error)) return
      this.closeFull()
      this.rest()
    })
  }

  private closeFull(): void {
    this.writers.closeFull(this.retained[0]?.segment ?? this.writing[0]?.segment ?? null)
  }

  private sync(): void {
    if (this.syncing || this.broken || this.retained.length === 0) return
    const segment = this.retained[0]!.segment!
    // J2 and J4: the batches whose write is confirmed by now, in the oldest segment that has any.
    let count = 1
    while (count < this.retained.length && this.retained[count]!.segment === segment) count++
    this.syncing = true
    this.underWay++
    segment.sync((error) => {
      this.underWay--
      if (this.breaks(error)) {
        this.syncing = false
        return
      }
      this.status.syncs++
      const first = this.retained[0]!
      this.vouch((vouched) => {
        if (!vouched) {
          // What is not acknowledged by now never will be.
          this.sealed = true
          return this.rest()
        }
        this.syncing = false
        // While it looked the disk may have failed: then they are written again.
        if (this.retained[0] === first && first.segment === segment) this.confirm(count)
        this.sync()
        this.closeFull()
        this.rest()
      })
    })
  }

  private vouch(done: (vouched: boolean) => void): void {
    const { vouch } = this.options
    if (vouch === null) done(true)
    else vouch.look(done)
  }

  /** The first `count` batches are durable, and nobody has sealed the journal. */
  private confirm(count: number): void {
    for (const batch of this.retained.splice(0, count)) {
      batch.state = 'durable'
      this.events.durable(batch)
      this.assembly.letGo(batch)
    }
    this.events.settled()
  }

  // ── Failure ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private report(error: DiskError): void {
    const known = this.status.problem !== null
    this.status.failures++
    this.status.problem = fail('E_JOURNAL', { path: error.path, reason: error.reason }, error)
    if (!known) this.events.failed(this.status.problem)
  }

  /** Whether the disk has failed, by `error` or before; begins anew once nothing is under way any more. */
  private breaks(error: DiskError | null): boolean {
    if (error !== null) {
      this.broken = true
      this.report(error)
    }
    const broken = this.broken
    if (broken && this.underWay === 0) {
      this.beginAnew()
      this.rest()
    }
    return broken
  }

  /** Gives up every open segment and puts what does not count in front of what waits (J3). */
  private beginAnew(): void {
    const again = [...this.retained, ...this.writing]
    for (const batch of again) {
      batch.state = 'sealed'
      batch.segment = null
    }
    this.retained = []
    this.writing = []
    this.pending = [...again, ...this.pending]
    this.broken = false
    if (!this.writers.giveUp()) return
    if (this.failuresInRow++ === 0) this.writers.open()
    else this.writers.openLater()
  }

  // ── Closing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Answers once a segment of this incarnation stands on the disk. */
  whenOpen(done: () => void): void {
    this.writers.whenOpen(done)
  }

  /** Answers once every acked batch appended so far is durable. */
  whenDurable(done: () => void): void {
    const last = this.lastAcked
    if (last === null || last.state === 'durable') this.options.clock.soon(done)
    else this.durableWaiters.push({ last, done })
  }

  private rest(): void {
    while (this.durableWaiters[0]?.last.state === 'durable') this.durableWaiters.shift()!.done()
    const { closing } = this
    if (closing === null || !(this.idle || (this.underWay === 0 && this.mayLeave))) return
    this.closing = null
    this.writers.close(closing)
  }

  /** Whether what is not durable need not become it. */
  private get mayLeave(): boolean {
    return (this.sealed && this.written) || (this.ends && this.status.problem !== null)
  }

  /** Ends the current segment in order, a sealed one as it is; nothing may be appended any more. */
  close(done: () => void): void {
    this.closing = done
    this.options.clock.soon(() => this.rest())
  }

  /** Like `close`, as the process ends (J8). */
  endWithProcess(done: () => void): void {
    this.ends = true
    this.close(done)
  }
}
