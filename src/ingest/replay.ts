/**
 * What a worker finds in its journal when it starts, or goes back to an earlier epoch.
 *
 * First a *survey* follows every stream from its position as far as the journal has it without a gap: that end is what
 * a producer is welcomed with. Then the *replay* reads the same batches again, at the pipeline's pace.
 *
 * E1. Survey and replay judge by the same rule (`judge`), so the replay feeds exactly what the survey has promised.
 * E2. A hole ends an acked stream: its producer closes it (PROTOCOLS 2, S4). A plain stream has nobody who could, so
 *     it goes on behind the hole, which is reported.
 * E3. A stream's end is never taken to be below its position in the manifest.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import { Fifo } from '../base/fifo.ts'
import type { Disk, DiskError } from '../env/disk.ts'
import { Cuts } from '../model/connector.ts'
import { IngestBatch } from './batch.ts'
import { type EntryHeader, partsOfKey, readTable } from './format.ts'
import { SegmentScan } from './scan.ts'
import type { Segment } from './segment.ts'
import type { Stream } from './stream.ts'

/** What a batch in memory is counted beside its payload, in bytes. */
const BATCH_BYTES = 256

/** What a batch from `first` to `last` is to a stream that was followed up to `end`. */
export function judge(end: number, first: number, last: number): 'known' | 'next' | 'gap' {
  if (last <= end) return 'known'
  return first <= end + 1 ? 'next' : 'gap'
}

/** Where a source's streams are found, and who is told of damage. */
export interface ReplayTarget {
  readonly source: string
  /** Of the worker that asks: its own segments are being written. */
  readonly incarnation: string
  /** The stream of `key`, made when it was not known, or `null` for one that is not fed here. */
  streamOf(key: string, acked: boolean): Stream | null
  report(error: PotorooError): void
  /** Of what was reported: damage that may have taken records above a stream's position. */
  lack(error: PotorooError): void
}

/** The part of the journal that may hold batches above the streams' positions. */
export function neededBy(segments: readonly Segment[], source: string, positionOf: (key: string) => number): Segment[] {
  return segments.filter((segment) => {
    if (segment.gone) return false
    for (const [key, range] of segment.ranges) {
      if (partsOfKey(key).source === source && range.last > positionOf(key)) return true
    }
    return false
  })
}

/** What a survey has found. */
export interface Surveyed {
  /** How far each stream stands in the journal without a gap. */
  readonly ends: ReadonlyMap<Stream, number>
  /** How far of that stands in the segments of earlier incarnations. */
  readonly inherited: ReadonlyMap<Stream, number>
  /** How far of that survives the loss of power. */
  readonly durable: ReadonlyMap<Stream, number>
}

/** Follows every stream of `target` through `segments` from its position on. */
export function survey(
  disk: Disk,
  segments: readonly Segment[],
  target: ReplayTarget,
  done: (error: DiskError | null, found: Surveyed) => void,
): void {
  const ends = new Map<Stream, number>()
  let inherited = new Map<Stream, number>()
  let durable = new Map<Stream, number>()
  let hard = true
  const next = (index: number): void => {
    const segment = segments[index]
    if (segment === undefined) {
      done(null, { ends, inherited, durable })
      return
    }
    const foreign = segment.incarnation !== target.incarnation
    const scan = (): void => {
      new SegmentScan(disk, segment, {
        wants: (header) => isBatchOf(header, target.source),
        entry(header, bytes) {
          if (bytes !== null) follow(target, ends, header)
          return true
        },
        damage(from, to, header) {
          const error = damageOf(segment, from, to, header)
          target.report(error)
          if (mayLack(target, header)) target.lack(error)
        },
        torn: () => {},
        done(error) {
          if (error !== null) return done(error, { ends, inherited, durable })
          if (foreign) inherited = new Map(ends)
          if (foreign && hard) durable = inherited
          next(index + 1)
        },
      }).start()
    }
    // One that is being written is its writer's to sync: a failure of ours would be unknown to it (J3). Others first:
    // a sync that fails may take bytes away that could be read before.
    if (!foreign) scan()
    else {
      harden(disk, segment, (hardened) => {
        hard &&= hardened
        scan()
      })
    }
  }
  next(0)
}

function isBatchOf(header: EntryHeader, source: string): boolean {
  return (header.kind === 'plain' || header.kind === 'acked') && partsOfKey(header.key).source === source
}

/** Whether damage that hides the entry of `header`, or nobody knows which, may hide what is not known already. */
function mayLack(target: ReplayTarget, header: EntryHeader | null): boolean {
  if (header === null) return true
  const stream = target.streamOf(header.key, header.kind === 'acked')
  return stream !== null && header.first + header.count - 1 > stream.position
}

function follow(target: ReplayTarget, ends: Map<Stream, number>, header: EntryHeader): void {
  const stream = target.streamOf(header.key, header.kind === 'acked')
  if (stream === null) return
  const end = ends.get(stream) ?? stream.position
  const last = header.first + header.count - 1
  const verdict = judge(end, header.first, last)
  if (verdict === 'known') return
  if (verdict === 'gap') {
    if (stream.hole === null) stream.hole = { first: end + 1, last: header.first - 1 }
    if (stream.acked) return
    target.report(holeOf(stream))
  }
  stream.hole = null
  ends.set(stream, last)
  stream.time = Math.max(stream.time, header.time)
}

/** Syncs a segment that is about to be read: what a crash left in the system's memory is going to be relied on. */
function harden(disk: Disk, segment: Segment, done: (hardened: boolean) => void): void {
  disk.open(segment.path, 'write', (error, file) => {
    if (error !== null) done(false)
    else file.sync((error) => file.close(() => done(error === null)))
  })
}

