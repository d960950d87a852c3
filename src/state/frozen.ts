/**
 * The state of a keyed step as it stood at a barrier, written in slices while the step goes on (PROTOCOLS 5).
 *
 * Z1. What is written is the state at the freeze. An entry belongs to it when its key group is written in full or it
 *     was changed after the base, and its last change is not after the freeze (`key-table.ts`, K4). Nothing is copied
 *     to know it.
 * Z2. Key groups are written in order, and entries within one: what lies before the cursor is written. The first touch
 *     of an entry that belongs to the freeze and lies behind the cursor keeps its old value, which is an object of its
 *     own.
 * Z3. Old values are let go of as soon as they are written (`kept-values.ts`, Q1). Beyond `freezeBytes` of them they
 *     are encoded at once, and so is one that cannot be copied; where one of them cannot be, the freeze has failed, and
 *     `write` says so.
 * Z4. The first chunk of a key group carries its removed keys, or its kind `full`, which replaces what earlier epochs
 *     said. Every further one of the epoch is a `delta` that adds to it. A full key group without entries is a chunk
 *     too.
 */
import { PotorooError } from '../base/errors.ts'
import type { Key } from '../base/hash.ts'
import type { Limits } from '../base/limits.ts'
import { type ChunkKind, Rows } from './chunk.ts'
import type { ChunkWriter } from './chunk-writer.ts'
import type { KeptValues } from './kept-values.ts'
import type { KeyTable } from './key-table.ts'

/** What a freeze needs of the store. */
export interface Freezable {
  readonly tables: readonly (KeyTable | null)[]
  /** Empty at the freeze. */
  readonly kept: KeptValues
  readonly chunkWriter: ChunkWriter
  readonly limits: Pick<Limits, 'freezeBytes'>
  /** The table that a key group is written in full from; `null`: it is what its chunks say. */
  whole(keyGroup: number): KeyTable | null
  /** The chunks of a key group that is still bytes. */
  pendingChunks(keyGroup: number): readonly Uint8Array[]
}

/** Takes a chunk, which is the taker's own. */
export type EmitChunk = (keyGroup: number, kind: ChunkKind, bytes: Uint8Array) => void

const noKeys: readonly Key[] = []

export class Frozen {
  readonly epoch: number
  /** The last complete epoch before: a delta is what changed since. */
  readonly base: number
  /** Entries, chunks and bytes written so far. */
  entries = 0
  chunks = 0
  bytes = 0
  private readonly store: Freezable
  private readonly full: ReadonlySet<number>
  /** The cursor (Z2). */
  private keyGroup = 0
  private entry = 0
  /** Key groups of which a chunk is written and that are not done. */
  private readonly begun = new Set<number>()
  /** Entries written of each key group. */
  private readonly written = new Map<number, number>()
  /** Chunks that were encoded at once and wait for the next slice. */
  private early: { readonly keyGroup: number; readonly kind: ChunkKind; readonly bytes: Uint8Array }[] = []
  private readonly rows = new Rows()
  /** Why something could not be encoded ahead of its turn (Z3). */
  private fault: PotorooError | null = null

  constructor(store: Freezable, epoch: number, base: number, full: ReadonlySet<number>) {
    this.store = store
    this.epoch = epoch
    this.base = base
    this.full = full
  }

  /** Whether everything has been written. */
  get done(): boolean {
    return this.keyGroup === this.store.tables.length && this.early.length === 0
  }

  /** How much of it has been written, from 0 to 1. */
  get progress(): number {
    return this.keyGroup / this.store.tables.length
  }

  /** Whether `entry`, not changed since the freeze, belongs to it and is still to be written (Z1, Z2). */
  covers(table: KeyTable, entry: number): boolean {
    const { group: keyGroup } = table
    if (keyGroup < this.keyGroup || (keyGroup === this.keyGroup && entry < this.entry)) return false
    return table.epoch(entry) > this.base || this.full.has(keyGroup)
  }

  /** What the epoch, which is complete, leaves in `table`'s deltas: a full write leaves nothing to add to. */
  settle(table: KeyTable): void {
    if (this.full.has(table.group)) table.inDeltas = 0
    else table.inDeltas += this.written.get(table.group) ?? 0
  }

  /**
   * Keeps the value of an entry that is covered and about to change. That something cannot be written is for `write` to
   * say: it is no fault of whoever changes the entry, and perhaps another one's.
   */
  keep(table: KeyTable, entry: number): void {
    if (this.fault !== null) return
    const { kept, limits } = this.store
    try {
      kept.keep(table, entry)
    } catch {
      // A value of the user's, such as one that holds itself.
      const rows = new Rows()
      this.gatherOne(table, entry, rows)
      return this.encodeEarly(table, rows)
    }
    if (kept.bytes <= limits.freezeBytes) return
    const rows = new Rows()
    kept.take(table.group, rows, Number.POSITIVE_INFINITY, table.times !== null)
    this.encodeEarly(table, rows)
  }

