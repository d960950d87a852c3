/**
 * The keys whose newest result is still to be emitted:
 * - each comes out once, with the record that changed it last, however snapshots and emissions fall (G2, G3), and also
 *   where its entry has gone and come back
 * - rows that no key needs any more are let go of (G4)
 * - what a snapshot holds does not change any more (G1), and put back it is the same
 */
import { equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashKey, type Key } from '../../src/base/hash.ts'
import { HeldRecords } from '../../src/dataflow/held-records.ts'
import { PendingKeys } from '../../src/dataflow/pending-keys.ts'
import { KeyTable } from '../../src/state/key-table.ts'

/** More keys than one segment has. */
const MANY = 10_000

type Act = 'freeze' | 'drain' | 'restore' | 'forget' | { readonly from: number; readonly count: number }

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<Act>('freeze', 'drain', 'restore', 'forget') },
  {
    weight: 3,
    arbitrary: fc.record({ from: fc.nat(MANY), count: fc.nat(MANY) }),
  },
)

/** Numbers and texts that look alike are different keys; some hash alike. */
const keyOf = (n: number): Key => (n % 3 === 0 ? n : `${n}`)
const hashOf = (key: Key): number => hashKey(key) & ~0xf0

function drained(pending: PendingKeys, table: KeyTable): Map<Key, number> {
  const found = new Map<Key, number>()
  for (const { segment, row, number } of pending.drain()) {
    const key = segment.values[row] as Key
    const entry = table.find(hashOf(key), key)
    if (entry < 0 || !pending.isNewest(table, entry, number)) continue
    // A hundred times as quick as `expect`, of which there would be millions.
    ok(!found.has(key), `${key} comes out twice`)
    equal(segment.hashes[row], hashOf(key))
    equal(segment.times[row], segment.positions[row]! + 1)
    equal(segment.splits[row], 7)
    found.set(key, segment.positions[row]!)
  }
  return found
}

function contents(segments: readonly HeldRecords[]): string {
  return JSON.stringify(segments)
}

test('each key comes out once, with its last record', () => {
  fc.assert(
    fc.property(fc.array(act, { minLength: 6, maxLength: 20, size: 'max' }), (acts) => {
      const table = new KeyTable(0, false)
      let pending = new PendingKeys()
      const snapshots: { readonly segments: readonly HeldRecords[]; readonly was: string }[] = []
      let expected = new Map<Key, number>()
      let position = 0
      for (const act of acts) {
        if (act === 'freeze' || act === 'restore') {
          const segments = pending.freeze()
          snapshots.push({ segments, was: contents(segments) })
          // In the place of the one before, over the same table, as after a recovery.
          const again = new PendingKeys()
          again.restore(segments)
          if (act === 'restore') pending = again
          else expect(drained(again, table)).toEqual(expected)
        } else if (act === 'drain') {
          expect(drained(pending, table)).toEqual(expected)
          expected = new Map()
        } else if (act === 'forget') {
          for (const key of [...expected.keys()].filter((_, i) => i % 2 === 0)) {
            table.remove(table.find(hashOf(key), key), 1)
            expected.delete(key)
          }
        } else {
          for (let i = 0; i < act.count; i++) {
            const key = keyOf((act.from + i) % MANY)
            const found = table.find(hashOf(key), key)
            const entry = found >= 0 ? found : table.insert(hashOf(key), key, {}, 1)
            expected.set(key, ++position)
            pending.add(table, entry, key, hashOf(key), position + 1, 7, position)
          }
        }
        if (expected.size > 0) expect(pending.empty).toBe(false)
        if (act === 'drain') expect(pending.empty).toBe(true)
      }
      for (const { segments, was } of snapshots) expect(contents(segments)).toBe(was)
    }),
    { numRuns: 15 },
  )
})

test('keys that change in every epoch have rows of a few epochs, and not of all since results were due', () => {
  const pending = new PendingKeys()
  const table = new KeyTable(0, false)
  let held = 0
  for (let epoch = 0; epoch < 20; epoch++) {
    for (let n = 0; n < MANY; n++) {
      const key = keyOf(n)
      const hash = hashOf(key)
      let entry = table.find(hash, key)
      if (entry < 0) entry = table.insert(hash, key, {}, 1)
      const position = epoch * MANY + n
      pending.add(table, entry, key, hash, position + 1, 7, position)
    }
    held = pending.freeze().reduce((rows, { values }) => rows + values.length, 0)
  }

  expect(held).toBeLessThanOrEqual(2 * MANY)
  const found = drained(pending, table)
  expect(found.size).toBe(MANY)
  for (let n = 0; n < MANY; n++) equal(found.get(keyOf(n)), 19 * MANY + n)
})

test('a row that is the last of its segment to count stays', () => {
  const pending = new PendingKeys()
  const table = new KeyTable(0, false)
  const add = (n: number, position: number): void => {
    const [key, hash] = [keyOf(n), hashOf(keyOf(n))]
    const found = table.find(hash, key)
    pending.add(table, found >= 0 ? found : table.insert(hash, key, {}, 1), key, hash, position + 1, 7, position)
  }
  for (let n = 0; n < MANY; n++) add(n, n)
  const [first] = pending.freeze()
  for (let n = 1; n < first!.values.length; n++) add(n, MANY + n)
  pending.freeze()
  pending.freeze()

  const found = drained(pending, table)
  expect(found.size).toBe(MANY)
  expect(found.get(keyOf(0))).toBe(0)
})

test('G3: of what was put back the last row of each key counts, also where keys hash alike', () => {
  const held = new HeldRecords()
  held.values.push('a', 'b', 'a', 1, '1', true, 1n)
  held.hashes.push(5, 5, 5, 5, 5, 6, 6)
  const pending = new PendingKeys()
  pending.restore([held, held.where((row) => row === 1)])
  const rows = [...pending.drain()].map(({ segment, row }) => [segment === held ? 0 : 1, segment.values[row]])
  expect(rows).toEqual([...['a', 1, '1', true, 1n].map((key) => [0, key]), [1, 'b']])
})
