/**
 * A chunk: some entries of one step and key group, as they lie in a pack.
 *
 *     chunk := version u8 · schema version varint · tombstones block · keys block · states block · times block
 *
 * A block is the column codec's (`base/codec`). The block of times is empty where the step keeps none.
 */
import type { ByteWriter } from '../base/bytes.ts'
import { ByteReader } from '../base/bytes.ts'
import { decodeValues, encodeValues } from '../base/codec/values.ts'
import type { Key } from '../base/hash.ts'

const VERSION = 1

export interface Chunk {
  readonly schemaVersion: number
  readonly removed: readonly Key[]
  readonly keys: readonly Key[]
  readonly states: readonly object[]
  /** Empty where the step that wrote it kept none. */
  readonly times: readonly number[]
}

export function encodeChunk(
  writer: ByteWriter,
  schemaVersion: number,
  removed: readonly Key[],
  keys: readonly Key[],
  states: readonly object[],
  times: readonly number[] | null,
): void {
  writer.u8(VERSION)
  writer.varint(schemaVersion)
  encodeValues(writer, removed, removed.length)
  encodeValues(writer, keys, keys.length)
  encodeValues(writer, states, states.length)
  encodeValues(writer, times ?? [], times?.length ?? 0)
}

/** Throws where the bytes are not a chunk; a checksum has vouched for them before. */
export function decodeChunk(bytes: Uint8Array): Chunk {
  const reader = new ByteReader(bytes)
  const version = reader.u8()
  if (version !== VERSION) throw reader.damaged(`a chunk of version ${version}`)
  const schemaVersion = reader.varint()
  const [removed, keys, states, times] = [[], [], [], []] as [Key[], Key[], object[], number[]]
  decodeValues(reader, removed)
  decodeValues(reader, keys)
  decodeValues(reader, states)
  decodeValues(reader, times)
  reader.finish()
  return { schemaVersion, removed, keys, states, times }
}