  /**
   * Writes chunks until `more`, asked after each of them, answers false; `emit` gets each. True when all is written.
   * Throws `E_STATE_VALUE` or `E_STATE_TOO_LARGE`; then the epoch can only be abandoned.
   */
  write(more: () => boolean, emit: EmitChunk): boolean {
    if (this.fault !== null) throw this.fault
    for (const { keyGroup, kind, bytes } of this.early) this.hand(keyGroup, kind, bytes, emit)
    this.early = []
    while (!this.done) if (this.writeNext(emit) && !more()) break
    return this.done
  }

  /** Writes the next chunk, or passes over a key group that has none; answers whether something was written. */
  private writeNext(emit: EmitChunk): boolean {
    const { keyGroup } = this
    const full = this.full.has(keyGroup)
    const table = full ? this.store.whole(keyGroup) : this.store.tables[keyGroup]!
    if (table === null) {
      const chunks = full ? this.store.pendingChunks(keyGroup) : []
      // Nobody has touched the key group: what was read says it all.
      chunks.forEach((bytes, i) => {
        this.hand(keyGroup, i === 0 ? 'full' : 'delta', bytes, emit)
      })
      // Nor has it any key: said all the same, or a later delta would seem to lack what it adds to (Z4).
      if (full && chunks.length === 0) {
        this.store.chunkWriter.write(noKeys, this.rows, (bytes) => this.hand(keyGroup, 'full', bytes, emit))
      }
      this.turn()
      return full
    }
    if (!full && table.changedAt <= this.base) {
      this.turn()
      return false
    }
    const entry = this.gather(table, full)
    const last = entry === table.top && !this.store.kept.has(keyGroup)
    const written = this.writeChunk(table, this.rows, (kind, bytes) => this.hand(keyGroup, kind, bytes, emit))
    this.rows.clear()
    this.entry = entry
    if (last) this.turn()
    return written
  }

  /** Fills `rows` from the cursor on, then from the kept values; returns where the cursor goes. */
  private gather(table: KeyTable, full: boolean): number {
    const { epoch, base, rows } = this
    const { top } = table
    const room = this.store.chunkWriter.entries
    // What is in the base as it is, and places that are free, have an epoch of `base` or below (`key-table.ts`, K4).
    let entry = this.entry
    for (; entry < top && rows.keys.length < room; entry++) {
      const changedAt = table.epoch(entry)
      if (changedAt > epoch || (changedAt <= base && !(full && table.key(entry) !== undefined))) continue
      this.gatherOne(table, entry, rows)
    }
    if (entry === top) this.store.kept.take(table.group, rows, room, table.times !== null)
    return entry
  }

  private gatherOne(table: KeyTable, entry: number, rows: Rows): void {
    rows.keys.push(table.key(entry)!)
    rows.states.push(table.state(entry))
    if (table.times !== null) rows.times.push(table.times[entry]!)
  }

  /** Encodes `rows` of `table` ahead of their turn (Z3). */
  private encodeEarly(table: KeyTable, rows: Rows): void {
    const { group: keyGroup } = table
    try {
      this.writeChunk(table, rows, (kind, bytes) => this.early.push({ keyGroup, kind, bytes }))
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      this.fault = error
    }
  }

  /** Encodes `rows` as the next chunks of `table`'s key group (Z4), if there is anything to say. */
  private writeChunk(table: KeyTable, rows: Rows, emit: (kind: ChunkKind, bytes: Uint8Array) => void): boolean {
    const { group: keyGroup } = table
    const first = !this.begun.has(keyGroup)
    let kind: ChunkKind = first && this.full.has(keyGroup) ? 'full' : 'delta'
    const removed = first && kind === 'delta' ? this.removedOf(table) : noKeys
    if (rows.keys.length === 0 && removed.length === 0 && kind === 'delta') return false
    this.begun.add(keyGroup)
    this.entries += rows.keys.length
    this.written.set(keyGroup, (this.written.get(keyGroup) ?? 0) + rows.keys.length)
    this.store.chunkWriter.write(removed, rows, (bytes) => {
      emit(kind, bytes)
      kind = 'delta'
    })
    return true
  }

  private removedOf(table: KeyTable): readonly Key[] {
    const { removed, removedAt } = table
    let count = 0
    while (count < removedAt.length && removedAt[count]! <= this.epoch) count++
    return removed.slice(0, count)
  }

  /** The key group under the cursor is done. */
  private turn(): void {
    this.begun.delete(this.keyGroup)
    this.keyGroup++
    this.entry = 0
  }

  private hand(keyGroup: number, kind: ChunkKind, bytes: Uint8Array, emit: EmitChunk): void {
    this.chunks++
    this.bytes += bytes.length
    emit(keyGroup, kind, bytes)
  }
}
