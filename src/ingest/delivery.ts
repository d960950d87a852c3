/**
 * What the pipeline takes of one source, batch by batch: the replay first, then what came in.
 *
 * F1. A batch is taken whole before the next; the position of its stream is where the pipeline stands in it.
 * F2. Only what this worker is home of is fed, also while that leaves, and only what goes on where its stream stands:
 *     whatever was read or came in meanwhile may be known, or another member's (PROTOCOLS 2, S3).
 */
import { assert } from '../base/assert.ts'
import type { PotorooError } from '../base/errors.ts'
import { Fifo } from '../base/fifo.ts'
import type { IngestBatch } from './batch.ts'
import type { Journal } from './journal.ts'
import type { Recovery } from './recovery.ts'
import type { Room } from './room.ts'
import type { Stream } from './stream.ts'
import { holeOf, judge } from './survey.ts'

export interface DeliveryEvents {
  /** The pipeline has taken another batch of `stream`. */
  fed(stream: Stream): void
  report(error: PotorooError): void
}

export class Delivery {
  /** The batch that the pipeline has in its hands. */
  current: IngestBatch | null = null
  private readonly live = new Fifo<IngestBatch>()
  private readonly recovery: Recovery
  private readonly journal: Journal
  private readonly room: Room
  private readonly events: DeliveryEvents

  constructor(recovery: Recovery, journal: Journal, room: Room, events: DeliveryEvents) {
    this.recovery = recovery
    this.journal = journal
    this.room = room
    this.events = events
  }

  /** Something waits that came in, and may be fed. */
  get waits(): boolean {
    return this.live.length > 0 && this.recovery.over
  }

  /** A batch has come in, and is written. */
  push(batch: IngestBatch): void {
    if (this.recovery.takesOver()) this.discard(batch)
    else this.live.push(batch)
  }

  /** The next batch, from its record `taken` on; `null` when there is none now. */
  poll(): IngestBatch | null {
    this.finishCurrent()
    if (this.recovery.underWay || this.room.held !== null) return null
    let batch = this.next(() => this.recovery.poll())
    if (batch === null && this.recovery.over) batch = this.next(() => this.live.shift() ?? null)
    this.current = batch
    return batch
  }

  private next(shift: () => IngestBatch | null): IngestBatch | null {
    for (;;) {
      const batch = shift()
      if (batch === null || this.isDue(batch)) return batch
      this.discard(batch)
    }
  }

  /** Whether `batch` is fed now; puts its cursor behind what is known of it (F2). */
  private isDue(batch: IngestBatch): boolean {
    const { stream, first, last } = batch
    const { phase } = stream.state
    if (phase !== 'home' && phase !== 'leaving') return false
    const verdict = judge(stream.position, first, last)
    if (verdict === 'known' || (verdict === 'gap' && stream.acked)) return false
    // A survey has reported what a replay finds.
    if (verdict === 'gap' && batch.block !== null) {
      this.events.report(holeOf({ ...namesOf(batch), hole: { first: stream.position + 1, last: first - 1 } }))
    }
    batch.taken = Math.max(0, stream.position - first + 1)
    return true
  }

  private finishCurrent(): void {
    const { current } = this
    if (current === null) return
    assert(current.taken === current.count, 'F1: a batch is taken whole before the next')
    this.current = null
    current.stream.take(current.last, current)
    this.events.fed(current.stream)
    this.discard(current)
  }

  /** Lets go of a batch that was taken, or is not needed. */
  private discard(batch: IngestBatch): void {
    if (batch.block === null) return
    this.room.buffered -= batch.heldBytes
    this.journal.release(batch)
    batch.stream.session?.onTaken(batch.payloadBytes)
    this.room.give()
  }

  /** Lets go of everything: the pipeline goes back. */
  clear(): void {
    if (this.current !== null) this.discard(this.current)
    this.current = null
    for (let batch = this.live.shift(); batch !== undefined; batch = this.live.shift()) this.discard(batch)
  }
}

function namesOf({ stream: { producer, source } }: IngestBatch): { producer: string; source: string } {
  return { producer, source }
}
