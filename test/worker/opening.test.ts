/** State is decoded while the others are waited for, and what cannot be is left to whoever needs it. */
import { expect, test, vi } from 'vitest'
import { ByteWriter } from '../../src/base/bytes.ts'
import { encodeChunk, Rows } from '../../src/state/chunk.ts'
import { KeyedStore } from '../../src/state/keyed-store.ts'
import { Loading } from '../../src/state/loading.ts'
import { Opening } from '../../src/worker/execution/restore/opening.ts'

function storeOf(groups: readonly number[], damage = -1): KeyedStore {
  const store = new KeyedStore({ step: 'count', keyGroups: 4, shift: 30, timed: false, schemaVersion: 1 })
  const loading = new Loading({ migrate: undefined })
  for (const group of groups) {
    const rows = new Rows()
    rows.keys.push(`k${group}`)
    rows.states.push({ group })
    const writer = new ByteWriter()
    encodeChunk(writer, 1, [], rows)
    loading.add(group, group === damage ? writer.take().subarray(0, 3) : writer.take())
  }
  store.restore(loading)
  return store
}

test('tables are opened one key group at a time, of one step after the other', () => {
  const stores = [storeOf([0, 2]), storeOf([1])]
  const opening = new Opening(() => stores)
  const left = () => stores.reduce((sum, { pendingKeyGroups }) => sum + pendingKeyGroups, 0)
  for (let groups = 2; groups >= 0; groups--) {
    expect(opening.step()).toBe(true)
    expect(left()).toBe(groups)
  }
  expect(opening.step()).toBe(false)
  expect(stores.map(({ keys }) => keys)).toEqual([2, 1])
})

test('a damaged key group that is opened ahead is left to whoever needs it', () => {
  const store = storeOf([0, 1], 0)
  const opening = new Opening(() => [store])
  const tried = vi.spyOn(store, 'loadNext')
  expect(opening.step()).toBe(false)
  expect(opening.step()).toBe(false)
  expect(tried).toHaveBeenCalledTimes(1)
  expect(store.pendingKeyGroups).toBe(2)
  expect(() => store.open(0)).toThrow(expect.objectContaining({ code: 'E_DAMAGED' }))
})
