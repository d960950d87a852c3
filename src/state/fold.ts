/**
 * Puts a key group's chunks together: the way back from bytes to a table, for restoring and for rolling back.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import { hashKey, type Key } from '../base/hash.ts'
import { atOnce } from '../base/promise.ts'
import { reasonOf } from '../base/reason.ts'
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
 * Takes `table` to what `chunks` say, in the order in which they were written (`chunk.ts`, H1) and from the last full
 * one on: as part of the base (`key-table.ts`, K4). What has changed in it since `base` goes back, what has not stays
 * as it is; so a rollback is a restore that finds most of it there, and every restore tests it.
 *
 * F1. The newest chunk comes first, and a key is taken from the first that speaks of it: what is older is passed over,
 *     its state not made.
 *
 * Throws `E_DAMAGED` for bytes that are no chunk, `E_STATE_NEWER`, `E_STATE_NO_MIGRATE` and `E_STATE_MIGRATE` where a
 * state of another version cannot become one of this version; the table then holds a part and must not be used.
 *
 * Answers how many entries the chunks hold.
 */
export function foldChunks(table: KeyTable, chunks: readonly Uint8Array[], schema: Schema, base = 0): number {
  const fold = new Fold(table, chunks, schema, base)
  while (fold.next());
  return fold.entries
}

/** The same, a chunk at a time. */
export class Fold {
  readonly table: KeyTable
  /** How many the chunks hold that have been taken. */
  entries = 0
  private readonly schema: Schema
  private readonly base: number
  /** Those that are still to be taken; the newest comes last. */
  private readonly chunks: ChunkReader[]
  private readonly removed = new Set<Key>()

  constructor(table: KeyTable, chunks: readonly Uint8Array[], schema: Schema, base = 0) {
    this.table = table
    this.schema = schema
    this.base = base
    this.chunks = chunks.map((bytes) => new ChunkReader(bytes))
    if (table.top === 0) table.reserve(Math.max(0, ...this.chunks.map(({ keys }) => keys.length)))
  }

  /** Takes another chunk; false once there is none, and `table` is what they say. */
  next(): boolean {
    const { table, schema, base, removed } = this
    const chunk = this.chunks.pop()
    if (chunk === undefined) {
      table.settle(base)
      return false
    }
    this.entries += chunk.keys.length
    foldEntries(table, chunk, schema, base, removed)
    for (const key of chunk.removed) removed.add(key)
    return true
  }
}

/**
 * Takes `table`, which is as some chunks left it and has not changed since, to what it is with `bytes`, the chunk that
 * was written next (`chunk.ts`, H1). Throws what `foldChunks` throws, and answers how many entries the chunk holds.
 */
export function foldOnto(table: KeyTable, bytes: Uint8Array, schema: Schema): number {
  const chunk = new ChunkReader(bytes)
  const { keys, removed, schemaVersion } = chunk
  for (const key of removed) {
    const entry = table.find(hashKey(key), key)
    if (entry >= 0) table.erase(entry)
  }
  const states = chunk.states()
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    const hash = hashKey(key)
    put(table, table.find(hash, key), hash, chunk, i, migrated(states[i]!, schemaVersion, key, schema))
  }
  return keys.length
}

function foldEntries(
  table: KeyTable,
  chunk: ChunkReader,
  schema: Schema,
  base: number,
  removed: ReadonlySet<Key>,
): void {
  const { keys } = chunk
  const { length } = keys
  if (length > picks.wanted.length) picks = makePicks(2 * length)
  const { wanted, entries, hashes } = picks
  let count = 0
  for (let i = 0; i < length; i++) {
    const key = keys[i]!
    const hash = hashKey(key)
    const entry = table.find(hash, key)
    const isLeft = (entry >= 0 && table.epoch(entry) <= base) || (removed.size > 0 && removed.has(key))
    wanted[i] = isLeft ? 0 : 1
    entries[i] = entry
    hashes[i] = hash
    count += wanted[i]!
  }
  if (count === 0) return
  const states = chunk.states(count === length ? null : wanted)
  for (let i = 0; i < length; i++) {
    if (wanted[i] === 0) continue
    const state = migrated(states[i]!, chunk.schemaVersion, keys[i]!, schema)
    put(table, entries[i]!, hashes[i]!, chunk, i, state)
  }
}

/** What is wanted of a chunk, and where its keys are in the table, by their places in the chunk. */
interface Picks {
  readonly wanted: Uint8Array
  readonly entries: Int32Array
  readonly hashes: Int32Array
}

function makePicks(keys: number): Picks {
  return { wanted: new Uint8Array(keys), entries: new Int32Array(keys), hashes: new Int32Array(keys) }
}

/** Of the chunk that is being taken: filled again for the next one. */
let picks = makePicks(1024)

/** `state` is what key number `i` of `chunk` has in the base; `entry`: where it is in the table, -1 where it is not. */
function put(
  table: KeyTable,
  entry: number,
  hash: number,
  { keys, times }: ChunkReader,
  i: number,
  state: object,
): void {
  let at = entry
  if (at < 0) at = table.insert(hash, keys[i]!, state, 0)
  else table.restore(at, state)
  // A step that had no TTL when the chunk was written: the sweeper begins its time.
  if (table.times !== null) table.times[at] = times[i] ?? Number.NEGATIVE_INFINITY
}

function migrated(state: object, from: number, key: Key, schema: Schema): object {
  const { step, version, migrate } = schema
  if (from === version) return state
  if (from > version) throw fail('E_STATE_NEWER', { step, from, version })
  if (migrate === undefined) throw fail('E_STATE_NO_MIGRATE', { step, from, version })
  let made: unknown
  try {
    made = atOnce(migrate(state, from))
  } catch (error) {
    throw failedMigration(step, from, key, reasonOf(error), error)
  }
  if (typeof made !== 'object' || made === null) throw failedMigration(step, from, key, 'it did not return an object')
  return made
}

function failedMigration(step: string, from: number, key: Key, reason: string, cause?: unknown): PotorooError {
  return fail('E_STATE_MIGRATE', { step, from, key: String(key), reason }, cause)
}