export function holeOf(stream: Stream): PotorooError {
  const { producer, source, hole } = stream
  return fail('E_JOURNAL_HOLE', { producer, source, first: hole?.first, last: hole?.last })
}

function damageOf(segment: Segment, from: number, to: number, header: EntryHeader | null): PotorooError {
  let lost = ''
  if (header !== null && header.count > 0) {
    const { source, producer } = partsOfKey(header.key)
    lost = `: records ${header.first} to ${header.first + header.count - 1} of ${producer} for source ${source}`
  }
  return fail('E_JOURNAL_DAMAGED', { path: segment.path, from, to, lost })
}

/** Feeds what the survey found, batch by batch. */
export class Replay {
  /** Everything has been read; what was not polled yet still waits. */
  over = false
  /** The disk failed: nothing more comes, and `again` begins where the pipeline stands. */
  failed = false
  private readonly disk: Disk
  private readonly segments: readonly Segment[]
  private readonly target: ReplayTarget
  private readonly bytesMax: number
  private readonly onProgress: () => void
  private readonly onFailed: (error: DiskError) => void
  private readonly ends: ReadonlyMap<Stream, number>
  private readonly ready = new Fifo<IngestBatch>()
  private readyBytes = 0
  /** How far each stream has been read: behind its position by what waits in `ready`. */
  private readonly read = new Map<Stream, number>()
  /** The cuts of all batches in one window of the scan: one array for many small batches. */
  private cuts = new Cuts()
  private window: Buffer | null = null
  private scan: SegmentScan | null = null
  private index = -1

  /** Holds at most about `bytesMax` in memory; calls `onProgress` when there is more to poll, or it is over. */
  constructor(
    disk: Disk,
    segments: readonly Segment[],
    target: ReplayTarget,
    ends: ReadonlyMap<Stream, number>,
    bytesMax: number,
    onProgress: () => void,
    onFailed: (error: DiskError) => void,
  ) {
    this.disk = disk
    this.segments = segments
    this.target = target
    this.ends = ends
    this.bytesMax = bytesMax
    this.onProgress = onProgress
    this.onFailed = onFailed
    this.nextSegment()
  }

  /**
   * Everything has been polled and taken: answers the acked streams of which the disk gave less than the survey had
   * found.
   */
  short(): Stream[] {
    return [...this.ends].filter(([stream, end]) => stream.acked && stream.position < end).map(([stream]) => stream)
  }

  /** Everything has been read and polled. */
  get drained(): boolean {
    return this.over && this.ready.length === 0
  }

  /** The next batch, of which `taken` records may have been known before; `null` when none is in memory. */
  poll(): IngestBatch | null {
    const batch = this.ready.shift()
    if (batch === undefined) return null
    this.readyBytes -= batch.payloadBytes + BATCH_BYTES
    if (this.readyBytes < this.bytesMax / 2) this.scan?.resume()
    return batch
  }

  cancel(): void {
    this.scan?.cancel()
    this.scan = null
    this.ready.clear()
  }

  /** Reads anew from the streams' positions; to be called when all that was polled has been taken. */
  again(): Replay {
    return new Replay(this.disk, this.segments, this.target, this.ends, this.bytesMax, this.onProgress, this.onFailed)
  }

  private onScanned(error: DiskError | null): void {
    // A segment goes while the replay is on its way to it only when all its records are known, from another one.
    if (error === null || error.code === 'absent') {
      this.nextSegment()
    } else {
      this.failed = true
      this.onFailed(error)
    }
  }

  private nextSegment(): void {
    const segment = this.segments[++this.index]
    if (segment === undefined) {
      this.scan = null
      this.over = true
      this.onProgress()
      return
    }
    this.scan = new SegmentScan(this.disk, segment, {
      wants: (header) => isBatchOf(header, this.target.source) && this.isNext(header),
      entry: (header, bytes, bodyAt) => bytes === null || this.take(header, bytes, bodyAt),
      // The survey has reported it.
      damage: () => {},
      torn: () => {},
      done: (error) => this.onScanned(error),
    })
    this.scan.start()
  }

  /** Whether the batch was surveyed, and goes on where the last one ended (E1). */
  private isNext(header: EntryHeader): boolean {
    const stream = this.target.streamOf(header.key, header.kind === 'acked')
    const to = stream === null ? undefined : this.ends.get(stream)
    if (stream === null || to === undefined) return false
    const last = header.first + header.count - 1
    const verdict = judge(this.read.get(stream) ?? stream.position, header.first, last)
    return last <= to && (verdict === 'next' || (verdict === 'gap' && !stream.acked))
  }

  private take(header: EntryHeader, bytes: Buffer, bodyAt: number): boolean {
    const stream = this.target.streamOf(header.key, header.kind === 'acked')!
    const end = this.read.get(stream) ?? stream.position
    if (this.window !== bytes) {
      this.window = bytes
      this.cuts = new Cuts()
    }
    const { cuts } = this
    const { first, time, count, payloadBytes } = header
    const batch = new IngestBatch(stream, first, time, bytes, cuts, bodyAt, bodyAt, null)
    readTable(bytes, bodyAt + payloadBytes, bodyAt + header.bodyBytes, count, bodyAt, cuts)
    batch.count = count
    batch.payloadEnd = bodyAt + payloadBytes
    batch.taken = Math.max(0, end - first + 1)
    batch.state = 'durable'
    this.read.set(stream, batch.last)
    this.ready.push(batch)
    this.readyBytes += payloadBytes + BATCH_BYTES
    this.onProgress()
    return this.readyBytes < this.bytesMax
  }
}
