/**
 * A keyed store beside a plain model of it: the same commands on both, and after every complete epoch the fold of its
 * chunks against what the model held at that freeze.
 */
import { expect } from 'vitest'
import { hashKey, type Key, keyGroupOf, shiftOf } from '../../src/base/hash.ts'
import { defaultLimits } from '../../src/base/limits.ts'
import { Fold } from '../../src/state/fold.ts'
import type { Frozen } from '../../src/state/frozen.ts'
import { KeyTable } from '../../src/state/key-table.ts'
import { KeyedStore } from '../../src/state/keyed-store.ts'
import { Loading } from '../../src/state/loading.ts'
import { Sweeper } from '../../src/state/sweeper.ts'

export interface Config {
  readonly keyGroups: number
  readonly chunkEntries: number
  readonly freezeBytes: number
  readonly ttlMs: number
}

export interface State {
  total: number
  last: { at: number; by: string | null }
  recent: number[]
  tags?: Map<string, number[]>
}

interface Row {
  state: State
  time: number
}

type World = Map<Key, Row>
type Chunk = readonly [keyGroup: number, kind: 'full' | 'delta', bytes: Uint8Array]

export class Model {
  store: KeyedStore
  private readonly config: Config
  /** What is true now, at the freeze in flight, and at the last complete epoch. */
  private world: World = new Map()
  private atFreeze: World = new Map()
  private atBase: World = new Map()
  private sweeper: Sweeper | null
  private frozen: Frozen | null = null
  private full: readonly number[] = []
  private written: Chunk[] = []
  /** Chunks by key group, from the last full one on: what a checkpoint store would give back. */
  private chains = new Map<number, Uint8Array[]>()
  /** No record before this comes. */
  private leastTime = 0

  constructor(config: Config) {
    this.config = config
    this.store = this.make()
    this.sweeper = config.ttlMs > 0 ? new Sweeper(this.store, config.ttlMs) : null
  }

  private make(): KeyedStore {
    const { keyGroups, ttlMs, chunkEntries, freezeBytes } = this.config
    const limits = { ...defaultLimits, chunkEntries, freezeBytes }
    const timed = ttlMs > 0
    const shift = shiftOf(keyGroups)
    return new KeyedStore({
      step: 'count',
      keyGroups,
      shift,
      timed,
      schemaVersion: 1,
      limits,
    })
  }

  /** One record, as a task does it: all or nothing. */
  step(key: Key, amount: number, after: number, throws: boolean): void {
    const { store, world } = this
    const time = this.leastTime + after
    const hash = hashKey(key)
    const table = store.table(hash)
    let entry = table.find(hash, key)
    let before: object | null = null
    if (entry < 0) entry = store.insert(table, hash, key, init())
    else {
      if (table.epoch(entry) !== store.epoch) store.touch(table, entry)
      before = store.copier.copy(table.state(entry))
      if (this.sweeper?.isOver(table.times![entry]!, time)) table.replace(entry, init())
    }
    change(table.state(entry) as State, amount, time)
    if (throws) {
      if (before === null) store.withdraw(table, entry)
      else table.replace(entry, before)
      return
    }
    if (table.times !== null && time > table.times[entry]!) table.times[entry] = time

    const { ttlMs } = this.config
    let row = world.get(key)
    if (row === undefined || (ttlMs > 0 && time - row.time > ttlMs)) row = { state: init(), time: row?.time ?? 0 }
    change(row.state, amount, time)
    row.time = Math.max(row.time, time)
    world.set(key, row)
  }

  forget(key: Key): void {
    const { store } = this
    const hash = hashKey(key)
    const table = store.table(hash)
    const entry = table.find(hash, key)
    if (entry >= 0) store.remove(table, entry)
    this.world.delete(key)
  }

  replace(key: Key, amount: number): void {
    const { store } = this
    const hash = hashKey(key)
    const table = store.table(hash)
    const entry = table.find(hash, key)
    if (entry < 0) return
    store.replace(table, entry, { ...init(), total: amount })
    const row = this.world.get(key)
    // A key that has expired for the model may still be there: the sweep comes when it comes.
    if (row !== undefined) row.state = { ...init(), total: amount }
  }

  freeze(full: readonly number[]): void {
    if (this.frozen !== null) return
    this.frozen = this.store.freeze(full)
    this.atFreeze = structuredClone(this.world)
    this.full = full
    this.written = []
  }

