/**
 * The state of one keyed step on one worker: a table for each key group that has keys.
 *
 * S1. `epoch` is the epoch that runs, `base` the last complete one, in a count of the store's own: it rises with each
 *     freeze. An entry that the running epoch has changed has `epochs[entry] === epoch`; whoever changes a state calls
 *     `touch` first unless that holds. This is all that the hot loop pays for checkpoints.
 * S2. A delta is what changed since the base (`key-table.ts`, K4): completing an epoch moves the base, abandoning one
 *     does nothing, and what it would have written is part of the next delta (PROTOCOLS 5).
 * S3. At most one frozen epoch is in flight.
 * S4. A key group is written in full once its deltas hold `deltasPerKey` entries for each of its keys, and not only
 *     when its turn in the rotation comes. So a restore decodes at most so many times the state, however fast it
 *     changes; and where all of it changes, a full write costs what the delta would have.
 * S5. A restored key group stays bytes until a key of it is needed or `loadNext` comes to it; until then its table is
 *     `null`. One that goes back to the base keeps its former table aside meanwhile: only what has changed in it is
 *     decoded. So does one whose table was made ahead of what an earlier epoch left: only what came after that is.
 * S6. A key group whose chunks are not all there any more is written in full by the next epoch that is complete,
 *     however pressed somebody is: whatever adds to them could not be read.
 */
import { assert } from '../base/assert.ts'
import { fail } from '../base/errors.ts'
import type { Key } from '../base/hash.ts'
import { defaultLimits, type Limits } from '../base/limits.ts'
import { schemaOf } from './chunk.ts'
import { type ChunkLimits, ChunkWriter } from './chunk-writer.ts'
import { Copier } from './copier.ts'
import { foldChunks, foldOnto, type Schema } from './fold.ts'
import { type Freezable, Frozen } from './frozen.ts'
import { KeptValues } from './kept-values.ts'
import { KeyGroupLoad } from './key-group-load.ts'
import { KEYS_MAX, KeyTable } from './key-table.ts'
import { Loading } from './loading.ts'
import { LookAhead } from './look-ahead.ts'

type StoreLimits = ChunkLimits & Pick<Limits, 'freezeBytes' | 'deltasPerKey' | 'undoBytes'>

/** The table that a key group is opened with, by its chunks (S5). */
interface Former {
  readonly table: KeyTable
  /**
   * The epoch of the store that it goes back to, with what has changed since; `null`: the chunks are what came after
   * it.
   */
  readonly base: number | null
}

/** Of so many key groups one may be written in full before its turn in an epoch, so that the work per epoch is even. */
const FULL_SHARE = 16

export interface KeyedStoreOptions {
  readonly step: string
  /** Of the cluster. */
  readonly keyGroups: number
  /** `hash >>> shift` is the key group. */
  readonly shift: number
  /** Whether entries keep the greatest record time: the step has a TTL. */
  readonly timed: boolean
  readonly schemaVersion: number
  /** Makes a state of this version from one of version `from`. */
  readonly migrate?: Schema['migrate']
  readonly limits?: StoreLimits | undefined
  /** Is shown each key group that has been made from its bytes. */
  readonly opened?: ((table: KeyTable) => void) | undefined
}

export class KeyedStore implements Freezable {
  readonly step: string
  readonly limits: StoreLimits
  readonly shift: number
  readonly timed: boolean
  /** By key group; `null`: without keys so far, or still bytes (S5). */
  readonly tables: (KeyTable | null)[]
  readonly copier: Copier
  readonly kept: KeptValues
  readonly chunkWriter: ChunkWriter
  readonly lookAhead = new LookAhead()
  /** What each key group has been given. */
  readonly load: KeyGroupLoad
  /** S1. */
  epoch = 1
  base = 0
  /** Keys in the tables, those aside as they were; other key groups that are still bytes are not counted. */
  keys = 0
  /** Changes of entries by the running epoch. */
  dirty = 0
  private readonly opened: ((table: KeyTable) => void) | undefined
  private schema: Schema
  private frozen: Frozen | null = null
  /** Key groups that are still bytes. */
  private loading: Loading | null = null
  /** Former tables of some of them (S5). */
  private readonly aside = new Map<number, Former>()
  /** Key groups to be written in full before their turn, the longest waiting first (S4). */
  private readonly overgrown = new Set<number>()
  /** Key groups that lack chunks (S6). */
  private readonly incomplete = new Set<number>()

