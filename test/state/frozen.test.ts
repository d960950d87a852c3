/**
 * A freeze:
 * - keeps old values as objects up to its limit only, and writes them all the same
 * - writes chunks that a slice can bear, also of large states
 * - names the key of a state that cannot be written
 * - writes key groups in full before a restore would have to read much more than them, a few in each epoch
 */
import { expect, test } from 'vitest'
import { InvariantError } from '../../src/base/assert.ts'
import { hashKey, type Key } from '../../src/base/hash.ts'
import { defaultLimits, type Limits } from '../../src/base/limits.ts'
import { ChunkReader } from '../../src/state/chunk.ts'
import { KeyedStore } from '../../src/state/keyed-store.ts'
import { Loading } from '../../src/state/loading.ts'

const options = { step: 'count', keyGroups: 2, shift: 31, timed: false, schemaVersion: 1 }

function make(changes: Partial<Limits> = {}): KeyedStore {
  return new KeyedStore({ ...options, limits: { ...defaultLimits, ...changes } })
}

function put(store: KeyedStore, key: Key, state: object): void {
  const hash = hashKey(key)
  const table = store.table(hash)
  const entry = table.find(hash, key)
  if (entry < 0) store.insert(table, hash, key, state)
  else store.replace(table, entry, state)
}

type Written = [keyGroup: number, kind: string, bytes: Uint8Array][]

function write(store: KeyedStore, full: number[] = []): Written {
  const written: Written = []
  const all = () => true
  expect(store.freeze(full).write(all, (...chunk) => written.push(chunk))).toBe(true)
  return written
}

function read(written: Written): KeyedStore {
  const store = make()
  const loading = new Loading({ migrate: undefined })
  for (const [keyGroup, , bytes] of written) loading.add(keyGroup, bytes)
  store.restore(loading)
  return store
}

test('old values stay within freezeBytes', () => {
  const freezeBytes = 10_000
  const store = make({ freezeBytes })
  for (let n = 0; n < 2000; n++) put(store, `k${n}`, { n })
  const frozen = store.freeze([0])
  let most = 0
  for (let n = 0; n < 2000; n++) {
    put(store, `k${n}`, { n: -1 })
    most = Math.max(most, store.kept.bytes)
  }
  expect(most).toBeGreaterThan(freezeBytes / 2)
  expect(most).toBeLessThanOrEqual(freezeBytes)
  const written: Written = []
  frozen.write(
    () => true,
    (...chunk) => written.push(chunk),
  )
  expect(store.kept.bytes).toBe(0)
  const found = read(written)
  for (let n = 0; n < 2000; n++) expect(found.peek(hashKey(`k${n}`), `k${n}`)).toEqual({ n })
})

test('chunks of large states are small, those of small states hold many', () => {
  const large = make({ chunkBytes: 20_000 })
  for (let n = 0; n < 300; n++) put(large, n, { text: 'x'.repeat(5000) })
  const sizes = write(large).map(([, , bytes]) => bytes.length)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(17 * 5000)
  expect(sizes.slice(4).every((size) => size < 50_000)).toBe(true)

  const small = make()
  for (let n = 0; n < 40_000; n++) put(small, n, { n })
  expect(write(small).length).toBeLessThan(40)
})

test('states that are too large together are written apart', () => {
  const store = make()
  for (let n = 0; n < 6; n++) put(store, n, { bytes: new Uint8Array(30 << 20) })
  const found = read(write(store))
  for (let n = 0; n < 6; n++) {
    expect((found.peek(hashKey(n), n) as { bytes: Uint8Array }).bytes.length).toBe(30 << 20)
  }
})

test('a state that cannot be written is named by step, key and place', () => {
  const store = make()
  for (let n = 0; n < 10; n++) put(store, `fine ${n}`, { n })
  put(store, 'wrong', { n: 1, inner: { callback: () => 0 } })
  const wanted = { code: 'E_STATE_VALUE', details: { step: 'count', key: 'wrong', path: '.inner.callback' } }
  expect(() => write(store)).toThrow(
    expect.objectContaining({ code: wanted.code, details: expect.objectContaining(wanted.details) }),
  )
})

test('a state over the limit of a block is named', () => {
  const store = make()
  put(store, 'big', { bytes: new Uint8Array(65 << 20) })
  expect(() => write(store)).toThrow(expect.objectContaining({ code: 'E_STATE_TOO_LARGE' }))
})

test('an old value that cannot be copied is named where it is written, and not to who changes its key', () => {
  const holder: { self?: object } = {}
  holder.self = holder
  const shy = {
    get n(): number {
      throw new Error('not now')
    },
  }
  for (const state of [holder, shy]) {
    const store = make()
    put(store, 'a', { n: 1 })
    put(store, 'odd', state)
    const frozen = store.freeze([])
    expect(() => store.copier.copy(state)).toThrow()
    for (const key of ['odd', 'a']) put(store, key, { n: 2 })
    const details = expect.objectContaining({ key: 'odd' })
    const go = () =>
      frozen.write(
        () => true,
        () => {},
      )
    expect(go).toThrow(expect.objectContaining({ code: 'E_STATE_VALUE', details }))
    store.abandon()
    expect(read(write(store)).peek(hashKey('odd'), 'odd')).toEqual({ n: 2 })
  }
})

test('a key that comes and goes within an epoch leaves no chunk', () => {
  const store = make()
  write(store)
  store.complete()
  const hash = hashKey('brief')
  for (let n = 0; n < 100; n++) {
    const table = store.table(hash)
    store.remove(table, store.insert(table, hash, 'brief', {}))
  }
  expect(write(store)).toEqual([])
})

