/** Pending keys as they lie in a pack: a block of the column codec for each column, splits by name. */
import { ByteReader, type ByteWriter } from '../base/bytes.ts'
import { decodeValues, encodeValues } from '../base/codec/values.ts'
import type { Key } from '../base/hash.ts'
import { PendingSegment } from '../dataflow/pending-keys.ts'
import type { SplitTable } from './split-table.ts'

export function encodeSegment(writer: ByteWriter, segment: PendingSegment, splits: SplitTable): Uint8Array {
  const { keys, hashes, times, positions } = segment
  const names = segment.splits.map((split) => splits.nameOf(split))
  for (const column of [keys, hashes, times, names, positions]) encodeValues(writer, column, column.length)
  return writer.take()
}

export function decodeSegment(bytes: Uint8Array, splits: SplitTable): PendingSegment {
  const reader = new ByteReader(bytes)
  const segment = new PendingSegment()
  const names: string[] = []
  for (const column of [segment.keys as Key[], segment.hashes, segment.times, names, segment.positions]) {
    decodeValues(reader, column)
  }
  for (const name of names) segment.splits.push(splits.numberOf(name))
  return segment
}
