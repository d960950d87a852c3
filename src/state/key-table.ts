/**
 * The keys and states of one key group: a hash table with open addressing over columns.
 *
 * An entry is an index into parallel columns, so a key costs no object of its own, and what a checkpoint scans (`epochs`)
 * or a sweep scans (`times`) lies together. The caller brings the hash: it needed it to find the key group.
 *
 * K1. `slots[s]` is 0 where free, else an entry + 1 in the low 24 bits and eight bits of its hash above them: a probe of
 *     another key ends, all but once in 256 times, without a look at that key. Probing is linear from the low bits of
 *     the hash; a removal moves back what follows it, so no slot is ever half free (Knuth, TAOCP 3, 6.4, algorithm R).
 * K2. Entries below `top` are in use, or free: then `keys[e]` is `undefined` and `hashes[e]` the next free one.
 * K3. A kept key is a string of its own (`ownText`).
 * K4. `epochs[e]` is the epoch of the entry's last change, 0 for one that stands in the base as it is. It is the dirty set:
 *     what a delta holds is found by scanning this column, and neither completing nor abandoning an epoch touches it.
 * K5. `removed` holds the keys that were removed since the base, in the order of `removedAt`, their epochs. A key that came
 *     and went within one epoch is in no snapshot and leaves nothing there.
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
const FIRST_ENTRIES = 8
const FIRST_SLOTS = 16

export class KeyTable {
  readonly group: number
  /** Keys in the table. */
  size = 0
  /** One past the highest entry that was ever in use (K2). */
  top = 0
  /** By entry. */
  readonly keys: (Key | undefined)[] = objects()
  /** By entry; the caller changes states in place after `KeyedStore.touch`. */
  readonly states: object[] = objects()
  /** By entry (K4). */
  epochs = new Int32Array(FIRST_ENTRIES)
  /** By entry: the greatest record time, in milliseconds since 1970; `null` where the step has no TTL. */
  times: Float64Array | null
  /** The epoch of the table's last change; 0: it is as the base has it. */
  changedAt = 0
  /** Entries in the deltas of the complete epochs since the last one that wrote the key group in full. */
  inDeltas = 0
  /** K5. */
  removed: Key[] = []
  removedAt: number[] = []

  private hashes = new Int32Array(FIRST_ENTRIES)
  private slots = new Int32Array(FIRST_SLOTS)
  private mask = FIRST_SLOTS - 1
  private free = NONE
  /** Entries that were inserted in the epoch `bornAt` (K5). */
  private readonly born = new EntrySet()
  private bornAt = 0

  /** `timed`: entries keep the greatest record time. */
  constructor(group: number, timed: boolean) {
    this.group = group
    this.times = timed ? new Float64Array(FIRST_ENTRIES) : null
  }

  /** Makes room for `keys` keys in an empty table at once, as much as it would come to with them. */
  reserve(keys: number): void {
    let length = FIRST_SLOTS
    while (keys * 4 > length * 3) length *= 2
    this.rehash(length)
    while (this.hashes.length < keys) this.widen()
  }

  /** The entry of `key`, whose hash is `hash`, or -1. */
  find(hash: number, key: Key): number {
    const { slots, mask, keys } = this
    const tag = (hash << 8) & TAG
    for (let s = hash & mask; ; s = (s + 1) & mask) {
      const slot = slots[s]!
      if (slot === 0) return NONE
      if ((slot & TAG) === tag) {
        const entry = (slot & ENTRY) - 1
        if (keys[entry] === key) return entry
      }
    }
  }

  /** What stands where a key of `hash` is looked for first. */
  slot(hash: number): number {
    return this.slots[hash & this.mask]!
  }

  /** The entry that a key of `hash` probably has, or -1: its eight bits say so, and nobody has looked at the key (K1). */
  likely(hash: number): number {
    const { slots, mask } = this
    const tag = (hash << 8) & TAG
    for (let s = hash & mask; ; s = (s + 1) & mask) {
      const slot = slots[s]!
      if (slot === 0) return NONE
      if ((slot & TAG) === tag) return (slot & ENTRY) - 1
    }
  }

  /**
   * Adds `key`, which is not in the table, as changed in `epoch`, or as part of the base when that is 0; returns its entry.
   */
  insert(hash: number, key: Key, state: object, epoch: number): number {
    let entry = this.free
    if (entry !== NONE) this.free = this.hashes[entry]!
    else if ((entry = this.top++) === this.hashes.length) this.widen()
    this.keys[entry] = typeof key === 'string' ? ownText(key) : key
    this.states[entry] = state
    this.hashes[entry] = hash
    this.epochs[entry] = epoch
    if (this.times !== null) this.times[entry] = Number.NEGATIVE_INFINITY
    if (epoch !== 0) this.bear(entry, epoch)
    this.size++
    // At most three slots of four are taken.
    if (this.size * 4 > this.slots.length * 3) this.rehash(this.slots.length * 2)
    else this.place(hash, entry)
    return entry
  }

  /** Removes `entry` in `epoch` and remembers its key where a snapshot may hold it (K5). */
  remove(entry: number, epoch: number): void {
    if (this.bornAt !== epoch || !this.born.has(entry)) {
      this.removed.push(this.keys[entry]!)
      this.removedAt.push(epoch)
    }
    this.changedAt = epoch
    this.erase(entry)
  }

  /** Takes `entry` out of the table without a trace. */
  erase(entry: number): void {
    this.vacate(this.slotOf(entry))
    this.keys[entry] = undefined
    this.states[entry] = gone
    this.hashes[entry] = this.free
    this.epochs[entry] = 0
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

  /** Takes out what has changed since `base` and returns the keys: those and the ones that were removed since. */
  shed(base: number): Set<Key> {
    const changed = new Set(this.removed)
    for (let entry = 0; entry < this.top; entry++) {
      if (this.epochs[entry]! <= base) continue
      changed.add(this.keys[entry]!)
      this.erase(entry)
    }
    this.removed = []
    this.removedAt = []
    this.changedAt = 0
    this.bornAt = 0
    return changed
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
    const { slots, mask } = this
    let s = hash & mask
    while (slots[s] !== 0) s = (s + 1) & mask
    slots[s] = ((hash << 8) & TAG) | (entry + 1)
  }

  private slotOf(entry: number): number {
    const { slots, mask } = this
    let s = this.hashes[entry]! & mask
    while ((slots[s]! & ENTRY) !== entry + 1) s = (s + 1) & mask
    return s
  }

  /** Frees slot `hole` and closes the gap (K1). */
  private vacate(hole: number): void {
    const { slots, hashes, mask } = this
    for (let s = (hole + 1) & mask; slots[s] !== 0; s = (s + 1) & mask) {
      const home = hashes[(slots[s]! & ENTRY) - 1]! & mask
      // Only what is probed for at or before the hole may move into it.
      if (((s - home) & mask) < ((s - hole) & mask)) continue
      slots[hole] = slots[s]!
      hole = s
    }
    slots[hole] = 0
  }

  private rehash(length: number): void {
    this.slots = new Int32Array(length)
    this.mask = length - 1
    for (let entry = 0; entry < this.top; entry++) {
      if (this.keys[entry] !== undefined) this.place(this.hashes[entry]!, entry)
    }
  }

  private widen(): void {
    const { length } = this.hashes
    assert(length < KEYS_MAX, 'K1: an entry fits 24 bits')
    this.hashes = widened(new Int32Array(length * 2), this.hashes)
    this.epochs = widened(new Int32Array(length * 2), this.epochs)
    if (this.times !== null) this.times = widened(new Float64Array(length * 2), this.times)
  }
}

function widened<C extends Int32Array | Float64Array>(column: C, from: C): C {
  column.set(from)
  return column
}

/** Stands in the place of a state that is gone, so that it does not live on. */
const gone = Object.freeze({})

/** An empty array for values of any kind: one that the engine does not specialise for numbers, so that all tables are alike. */
function objects<T>(): T[] {
  const array = [gone] as T[]
  array.pop()
  return array
}
