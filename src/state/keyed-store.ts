/**
 * The state of one keyed step on one worker: a table per key group that it owns, and what has changed since when.
 *
 * D1. `epoch` is the epoch that runs. The first touch of an entry in it enters the entry into its table's dirty list;
 *     later ones find `epochs[entry] === epoch` and cost a comparison.
 * D2. A delta is what changed since the last *complete* epoch: dirty lists move to the freeze, are forgotten when its
 *     epoch is complete and rejoin when it is abandoned (PROTOCOLS 5).
 * D3. The first touch of an entry that is frozen and not written yet saves its old value, which is an object of its own.
 * D4. A removed key leaves a tombstone in the delta; tombstones are applied before the entries of the same delta, so a
 *     key that came back stays.
 */
import { assert } from '../base/assert.ts'
import type { Key } from '../base/hash.ts'
import { Copier } from './copier.ts'
import { Frozen } from './frozen.ts'
import { KeyTable } from './key-table.ts'
import type { Loading } from './loading.ts'

export interface KeyedStoreOptions {
  readonly step: string
  readonly keyGroups: number
  readonly shift: number
  /** Whether entries keep the greatest record time (a TTL). */
  readonly timed: boolean
  readonly schemaVersion: number
}

export class KeyedStore {
  readonly step: string
  readonly schemaVersion: number
  readonly timed: boolean
  readonly shift: number
  /** By key group; `null`: not owned, or not opened yet. */
  readonly tables: (KeyTable | null)[]
  readonly copier = new Copier()
  /** D1. */
  epoch = 1
  keys = 0
  /** Entries that the running epoch has changed. */
  dirty = 0
  /** Groups that are still bytes (`loading.ts`). */
  private loading: Loading | null = null
  /** Key groups with changes in the running epoch. */
  private touched = new Set<number>()
  private frozen: Frozen | null = null

  constructor(options: KeyedStoreOptions) {
    this.step = options.step
    this.schemaVersion = options.schemaVersion
    this.timed = options.timed
    this.shift = options.shift
    this.tables = new Array<KeyTable | null>(options.keyGroups).fill(null)
  }

  /** The table for keys of `hash`. */
  table(hash: number): KeyTable {
    const group = hash >>> this.shift
    return this.tables[group] ?? this.open(group)
  }

  /** Makes the table of a key group that is owned and was not needed so far. */
  open(group: number): KeyTable {
    const loaded = this.loading?.load(group) ?? null
    const table = loaded ?? new KeyTable(group, this.timed)
    this.tables[group] = table
    this.keys += table.size
    return table
  }

  insert(table: KeyTable, hash: number, key: Key, state: object): number {
    const entry = table.insert(hash, key, state)
    this.keys++
    this.enter(table, entry)
    return entry
  }

  /** Call before the state of `entry` may change, when `table.epochs[entry] !== epoch`. */
  touch(table: KeyTable, entry: number): void {
    const { frozen } = this
    if (frozen !== null && table.unwritten) frozen.keep(table, entry)
    this.enter(table, entry)
  }

  /** Drops the key of `entry`, leaving a tombstone. */
  remove(table: KeyTable, entry: number): void {
    if (table.epochs[entry] !== this.epoch) this.touch(table, entry)
    table.removed.push(table.keys[entry]!)
    table.remove(entry)
    this.keys--
  }

  /** Takes back the insertion of `entry`, as if its key had never been seen. */
  withdraw(table: KeyTable, entry: number): void {
    table.remove(entry)
    this.keys--
  }

  /** Puts `state` in place of the one that is there. The entry has been touched. */
  replace(table: KeyTable, entry: number, state: object): void {
    table.states[entry] = state
  }

  private enter(table: KeyTable, entry: number): void {
    // A free place that is taken again in the same epoch stands in the list already.
    if (table.epochs[entry] === this.epoch) return
    table.epochs[entry] = this.epoch
    table.dirty.push(entry)
    if (table.dirty.length === 1) this.touched.add(table.group)
    this.dirty++
  }

  /**
   * Ends the running epoch and freezes its state: costs a few operations per key group, nothing per key. `full` are
   * the key groups that are written whole.
   */
  freeze(full: readonly number[]): Frozen {
    assert(this.frozen === null, 'one freeze at a time')
    const groups = new Set(this.touched)
    for (const group of full) groups.add(group)
    const tables: KeyTable[] = []
    for (const group of groups) {
      const table = this.tables[group] ?? this.open(group)
      tables.push(table)
      table.freeze()
    }
    this.frozen = new Frozen(this, this.epoch, tables, new Set(full))
    this.touched = new Set()
    this.dirty = 0
    this.epoch++
    return this.frozen
  }

  /** The frozen epoch is complete: its changes are no longer part of a delta. */
  complete(): void {
    this.frozen?.release()
    this.frozen = null
  }

  /** The frozen epoch will not be complete: its changes rejoin the running one (D2). */
  abandon(): void {
    const { frozen } = this
    if (frozen === null) return
    for (const table of frozen.tables) {
      const entries = table.frozen
      const tombstones = table.frozenRemoved
      table.thaw()
      for (const entry of entries) if (table.keys[entry] !== undefined) this.enter(table, entry)
      if (tombstones.length > 0) {
        table.removed.push(...tombstones)
        this.touched.add(table.group)
      }
    }
    this.frozen = null
  }

  /** Key groups whose state is still bytes; decoded when first needed, or by `loadNext`. */
  restore(loading: Loading): void {
    this.loading = loading
  }

  /** Decodes one key group that is still bytes; false when there is none. */
  loadNext(): boolean {
    const group = this.loading?.next()
    if (group === undefined) {
      this.loading = null
      return false
    }
    if (this.tables[group] === null) this.open(group)
    return true
  }
}
