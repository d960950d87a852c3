/**
 * The keys of an aggregate whose newest result has not been emitted, each with the record that changed it last.
 *
 * G1. A segment that has been sealed never changes, so a snapshot takes the list of segments and writes it in slices.
 * G2. Rows are numbered from 1. A key's newest row is the one whose number its entry has as a note (`key-table.ts`,
 *     K6): to find it costs no look-up beside the one that found the entry, and no other row of that key counts
 *     (`isNewest`).
 * G3. What was put back has no number: it counts where nothing was noted since, the later row of a key before the
 *     earlier.
 * G4. A sealed segment none of whose rows is its key's newest any more is let go of with the next seal: keys that
 *     change in every epoch would otherwise have a row for each until their results are due, and every snapshot would
 *     hold all of them.
 */
import type { Key } from '../base/hash.ts'
import type { KeyTable } from '../state/key-table.ts'
import { HeldRecords } from './held-records.ts'

/** Keys in one segment, a power of two: small enough to be encoded within one slice of background work. */
const SEGMENT_BITS = 12
const SEGMENT_KEYS = 1 << SEGMENT_BITS
const PUT_BACK = 0

/** A row that may be emitted, where it is its key's newest. */
export interface PendingRow {
  readonly segment: HeldRecords
  readonly row: number
  /** G2; 0 where it was put back (G3). */
  readonly number: number
}

export class PendingKeys {
  /** Whose notes a table has: it may outlive the rows. */
  private readonly owner = {}
  private restored: readonly HeldRecords[] = []
  private sealed: HeldRecords[] = []
  private open: HeldRecords[] = []
  /** Rows in `open`, the first of which has the number `first`. */
  private count = 0
  private first = 1
  /** The numbers of the first rows in `sealed`. */
  private firsts: number[] = []
  /** How many rows of each in `sealed` are no longer their keys' newest (G4). */
  private outdated: number[] = []

  get empty(): boolean {
    return this.restored.length === 0 && this.sealed.length === 0 && this.count === 0
  }

  /** The result of `key`, which has `entry` in `table`, was changed by the record that the other arguments name. */
  add(table: KeyTable, entry: number, key: Key, hash: number, time: number, split: number, position: number): void {
    const known = table.note(this.owner, entry) - this.first
    const row = known >= 0 ? known : this.insert(table, entry, key, hash)
    const segment = this.open[row >>> SEGMENT_BITS]!
    const at = row & (SEGMENT_KEYS - 1)
    segment.times[at] = time
    segment.splits[at] = split
    segment.positions[at] = position
  }

  /** Puts back what a snapshot holds. */
  restore(segments: readonly HeldRecords[]): void {
    this.restored = segments
  }

  /** Everything that is pending now, as a snapshot holds it. */
  freeze(): readonly HeldRecords[] {
    this.seal()
    return [...this.restored, ...this.sealed]
  }

  /** Takes all rows out, in their order; those count that are their keys' newest. */
  *drain(): Generator<PendingRow> {
    this.seal()
    const { restored, sealed, firsts } = this
    this.restored = []
    this.sealed = []
    this.firsts = []
    this.outdated = []
    yield* newestOf(restored)
    for (const [s, segment] of sealed.entries()) {
      for (let row = 0; row < segment.values.length; row++) yield { segment, row, number: firsts[s]! + row }
    }
  }

  /**
   * The newest row of the key that has `entry` in `table`; `null` where its result has been emitted, or was put back.
   */
  newest(table: KeyTable, entry: number): PendingRow | null {
    const number = table.note(this.owner, entry)
    const row = number - this.first
    if (row >= 0) return { segment: this.open[row >>> SEGMENT_BITS]!, row: row & (SEGMENT_KEYS - 1), number }
    const s = this.segmentOf(number)
    return s < 0 ? null : { segment: this.sealed[s]!, row: number - this.firsts[s]!, number }
  }

  /** Whether the row `number` is the newest of the key that has `entry` in `table` (G2, G3). */
  isNewest(table: KeyTable, entry: number, number: number): boolean {
    return table.note(this.owner, entry) === number
  }

  /** Which of `sealed` has the row `number`; -1: none. */
  private segmentOf(number: number): number {
    const s = this.firsts.findLastIndex((first) => first <= number)
    return s >= 0 && number - this.firsts[s]! < this.sealed[s]!.values.length ? s : -1
  }

  private insert(table: KeyTable, entry: number, key: Key, hash: number): number {
    const before = this.segmentOf(table.note(this.owner, entry))
    if (before >= 0) this.outdated[before]!++
    const row = this.count++
    if (row >>> SEGMENT_BITS === this.open.length) this.open.push(new HeldRecords())
    const segment = this.open[row >>> SEGMENT_BITS]!
    segment.values.push(key)
    segment.hashes.push(hash)
    table.setNote(this.owner, entry, this.first + row)
    return row
  }

  private seal(): void {
    this.letGo()
    this.outdated.push(...this.open.map(() => 0))
    this.firsts.push(...this.open.map((_, s) => this.first + s * SEGMENT_KEYS))
    this.sealed.push(...this.open)
    this.open = []
    this.first += this.count
    this.count = 0
  }

  /** G4 */
  private letGo(): void {
    const { sealed, outdated } = this
    const counts = (_: unknown, s: number): boolean => outdated[s]! < sealed[s]!.values.length
    if (sealed.every(counts)) return
    this.sealed = sealed.filter(counts)
    this.firsts = this.firsts.filter(counts)
    this.outdated = outdated.filter(counts)
  }
}

/** The last row of each key (G3), in the order of these rows. */
function* newestOf(segments: readonly HeldRecords[]): Generator<PendingRow> {
  const newest = newestIn(segments)
  for (const [s, segment] of segments.entries()) {
    const isNewest = newest[s]!
    for (let row = 0; row < isNewest.length; row++) if (isNewest[row] === 1) yield { segment, row, number: PUT_BACK }
  }
}

/**
 * By segment and row: 1 where no later row is of the same key. There may be millions, and nothing else goes on
 * meanwhile: they are found by the hashes that they have, with no object for each.
 */
function newestIn(segments: readonly HeldRecords[]): readonly Uint8Array[] {
  const rows = segments.reduce((sum, { values }) => sum + values.length, 0)
  const mask = 2 ** Math.ceil(Math.log2(2 * rows + 1)) - 1
  /** Of the keys that were met, which have numbers from 1 on: 0 is a free slot. */
  const slots = new Int32Array(mask + 1)
  const met = new Int32Array(rows + 1)
  const keys: unknown[] = [undefined]
  /** Whether `key` was not met before. */
  const meet = (key: unknown, hash: number): boolean => {
    let slot = hash & mask
    for (let known = slots[slot]!; known !== 0; known = slots[slot]!) {
      if (met[known] === hash && keys[known] === key) return false
      slot = (slot + 1) & mask
    }
    slots[slot] = keys.length
    met[keys.length] = hash
    keys.push(key)
    return true
  }
  const newest = segments.map(({ values }) => new Uint8Array(values.length))
  for (let s = segments.length - 1; s >= 0; s--) {
    const { values, hashes } = segments[s]!
    for (let row = values.length - 1; row >= 0; row--) if (meet(values[row], hashes[row]!)) newest[s]![row] = 1
  }
  return newest
}