  constructor(options: KeyedStoreOptions) {
    const { step, keyGroups, shift, timed, schemaVersion, migrate, limits = defaultLimits } = options
    this.step = step
    this.limits = limits
    this.shift = shift
    this.timed = timed
    this.tables = new Array<KeyTable | null>(keyGroups).fill(null)
    this.load = new KeyGroupLoad(keyGroups, shift)
    this.copier = new Copier(limits.undoBytes)
    this.kept = new KeptValues(this.copier, keyGroups)
    this.chunkWriter = new ChunkWriter(step, schemaVersion, limits)
    this.schema = { step, version: schemaVersion, migrate }
    this.opened = options.opened
  }

  /** Bytes of all states, by the average size of those written recently. */
  get bytes(): number {
    return this.keys * this.chunkWriter.entryBytes
  }

  // One record on one key

  /** The table for a key of `hash`. */
  table(hash: number): KeyTable {
    const keyGroup = hash >>> this.shift
    return this.tables[keyGroup] ?? this.open(keyGroup)
  }

  /** Makes the table of a key group: from its bytes, or empty. Throws what `foldChunks` throws. */
  open(keyGroup: number): KeyTable {
    const former = this.aside.get(keyGroup)
    const table = former?.table ?? new KeyTable(keyGroup, this.timed)
    const { size } = table
    const chunks = this.pendingChunks(keyGroup)
    if (former?.base === null) for (const bytes of chunks) table.inDeltas += foldOnto(table, bytes, this.schema)
    else table.inDeltas = Math.max(0, foldChunks(table, chunks, this.schema, former?.base) - table.size)
    this.aside.delete(keyGroup)
    this.loading?.remove(keyGroup)
    this.tables[keyGroup] = table
    this.keys += table.size - size
    if (chunks.length > 0) this.opened?.(table)
    return table
  }

  /** Adds `key`, which `table` does not have; returns its entry. Throws `E_KEY_GROUP_FULL`. */
  insert(table: KeyTable, hash: number, key: Key, state: object): number {
    if (table.size === KEYS_MAX) {
      throw fail('E_KEY_GROUP_FULL', { step: this.step, keyGroup: table.group, keys: table.size })
    }
    this.keys++
    this.dirty++
    return table.insert(hash, key, state, this.epoch)
  }

  /** To be called before `entry` changes, unless the running epoch has changed it already (S1). */
  touch(table: KeyTable, entry: number): void {
    const { frozen, epoch } = this
    if (frozen?.covers(table, entry)) frozen.keep(table, entry)
    table.mark(entry, epoch)
    table.changedAt = epoch
    this.dirty++
  }

  /** Forgets the key of `entry`. */
  remove(table: KeyTable, entry: number): void {
    if (table.epoch(entry) !== this.epoch) this.touch(table, entry)
    table.remove(entry, this.epoch)
    this.keys--
  }

  /** Takes back the insertion of `entry` by a call that threw: as if its key had never been seen. */
  withdraw(table: KeyTable, entry: number): void {
    table.erase(entry)
    this.keys--
  }

  /** Puts `state` in the place of the one that `entry` has. */
  replace(table: KeyTable, entry: number, state: object): void {
    if (table.epoch(entry) !== this.epoch) this.touch(table, entry)
    table.replace(entry, state)
  }

  // Checkpoints

  /**
   * Ends the running epoch and freezes its state, at no cost that grows with it; `full` are the key groups to write in
   * full, and no others than those that have to be (S6) where somebody is `pressed`. The caller writes the freeze in
   * slices, then calls `complete` or `abandon`.
   */
  freeze(full: Iterable<number>, pressed = false): Frozen {
    assert(this.frozen === null, 'S3: at most one frozen epoch is in flight')
    this.dirty = 0
    this.copier.measureAgain()
    const groups = new Set([...full, ...this.incomplete])
    const most = pressed ? 0 : groups.size + Math.ceil(this.tables.length / FULL_SHARE)
    for (const keyGroup of this.overgrown) if (groups.size < most) groups.add(keyGroup)
    return (this.frozen = new Frozen(this, this.epoch++, this.base, groups))
  }

  /** The frozen epoch is complete: it is the base now. */
  complete(): void {
    const { frozen } = this
    if (frozen === null) return
    assert(frozen.done, 'S2: what is complete has been written')
    this.frozen = null
    this.kept.clear()
    this.base = frozen.epoch
    this.incomplete.clear()
    for (const table of this.tables) {
      if (table === null) continue
      table.forgetRemoved(this.base)
      frozen.settle(table)
      if (table.inDeltas >= this.limits.deltasPerKey * table.size && table.inDeltas > 0) this.overgrown.add(table.group)
      else this.overgrown.delete(table.group)
    }
  }

  /** The frozen epoch, if there is one, will never be complete (S2). */
  abandon(): void {
    this.frozen = null
    this.kept.clear()
  }

  // Restoring

