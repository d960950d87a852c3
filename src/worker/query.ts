/**
 * Looks into the state of a keyed step. Answers are `live`: what they show may be rolled back to the last complete epoch
 * if the worker fails now (PROTOCOLS 16).
 */
import { hashKey, type Key } from '../base/hash.ts'
import type { KeyedStore } from '../state/keyed-store.ts'

export interface KeyState {
  readonly key: Key
  readonly keyGroup: number
  readonly state: object
}

/** The state of `key`, or `null` where the step has none. */
export function lookUp(store: KeyedStore, key: Key): KeyState | null {
  const hash = hashKey(key)
  const table = store.table(hash)
  const entry = table.find(hash, key)
  return entry < 0 ? null : { key, keyGroup: table.group, state: table.states[entry]! }
}

/** The keys that `text` may mean: the text itself, and the number, bigint or boolean that it is written like. */
export function keysOf(text: string): readonly Key[] {
  const keys: Key[] = [text]
  if (text.trim() !== '' && !Number.isNaN(Number(text))) keys.push(Number(text))
  if (/^-?\d+n$/.test(text)) keys.push(BigInt(text.slice(0, -1)))
  if (text === 'true' || text === 'false') keys.push(text === 'true')
  return keys
}

export interface KeyPage {
  readonly keys: readonly KeyState[]
  /** Where to go on, `null` at the end. Keys that come and go meanwhile may be missed or not. */
  readonly next: string | null
}

/** Up to `limit` keys in the order of their key groups, from `cursor` on, where an earlier page ended. */
export function listKeys(store: KeyedStore, limit: number, cursor: string | null): KeyPage {
  const [group = 0, first = 0] = (cursor ?? '').split('.').map(Number)
  const keys: KeyState[] = []
  let entry = first
  for (let g = group; g < store.tables.length; g++, entry = 0) {
    const table = store.tables[g] ?? store.open(g)
    for (; entry < table.top; entry++) {
      const key = table.keys[entry]
      if (key === undefined) continue
      if (keys.length === limit) return { keys, next: `${g}.${entry}` }
      keys.push({ key, keyGroup: g, state: table.states[entry]! })
    }
  }
  return { keys, next: null }
}