test('freezing and abandoning cost nothing per key', () => {
  const store = make()
  for (let n = 0; n < 1000; n++) put(store, n, { n })
  const table = store.table(hashKey(1))
  const epochs = () => Array.from({ length: table.top }, (_, entry) => table.epoch(entry))
  const before = epochs()
  store.freeze([0, 1])
  store.abandon()
  expect(epochs()).toEqual(before)
  expect(write(store).length).toBeGreaterThan(0)
})

test('an epoch that is not written yet cannot be complete', () => {
  const store = make()
  put(store, 'a', { n: 1 })
  store.freeze([])
  expect(() => store.complete()).toThrow(InvariantError)
})

/**
 * Lives on for `epochs` epochs, each of which changes a share of the keys; answers what a restore of each would decode.
 */
function chains(store: KeyedStore, keys: number, epochs: number, share: number): number[] {
  const inChain = new Map<number, number>()
  const totals: number[] = []
  for (let epoch = 0; epoch < epochs; epoch++) {
    const changed = Math.ceil(keys * share)
    for (let i = 0; i < changed; i++) put(store, (epoch * changed + i) % keys, { epoch })
    for (const [keyGroup, kind, bytes] of write(store)) {
      const entries = new ChunkReader(bytes).keys.length
      inChain.set(keyGroup, (kind === 'full' ? 0 : (inChain.get(keyGroup) ?? 0)) + entries)
    }
    store.complete()
    totals.push([...inChain.values()].reduce((sum, entries) => sum + entries, 0))
  }
  return totals
}

test.each([0.1, 0.5, 1])(
  'a key group is written in full before its deltas outgrow it, a share %d changing',
  (share) => {
    const keys = 1000
    const store = make()
    for (let n = 0; n < keys; n++) put(store, n, { epoch: -1 })
    const totals = chains(store, keys, 60, share)
    // The state itself, its deltas, and for each of two groups one more epoch while it waits.
    const most = keys * (1 + defaultLimits.deltasPerKey + 2 * share)
    expect(Math.max(...totals)).toBeLessThanOrEqual(most)
    // Nor is it written more often than that.
    expect(Math.max(...totals)).toBeGreaterThan(keys * defaultLimits.deltasPerKey)
  },
)

test('an epoch writes few key groups in full before their turn', () => {
  const groups = 64
  const many = new KeyedStore({ ...options, keyGroups: groups, shift: 26 })
  for (let n = 0; n < 6400; n++) put(many, n, { n })
  for (let epoch = 0; epoch < 12; epoch++) {
    const full = write(many, [epoch]).filter(([, kind]) => kind === 'full').length
    expect(full).toBeLessThanOrEqual(1 + groups / 16)
    many.complete()
    for (let n = 0; n < 6400; n++) put(many, n, { n, epoch })
  }
  const pressed: string[] = []
  many.freeze([3], true).write(
    () => true,
    (_, kind) => pressed.push(kind),
  )
  expect(pressed.filter((kind) => kind === 'full').length).toBe(1)
})

test('a key group that lacks chunks is written in full until an epoch is complete, however pressed somebody is', () => {
  const store = make()
  for (let n = 0; n < 100; n++) put(store, n, { n })
  write(store)
  store.complete()
  const fullOf = (pressed: boolean): readonly number[] => {
    const groups: number[] = []
    const all = () => true
    store.freeze([], pressed).write(all, (keyGroup, kind) => {
      if (kind === 'full') groups.push(keyGroup)
    })
    return groups
  }
  store.noteLoss(1)
  expect(fullOf(false)).toEqual([1])
  store.abandon()
  expect(fullOf(true)).toEqual([1])
  store.complete()
  expect(fullOf(false)).toEqual([])
  store.abandon()
  store.noteLoss(1)
  store.drop(1)
  expect(fullOf(false)).toEqual([])
})

test('a restored key group counts the deltas that it came from', () => {
  const store = make()
  const written: Written = []
  for (let epoch = 0; epoch < 3; epoch++) {
    for (let n = 0; n < 100; n++) put(store, n, { epoch })
    written.push(...write(store, epoch === 0 ? [0, 1] : []))
    store.complete()
  }
  const restored = read(written)
  put(restored, 1, { epoch: 3 })
  const group = restored.tables.findIndex((table) => table !== null)
  write(restored)
  restored.complete()
  const next = restored.freeze([])
  put(restored, 1, { epoch: 4 })
  const kinds: string[] = []
  next.write(
    () => true,
    (keyGroup, kind) => keyGroup === group && kinds.push(kind),
  )
  expect(kinds[0]).toBe('full')
})

test('a state that cannot be written fails the epoch, not who changes another one while much is kept', () => {
  const store = make({ freezeBytes: 300 })
  put(store, 'wrong', { callback: () => 0 })
  for (let n = 0; n < 20; n++) put(store, n, { n })
  const frozen = store.freeze([0, 1])
  put(store, 'wrong', { n: 0 })
  for (let n = 0; n < 20; n++) put(store, n, { n: -1 })
  const all = () => true
  const wanted = { code: 'E_STATE_VALUE', details: expect.objectContaining({ key: 'wrong' }) }
  for (const _ of [1, 2]) expect(() => frozen.write(all, () => {})).toThrow(expect.objectContaining(wanted))
  store.abandon()
  expect(read(write(store)).peek(hashKey(7), 7)).toEqual({ n: -1 })
})
