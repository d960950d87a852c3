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
 * Applies `chunks`, in the order in which they were written (H1) and from the last full one on, to `table`, as part of the
 * base (K4). With `wanted`, only to those keys: a rollback is a restore with a filter, so every restore tests it.
 *
 * Throws `E_DAMAGED` for bytes that are no chunk, `E_STATE_NEWER`, `E_STATE_NO_MIGRATE` and `E_STATE_MIGRATE` where a state
 * of another version cannot become one of this version; the table then holds a part and must not be used.
 *
 * Answers how many entries the chunks hold.
 */
export function foldChunks(
  table: KeyTable,
  chunks: readonly Uint8Array[],
  schema: Schema,
  wanted: ReadonlySet<Key> | null = null,
): number {
  let entries = 0
  for (const bytes of chunks) {
    const chunk = new ChunkReader(bytes)
    entries += chunk.keys.length
    for (const key of chunk.removed) {
      const entry = table.size === 0 || (wanted !== null && !wanted.has(key)) ? -1 : table.find(hashKey(key), key)
      if (entry >= 0) table.erase(entry)
    }
    if (wanted === null || chunk.keys.some((key) => wanted.has(key))) foldEntries(table, chunk, schema, wanted)
  }
  return entries
}

function foldEntries(table: KeyTable, chunk: ChunkReader, schema: Schema, wanted: ReadonlySet<Key> | null): void {
  const { keys, times } = chunk
  const states = chunk.states()
  if (table.top === 0 && wanted === null) table.reserve(keys.length)
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    if (wanted !== null && !wanted.has(key)) continue
    const state = migrated(states[i]!, chunk.schemaVersion, key, schema)
    const hash = hashKey(key)
    let entry = table.find(hash, key)
    if (entry < 0) entry = table.insert(hash, key, state, 0)
    else table.replace(entry, state)
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
