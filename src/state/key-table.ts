/**
 * The keys and states of one key group: a hash table with open addressing over columns.
 *
 * An entry is an index into columns, so a key costs no object of its own, and what a checkpoint scans (the epochs) or a
 * sweep scans (`times`) lies together. A look-up waits for memory more than it works, so what it reads stands in as few
 * objects as can be: slots and epochs in one array, and each key beside its state in another. The caller brings the
 * hash: it needed it to find the key group.
 *
 * K1. Slot `s` is 0 where free, else an entry + 1 in the low 24 bits and eight bits of its hash above them: a probe of
 *     another key ends, all but once in 256 times, without a look at that key. Probing is linear from the low bits of
 *     the hash; a removal moves back what follows it, so no slot is ever half free (Knuth, TAOCP 3, 6.4, algorithm R).
 * K2. Entries below `top` are in use, or free: then their key is `undefined` and `hashes[e]` the next free one.
 * K3. A kept key is a string of its own (`ownText`).
 * K4. An entry's epoch is that of its last change, 0 for one that stands in the base as it is. It is the dirty set:
 *     what a delta holds is found by scanning this column, and neither completing nor abandoning an epoch touches it.
 * K5. `removed` holds the keys that were removed since the base, in the order of `removedAt`, their epochs. A key that
 *     came and went within one epoch is in no snapshot and leaves nothing there.
 * K6. A note is a number that a step keeps about a key, in no snapshot. Notes are those of one owner: for another one
 *     there are none, and they begin anew when it takes over.
 */
import { assert } from '../base/assert.ts'
import type { Key } from '../base/hash.ts'
import { EntrySet } from './entry-set.ts'
import { ownText } from './own-text.ts'

const ENTRY = 0x00ffffff
const TAG = ~ENTRY
/** Keys that a table can hold (K1). */
export const KEYS_MAX = 1 << 23
const NONE = -1
const NO_NOTES = new Float64Array(0)
const FIRST_SLOTS = 16

export class KeyTable {
  readonly group: number
  /** Keys in the table. */
  size = 0
  /** One past the highest entry that was ever in use (K2). */
  top = 0
  /** By entry: the greatest record time, in milliseconds since 1970; `null` where the step has no TTL. */
  times: Float64Array | null
  /** Whose notes stand here (K6). */
  private notedBy: object | null = null
  /** By entry (K6): 0 is none. */
  private notes: Float64Array = NO_NOTES
  /** The epoch of the table's last change; 0: it is as the base has it. */
  changedAt = 0
  /** Entries in the deltas of the complete epochs since the last one that wrote the key group in full. */
  inDeltas = 0
  /** K5. */
  removed: Key[] = []
  removedAt: number[] = []

  /** The slots (K1), and behind them by entry the epochs (K4). */
  private ints = new Int32Array(FIRST_SLOTS + entriesFor(FIRST_SLOTS))
  /** By entry: its key, and behind it its state. */
  private readonly cells: (Key | object | undefined)[] = objects()
  private hashes = new Int32Array(entriesFor(FIRST_SLOTS))
  private mask = FIRST_SLOTS - 1
  private free = NONE
  /** Entries that were inserted in the epoch `bornAt` (K5). */
  private readonly born = new EntrySet()
  private bornAt = 0

  /** `timed`: entries keep the greatest record time. */
  constructor(group: number, timed: boolean) {
    this.group = group
    this.times = timed ? new Float64Array(entriesFor(FIRST_SLOTS)) : null
  }

  /** The key of `entry`, `undefined` where that is free (K2). */
  key(entry: number): Key | undefined {
    return this.cells[2 * entry] as Key | undefined
  }

  /** The state of `entry`; the caller changes it in place after `KeyedStore.touch`. */
  state(entry: number): object {
    return this.cells[2 * entry + 1] as object
  }

  /** Puts `state` in the place of the one that `entry` has, after `KeyedStore.touch`. */
  replace(entry: number, state: object): void {
    this.cells[2 * entry + 1] = state
  }

  /** `entry` has `state` in the base. */
  restore(entry: number, state: object): void {
    this.cells[2 * entry + 1] = state
    this.mark(entry, 0)
  }

  /** What `owner` has noted about the key of `entry`; 0: nothing (K6). */
  note(owner: object, entry: number): number {
    return this.notedBy === owner ? this.notes[entry]! : 0
  }

  /** `owner` notes `note` about the key of `entry` (K6). */
  setNote(owner: object, entry: number, note: number): void {
    if (this.notedBy !== owner) {
      this.notes = new Float64Array(this.hashes.length)
      this.notedBy = owner
    }
    this.notes[entry] = note
  }

  /** The epoch of the last change of `entry` (K4). */
  epoch(entry: number): number {
    return this.ints[this.mask + 1 + entry]!
  }

  /** `entry` changes in `epoch`. */
  mark(entry: number, epoch: number): void {
    this.ints[this.mask + 1 + entry] = epoch
  }

  /** Makes room for `keys` keys in an empty table at once, as much as it would come to with them. */
  reserve(keys: number): void {
    let length = FIRST_SLOTS
    while (keys * 4 > length * 3) length *= 2
    this.rehash(length)
  }

  /** The entry of `key`, whose hash is `hash`, or -1. */
  find(hash: number, key: Key): number {
    const { ints, mask, cells } = this
    const tag = (hash << 8) & TAG
    for (let s = hash & mask; ; s = (s + 1) & mask) {
      const slot = ints[s]!
      if (slot === 0) return NONE
      if ((slot & TAG) === tag) {
        const entry = (slot & ENTRY) - 1
        if (cells[2 * entry] === key) return entry
      }
    }
  }