  /** Gives key groups their state, the base of what follows; they stay bytes until they are opened (S5). */
  restore(loading: Loading): void {
    assert(this.frozen === null, 'S3: nothing is restored into a frozen epoch')
    for (const keyGroup of loading.keyGroups()) this.drop(keyGroup)
    if (this.loading === null || this.loading.size === 0) this.loading = loading
    else this.loading.addAll(loading)
    this.schema = { ...this.schema, migrate: loading.migrate ?? this.schema.migrate }
  }

  /** Lets go of a key group that another worker owns now. */
  drop(keyGroup: number): void {
    assert(this.frozen === null, 'S3: nothing is dropped from a frozen epoch')
    const table = this.tables[keyGroup] ?? this.aside.get(keyGroup)?.table
    this.keys -= table?.size ?? 0
    this.tables[keyGroup] = null
    this.aside.delete(keyGroup)
    this.overgrown.delete(keyGroup)
    this.incomplete.delete(keyGroup)
    this.loading?.remove(keyGroup)
  }

  /** Chunks of `keyGroup`, which is back as far as it can be, are lost (S6). */
  noteLoss(keyGroup: number): void {
    assert(this.frozen === null, 'S3: nothing is restored into a frozen epoch')
    this.incomplete.add(keyGroup)
  }

  /**
   * Gives a key group the table that was made ahead, and `rest`, the chunks that came after those that it was made of.
   */
  adopt(table: KeyTable, rest: readonly Uint8Array[]): void {
    const { group: keyGroup } = table
    this.drop(keyGroup)
    this.keys += table.size
    if (rest.length === 0) {
      this.tables[keyGroup] = table
      return
    }
    this.aside.set(keyGroup, { table, base: null })
    this.loading ??= new Loading({ migrate: this.schema.migrate })
    this.loading.put(keyGroup, rest)
  }

  /**
   * What a key group that is still bytes is written in full from: its table, or `null` where its chunks say it all.
   * States of an older schema are not written again: what is written in full has the step's own.
   */
  whole(keyGroup: number): KeyTable | null {
    const isOlder = (chunk: Uint8Array): boolean => schemaOf(chunk) !== this.schema.version
    const isOpened = this.aside.get(keyGroup)?.base === null || this.pendingChunks(keyGroup).some(isOlder)
    return isOpened ? this.open(keyGroup) : this.tables[keyGroup]!
  }

  /** How many key groups are still bytes. */
  get pendingKeyGroups(): number {
    return this.loading?.size ?? 0
  }

  pendingChunks(keyGroup: number): readonly Uint8Array[] {
    return this.loading?.chunksOf(keyGroup) ?? noChunks
  }

  /** Opens one key group that is still bytes; false when there is none. */
  loadNext(): boolean {
    const keyGroup = this.loading?.next()
    if (keyGroup === undefined) {
      this.loading = null
      return false
    }
    this.open(keyGroup)
    return true
  }

  /**
   * Begins to go back to the base: abandons what is frozen and returns the key groups that have changed since. Each of
   * them must go through `rollbackKeyGroup` before a record is processed.
   */
  rollback(): number[] {
    this.abandon()
    this.dirty = 0
    return this.tables.flatMap((table) => (table !== null && table.changedAt > this.base ? [table.group] : []))
  }

  /**
   * Takes a key group back to the base, at no cost that grows with it. `chunks` are those of the base, in the order in
   * which they were written, from the last full one on; they are kept, and only the keys that have changed are read
   * from them, when the key group is opened (S5).
   */
  rollbackKeyGroup(keyGroup: number, chunks: readonly Uint8Array[]): void {
    this.aside.set(keyGroup, { table: this.tables[keyGroup]!, base: this.base })
    this.tables[keyGroup] = null
    this.loading ??= new Loading({ migrate: this.schema.migrate })
    this.loading.put(keyGroup, chunks)
  }

  // Queries

  /** The state of `key`, not to be changed, or `undefined`. */
  peek(hash: number, key: Key): object | undefined {
    const table = this.table(hash)
    const entry = table.find(hash, key)
    return entry < 0 ? undefined : table.state(entry)
  }

  /** Visits the keys of a key group, with states not to be changed and times, until `visit` answers false. */
  each(keyGroup: number, visit: (key: Key, state: object, time: number) => boolean): void {
    const table = this.tables[keyGroup] ?? this.open(keyGroup)
    for (let entry = 0; entry < table.top; entry++) {
      const key = table.key(entry)
      if (key === undefined) continue
      if (!visit(key, table.state(entry), table.times?.[entry] ?? Number.NEGATIVE_INFINITY)) return
    }
  }
}

const noChunks: readonly Uint8Array[] = []
