/**
 * Bounded, ordered queues between tasks.
 *
 * H1. Batches have room for `limits.channelBatches`; a sender without room stops and is woken when there is some.
 * H2. Markers cost no room: at most one of each kind waits between two batches, because a sender cuts one epoch at a
 *     time, and a watermark takes the place of the one before it where no batch stands between.
 */
import { Ring } from '../base/ring.ts'
import { Batch, type Element, type Marker } from './batch.ts'

/** Where a chain puts its batches: a local channel, or the way to another worker. */
export interface Outlet {
  /** Whether a batch may be pushed now. Asked between records, never within one. */
  readonly room: boolean
  /** Records that were ever pushed, for metrics. */
  readonly recordsTotal: number
  push(batch: Batch): void
  mark(marker: Marker): void
}

/** What a task takes from: a local channel, or the way from another worker. */
export interface Intake {
  /** The channel's number in the plan. */
  readonly id: number
  /** Elements that may be taken now. */
  readonly length: number
  /** Batches and records that ever came, for metrics. */
  readonly batchesTotal: number
  readonly recordsTotal: number
  /** Called when an element has come: the receiver has work. */
  onElement: () => void
  shift(): Element | undefined
}

/**
 * Markers that may wait behind the last batch (H2), and one to spare. Each batch before that has a watermark at most.
 */
const MARKERS = 4

export class Channel implements Outlet, Intake {
  readonly id: number
  private readonly queue: Ring<Element>
  private readonly batchesMax: number
  private batches = 0
  /** Batches and records that were ever pushed, for metrics. */
  batchesTotal = 0
  recordsTotal = 0
  onElement: () => void = () => {}
  /** Called when room has come back: the sender may go on. */
  onRoom: () => void = () => {}

  constructor(id: number, batchesMax: number) {
    this.id = id
    this.batchesMax = batchesMax
    this.queue = new Ring(2 * batchesMax + MARKERS)
  }

  get room(): boolean {
    return this.batches < this.batchesMax
  }

  get length(): number {
    return this.queue.length
  }

  push(batch: Batch): void {
    this.batches++
    this.batchesTotal++
    this.recordsTotal += batch.length
    this.queue.push(batch)
    this.onElement()
  }

  mark(marker: Marker): void {
    if (marker.kind === 'watermark' && isWatermark(this.queue.last)) this.queue.amend(marker)
    else this.queue.push(marker)
    this.onElement()
  }

  peek(): Element | undefined {
    return this.queue.peek()
  }

  shift(): Element | undefined {
    const element = this.queue.shift()
    if (element instanceof Batch && this.batches-- === this.batchesMax) this.onRoom()
    return element
  }

  clear(): void {
    this.queue.clear()
    this.batches = 0
  }
}

function isWatermark(element: Element | undefined): boolean {
  return element !== undefined && !(element instanceof Batch) && element.kind === 'watermark'
}
