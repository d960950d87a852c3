/**
 * Looks into the state of a keyed step as it is now. Answers are `live`: what they show may be rolled back to the last
 * complete epoch if the worker fails now (PROTOCOLS 16); `committed.ts` shows that epoch.
 */
import { fail } from '../../base/errors.ts'
import { hashKey, type Key } from '../../base/hash.ts'
import type { Plan } from '../../model/plan.ts'
import type { KeyedStore } from '../../state/keyed-store.ts'

export interface KeyState {
  readonly key: Key
  readonly keyGroup: number
  readonly state: object
}

/** Throws `E_NO_STEP` where the plan has no keyed step of that name. */
export function requireKeyed({ pipeline, tasks }: Plan, step: string): void {
  const keyed = tasks.filter(({ kind }) => kind === 'keyed').map((task) => task.step)
  if (keyed.includes(step)) return
  throw fail('E_NO_STEP', { pipeline, role: 'step with state', step, known: `it has ${keyed.join(', ') || 'none'}` })
}

/** The state of `key`, or `null` where the step has none. */
export function lookUp(store: KeyedStore, key: Key): KeyState | null {
  const hash = hashKey(key)
  const table = store.table(hash)
  const entry = table.find(hash, key)
  return entry < 0 ? null : { key, keyGroup: table.group, state: table.state(entry) }
}

/** The state of the first of `keys` that the step has, or `null`. */
export function lookUpAny(store: KeyedStore, keys: readonly Key[]): KeyState | null {
  for (const key of keys) {
    const found = lookUp(store, key)
    if (found !== null) return found
  }
  return null
}

/** The keys that `text` may mean: the text itself, and the number, bigint or boolean that it is written like. */
export function keysOf(text: string): readonly Key[] {
  const keys: Key[] = [text]
  if (text.trim() !== '' && !Number.isNaN(Number(text))) keys.push(Number(text))
  if (/^-?\d+n$/.test(text)) keys.push(BigInt(text.slice(0, -1)))
  if (text === 'true' || text === 'false') keys.push(text === 'true')
  return keys
}

/** Bytes of JSON in a page, about: it is made in one go, which for large states would hold up the loop. */
export const PAGE_BYTES: number = 1 << 20

/** What still goes into a page: `limit` keys, or fewer where they take more than `PAGE_BYTES`, of each its `sizeOf`. */
export class PageRoom {
  private keys: number
  private bytes = PAGE_BYTES
  private readonly sizeOf: (key: KeyState) => number

  constructor(limit: number, sizeOf: (key: KeyState) => number = () => 0) {
    this.keys = limit
    this.sizeOf = sizeOf
  }

  get isFull(): boolean {
    return this.keys <= 0 || this.bytes <= 0
  }

  take(key: KeyState): void {
    this.keys--
    this.bytes -= this.sizeOf(key)
  }
}

export interface KeyPage {
  readonly keys: readonly KeyState[]
  /** Where to go on, `null` at the end. Keys that come and go meanwhile may be missed or not. */
  readonly next: string | null
}

/** The key group at which `cursor` goes on. */
export function groupOf(cursor: string | null): number {
  return placeOf(cursor).group
}

function placeOf(cursor: string | null): { readonly group: number; readonly entry: number } {
  const [group = 0, entry = 0] = (cursor ?? '').split('.').map(Number)
  return { group, entry }
}

/** Keys of `groups`, which rise, as far as there is `room`, from `cursor` on, where an earlier page ended. */
export function listKeys(
  store: KeyedStore,
  room: PageRoom,
  cursor: string | null,
  groups: Iterable<number> = store.tables.keys(),
): KeyPage {
  const from = placeOf(cursor)
  const keys: KeyState[] = []
  for (const group of groups) {
    if (group < from.group) continue
    const table = store.tables[group] ?? store.open(group)
    for (let entry = group === from.group ? from.entry : 0; entry < table.top; entry++) {
      const key = table.key(entry)
      if (key === undefined) continue
      if (room.isFull) return { keys, next: `${group}.${entry}` }
      const found = { key, keyGroup: group, state: table.state(entry) }
      room.take(found)
      keys.push(found)
    }
  }
  return { keys, next: null }
}
