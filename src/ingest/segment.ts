/**
 * One file of the journal: what is known of it, and the end of it that is written.
 *
 * G1. A segment belongs to one incarnation of one worker and is written by it alone; a later incarnation reads it,
 *     and adds nothing: what it relies on it writes once more as it stands (`harden.ts`).
 * G2. Its serial rises from segment to segment of a data folder, over all incarnations; so serial order is the order
 *     in which a worker journaled. A copy has the first serial of what it was copied from, and a version of its own.
 * G3. A sync runs on a file handle of its own, so that it does not stand in the way of the next write.
 * G4. Of what this process has written last it is known by stretches which streams are in them and how far: what lies
 *     in front of the first stretch that is needed is not read again. Of what it has written long ago it is not: that
 *     would take as much memory as there are batches.
 * G5. Its name says which generation of the cluster is the first that anything in it may have been taken in: the one
 *     after those that had been read when its incarnation was drawn. A copy may hold what earlier incarnations took,
 *     and says 0.
 */
import type { Disk, DiskError, DoneVoid, File } from '../env/disk.ts'
import type { IngestBatch } from './batch.ts'
import { makeEntry, sourceOfKey } from './format.ts'
import type { Names } from './names.ts'

/** What a segment holds of one stream. */
export interface StreamRange {
  /** The sequence of its last record there. */
  last: number
  /** Bytes of its entries there. */
  bytes: number
}

/** The last sequences of streams, by their keys. */
export type Lasts = ReadonlyMap<string, { readonly last: number }>

/** Part of a segment, from the entry at `from` to the next stretch: the last sequence of each stream there (G4). */
interface Stretch {
  readonly from: number
  readonly lasts: Map<string, { last: number }>
}

/** Stretches of a segment that is full, about. */
const STRETCHES = 64

/** A segment as it lies on the disk. */
export class Segment {
  readonly serial: number
  /** How many times what it holds has been copied (`compact.ts`). */
  readonly version: number
  readonly incarnation: string
  /** G5. */
  readonly first: number
  readonly path: string
  /** Bytes whose write is confirmed, or that were found. */
  bytes = 0
  /** Whose journal it is in; `''` for this worker's own. */
  worker = ''
  /** It is being removed, or was; but its name may come back with the loss of power. */
  gone = false
  /** By stream key. Complete once the segment has been written or read to its end. */
  readonly ranges = new Map<string, StreamRange>()
  /**
   * Bytes of its entries above their streams' floors, by source, as they were counted last (`measure`): there may be
   * less by now, for floors rise.
   */
  readonly live = new Map<string, number>()
  /** The stream that kept it from being removed when that was last tried: looked at first the next time. */
  pin = ''
  private readonly stretches: Stretch[] = []

  constructor(directory: string, serial: number, version: number, incarnation: string, first: number) {
    this.serial = serial
    this.version = version
    this.incarnation = incarnation
    this.first = first
    this.path = `${directory}/${segmentName(serial, version, incarnation, first)}`
  }

  note(key: string, last: number, bytes: number): void {
    const range = this.ranges.get(key)
    if (range === undefined) this.ranges.set(key, { last, bytes })
    else {
      if (last > range.last) range.last = last
      range.bytes += bytes
    }
    this.count(key, bytes)
  }

  private count(key: string, bytes: number): void {
    const source = sourceOfKey(key)
    this.live.set(source, (this.live.get(source) ?? 0) + bytes)
  }

  /** Counts anew what is `live`; answers how many streams had to be looked at. */
  measure(floorOf: (key: string) => number): number {
    this.live.clear()
    for (const [key, { last, bytes }] of this.ranges) if (last > floorOf(key)) this.count(key, bytes)
    return this.ranges.size
  }

  get liveBytes(): number {
    let sum = 0
    for (const bytes of this.live.values()) sum += bytes
    return sum
  }

  /** Of streams in it only the last sequences are known from now on (G4). */
  forgetStretches(): void {
    this.stretches.length = 0
  }

  /** Notes an entry that this process has written at `at`, behind all others; a stretch has about `stretchBytes`. */
  wrote(key: string, last: number, bytes: number, at: number, stretchBytes: number): void {
    this.note(key, last, bytes)
    let stretch = this.stretches.at(-1)
    if (stretch === undefined || at - stretch.from >= stretchBytes) {
      stretch = { from: at, lasts: new Map() }
      this.stretches.push(stretch)
    }
    const known = stretch.lasts.get(key)
    if (known === undefined) stretch.lasts.set(key, { last })
    else if (last > known.last) known.last = last
  }

  /**
   * The offset of an entry in front of which nothing `isNeeded`, 0 where that is not known; `null` where nothing is at
   * all.
   */
  neededFrom(isNeeded: (lasts: Lasts) => boolean): number | null {
    if (!isNeeded(this.ranges)) return null
    for (const { from, lasts } of this.stretches) if (isNeeded(lasts)) return from
    return this.stretches.length === 0 ? 0 : this.bytes
  }
}

