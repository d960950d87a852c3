/** The disk of a producer's outbox: what a crash of its process spares, and what can be copied. */
import { NOTHING_NOTED, type OutboxBatch, type OutboxNote, type OutboxStore } from '../client/outbox.ts'

export class SimOutboxDisk implements OutboxStore {
  found: OutboxBatch[]
  next: number
  noted: OutboxNote

  constructor(of: Pick<OutboxStore, 'found' | 'next' | 'noted'> = { found: [], next: 1, noted: NOTHING_NOTED }) {
    this.found = [...of.found]
    this.next = of.next
    this.noted = of.noted
  }

  append(batch: OutboxBatch): void {
    this.found.push(batch)
    this.next = batch.first + batch.count
  }

  /** Frees half of what it has at a time, as files are removed. */
  drop(stable: number): boolean {
    const { found } = this
    const kept = found.filter(({ first, count }) => first + count - 1 > stable)
    if (kept.length * 2 > found.length) return false
    this.found = kept
    return true
  }

  note(note: OutboxNote): void {
    this.noted = note
  }

  close(): void {}
}
