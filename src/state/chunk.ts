/**
 * A chunk: entries of one step and key group, as they stand in a checkpoint.
 *
 *     chunk := format u8 · schema version varint · removed keys block · keys block · times block · states block
 *
 * A block is the codec's (`base/codec`), and the chunk's format is that of the states' block: so who knows only the
 * first one reads every chunk without holes and without objects that have no prototype. The times' block is empty where
 * the step has no TTL.
 *
 * H1. Chunks of one key group apply in the order in which they were written, and within a chunk the removed keys come
 *     before the entries: a key that was removed and came back stands in both.
 * H2. What is damaged or from another program throws `E_DAMAGED`, never becomes state; what a newer release has written
 *     throws `E_STORE_VERSION`. A checksum has vouched for the bytes before, so this is the second look.
 * H3. The states come last: a reader that wants none of a chunk's keys stops before them.
 */
import { ByteReader, type ByteWriter } from '../base/bytes.ts'
import { FORMAT_EXACT, FORMAT_PLAIN } from '../base/codec/format.ts'
import { decodeValues, encodeValues } from '../base/codec/values.ts'
import { fail } from '../base/errors.ts'
import type { Key } from '../base/hash.ts'

/** How chunks of a key group follow each other: `full` replaces what came before, `delta` adds to it. */
export type ChunkKind = 'full' | 'delta'

/** Columns of entries: `keys[i]` has `states[i]` and, where the step has a TTL, `times[i]`. */
export class Rows {
  readonly keys: Key[] = []
  readonly states: object[] = []
  readonly times: number[] = []

  clear(): void {
    this.keys.length = 0
    this.states.length = 0
    this.times.length = 0
  }
}

/**
 * Writes a chunk. `formatMax`: the newest format that all who may read it know. Throws `E_VALUE` for a state that
 * cannot be written and `E_BLOCK_TOO_LONG`; the writer then holds a part of a chunk.
 */
export function encodeChunk(
  writer: ByteWriter,
  schemaVersion: number,
  removed: readonly Key[],
  rows: Rows,
  formatMax = FORMAT_EXACT,
): void {
  const start = writer.length
  writer.u8(FORMAT_PLAIN)
  writer.varint(schemaVersion)
  encodeValues(writer, removed, removed.length)
  encodeValues(writer, rows.keys, rows.keys.length)
  encodeValues(writer, rows.times, rows.times.length)
  const format = encodeValues(writer, rows.states, rows.states.length, formatMax)
  writer.peek()[start] = format
}

/** The version of the schema that the states in a chunk have. */
export function schemaOf(chunk: Uint8Array): number {
  return readHead(new ByteReader(chunk))
}

function readHead(reader: ByteReader): number {
  const format = reader.u8()
  if (format > FORMAT_EXACT) throw fail('E_STORE_VERSION', { path: 'a chunk', version: format, known: FORMAT_EXACT })
  if (format < FORMAT_PLAIN) throw reader.damaged(`a chunk of format ${format}`)
  return reader.varint()
}

/** A chunk that is being read: the keys at once, the states when they are asked for (H3). */
export class ChunkReader {
  readonly schemaVersion: number
  readonly removed: Key[] = []
  readonly keys: Key[] = []
  /** Empty where the step had no TTL when the chunk was written. */
  readonly times: number[] = []
  private readonly reader: ByteReader

  constructor(bytes: Uint8Array) {
    const reader = new ByteReader(bytes)
    this.reader = reader
    this.schemaVersion = readHead(reader)
    decodeValues(reader, this.removed)
    decodeValues(reader, this.keys)
    decodeValues(reader, this.times)
    if (this.times.length !== 0 && this.times.length !== this.keys.length) throw reader.damaged('times without keys')
    if (!this.removed.every(isKey) || !this.keys.every(isKey)) throw reader.damaged('a key that is none')
    if (!this.times.every((time) => typeof time === 'number')) throw reader.damaged('a time that is none')
  }

  /** The states in the order of the keys, or those of the keys that are `wanted`, by their places. Call once. */
  states(wanted: Uint8Array | null = null): object[] {
    // Of its length from the start: one that grows with its items is copied a dozen times.
    const states = new Array<object>(this.keys.length)
    const count = decodeValues(this.reader, states, wanted)
    this.reader.finish()
    if (count !== this.keys.length) throw this.reader.damaged('states without keys')
    for (let i = 0; i < count; i++) {
      if (wanted !== null && wanted[i] === 0) continue
      const state: unknown = states[i]
      if (typeof state !== 'object' || state === null) throw this.reader.damaged('a state that is none')
    }
    return states
  }
}

function isKey(value: unknown): value is Key {
  return (
    typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
  )
}