const NAME = /^(\d{10})-(\d+)\.([0-9a-z-]+)\.(\d+)\.journal$/

function segmentName(serial: number, version: number, incarnation: string, first: number): string {
  return `${String(serial).padStart(10, '0')}-${version}.${incarnation}.${first}.journal`
}

/** The segment that a file name in `directory` stands for, or `null`. */
export function segmentOfName(directory: string, name: string): Segment | null {
  const match = NAME.exec(name)
  if (match === null) return null
  return new Segment(directory, Number(match[1]), Number(match[2]), match[3]!, Number(match[4]))
}

/** The end of a segment that is complete: what it holds, and the way back to where that stands. */
export function summaryOf(segment: Segment): Buffer {
  const rows = [...segment.ranges].map(([key, range]) => [key, range.last, range.bytes])
  const summary = makeEntry('summary', '', Buffer.from(JSON.stringify(rows)), segment.serial)
  // The last four bytes lead a reader from the end of the file to the summary.
  const length = Buffer.alloc(4)
  length.writeUInt32LE(summary.length)
  return Buffer.concat([summary, length])
}

/** Whose journal a new segment belongs to. */
export interface SegmentOwner {
  readonly worker: string
  readonly incarnation: string
  /** G5. */
  readonly first: number
}

/** A segment that is being written. */
export class SegmentWriter {
  readonly segment: Segment
  private readonly file: File
  private readonly syncing: File
  private readonly stretchBytes: number
  /** Offset of the next write. */
  private end: number
  /** Its summary has been written. */
  finished = false

  private constructor(segment: Segment, file: File, syncing: File, end: number, bytesMax: number) {
    this.stretchBytes = bytesMax / STRETCHES
    this.segment = segment
    this.file = file
    this.syncing = syncing
    this.end = end
    segment.bytes = end
  }

  /**
   * Makes the file of a new segment, of about `bytesMax`, and its name durable. What was made before an error is of no
   * use.
   */
  static open(
    disk: Disk,
    names: Names,
    serial: number,
    owner: SegmentOwner,
    bytesMax: number,
    done: (error: DiskError | null, writer: SegmentWriter | null) => void,
  ): void {
    const { worker, incarnation, first } = owner
    const segment = new Segment(names.directory, serial, 0, incarnation, first)
    const opening = makeEntry('opening', `${worker}\0${incarnation}`, Buffer.alloc(0), serial)
    const { mark } = names
    disk.open(segment.path, 'create', (failed, file) => {
      if (failed !== null) return done(failed, null)
      const giveUp = (error: DiskError): void => file.close(() => disk.remove(segment.path, () => done(error, null)))
      disk.open(segment.path, 'write', (failed, syncing) => {
        if (failed !== null) return giveUp(failed)
        file.write([opening], 0, (failed) => {
          if (failed !== null) return syncing.close(() => giveUp(failed))
          names.sync(mark, (failed) => {
            if (failed !== null) return syncing.close(() => giveUp(failed))
            done(null, new SegmentWriter(segment, file, syncing, opening.length, bytesMax))
          })
        })
      })
    })
  }

  /** Bytes asked to be written so far. */
  get length(): number {
    return this.end
  }

  /** Writes `batches`, one behind another, in one call of the disk. One write at a time. */
  write(batches: readonly IngestBatch[], done: DoneVoid): void {
    const parts: Uint8Array[] = []
    const begin = this.end
    let from = batches[0]!
    let to = from
    for (const batch of batches) {
      batch.segment = this
      batch.address(this.segment.serial)
      this.end += batch.entryEnd - batch.entryAt
      // Neighbours in one block are one part.
      if (batch !== from && (batch.block !== to.block || batch.entryAt !== to.entryEnd)) {
        parts.push(from.bytes.subarray(from.entryAt, to.entryEnd))
        from = batch
      }
      to = batch
    }
    parts.push(from.bytes.subarray(from.entryAt, to.entryEnd))
    this.file.write(parts, begin, (error) => {
      if (error === null) {
        this.segment.bytes = this.end
        let at = begin
        for (const batch of batches) {
          const bytes = batch.entryEnd - batch.entryAt
          this.segment.wrote(batch.stream.key, batch.last, bytes, at, this.stretchBytes)
          at += bytes
        }
      }
      done(error)
    })
  }

  sync(done: DoneVoid): void {
    this.syncing.sync(done)
  }

  /** Ends the segment with a summary, by which a restart knows without reading it what it holds. */
  finish(done: DoneVoid): void {
    const summary = summaryOf(this.segment)
    this.file.write([summary], this.end, (error) => {
      if (error === null) this.segment.bytes = this.end += summary.length
      done(error)
    })
  }

  close(done: DoneVoid): void {
    this.syncing.close(() => this.file.close(done))
  }
}
