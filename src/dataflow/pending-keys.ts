/**
 * The keys of an aggregate whose newest result has not been emitted, each with the record that changed it last.
 *
 * G1. A segment that has been sealed never changes, so a snapshot takes the list of segments and writes it in slices.
 * G2. A key stands once in the open segments, and may stand in sealed ones before them; the later row is the newer, and
 *     `drain` yields the key once, with it.
 */
import type { Key } from '../base/hash.ts'
import { HeldRecords } from './held-records.ts'

/** Keys in one segment, a power of two: small enough to be encoded within one slice of background work. */
const SEGMENT_BITS = 12
const SEGMENT_KEYS = 1 << SEGMENT_BITS
const FIRST_SLOTS = 2 * SEGMENT_KEYS

export class PendingKeys {
  private sealed: HeldRecords[] = []
  private open: HeldRecords[] = []
  /** Keys in `open`. */
  private count = 0
  /** Rows of `open` by hash, with linear probing: 0 is free, else row + 1. At most half of them are taken. */
  private slots = new Int32Array(FIRST_SLOTS)

  get empty(): boolean {
    return this.sealed.length === 0 && this.count === 0
  }

  add(key: Key, hash: number, time: number, split: number, position: number): void {
    const row = this.rowOf(key, hash)
    const segment = this.open[row >>> SEGMENT_BITS]!
    const at = row & (SEGMENT_KEYS - 1)
    segment.times[at] = time
    segment.splits[at] = split
    segment.positions[at] = position
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
    // What was open has no key twice (G2).
    const once = this.sealed.length === 0
    this.seal()
    const segments = this.sealed
    this.sealed = []
    const seen = new Set<Key>()
    const newest: { segment: HeldRecords; row: number }[] = []
    for (let s = segments.length - 1; s >= 0; s--) {
      const segment = segments[s]!
      for (let row = segment.values.length - 1; row >= 0; row--) {
        if (!once) {
          if (seen.has(segment.values[row] as Key)) continue
          seen.add(segment.values[row] as Key)
        }
        newest.push({ segment, row })
      }
    }
    while (newest.length > 0) yield newest.pop()!
  }

  /** The row of `key` in the open segments. */
  private rowOf(key: Key, hash: number): number {
    const { slots, open } = this
    const mask = slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const row = slots[slot]! - 1
      if (row < 0) return this.insert(key, hash, slot)
      const segment = open[row >>> SEGMENT_BITS]!
      const at = row & (SEGMENT_KEYS - 1)
      if (segment.hashes[at] === hash && segment.values[at] === key) return row
    }
  }

  private insert(key: Key, hash: number, slot: number): number {
    const row = this.count++
    if (row >>> SEGMENT_BITS === this.open.length) this.open.push(new HeldRecords())
    const segment = this.open[row >>> SEGMENT_BITS]!
    segment.values.push(key)
    segment.hashes.push(hash)
    this.slots[slot] = row + 1
    if (2 * this.count > this.slots.length) this.widen()
    return row
  }

  private widen(): void {
    const slots = new Int32Array(2 * this.slots.length)
    const mask = slots.length - 1
    for (let row = 0; row < this.count; row++) {
      let slot = this.open[row >>> SEGMENT_BITS]!.hashes[row & (SEGMENT_KEYS - 1)]! & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = row + 1
    }
    this.slots = slots
  }

  private seal(): void {
    if (this.count === 0) return
    this.sealed.push(...this.open)
    this.open = []
    this.count = 0
    this.slots.fill(0)
  }
}