  /** Writes up to `chunks` chunks. */
  slice(chunks: number): void {
    if (this.frozen === null) return
    let left = chunks
    this.frozen.write(
      () => --left > 0,
      (keyGroup, kind, bytes) => this.written.push([keyGroup, kind, bytes.slice()]),
    )
  }

  complete(): void {
    const { frozen } = this
    if (frozen === null) return
    while (!frozen.done) this.slice(1000)
    this.store.complete()
    // The older packs may be removed now: a key group that is written in full must not need them.
    for (const keyGroup of this.full) {
      const first = this.written.find(([group]) => group === keyGroup)
      if (this.chains.delete(keyGroup) || first !== undefined) expect(first?.[1]).toBe('full')
    }
    for (const [keyGroup, kind, bytes] of this.written) {
      const chain = kind === 'full' ? [] : (this.chains.get(keyGroup) ?? [])
      this.chains.set(keyGroup, [...chain, bytes])
    }
    this.frozen = null
    this.atBase = this.atFreeze
    this.compare(this.restored(), this.atBase, 'the fold of the chunks')
  }

  abandon(): void {
    this.store.abandon()
    this.frozen = null
  }

  /** `looks`: at all of it, which opens every key group; otherwise they stay bytes till they are needed. */
  rollback(looks: boolean): void {
    for (const keyGroup of this.store.rollback()) {
      this.store.rollbackKeyGroup(keyGroup, this.chains.get(keyGroup) ?? [])
    }
    this.frozen = null
    this.world = structuredClone(this.atBase)
    if (looks) this.compare(this.store, this.world, 'what was rolled back')
  }

  /**
   * The worker dies and another one begins with what the checkpoints hold, having made tables of the first `ahead`
   * chunks of each key group.
   */
  restart(ahead = 0): void {
    this.store = this.restored(ahead)
    if (this.sweeper !== null) this.sweeper = new Sweeper(this.store, this.config.ttlMs)
    this.frozen = null
    this.world = structuredClone(this.atBase)
  }

  load(): void {
    this.store.loadNext()
  }

  sweep(after: number, groups: number): void {
    this.leastTime += after
    this.sweeper?.rise(this.leastTime)
    for (let group = 0; group < groups; group++) this.sweeper?.next()
  }

  check(): void {
    this.compare(this.store, this.world, 'what is there')
  }

  private restored(ahead = 0): KeyedStore {
    const store = this.make()
    const loading = new Loading({ migrate: undefined })
    if (ahead === 0) for (const [keyGroup, chunks] of this.chains) loading.put(keyGroup, chunks)
    store.restore(loading)
    if (ahead === 0) return store
    for (const [keyGroup, chunks] of this.chains) {
      const table = new KeyTable(keyGroup, store.timed)
      const fold = new Fold(table, chunks.slice(0, ahead), { step: store.step, version: 1 })
      while (fold.next());
      store.adopt(table, chunks.slice(ahead))
    }
    return store
  }

  private compare(store: KeyedStore, world: World, what: string): void {
    const found: [Key, unknown, number][] = []
    let keys = 0
    for (let keyGroup = 0; keyGroup < this.config.keyGroups; keyGroup++) {
      store.each(keyGroup, (key, state, time) => {
        expect(keyGroupOf(hashKey(key), store.shift)).toBe(keyGroup)
        keys++
        found.push([key, state, time])
        return true
      })
    }
    expect(store.keys, 'the count of keys').toBe(keys)
    const { ttlMs } = this.config
    const alive = (time: number) => ttlMs === 0 || this.leastTime - time <= ttlMs
    const expected = [...world].map(([key, { state, time }]): [Key, unknown, number] => [key, state, time])
    const ordered = (rows: [Key, unknown, number][]) =>
      rows
        .filter(([, , time]) => alive(time))
        .map(([key, state, time]) => ({ key: `${typeof key} ${key}`, state, time: ttlMs === 0 ? 0 : time }))
        .sort((a, b) => (a.key < b.key ? -1 : 1))
    expect(ordered(found), what).toEqual(ordered(expected))
  }
}

function init(): State {
  return { total: 0, last: { at: 0, by: null }, recent: [] }
}

/** What the user's step does: in place, deep, and now and then with another shape. */
function change(state: State, amount: number, time: number): void {
  state.total += amount
  state.last.at = time
  if (amount % 3 === 0) state.last.by = `by ${amount}`
  state.recent.push(amount)
  if (state.recent.length > 3) state.recent.shift()
  if (amount % 5 === 0) {
    state.tags ??= new Map()
    state.tags.set(`t${amount}`, [...(state.tags.get(`t${amount}`) ?? []), time])
  }
}
