/**
 * The keys whose newest result is still to be emitted:
 * - each comes out once, with the record that changed it last, however snapshots and emissions fall (G2)
 * - what a snapshot holds does not change any more (G1), and put back it is the same
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashKey, type Key } from '../../src/base/hash.ts'
import type { HeldRecords } from '../../src/dataflow/held-records.ts'
import { PendingKeys } from '../../src/dataflow/pending-keys.ts'

/** More keys than one segment has. */
const MANY = 10_000

type Act = 'freeze' | 'drain' | { readonly from: number; readonly count: number }

const act: fc.Arbitrary<Act> = fc.oneof(fc.constantFrom<Act>('freeze', 'drain'), {
  weight: 3,
  arbitrary: fc.record({ from: fc.nat(MANY), count: fc.nat(MANY) }),
})

/** Numbers and texts that look alike are different keys; some hash alike. */
const keyOf = (n: number): Key => (n % 3 === 0 ? n : `${n}`)
const hashOf = (key: Key): number => hashKey(key) & ~0xf0

function drained(pending: PendingKeys): Map<Key, number> {
  const found = new Map<Key, number>()
  for (const { segment, row } of pending.drain()) {
    const key = segment.values[row] as Key
    expect(found.has(key)).toBe(false)
    expect(segment.hashes[row]).toBe(hashOf(key))
    expect([segment.times[row], segment.splits[row]]).toEqual([segment.positions[row]! + 1, 7])
    found.set(key, segment.positions[row]!)
  }
  return found
}

function contents(segments: readonly HeldRecords[]): string {
  return JSON.stringify(segments)
}

test('each key comes out once, with its last record', () => {
  fc.assert(
    fc.property(fc.array(act, { minLength: 4, maxLength: 10 }), (acts) => {
      const pending = new PendingKeys()
      const snapshots: { readonly segments: readonly HeldRecords[]; readonly was: string }[] = []
      let expected = new Map<Key, number>()
      let position = 0
      for (const act of acts) {
        if (act === 'freeze') {
          const segments = pending.freeze()
          snapshots.push({ segments, was: contents(segments) })
          const again = new PendingKeys()
          again.restore(segments)
          expect(drained(again)).toEqual(expected)
        } else if (act === 'drain') {
          expect(drained(pending)).toEqual(expected)
          expected = new Map()
        } else {
          for (let i = 0; i < act.count; i++) {
            const key = keyOf((act.from + i) % MANY)
            expected.set(key, ++position)
            pending.add(key, hashOf(key), position + 1, 7, position)
          }
        }
        expect(pending.empty).toBe(expected.size === 0)
      }
      for (const { segments, was } of snapshots) expect(contents(segments)).toBe(was)
    }),
    { numRuns: 10 },
  )
})
