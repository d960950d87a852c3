/**
 * The old values that a snapshot has still to write, because their entries have changed since (PROTOCOLS 5), by key
 * group.
 *
 * Q1. A value is a copy, in a slot; what is taken leaves its slot, and the copy stays there to be filled by a later
 *     one. So a step that keeps tens of thousands of values in every epoch makes no objects: they would live for tenths
 *     of a second, die among the old ones, and it takes a pass over every living key to collect those.
 * Q2. What `take` has put into rows is theirs until the next `keep`.
 * Q3. Copies of more than `REUSED_BYTES` are let go of with their slot, and most slots are after an epoch that needed
 *     few.
 */
import type { Key } from '../base/hash.ts'
import type { Rows } from './chunk.ts'
import type { Copier } from './copier.ts'
import type { KeyTable } from './key-table.ts'

/** Copies that are larger are not filled again. */
const REUSED_BYTES = 512
/** Memory that a value takes besides its copy. */
const SLOT_BYTES = 24
const SLOTS_MIN = 256
/** The end of a list, and no slot. */
const NONE = -1

/** Stands in a slot that has no copy to be filled. */
const nothing: object = Object.freeze({})

export class KeptValues {
  /** Memory that they take, roughly. */
  bytes = 0
  private readonly copier: Copier
  /** By key group: the slot that was filled last. */
  private readonly heads: Int32Array
  // By slot.
  private readonly keys: Key[] = []
  private readonly copies: object[] = []
  private readonly times: number[] = []
  /** What the copier says of the copy. */
  private shapes = new Int8Array(SLOTS_MIN)
  private sizes = new Int32Array(SLOTS_MIN)
  /** The next slot of the same key group, or the next free one. */
  private nexts = new Int32Array(SLOTS_MIN)
  private free = NONE
  private used = 0
  /** The most that were in use since the last `clear`. */
  private most = 0

  constructor(copier: Copier, keyGroups: number) {
    this.copier = copier
    this.heads = new Int32Array(keyGroups).fill(NONE)
  }

  /** Whether there is a value of `keyGroup`. */
  has(keyGroup: number): boolean {
    return this.heads[keyGroup] !== NONE
  }

  /** Keeps the value of `entry`, which is about to change. */
  keep(table: KeyTable, entry: number): void {
    const { copier, heads } = this
    const { group: keyGroup } = table
    const slot = this.slot()
    this.keys[slot] = table.key(entry)!
    if (table.times !== null) this.times[slot] = table.times[entry]!
    this.copies[slot] = copier.refill(this.copies[slot]!, this.shapes[slot]!, table.state(entry))
    this.shapes[slot] = copier.shape
    this.sizes[slot] = copier.bytes + SLOT_BYTES
    this.bytes += this.sizes[slot]!
    this.nexts[slot] = heads[keyGroup]!
    heads[keyGroup] = slot
  }

  /** Moves values of `keyGroup` into `rows`, until these have `room` entries or there are no more. */
  take(keyGroup: number, rows: Rows, room: number, timed: boolean): void {
    const { heads, keys, copies, times } = this
    while (rows.keys.length < room) {
      const slot = heads[keyGroup]!
      if (slot === NONE) return
      rows.keys.push(keys[slot]!)
      rows.states.push(copies[slot]!)
      if (timed) rows.times.push(times[slot]!)
      heads[keyGroup] = this.nexts[slot]!
      this.release(slot)
    }
  }

  /** The epoch is over: lets go of every value that is left. */
  clear(): void {
    const slots = Math.max(SLOTS_MIN, Math.min(this.copies.length, 2 * this.most))
    this.keys.length = Math.min(this.keys.length, slots)
    this.copies.length = this.keys.length
    this.times.length = Math.min(this.times.length, slots)
    this.heads.fill(NONE)
    this.free = NONE
    for (let slot = this.keys.length - 1; slot >= 0; slot--) this.release(slot)
    this.bytes = this.used = this.most = 0
  }

  private slot(): number {
    this.used++
    if (this.used > this.most) this.most = this.used
    const slot = this.free
    if (slot === NONE) return this.grow()
    this.free = this.nexts[slot]!
    return slot
  }

  private grow(): number {
    const slot = this.copies.length
    if (slot === this.nexts.length) {
      this.shapes = enlarged(this.shapes, new Int8Array(2 * slot))
      this.sizes = enlarged(this.sizes, new Int32Array(2 * slot))
      this.nexts = enlarged(this.nexts, new Int32Array(2 * slot))
    }
    this.copies.push(nothing)
    this.shapes[slot] = NONE
    return slot
  }

  private release(slot: number): void {
    this.used--
    this.bytes -= this.sizes[slot]!
    this.keys[slot] = ''
    if (this.sizes[slot]! > REUSED_BYTES) {
      this.copies[slot] = nothing
      this.shapes[slot] = NONE
    }
    this.nexts[slot] = this.free
    this.free = slot
  }
}

function enlarged<T extends Int8Array | Int32Array>(values: T, into: T): T {
  into.set(values)
  return into
}
