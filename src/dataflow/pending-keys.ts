/**
 * The keys of an aggregate whose newest result has not been emitted, each with the record that changed it last.
 *
 * G1. A segment that has been sealed never changes, so a snapshot takes the list of segments and writes it in slices.
 * G2. A key may stand in a sealed segment and again in a later one; the later row is the newer, and `drain` yields the
 *     key once, with it.
 */
import type { Key } from '../base/hash.ts'
import { HeldRecords } from './held-records.ts'

/** Keys in one segment: small enough to be encoded within one slice of background work. */
const SEGMENT_KEYS = 4096

export class PendingKeys {
  private sealed: HeldRecords[] = []
  private open = new HeldRecords()
  /** Key → row in `open`. */
  private rows = new Map<Key, number>()

  get empty(): boolean {
    return this.sealed.length === 0 && this.rows.size === 0
  }

  add(key: Key, hash: number, time: number, split: number, position: number): void {
    const { open } = this
    let row = this.rows.get(key)
    if (row === undefined) {
      row = open.values.push(key) - 1
      open.numbers.push(hash)
      this.rows.set(key, row)
    }
    open.times[row] = time
    open.splits[row] = split
    open.positions[row] = position
    if (open.values.length === SEGMENT_KEYS) this.seal()
  }

  /** Puts back what a snapshot holds. */
  restore(segments: readonly HeldRecords[]): void {
    this.sealed = [...segments]
  }

  /** Everything that is pending now, as a snapshot holds it. */
  freeze(): readonly HeldRecords[] {
    this.seal()
    return this.sealed.slice()
  }

  /** Takes all keys out, each once with its newest row, in the order of that row. */
  *drain(): Generator<{ readonly segment: HeldRecords; readonly row: number }> {
    this.seal()
    const segments = this.sealed
    this.sealed = []
    const seen = new Set<Key>()
    const newest: { segment: HeldRecords; row: number }[] = []
    for (let s = segments.length - 1; s >= 0; s--) {
      const segment = segments[s]!
      for (let row = segment.values.length - 1; row >= 0; row--) {
        if (segments.length > 1) {
          if (seen.has(segment.values[row] as Key)) continue
          seen.add(segment.values[row] as Key)
        }
        newest.push({ segment, row })
      }
    }
    while (newest.length > 0) yield newest.pop()!
  }

  private seal(): void {
    if (this.rows.size === 0) return
    this.sealed.push(this.open)
    this.open = new HeldRecords()
    this.rows = new Map()
  }
}
