/**
 * Puts a key group's chunks together: the way back from bytes to a table, for restoring and for rolling back.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import { hashKey, type Key } from '../base/hash.ts'
import { ChunkReader } from './chunk.ts'
import type { KeyTable } from './key-table.ts'

/** What states of a step are restored as. */
export interface Schema {
  readonly step: string
  readonly version: number
  /** Makes a state of this version from one of version `from`. */
  readonly migrate?: ((state: unknown, from: number) => object) | undefined
}

/**
 * Takes `table` to what `chunks` say, in the order in which they were written (H1) and from the last full one on: as part of
 * the base (K4). What has changed in it since `base` goes back, what has not stays as it is; so a rollback is a restore
 * that finds most of it there, and every restore tests it.
 *
 * F1. The newest chunk comes first, and a key is taken from the first that speaks of it: what is older is passed over
 *     without being made.
 *
 * Throws `E_DAMAGED` for bytes that are no chunk, `E_STATE_NEWER`, `E_STATE_NO_MIGRATE` and `E_STATE_MIGRATE` where a state
 * of another version cannot become one of this version; the table then holds a part and must not be used.
 *
 * Answers how many entries the chunks hold.
 */
export function foldChunks(table: KeyTable, chunks: readonly Uint8Array[], schema: Schema, base = 0): number {
  const removed = new Set<Key>()
  const readers = chunks.map((bytes) => new ChunkReader(bytes)).reverse()
  if (table.top === 0) table.reserve(Math.max(0, ...readers.map(({ keys }) => keys.length)))
  let entries = 0
  for (const chunk of readers) {
    entries += chunk.keys.length
    foldEntries(table, chunk, schema, base, removed)
    for (const key of chunk.removed) removed.add(key)
  }
  table.settle(base)
  return entries
}

function foldEntries(
  table: KeyTable,
  chunk: ChunkReader,
  schema: Schema,
  base: number,
  removed: ReadonlySet<Key>,
): void {
  const { keys, times } = chunk
  let states: object[] | null = null
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    const hash = hashKey(key)
    let entry = table.find(hash, key)
    if (entry >= 0 && table.epoch(entry) <= base) continue
    if (removed.size > 0 && removed.has(key)) continue
    states ??= chunk.states()
    const state = migrated(states[i]!, chunk.schemaVersion, key, schema)
    if (entry < 0) entry = table.insert(hash, key, state, 0)
    else table.restore(entry, state)
    // A step that had no TTL when the chunk was written: the sweeper begins its time.
    if (table.times !== null) table.times[entry] = times[i] ?? Number.NEGATIVE_INFINITY
  }
}

function migrated(state: object, from: number, key: Key, schema: Schema): object {
  const { step, version, migrate } = schema
  if (from === version) return state
  if (from > version) throw fail('E_STATE_NEWER', { step, from, version })
  if (migrate === undefined) throw fail('E_STATE_NO_MIGRATE', { step, from, version })
  let made: unknown
  try {
    made = migrate(state, from)
  } catch (error) {
    throw failedMigration(step, from, key, error instanceof Error ? error.message : String(error), error)
  }
  if (typeof made !== 'object' || made === null) throw failedMigration(step, from, key, 'it did not return an object')
  return made
}

function failedMigration(step: string, from: number, key: Key, reason: string, cause?: unknown): PotorooError {
  return fail('E_STATE_MIGRATE', { step, from, key: String(key), reason }, cause)
}
