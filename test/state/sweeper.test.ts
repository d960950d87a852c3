/**
 * Time to live:
 * - a key goes when every split has passed its last record by a tenth more than the time to live, and not before
 * - a key that goes leaves a tombstone, so that a restore does not bring it back
 */
import { expect, test } from 'vitest'
import { hashKey } from '../../src/base/hash.ts'
import { KeyedStore } from '../../src/state/keyed-store.ts'
import { Sweeper } from '../../src/state/sweeper.ts'

function storeWith(seen: Readonly<Record<string, number>>): KeyedStore {
  const store = new KeyedStore({ step: 's', keyGroups: 4, shift: 30, timed: true, schemaVersion: 1 })
  for (const [key, time] of Object.entries(seen)) {
    const table = store.table(hashKey(key))
    table.times![store.insert(table, hashKey(key), key, {})] = time
  }
  return store
}

const keysOf = (store: KeyedStore) =>
  store.tables
    .flatMap((table) => Array.from({ length: table?.top ?? 0 }, (_, entry) => table!.key(entry)))
    .filter((key) => key !== undefined)
    .sort()

function round(sweeper: Sweeper): void {
  while (sweeper.next()) {}
}

test('keys go when all splits have passed them by a tenth more than their time', () => {
  const store = storeWith({ old: 1000, edge: 2000, young: 2001 })
  const sweeper = new Sweeper(store, 500)
  round(sweeper)
  expect(keysOf(store)).toEqual(['edge', 'old', 'young'])
  sweeper.rise(2550)
  round(sweeper)
  expect(keysOf(store)).toEqual(['edge', 'young'])
  expect(sweeper.expired).toBe(1)
  expect(store.keys).toBe(2)
})

test('a round that is under way when a clock is set back takes nothing that is touched since', () => {
  const store = storeWith({ a: 0, b: 0, c: 0, d: 0 })
  const sweeper = new Sweeper(store, 1000)
  sweeper.rise(1_000_000)
  expect(sweeper.next()).toBe(true)
  for (const table of store.tables) table?.times?.fill(5000)
  const left = store.keys
  sweeper.rise(5000)
  round(sweeper)
  expect(store.keys).toBe(left)
  sweeper.rise(6101)
  round(sweeper)
  expect(store.keys).toBe(0)
})

test('the next round waits for a tenth of the time to live', () => {
  const store = storeWith({ a: 0 })
  const sweeper = new Sweeper(store, 1000)
  sweeper.rise(1050)
  round(sweeper)
  sweeper.rise(1149)
  round(sweeper)
  expect(keysOf(store)).toEqual(['a'])
  sweeper.rise(1150)
  round(sweeper)
  expect(keysOf(store)).toEqual([])
})

test('an expired key leaves a tombstone', () => {
  const store = storeWith({ a: 0 })
  store.freeze([]).write(
    () => true,
    () => {},
  )
  store.complete()
  const sweeper = new Sweeper(store, 10)
  sweeper.rise(100)
  round(sweeper)
  expect(store.table(hashKey('a')).removed).toEqual(['a'])
})
