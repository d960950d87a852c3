/**
 * Feeds what a survey has found, batch by batch, at the pipeline's pace.
 *
 * E1. It judges by the survey's rule (`judge`), so it feeds exactly what the survey has promised.
 * E5. Each stream is fed in the order of its sequences. Where that leads from one journal to another and back, the
 *     journals are read again: a pass feeds what goes on where the last one ended, until all that was promised is fed.
 */
import { Fifo } from '../base/fifo.ts'
import type { Disk, DiskError } from '../env/disk.ts'
import { Cuts } from '../model/connector.ts'
import { IngestBatch } from './batch.ts'
import { type EntryHeader, readTable } from './format.ts'
import { type ScanVisitor, SegmentScan } from './scan.ts'
import type { Stream } from './stream.ts'
import { isBatchOf, judge, type Needed } from './survey.ts'

export interface ReplayOptions {
  readonly disk: Disk
  readonly segments: readonly Needed[]
  readonly source: string
  /** How far each stream that is fed goes. */
  readonly ends: ReadonlyMap<Stream, number>
  /** Bytes that are held in memory at most, about. */
  readonly bytesMax: number
  streamOf(key: string, acked: boolean): Stream
  /** There is more to poll, or it is over. */
  onProgress(): void
  onFailed(error: DiskError): void
}

/** Feeds what the survey found, batch by batch. */
export class Replay {
  /** Everything has been read; what was not polled yet still waits. */
  over = false
  /** The disk failed: nothing more comes, and `again` begins where the pipeline stands. */
  failed = false
  private readonly options: ReplayOptions
  private readonly ready = new Fifo<IngestBatch>()
  private readyBytes = 0
  /** How far each stream has been read: behind its position by what waits in `ready`. */
  private readonly read = new Map<Stream, number>()
  /** The cuts of all batches in one window of the scan: one array for many small batches. */
  private cuts = new Cuts()
  private window: Buffer | null = null
  private scan: SegmentScan | null = null
  private index = -1
  /** Something was fed in this pass. */
  private moved = false

  constructor(options: ReplayOptions) {
    this.options = options
    this.nextSegment()
  }

  /**
   * Everything has been polled and taken: answers the acked streams of which the disk gave less than the survey had
   * found.
   */
  short(): Stream[] {
    return [...this.options.ends]
      .filter(([stream, end]) => stream.acked && stream.position < end)
      .map(([stream]) => stream)
  }

  /** Everything has been read and polled. */
  get drained(): boolean {
    return this.over && this.ready.length === 0
  }

  /** The next batch, of which some records may be known; `null` when none is in memory. */
  poll(): IngestBatch | null {
    const batch = this.ready.shift()
    if (batch === undefined) return null
    this.readyBytes -= batch.heldBytes
    if (this.readyBytes < this.options.bytesMax / 2) this.scan?.resume()
    return batch
  }

  cancel(): void {
    this.scan?.cancel()
    this.scan = null
    this.ready.clear()
  }

  /** Reads anew from the streams' positions; to be called when all that was polled has been taken. */
  again(): Replay {
    return new Replay(this.options)
  }

  private onScanned(error: DiskError | null): void {
    // A segment goes while the replay is on its way to it only when all its records are known, from another one.
    if (error === null || error.code === 'absent') {
      this.nextSegment()
    } else {
      this.failed = true
      this.options.onFailed(error)
    }
  }

  private nextSegment(): void {
    const { disk, segments, source, onProgress } = this.options
    let needed = segments[++this.index]
    if (needed === undefined && this.moved && this.incomplete) {
      this.moved = false
      this.index = 0
      needed = segments[0]
    }
    if (needed === undefined) {
      this.scan = null
      this.over = true
      onProgress()
      return
    }
    const visitor: ScanVisitor = {
      wants: (header) => isBatchOf(header, source) && this.isNext(header),
      entry: (header, bytes, bodyAt) => bytes === null || this.take(header, bytes, bodyAt),
      // The survey has reported it.
      damage: () => {},
      torn: () => {},
      done: (error) => this.onScanned(error),
    }
    this.scan = new SegmentScan(disk, needed.segment, visitor, needed.from)
    this.scan.start()
  }

  /** An acked stream was not read to the end that was promised (E5). */
  private get incomplete(): boolean {
    for (const [stream, end] of this.options.ends) {
      if (stream.acked && (this.read.get(stream) ?? stream.position) < end) return true
    }
    return false
  }

  /** Whether the batch was surveyed, and goes on where the last one ended (E1). */
  private isNext(header: EntryHeader): boolean {
    const { streamOf, ends } = this.options
    const stream = streamOf(header.key, header.kind === 'acked')
    const to = ends.get(stream)
    if (to === undefined) return false
    const last = header.first + header.count - 1
    // What an acked one has of that kind does not go on to what counts.
    if (!stream.acked && last <= stream.countsBehind) return false
    const verdict = judge(this.read.get(stream) ?? stream.position, header.first, last)
    return last <= to && (verdict === 'next' || (verdict === 'gap' && !stream.acked))
  }

  private take(header: EntryHeader, bytes: Buffer, bodyAt: number): boolean {
    const stream = this.options.streamOf(header.key, header.kind === 'acked')
    if (this.window !== bytes) {
      this.window = bytes
      this.cuts = new Cuts()
    }
    const { cuts } = this
    const { first, time, count, payloadBytes } = header
    const batch = new IngestBatch({
      ...{ stream, first, time, bytes, cuts },
      writer: header.writer,
      entryAt: bodyAt,
      payloadAt: bodyAt,
      block: null,
    })
    readTable(bytes, bodyAt + payloadBytes, bodyAt + header.bodyBytes, count, bodyAt, cuts)
    batch.count = count
    batch.payloadEnd = bodyAt + payloadBytes
    batch.state = 'durable'
    this.read.set(stream, batch.last)
    this.moved = true
    this.ready.push(batch)
    this.readyBytes += batch.heldBytes
    this.options.onProgress()
    return this.readyBytes < this.options.bytesMax
  }
}
