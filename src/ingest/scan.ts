/**
 * Reads one segment from the front, entry by entry, and gets over damage.
 *
 * A1. What it shows is whole (`format.ts`, F1). Where bytes are no entry it searches for the next one; only where none
 *     follows is the rest a torn end, otherwise the damage is named (PROTOCOLS 13).
 * A2. Nothing is written: a segment that was cut short by a crash stays as it is.
 * A3. It reads up to the length that was known when it began, never what is being appended.
 */
import type { Disk, DiskError, File } from '../env/disk.ts'
import { bodyFits, type EntryHeader, FRONT_BYTES_MAX, HEADER_BYTES, MAGIC_BYTES, readHeader } from './format.ts'
import type { Segment } from './segment.ts'

/** Bytes of one read. */
const READ_BYTES = 1 << 20

export interface ScanVisitor {
  /** Whether the body of this entry is wanted; otherwise only its header is checked. */
  wants(header: EntryHeader): boolean
  /**
   * An entry, which stands at `at` in the file. For a wanted one the body stands at `bodyAt` in `bytes`, which nobody
   * changes any more; for another one `bytes` is `null`. Answering false pauses the scan until `resume`.
   */
  entry(header: EntryHeader, bytes: Buffer | null, bodyAt: number, at: number): boolean
  /** Bytes `from` to `to` of the file are no entry, or a damaged one of which the header is known. */
  damage(from: number, to: number, header: EntryHeader | null): void
  /** Bytes from `from` on are an entry that was never finished: the end of what was written. */
  torn(from: number): void
  done(error: DiskError | null): void
}

export class SegmentScan {
  private readonly disk: Disk
  private readonly segment: Segment
  private readonly visitor: ScanVisitor
  /** Length of the file as far as it is read (A3). */
  private length: number
  private file: File | null = null
  private window: Buffer = Buffer.alloc(0)
  /** Offset of the window in the file, and of the next entry in the window. */
  private base = 0
  private at = 0
  /** Where damage begins that has not ended yet, or -1. */
  private damagedFrom = -1
  private paused = false
  private reading = false
  private over = false
  /** Nobody hears of it any more, also where it is over and its file is being closed. */
  private cancelled = false

  /** Begins with the entry at `from`. */
  constructor(disk: Disk, segment: Segment, visitor: ScanVisitor, from = 0) {
    this.disk = disk
    this.segment = segment
    this.visitor = visitor
    this.base = from
    this.length = segment.bytes
  }

  start(): void {
    this.disk.open(this.segment.path, 'read', (error, file) => {
      if (this.cancelled) return error === null ? file.close(() => {}) : undefined
      if (error !== null) return this.visitor.done(error)
      this.file = file
      this.fill(HEADER_BYTES)
    })
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    if (!this.reading && !this.over) this.parse()
  }

  /** Stops without another call of the visitor. */
  cancel(): void {
    this.cancelled = true
    if (this.over) return
    this.over = true
    this.file?.close(() => {})
  }

  private get fileAt(): number {
    return this.base + this.at
  }

  /**
   * Reads on until the window holds `needed` bytes from `at`, or the end. What it has of them already is read once
   * more: to put it in front of what follows would be a copy of all.
   */
  private fill(needed: number): void {
    const from = this.fileAt
    const wanted = Math.min(Math.max(READ_BYTES, needed), this.length - from)
    this.base = from
    this.at = 0
    this.reading = true
    this.file!.read(from, wanted, (error, bytes) => {
      this.reading = false
      if (this.over) return
      if (error !== null) return this.finish(error)
      // A sync that failed may have taken bytes back that were there before.
      if (bytes.length < wanted) this.length = from + bytes.length
      this.window = bytes
      if (!this.paused) this.parse()
    })
  }

  private parse(): void {
    while (!this.paused && !this.over && !this.reading) {
      const { window, at } = this
      if (this.fileAt >= this.length) {
        this.finish(null)
        break
      }
      const header = readHeader(window, at, window.length, this.segment.serial)
      if (header === 'damaged') this.search()
      else if (header === 'short') this.need(FRONT_BYTES_MAX)
      else if (at + header.bytes > window.length) this.need(header.bytes)
      else this.show(header)
    }
  }

  /** Reads on for an entry of `bytes`; one that leads beyond the file's end is none. */
  private need(bytes: number): void {
    const whole = this.base + this.window.length >= this.length
    const header = bytes === FRONT_BYTES_MAX
    if (whole || (!header && this.fileAt + bytes > this.length)) this.search()
    else this.fill(bytes)
  }

  private show(header: EntryHeader): void {
    const { window, at, visitor } = this
    const wanted = visitor.wants(header)
    const bodyAt = at + header.bytes - header.bodyBytes
    const begin = this.fileAt
    if (this.damagedFrom >= 0) {
      visitor.damage(this.damagedFrom, begin, null)
      this.damagedFrom = -1
    }
    this.at += header.bytes
    if (wanted && !bodyFits(window, bodyAt, header)) {
      // The last entry of a file is the one that a crash cuts short, also within its body.
      if (this.fileAt >= this.length) visitor.torn(begin)
      else visitor.damage(begin, this.fileAt, header)
      return
    }
    if (!visitor.entry(header, wanted ? window : null, bodyAt, begin)) this.paused = true
  }

  /** Moves to the next place where an entry may begin, or reads on, or ends. */
  private search(): void {
    if (this.damagedFrom < 0) this.damagedFrom = this.fileAt
    const { window } = this
    const next = window.indexOf(MAGIC_BYTES, this.at + 1)
    if (next >= 0) {
      this.at = next
    } else if (this.base + window.length >= this.length) {
      this.visitor.torn(this.damagedFrom)
      this.finish(null)
    } else {
      // The mark may lie across two reads.
      this.at = Math.max(this.at + 1, window.length - MAGIC_BYTES.length + 1)
      this.fill(HEADER_BYTES)
    }
  }

  private finish(error: DiskError | null): void {
    if (this.over) return
    this.over = true
    this.file!.close(() => {
      if (!this.cancelled) this.visitor.done(error)
    })
  }
}