  /** What stands where a key of `hash` is looked for first. */
  slot(hash: number): number {
    return this.ints[hash & this.mask]!
  }

  /**
   * The entry that a key of `hash` probably has, or -1: its eight bits say so, and nobody has looked at the key (K1).
   */
  likely(hash: number): number {
    const { ints, mask } = this
    const tag = (hash << 8) & TAG
    for (let s = hash & mask; ; s = (s + 1) & mask) {
      const slot = ints[s]!
      if (slot === 0) return NONE
      if ((slot & TAG) === tag) return (slot & ENTRY) - 1
    }
  }

  /**
   * Adds `key`, which is not in the table, as changed in `epoch`, or as part of the base when that is 0; returns its
   * entry.
   */
  insert(hash: number, key: Key, state: object, epoch: number): number {
    let entry = this.free
    if (entry !== NONE) this.free = this.hashes[entry]!
    else if ((entry = this.top++) === this.hashes.length) this.rehash(2 * (this.mask + 1))
    this.cells[2 * entry] = typeof key === 'string' ? ownText(key) : key
    this.cells[2 * entry + 1] = state
    this.hashes[entry] = hash
    this.mark(entry, epoch)
    if (this.times !== null) this.times[entry] = Number.NEGATIVE_INFINITY
    if (this.notedBy !== null) this.notes[entry] = 0
    if (epoch !== 0) this.bear(entry, epoch)
    this.size++
    this.place(hash, entry)
    return entry
  }

  /** Removes `entry` in `epoch` and remembers its key where a snapshot may hold it (K5). */
  remove(entry: number, epoch: number): void {
    if (this.bornAt !== epoch || !this.born.has(entry)) {
      this.removed.push(this.key(entry)!)
      this.removedAt.push(epoch)
    }
    this.changedAt = epoch
    this.erase(entry)
  }

  /** Takes `entry` out of the table without a trace. */
  erase(entry: number): void {
    this.vacate(this.slotOf(entry))
    this.cells[2 * entry] = undefined
    this.cells[2 * entry + 1] = gone
    this.hashes[entry] = this.free
    this.mark(entry, 0)
    this.free = entry
    this.size--
  }

  /** Forgets what was removed up to `epoch`: the base no longer holds it. */
  forgetRemoved(epoch: number): void {
    const { removedAt } = this
    let known = 0
    while (known < removedAt.length && removedAt[known]! <= epoch) known++
    if (known === 0) return
    this.removed = this.removed.slice(known)
    this.removedAt = removedAt.slice(known)
  }

  /**
   * What is not as the base has it, whose epoch is `base`, is no part of it: takes it out, and forgets every change.
   */
  settle(base: number): void {
    for (let entry = 0; entry < this.top; entry++) if (this.epoch(entry) > base) this.erase(entry)
    this.removed = []
    this.removedAt = []
    this.changedAt = 0
    this.bornAt = 0
  }

  private bear(entry: number, epoch: number): void {
    if (this.bornAt !== epoch) {
      this.born.clear()
      this.bornAt = epoch
    }
    this.born.add(entry)
    this.changedAt = epoch
  }

  private place(hash: number, entry: number): void {
    const { ints, mask } = this
    let s = hash & mask
    while (ints[s] !== 0) s = (s + 1) & mask
    ints[s] = ((hash << 8) & TAG) | (entry + 1)
  }

  private slotOf(entry: number): number {
    const { ints, mask } = this
    let s = this.hashes[entry]! & mask
    while ((ints[s]! & ENTRY) !== entry + 1) s = (s + 1) & mask
    return s
  }

  /** Frees slot `hole` and closes the gap (K1). */
  private vacate(hole: number): void {
    const { ints, hashes, mask } = this
    for (let s = (hole + 1) & mask; ints[s] !== 0; s = (s + 1) & mask) {
      const home = hashes[(ints[s]! & ENTRY) - 1]! & mask
      // Only what is probed for at or before the hole may move into it.
      if (((s - home) & mask) < ((s - hole) & mask)) continue
      ints[hole] = ints[s]!
      hole = s
    }
    ints[hole] = 0
  }

  /** Makes room for the entries that go with so many `slots`. */
  private rehash(slots: number): void {
    const entries = entriesFor(slots)
    assert(entries <= ENTRY, 'K1: an entry fits 24 bits')
    const ints = new Int32Array(slots + entries)
    ints.set(this.ints.subarray(this.mask + 1), slots)
    this.ints = ints
    this.mask = slots - 1
    this.hashes = widened(new Int32Array(entries), this.hashes)
    if (this.times !== null) this.times = widened(new Float64Array(entries), this.times)
    if (this.notedBy !== null) this.notes = widened(new Float64Array(entries), this.notes)
    for (let entry = 0; entry < this.cells.length / 2; entry++) {
      if (this.key(entry) !== undefined) this.place(this.hashes[entry]!, entry)
    }
  }
}

/** At most three slots of four are taken. */
function entriesFor(slots: number): number {
  return (slots * 3) / 4
}

function widened<C extends Int32Array | Float64Array>(column: C, from: C): C {
  column.set(from)
  return column
}

/** Stands in the place of a state that is gone, so that it does not live on. */
const gone = Object.freeze({})

/**
 * An empty array for values of any kind: one that the engine does not specialise for numbers, so that all tables are
 * alike.
 */
function objects<T>(): T[] {
  const array = [gone] as T[]
  array.pop()
  return array
}
