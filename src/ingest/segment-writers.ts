/**
 * The segments that this incarnation writes: the one that grows, and those that are full and wait for their last sync.
 *
 * At most one grows. Between two of them there is none: what comes meanwhile waits in the journal. Opening one is tried
 * until it succeeds.
 */
import type { Clock } from '../env/clock.ts'
import type { Disk, DiskError, DoneVoid } from '../env/disk.ts'
import type { Names } from './names.ts'
import { type Segment, type SegmentOwner, SegmentWriter } from './segment.ts'
import type { Segments } from './segments.ts'

/** How long a new segment waits after the last one could not be written. */
const RETRY_MS = 500

export interface SegmentWritersOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly names: Names
  readonly owner: SegmentOwner
  /** What a segment holds, about. */
  readonly bytesMax: number
  readonly segments: Segments
  /** The serial of the last segment of earlier incarnations, or 0. */
  readonly lastSerial: number
  /** A new segment grows. */
  opened(): void
  /** None could be opened; it is tried again. */
  failed(error: DiskError): void
}

export class SegmentWriters {
  private readonly options: SegmentWritersOptions
  private serial: number
  private growing: SegmentWriter | null = null
  /** Full ones, in journal order, whose last acked batches are not durable yet. */
  private full: SegmentWriter[] = []
  /** Segments that were given up since one was opened. */
  private given: Segment[] = []
  private readonly waiters: (() => void)[] = []
  private closed = false

  constructor(options: SegmentWritersOptions) {
    this.options = options
    this.serial = options.lastSerial
  }

  /** The segment that grows; `null` while the next one is being opened. */
  get current(): SegmentWriter | null {
    return this.growing
  }

  has(segment: Segment): boolean {
    return this.growing?.segment === segment || this.full.some((writer) => writer.segment === segment)
  }

  /** Opens the next segment, where none grows. */
  open(): void {
    if (this.closed) return
    const { disk, names, owner, bytesMax, segments, opened, failed } = this.options
    this.serial++
    SegmentWriter.open(disk, names, this.serial, owner, bytesMax, (error, writer) => {
      if (error !== null) {
        this.openLater()
        return failed(error)
      }
      if (this.closed) return writer!.close(() => {})
      this.growing = writer
      segments.add(writer!.segment)
      this.dropEmpty()
      for (const done of this.waiters.splice(0)) done()
      opened()
    })
  }

  openLater(): void {
    this.options.clock.after(RETRY_MS, () => this.open())
  }

  /** Answers once a segment of this incarnation stands on the disk. */
  whenOpen(done: () => void): void {
    if (this.growing !== null) this.options.clock.soon(done)
    else this.waiters.push(done)
  }

  /**
   * Ends the segment that grows, which is full, and opens the next one; `done` hears whether its summary was written.
   */
  rotate(done: DoneVoid): void {
    const writer = this.growing!
    this.growing = null
    this.full.push(writer)
    writer.finish((error) => {
      writer.finished = error === null
      done(error)
    })
    this.open()
  }

  /** Closes the files of full segments that no batch waits for; `needed`: the oldest that one does wait for. */
  closeFull(needed: SegmentWriter | null): void {
    while (this.full.length > 0 && this.full[0]!.finished && this.full[0] !== needed) {
      this.full.shift()!.close(() => {})
    }
  }

  /** Nothing more is written into any of them. Answers whether one grew: else the next is being opened already. */
  giveUp(): boolean {
    const { growing, full } = this
    for (const writer of growing === null ? full : [...full, growing]) {
      writer.close(() => {})
      this.given.push(writer.segment)
    }
    this.full = []
    this.growing = null
    return growing !== null
  }

  /** Ends the segment that grows in order, a sealed one as it is; none follows. */
  close(done: () => void): void {
    const { growing } = this
    this.closed = true
    this.growing = null
    if (growing === null) return done()
    growing.finish(() => growing.close(() => done()))
  }

  /**
   * A given-up segment without a batch is of no use: else a full disk would fill a folder. It goes only once another
   * one stands: whoever seals this journal has to find the incarnation in it.
   */
  private dropEmpty(): void {
    const empty = this.given.splice(0).filter((segment) => segment.ranges.size === 0)
    if (empty.length > 0) this.options.segments.remove(empty, () => {})
  }
}
