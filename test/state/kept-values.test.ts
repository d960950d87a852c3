/**
 * Old values that a snapshot keeps:
 * - come out of their key group, a few at a time, as they were
 * - are held in the copies of values that have been taken before
 * - are let go of with the epoch: large copies, and most slots after an epoch that needed few
 */
import { expect, test } from 'vitest'
import { Rows } from '../../src/state/chunk.ts'
import { Copier } from '../../src/state/copier.ts'
import { KeptValues } from '../../src/state/kept-values.ts'
import { KeyTable } from '../../src/state/key-table.ts'

const KEY_GROUPS = 3

/** A table with `count` entries, `{ n }` under the key `n`. */
function tableOf(keyGroup: number, count: number, state: (n: number) => object = (n) => ({ n })): KeyTable {
  const table = new KeyTable(keyGroup, false)
  for (let n = 0; n < count; n++) table.insert(n * 7919, n, state(n), 1)
  return table
}

function keepAll(kept: KeptValues, table: KeyTable): void {
  for (let entry = 0; entry < table.top; entry++) kept.keep(table, entry)
}

function take(kept: KeptValues, keyGroup: number, room: number): Rows {
  const rows = new Rows()
  kept.take(keyGroup, rows, room, false)
  return rows
}

test('values come out of their key group, as they were', () => {
  const kept = new KeptValues(new Copier(), KEY_GROUPS)
  const tables = [tableOf(0, 300), tableOf(2, 5)]
  for (const table of tables) keepAll(kept, table)
  for (const table of tables) {
    for (let entry = 0; entry < table.top; entry++) Object.assign(table.state(entry), { n: -1 })
  }
  expect([0, 1, 2].map((keyGroup) => kept.has(keyGroup))).toEqual([true, false, true])
  const found = new Map<unknown, object>()
  for (let taken = take(kept, 0, 7); taken.keys.length > 0; taken = take(kept, 0, 7)) {
    expect(taken.keys.length).toBeLessThanOrEqual(7)
    taken.keys.forEach((key, i) => {
      found.set(key, { ...taken.states[i] })
    })
  }
  expect(found.size).toBe(300)
  for (const [key, state] of found) expect(state).toEqual({ n: key })
  expect(kept.has(0)).toBe(false)
  expect(take(kept, 2, 100).keys.length).toBe(5)
  expect(kept.bytes).toBe(0)
})

test('a value is held in the copy of one that was taken before', () => {
  const kept = new KeptValues(new Copier(), KEY_GROUPS)
  const table = tableOf(1, 100)
  keepAll(kept, table)
  const first = new Set(take(kept, 1, 100).states)
  kept.clear()
  keepAll(kept, table)
  // The very first was copied value by value: its shape was not known yet.
  const again = take(kept, 1, 100).states.filter((state) => first.has(state))
  expect(again.length).toBeGreaterThanOrEqual(99)
})

test('what an epoch leaves is let go of, and so are large copies and slots that nobody needs', () => {
  const kept = new KeptValues(new Copier(), KEY_GROUPS)
  keepAll(kept, tableOf(0, 5000))
  const before = new Set(take(kept, 0, 5000).states)
  kept.clear()
  keepAll(kept, tableOf(0, 10))
  kept.clear()
  expect(kept.has(0)).toBe(false)
  expect(kept.bytes).toBe(0)
  keepAll(kept, tableOf(0, 5000))
  expect(take(kept, 0, 5000).states.filter((state) => before.has(state)).length).toBeLessThanOrEqual(256)

  const large = tableOf(1, 4, (n) => ({ text: 'x', list: new Array(200).fill(n) }))
  keepAll(kept, large)
  const firsts = new Set(take(kept, 1, 4).states)
  keepAll(kept, large)
  expect(take(kept, 1, 4).states.filter((state) => firsts.has(state))).toEqual([])
})
