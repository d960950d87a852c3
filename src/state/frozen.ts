/**
 * The state of a keyed step as it stood at a barrier, while the step goes on (PROTOCOLS 5).
 *
 * Z1. What is written is the state at the freeze: an entry that has been touched since is written from its saved copy.
 * Z2. A saved copy is dropped as soon as its table has been written.
 * Z3. A table is written in chunks of bounded size, so that a slice of background work is short: the first `full` chunk of
 *     a table replaces what earlier chunks said, every other one adds to it.
 */
import { ByteWriter } from '../base/bytes.ts'
import type { Key } from '../base/hash.ts'
import { encodeChunk } from './chunk.ts'
import type { KeyTable } from './key-table.ts'
import type { KeyedStore } from './keyed-store.ts'

/** Entries in a chunk: encoding them takes well under a millisecond for small states. */
const CHUNK_ENTRIES = 4096

interface Saved {
  readonly key: Key
  readonly state: object
  readonly time: number
}

export type EmitChunk = (keyGroup: number, kind: 'delta' | 'full', bytes: Uint8Array) => void

export class Frozen {
  readonly tables: readonly KeyTable[]
  readonly epoch: number
  private readonly store: KeyedStore
  private readonly full: ReadonlySet<number>
  /** Old values of the entries of a table that has not been written, by entry. */
  private readonly saved = new Map<KeyTable, Map<number, Saved>>()
  private readonly writer = new ByteWriter(64 << 10)
  private at = 0
  /** Next place in the current table: in its frozen list, or its entries when it is written in full. */
  private cursor = 0
  /** Entries written so far. */
  entries = 0

  constructor(store: KeyedStore, epoch: number, tables: readonly KeyTable[], full: ReadonlySet<number>) {
    this.store = store
    this.epoch = epoch
    this.tables = tables
    this.full = full
  }

  /** Saves the value of `entry` before it changes, if it is frozen. */
  keep(table: KeyTable, entry: number): void {
    const at = table.epochs[entry]!
    // Changed since the freeze: not part of it, or saved already.
    if (at > this.epoch || (at < this.epoch && !this.full.has(table.group))) return
    let saved = this.saved.get(table)
    if (saved === undefined) this.saved.set(table, (saved = new Map()))
    const state = this.store.copier.copy(table.states[entry]!)
    saved.set(entry, { key: table.keys[entry]!, state, time: table.times === null ? 0 : table.times[entry]! })
  }

  /** Writes chunks until `more` answers false between two of them; true when all has been written. */
  write(more: () => boolean, emit: EmitChunk): boolean {
    while (this.at < this.tables.length) {
      const table = this.tables[this.at]!
      if (this.writeChunk(table, emit)) {
        table.unwritten = false
        this.saved.delete(table)
        this.at++
        this.cursor = 0
      }
      if (!more()) break
    }
    return this.at === this.tables.length
  }

  /** Lets go of everything. */
  release(): void {
    for (const table of this.tables) table.thaw()
    this.saved.clear()
  }

  /** Writes one chunk of `table`; true when it was the last. */
  private writeChunk(table: KeyTable, emit: EmitChunk): boolean {
    const full = this.full.has(table.group)
    const saved = this.saved.get(table)
    const keys: Key[] = []
    const states: object[] = []
    const times: number[] = []
    const end = full ? table.frozenTop : table.frozen.length
    const first = this.cursor === 0
    while (this.cursor < end && keys.length < CHUNK_ENTRIES) {
      const entry = full ? this.cursor : table.frozen[this.cursor]!
      this.cursor++
      if (table.epochs[entry]! > this.epoch) {
        const old = saved?.get(entry)
        if (old === undefined) continue
        keys.push(old.key)
        states.push(old.state)
        times.push(old.time)
      } else if (table.keys[entry] !== undefined) {
        keys.push(table.keys[entry]!)
        states.push(table.states[entry]!)
        if (table.times !== null) times.push(table.times[entry]!)
      }
    }
    const removed = first && !full ? table.frozenRemoved : []
    if (keys.length > 0 || removed.length > 0 || (full && first)) {
      encodeChunk(this.writer, this.store.schemaVersion, removed, keys, states, table.times === null ? null : times)
      emit(table.group, full && first ? 'full' : 'delta', this.writer.take())
      this.entries += keys.length
    }
    return this.cursor >= end
  }
}
