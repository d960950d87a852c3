/**
 * Copies what slow pipelines still need out of segments that are otherwise of no use, so that none of them pins what
 * others have let go (PROTOCOLS 3).
 *
 * M1. A run of neighbouring segments becomes one, with the serial of the first: the order of the journal stays.
 * M2. The copy and its name are durable before the first original goes. Until then both may be found, and a batch that
 *     is met twice counts once.
 * M3. Where anything fails, or the journal is about to be read (`cancel`), the copy is dropped and the originals stay.
 */
import type { Disk, DiskError, File } from '../env/disk.ts'
import { copyEntry, type EntryHeader, makeEntry } from './format.ts'
import type { Names } from './names.ts'
import { SegmentScan } from './scan.ts'
import { Segment, summaryOf } from './segment.ts'

/** Bytes that are gathered for one write. */
const WRITE_BYTES = 1 << 20

/** Tells how far a stream's records are of no use any more, by its key. */
export type FloorOf = (key: string) => number

/**
 * The first run of neighbours whose live bytes, as they were counted last, fit into one segment and are at most half of
 * what they take. Empty where copying would not pay.
 */
export function chooseRun(
  segments: readonly Segment[],
  mayCopy: (segment: Segment) => boolean,
  segmentBytes: number,
): Segment[] {
  let run: Segment[] = []
  let live = 0
  let total = 0
  for (const segment of segments) {
    const bytes = segment.liveBytes
    if (mayCopy(segment) && live + bytes <= segmentBytes) {
      run.push(segment)
      live += bytes
      total += segment.bytes
      continue
    }
    if (run.length > 0 && 2 * live <= total) break
    run = []
    live = 0
    total = 0
  }
  return 2 * live <= total ? run : []
}

export class Compaction {
  private readonly disk: Disk
  private readonly names: Names
  private readonly run: readonly Segment[]
  private readonly floorOf: FloorOf
  private readonly copy: Segment
  private readonly done: (error: DiskError | null, copy: Segment | null) => void
  private readonly mark: number
  private file: File | null = null
  private end = 0
  private parts: Buffer[] = []
  private partsBytes = 0
  private cancelled = false

  /** `done` gets the copy, or `null` where there is none. */
  constructor(
    disk: Disk,
    names: Names,
    run: readonly Segment[],
    incarnation: string,
    floorOf: FloorOf,
    done: (error: DiskError | null, copy: Segment | null) => void,
  ) {
    this.disk = disk
    this.names = names
    this.run = run
    this.floorOf = floorOf
    this.done = done
    const { serial } = run[0]!
    const version = 1 + Math.max(...run.filter((segment) => segment.serial === serial).map(({ version }) => version))
    this.copy = new Segment(names.directory, serial, version, incarnation, 0)
    this.mark = names.mark
    disk.open(this.copy.path, 'create', (error, file) => {
      if (error !== null) return done(error, null)
      this.file = file
      this.parts = [makeEntry('opening', `\0${incarnation}`, Buffer.alloc(0), serial)]
      this.read(0)
    })
  }

  /** The journal is about to be read: the originals have to stay (M3). */
  cancel(): void {
    this.cancelled = true
  }

  private read(index: number): void {
    const segment = this.run[index]
    if (segment === undefined) {
      this.parts.push(summaryOf(this.copy))
      this.write((error) => this.harden(error))
      return
    }
    const scan = new SegmentScan(this.disk, segment, {
      wants: (header) => this.isLive(header),
      entry: (header, bytes, bodyAt) => {
        if (bytes !== null) this.take(copyEntry(bytes, bodyAt + header.bodyBytes, header, this.copy.serial), header)
        if (this.partsBytes < WRITE_BYTES) return true
        this.write((error) => {
          if (error === null) return scan.resume()
          scan.cancel()
          this.finish(error)
        })
        return false
      },
      // What is damaged is named where it is read for the pipeline; until then it stays.
      damage: () => this.cancel(),
      torn: () => {},
      done: (error) => {
        if (error !== null) this.finish(error)
        else this.write((error) => (error === null ? this.read(index + 1) : this.finish(error)))
      },
    })
    scan.start()
  }

  private take(entry: Buffer, header: EntryHeader): void {
    this.copy.note(header.key, header.first + header.count - 1, entry.length)
    this.parts.push(entry)
    this.partsBytes += entry.length
  }

  private isLive(header: EntryHeader): boolean {
    const batch = header.kind === 'plain' || header.kind === 'acked'
    return batch && header.first + header.count - 1 > this.floorOf(header.key)
  }

  private write(done: (error: DiskError | null) => void): void {
    const { parts } = this
    this.parts = []
    this.partsBytes = 0
    if (parts.length === 0) {
      done(null)
      return
    }
    const at = this.end
    for (const part of parts) this.end += part.length
    this.file!.write(parts, at, done)
  }

  private harden(error: DiskError | null): void {
    if (error !== null) {
      this.finish(error)
      return
    }
    this.file!.sync((error) => {
      if (error !== null) this.finish(error)
      else this.names.sync(this.mark, (error) => this.finish(error))
    })
  }

  /** Closes the copy, and removes it where it is of no use. */
  private finish(error: DiskError | null): void {
    this.copy.bytes = this.end
    this.file!.close(() => {
      if (error === null && !this.cancelled) this.done(null, this.copy)
      else this.disk.remove(this.copy.path, () => this.done(error, null))
    })
  }
}
