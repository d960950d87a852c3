/**
 * The segments on the disk: which there are, and which may go.
 *
 * J5. A segment goes only when every stream's last record in it is at or below that stream's floor, or came too long
 *     ago to count.
 * J7. A segment counts as there until its removal is durable: a stream is forgotten only when none of its records can
 *     come back. One whose removal nobody can vouch for is never forgotten; a later incarnation finds it, or does not.
 */
import type { Limits } from '../base/limits.ts'
import type { Disk, DiskError } from '../env/disk.ts'
import { Compaction, chooseRun, type FloorOf } from './compact.ts'
import type { Names } from './names.ts'
import type { Segment } from './segment.ts'

/** Segments that were written last, of which stretches are known (`segment.ts`, G4). */
const STRETCHED = 4
/**
 * Streams that are looked at in one go, and those of one segment more: with thousands in each of a hundred segments all
 * would hold up the loop for seconds.
 */
const LOOKED = 20_000

export interface SegmentsOptions {
  readonly disk: Disk
  readonly names: Names
  readonly limits: Limits
  readonly incarnation: string
  /** Whether the segment is written, or waits for a sync. */
  inUse(segment: Segment): boolean
  failed(error: DiskError): void
}

export class Segments {
  /** In the order of the journal. */
  list: readonly Segment[]
  private readonly options: SegmentsOptions
  private trimming = false
  private compaction: Compaction | null = null
  /** Index of the segment that was measured last. */
  private measured = -1

  constructor(options: SegmentsOptions, found: readonly Segment[]) {
    this.options = options
    this.list = found
  }

  get bytes(): number {
    let sum = 0
    for (const segment of this.list) if (!segment.gone) sum += segment.bytes
    return sum
  }

  add(segment: Segment): void {
    this.list = [...this.list, segment]
    this.list.at(-1 - STRETCHED)?.forgetStretches()
  }

  /** What earlier incarnations have left was looked through anew: `found`, in serial order. */
  renew(found: readonly Segment[]): void {
    const { incarnation } = this.options
    this.list = [...found, ...this.list.filter((segment) => segment.incarnation === incarnation)]
  }

  /**
   * Whether something that could go otherwise is kept for a stream that `isMeant`, by its key, as the last `trim` found
   * it.
   */
  keptFor(isMeant: (key: string) => boolean): boolean {
    return this.list.some((segment) => this.isFree(segment) && isMeant(segment.pin))
  }

  /** Counts anew what is above the floors, in as many segments as can be looked at in one go; the next call goes on. */
  measure(floorOf: FloorOf): void {
    let looked = 0
    for (let left = this.list.length; left > 0 && looked < LOOKED; left--) {
      this.measured = (this.measured + 1) % this.list.length
      looked += this.list[this.measured]!.measure(floorOf)
    }
  }

  /** Bytes above their streams' floors that are kept for `source`, as they were counted last. */
  keptOf(source: string): number {
    return this.list.reduce((sum, { live }) => sum + (live.get(source) ?? 0), 0)
  }

  /** Whether some segment holds a record of the stream `key`. */
  holds(key: string): boolean {
    return this.list.some((segment) => segment.ranges.has(key))
  }

  /**
   * Removes every segment that holds nothing above the floors. What cannot be removed now is tried again with the next
   * call. Answers when it has tried; not at all while an earlier call is at it.
   */
  trim(floorOf: FloorOf, done: () => void): void {
    if (this.trimming || this.compaction !== null) return
    const going = this.list.filter((segment) => this.isFree(segment) && !pinned(segment, floorOf))
    this.trimming = true
    this.remove(going, () => {
      this.trimming = false
      done()
    })
  }

  /**
   * Copies what is above the floors out of the oldest segments that hold little of it. One run at a time; the next
   * call goes on.
   */
  compact(floorOf: FloorOf): void {
    if (this.trimming || this.compaction !== null) return
    const { disk, names, limits, incarnation } = this.options
    const run = chooseRun(this.list, (segment) => this.isFree(segment), limits.journalSegmentBytes)
    if (run.length === 0) return
    this.compaction = new Compaction(disk, names, run, incarnation, floorOf, (error, copy) => {
      this.compaction = null
      if (error !== null) this.options.failed(error)
      if (copy === null) return
      this.list = this.list.flatMap((segment) => (segment === run[0] ? [copy, segment] : [segment]))
      this.remove(run, () => {})
    })
  }

  /** The segments are about to be read: none of them is replaced meanwhile. */
  keep(): void {
    this.compaction?.cancel()
  }

  private isFree(segment: Segment): boolean {
    return !segment.gone && !this.options.inUse(segment)
  }

  /** Removes files, and forgets those whose names cannot come back any more (J7). */
  remove(going: readonly Segment[], done: () => void): void {
    const { disk, names, failed } = this.options
    const { mark } = names
    const gone = new Set<Segment>()
    let left = going.length
    if (left === 0) done()
    for (const segment of going) {
      segment.gone = true
      disk.remove(segment.path, (error) => {
        if (error === null) {
          gone.add(segment)
        } else {
          segment.gone = false
          failed(error)
        }
        if (--left > 0) return
        names.sync(mark, (error) => {
          if (error === null) this.list = this.list.filter((segment) => !gone.has(segment))
          else failed(error)
          done()
        })
      })
    }
  }
}

/** Whether `segment` holds a record above its stream's floor (J5). */
function pinned(segment: Segment, floorOf: FloorOf): boolean {
  const pin = segment.ranges.get(segment.pin)
  if (pin !== undefined && pin.last > floorOf(segment.pin)) return true
  for (const [key, range] of segment.ranges) {
    if (range.last > floorOf(key)) {
      segment.pin = key
      return true
    }
  }
  return false
}
