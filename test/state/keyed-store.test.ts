/**
 * The keyed store against a plain model:
 * - every complete epoch's chunks, folded over the ones before, equal the state at that epoch's freeze, whatever is
 *   changed, forgotten and added while it is written in slices
 * - an abandoned epoch's changes stand in the next complete one
 * - what was restored is what was saved, also when key groups are decoded late
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashKey, type Key } from '../../src/base/hash.ts'
import type { Frozen } from '../../src/state/frozen.ts'
import { KeyedStore } from '../../src/state/keyed-store.ts'
import { Loading } from '../../src/state/loading.ts'

const KEY_GROUPS = 4
const options = { step: 's', keyGroups: KEY_GROUPS, shift: 30, timed: true, schemaVersion: 1 }

interface State {
  n: number
  seen: number[]
}

interface Chunk {
  readonly group: number
  readonly kind: 'delta' | 'full'
  readonly bytes: Uint8Array
}

/** What a runtime does with one record. */
function step(store: KeyedStore, key: Key, value: number, time: number): void {
  const hash = hashKey(key)
  const table = store.table(hash)
  let entry = table.find(hash, key)
  if (entry < 0) entry = store.insert(table, hash, key, { n: 0, seen: [] })
  else if (table.epoch(entry) !== store.epoch) store.touch(table, entry)
  const state = table.state(entry) as State
  state.n += value
  state.seen.push(value)
  table.times![entry] = Math.max(table.times![entry]!, time)
}

function forget(store: KeyedStore, key: Key): void {
  const hash = hashKey(key)
  const table = store.table(hash)
  const entry = table.find(hash, key)
  if (entry >= 0) store.remove(table, entry)
}

type Picture = Map<Key, { readonly state: State; readonly time: number }>

function picture(store: KeyedStore): Picture {
  const found: Picture = new Map()
  for (let group = 0; group < KEY_GROUPS; group++) {
    const table = store.tables[group] ?? store.open(group)
    for (let entry = 0; entry < table.top; entry++) {
      const key = table.key(entry)
      if (key === undefined) continue
      found.set(key, { state: structuredClone(table.state(entry) as State), time: table.times![entry]! })
    }
  }
  return found
}

function restored(chunks: readonly Chunk[]): Picture {
  const store = new KeyedStore(options)
  const loading = new Loading({ migrate: undefined })
  // As `resolve` gives them: a group's chunks from the last full one on.
  for (let group = 0; group < KEY_GROUPS; group++) {
    const own = chunks.filter((chunk) => chunk.group === group)
    const from = own.findLastIndex((chunk) => chunk.kind === 'full')
    for (const chunk of own.slice(Math.max(0, from))) loading.add(group, chunk.bytes)
  }
  store.restore(loading)
  return picture(store)
}

type Command =
  | { readonly kind: 'step'; readonly key: number; readonly value: number }
  | { readonly kind: 'forget'; readonly key: number }
  | { readonly kind: 'freeze'; readonly full: readonly number[] }
  | { readonly kind: 'slice' }
  | { readonly kind: 'finish'; readonly complete: boolean }

const key = fc.nat(11)
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('step' as const), key, value: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('forget' as const), key }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('freeze' as const), full: fc.subarray([0, 1, 2, 3]) }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'slice' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('finish' as const), complete: fc.boolean() }) },
)

test('every complete epoch holds the state at its freeze', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 80 }), (commands) => {
      const store = new KeyedStore(options)
      const durable: Chunk[] = []
      let frozen: Frozen | null = null
      let written: Chunk[] = []
      let expected: Picture = new Map()
      let time = 0
      const slice = () =>
        frozen!.write(
          () => false,
          (group, kind, bytes) => written.push({ group, kind, bytes }),
        )
      for (const c of commands) {
        time++
        // Numbers and texts are different keys, also where they read the same.
        if (c.kind === 'step') step(store, c.key % 2 === 0 ? c.key : `${c.key - 1}`, c.value, time)
        else if (c.kind === 'forget') forget(store, c.key % 2 === 0 ? c.key : `${c.key - 1}`)
        else if (c.kind === 'freeze' && frozen === null) {
          expected = picture(store)
          frozen = store.freeze(c.full)
          written = []
        } else if (c.kind === 'slice' && frozen !== null) slice()
        else if (c.kind === 'finish' && frozen !== null) {
          if (c.complete) {
            while (!slice()) {}
            store.complete()
            durable.push(...written)
            expect(restored(durable)).toEqual(expected)
          } else {
            store.abandon()
          }
          frozen = null
        }
      }
    }),
    { numRuns: 1500 },
  )
})

test('a freeze costs nothing per key', () => {
  const store = new KeyedStore(options)
  for (let i = 0; i < 20_000; i++) step(store, `key-${i}`, 1, 0)
  const frozen = store.freeze([])
  expect(store.dirty).toBe(0)
  let entries = 0
  let chunks = 0
  while (
    !frozen.write(
      () => false,
      () => chunks++,
    )
  )
    entries = frozen.entries
  expect(chunks).toBeGreaterThan(KEY_GROUPS)
  expect(entries).toBeLessThanOrEqual(20_000)
  expect(frozen.entries).toBe(20_000)
})
