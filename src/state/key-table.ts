/**
 * The keys of one key group: an open-addressing hash table in columns.
 *
 * An entry is an index into parallel arrays, so a key costs no object of its own, and the columns that a snapshot walks
 * lie next to each other. The hash is given by the caller, which has computed it anyway to find the key group.
 *
 * T1. `slots[2s]` is an entry + 1, 0 where free, -1 where one was removed, and `slots[2s + 1]` its hash, beside it in the
 *     same cache line; probing is linear. Reading the hashes from a column of their own cost a third more per look-up.
 * T2. Entries are dense from 0 to `top` - 1 but for those on the free list, whose key is `undefined`.
 * T3. A key that stays is a string of its own, never a slice of a bigger one (`flatten`).
 */
import type { Key } from '../base/hash.ts'

const FREE = 0
const GONE = -1
const none: readonly never[] = []

export class KeyTable {
  readonly group: number
  /** Keys that are here. */
  size = 0
  /** One past the highest entry in use. */
  top = 0
  hashes: Int32Array
  /** The epoch in which an entry was changed last. */
  epochs: Int32Array
  /** The greatest record time of an entry, where the step has a TTL. */
  times: Float64Array | null
  readonly keys: (Key | undefined)[] = []
  readonly states: object[] = []
  private slots: Int32Array
  private mask: number
  /** Slots that are not free: taken or gone. */
  private used = 0
  private readonly spare: number[] = []

  /** Entries that the running epoch has changed, each once; some may be free by now. */
  dirty: number[] = []
  /** Keys that the running epoch has removed. */
  removed: Key[] = []
  /** `dirty`, `removed` and `top` as they stood at the freeze that is not complete yet. */
  frozen: readonly number[] = none
  frozenRemoved: readonly Key[] = none
  frozenTop = 0
  /** The freeze still has to write this table: old values must be kept. */
  unwritten = false

  constructor(group: number, timed: boolean, capacity = 8) {
    this.group = group
    this.hashes = new Int32Array(capacity)
    this.epochs = new Int32Array(capacity)
    this.times = timed ? new Float64Array(capacity) : null
    this.slots = new Int32Array(capacity * 4)
    this.mask = capacity * 2 - 1
  }

  /** The entry of `key`, or -1. */
  find(hash: number, key: Key): number {
    const { slots, mask, keys } = this
    for (let s = hash & mask; ; s = (s + 1) & mask) {
      const slot = slots[s * 2]!
      if (slot === FREE) return -1
      if (slots[s * 2 + 1] === hash && slot !== GONE && keys[slot - 1] === key) return slot - 1
    }
  }

  /** Adds `key`, which is not here; answers its entry. */
  insert(hash: number, key: Key, state: object): number {
    if ((this.used + 1) * 2 > this.mask + 1) this.rehash()
    const entry = this.spare.pop() ?? this.top++
    if (entry >= this.hashes.length) this.widen()
    this.keys[entry] = typeof key === 'string' ? flatten(key) : key
    this.states[entry] = state
    this.hashes[entry] = hash
    if (this.times !== null) this.times[entry] = -Infinity
    this.place(hash, entry)
    this.size++
    return entry
  }

  remove(entry: number): void {
    const { slots, mask } = this
    let s = this.hashes[entry]! & mask
    while (slots[s * 2] !== entry + 1) s = (s + 1) & mask
    // Nothing was ever placed behind it if the next slot is free: then this one may be free again too.
    const last = slots[((s + 1) & mask) * 2] === FREE
    slots[s * 2] = last ? FREE : GONE
    if (last) this.used--
    this.keys[entry] = undefined
    this.states[entry] = nothing
    this.spare.push(entry)
    this.size--
  }

  /** Sets aside what a snapshot of this moment needs. */
  freeze(): void {
    this.frozen = this.dirty
    this.frozenRemoved = this.removed
    this.frozenTop = this.top
    this.unwritten = true
    this.dirty = []
    this.removed = []
  }

  /** Forgets what `freeze` has set aside. */
  thaw(): void {
    this.frozen = none
    this.frozenRemoved = none
    this.unwritten = false
  }

  private place(hash: number, entry: number): void {
    const { slots, mask } = this
    let s = hash & mask
    while (slots[s * 2]! > 0) s = (s + 1) & mask
    if (slots[s * 2] === FREE) this.used++
    slots[s * 2] = entry + 1
    slots[s * 2 + 1] = hash
  }

  private rehash(): void {
    let length = 16
    while (length < (this.size + 1) * 4) length *= 2
    this.slots = new Int32Array(length * 2)
    this.mask = length - 1
    this.used = 0
    for (let entry = 0; entry < this.top; entry++) {
      if (this.keys[entry] !== undefined) this.place(this.hashes[entry]!, entry)
    }
  }

  private widen(): void {
    const capacity = this.hashes.length + Math.max(8, this.hashes.length >> 1)
    const hashes = new Int32Array(capacity)
    const epochs = new Int32Array(capacity)
    hashes.set(this.hashes)
    epochs.set(this.epochs)
    this.hashes = hashes
    this.epochs = epochs
    if (this.times === null) return
    const times = new Float64Array(capacity)
    times.set(this.times)
    this.times = times
  }
}

const nothing = Object.freeze({})

/** A copy of `text` that keeps no other string alive: V8's slices point into their parent. */
export function flatten(text: string): string {
  if (text.length < 13) return text // V8 copies short substrings anyway
  return Buffer.from(text, 'utf16le').toString('utf16le')
}
