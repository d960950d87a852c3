/**
 * One epoch's output of one writer, on its way to disk under a name that nobody reads yet.
 *
 * G1. A segment is created, never opened again for writing: its name belongs to one incarnation, generation and epoch.
 * G2. Its row, with length and checksum, exists only once all its bytes and its name are durable.
 */
import { crc32 } from '../../base/crc.ts'
import { percents } from '../../base/file-name.ts'
import type { DiskError, File } from '../../env/disk.ts'
import type { Json } from '../connector.ts'
import { splitPath } from './find.ts'
import type { Landing } from './landing.ts'

/** What a snapshot says of a segment. `name` is what it is called once it is committed, without its directory. */
export interface SegmentRow {
  readonly name: string
  readonly bytes: number
  readonly crc: number
}

/** What a snapshot says. `length`: where the first of `segments` begins in a growing file. */
export interface Held {
  readonly length: number
  readonly segments: readonly SegmentRow[]
}

/** What `snapshot` says, which `FileWriter` has made. */
export function heldIn(snapshot: Json): Held {
  return snapshot as unknown as Held
}

/** Marks what is not committed. */
export const PENDING = '.pending'

/** Names sort by generation and epoch, which is the order of the output. */
export function segmentName(path: string, generation: number, epoch: number, writer: string): string {
  const { name } = splitPath(path)
  return `${name}.${String(generation).padStart(6, '0')}-${String(epoch).padStart(10, '0')}-${writerOf(writer)}`
}

/**
 * How a writer is called in the names of its segments, as no other is: two that share a folder would take each other's.
 */
export function writerOf(writer: string): string {
  return writer.replace(/[^\w-]+/g, percents)
}

/** Whether `name` is that of a segment of any sink which is not committed, and may never be. */
export function isPending(name: string): boolean {
  return /\.\d{6,}-\d{10,}-[\w%-]+\.pending$/.test(name)
}

/** What a segment's name says. */
export interface SegmentParts {
  readonly generation: number
  readonly epoch: number
  readonly writer: string
  readonly pending: boolean
}

/** Gives the parts of a segment's name, or `null` for a name that is none of `path`. */
export function segmentParser(path: string): (name: string) => SegmentParts | null {
  const prefix = `${splitPath(path).name}.`
  return (name) => {
    if (!name.startsWith(prefix)) return null
    const parts = /^(\d{6,})-(\d{10,})-([\w%-]+)(\.pending)?$/.exec(name.slice(prefix.length))
    if (parts === null) return null
    return {
      generation: Number(parts[1]),
      epoch: Number(parts[2]),
      writer: parts[3]!,
      pending: parts[4] !== undefined,
    }
  }
}

type Fault = (operation: string, error: DiskError) => void

export class Segment {
  /** Bytes taken, and those of them that are on the disk or in the system's cache. */
  bytes = 0
  written = 0
  readonly name: string
  private readonly path: string
  private readonly directory: string
  private readonly disk: Landing
  private readonly fault: Fault
  private readonly progress: () => void
  private crc = 0
  private file: File | null = null
  private queue: Buffer[] = []
  private writing = false
  private abandoned = false
  private sealed: ((row: SegmentRow) => void) | null = null

  /** `progress` is called after each write, on a turn of its own; `fault` once, and nothing after it. */
  constructor(disk: Landing, directory: string, name: string, progress: () => void, fault: Fault) {
    this.disk = disk
    this.directory = directory
    this.name = name
    this.path = `${directory}/${name}${PENDING}`
    this.progress = progress
    this.fault = fault
    disk.open(this.path, 'create', (error, file) => {
      if (error !== null) return this.fail('create', error)
      this.file = file
      if (this.abandoned) this.remove()
      else this.flush()
    })
  }

  write(bytes: Buffer): void {
    this.bytes += bytes.length
    this.crc = crc32(bytes, this.crc)
    this.queue.push(bytes)
    this.flush()
  }

  /** Nothing more comes: answers with the row once everything is durable (G2). */
  seal(done: (row: SegmentRow) => void): void {
    this.sealed = done
    this.flush()
  }

  /** Removes the segment; what was asked of it is never answered. */
  abandon(): void {
    if (this.abandoned) return
    this.abandoned = true
    this.queue = []
    if (this.file !== null) this.remove()
  }

  private flush(): void {
    const { file, queue } = this
    if (file === null || this.writing || this.abandoned) return
    if (queue.length === 0) {
      if (this.sealed !== null) this.finish(file)
      return
    }
    this.writing = true
    this.queue = []
    const length = queue.reduce((sum, part) => sum + part.length, 0)
    file.write(queue, this.written, (error) => {
      this.writing = false
      if (this.abandoned) return
      if (error !== null) return this.fail('write', error)
      this.written += length
      this.flush()
      this.progress()
    })
  }

  private finish(file: File): void {
    this.writing = true
    file.sync((error) => {
      if (this.abandoned) return
      if (error !== null) return this.fail('sync', error)
      this.file = null
      file.close(() => {})
      this.disk.syncDirectory(this.directory, (unsynced) => {
        if (this.abandoned) return
        if (unsynced !== null) return this.fail('sync', unsynced)
        this.sealed!({ name: this.name, bytes: this.bytes, crc: this.crc })
      })
    })
  }

  private remove(): void {
    this.file?.close(() => {})
    this.file = null
    this.disk.remove(this.path, () => {})
  }

  private fail(operation: string, error: DiskError): void {
    if (this.abandoned) return
    this.abandoned = true
    this.file?.close(() => {})
    this.fault(operation, error)
  }
}
