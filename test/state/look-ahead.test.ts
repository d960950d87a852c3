/**
 * Reading ahead:
 * - changes nothing, whatever the states are, and runs nobody's code
 * - takes every batch to its end, in parts, and leaves stores with few keys alone
 */
import { expect, test } from 'vitest'
import { hashKey, shiftOf } from '../../src/base/hash.ts'
import { KeyedStore } from '../../src/state/keyed-store.ts'
import { AHEAD } from '../../src/state/look-ahead.ts'

const MANY = 20_000
const shift = shiftOf(64)

/** States of many shapes, the first of which is the one that reading is made for. */
function stateOf(n: number, run: () => number): object {
  switch (n % 7) {
    case 0:
      return { total: n, last: [n, 1], at: { x: 0.5, y: [0] } }
    case 1:
      return { total: n, last: [], at: { x: 1, y: null } }
    case 2:
      return { total: null, last: 'none', at: undefined }
    case 3:
      return Object.create(null)
    case 4:
      return new Map([['total', n]])
    case 5:
      return new (class {
        get total(): number {
          return run()
        }
      })()
    default:
      return { total: -n }
  }
}

function filled(keys: number, run: () => number): KeyedStore {
  const store = new KeyedStore({ step: 'window', keyGroups: 64, shift, timed: false, schemaVersion: 1 })
  for (let n = 0; n < keys; n++) {
    const key = n % 3 === 0 ? n : `key-${n}`
    const hash = hashKey(key)
    store.insert(store.table(hash), hash, key, stateOf(n, run))
  }
  return store
}

/** Reads ahead for a whole batch as a step does; answers where each part began. */
function read(store: KeyedStore, hashes: Int32Array): number[] {
  const { lookAhead } = store
  const parts: number[] = []
  let next = lookAhead.begin(store, 0, hashes.length)
  for (let i = 0; i < hashes.length; i++) {
    if (i !== next) continue
    parts.push(i)
    next = lookAhead.next(store, hashes, i, hashes.length)
  }
  return parts
}

const contentsOf = (store: KeyedStore) =>
  store.tables.map(
    (table) => table && [table.size, Array.from({ length: table.top }, (_, entry) => table.epoch(entry))],
  )

test('it changes nothing and runs nobody’s code, also where keys are unknown, gone or still bytes', () => {
  let ran = 0
  const store = filled(MANY, () => ++ran)
  const removed = hashKey('key-7')
  store.remove(store.table(removed), store.table(removed).find(removed, 'key-7'))
  store.drop(5)
  const before = contentsOf(store)
  const hashes = Int32Array.from({ length: 2000 }, (_, i) => hashKey(i % 3 === 0 ? i : `key-${i}`))
  hashes.set([removed, hashKey('nobody'), 5 << shift], 30)
  expect(read(store, hashes)).toHaveLength(Math.ceil(hashes.length / AHEAD))
  expect(ran).toBe(0)
  expect(contentsOf(store)).toEqual(before)
  expect(store.tables[5]).toBeNull()
})

test('what a field throws when it is read is for who needs the field', () => {
  const store = new KeyedStore({ step: 'window', keyGroups: 64, shift, timed: false, schemaVersion: 1 })
  const state = {
    get total(): number {
      throw new Error('not now')
    },
  }
  const hash = hashKey(1)
  store.insert(store.table(hash), hash, 1, state)
  const hashes = Int32Array.of(hash)
  for (let i = 0; i < 2; i++) expect(store.lookAhead.next(store, hashes, 0, 1)).toBe(1)
})

test('a batch is read in parts from its first record to its last, however long', () => {
  const store = filled(MANY, () => 0)
  const batch = (length: number) => Int32Array.from({ length }, (_, i) => hashKey(`key-${i}`))
  expect(read(store, batch(0))).toEqual([])
  expect(read(store, batch(1))).toEqual([0])
  expect(read(store, batch(2 * AHEAD + 1))).toEqual([0, AHEAD, 2 * AHEAD])
})

test('few keys are not read ahead: they stand in the caches', () => {
  const store = filled(1000, () => 0)
  expect(read(store, new Int32Array(100))).toEqual([])
})
