/** What tasks hold, as it lies in a pack: a block of the column codec for each column, splits by name. */
import { ByteReader, type ByteWriter } from '../../base/bytes.ts'
import { decodeValues, encodeValues } from '../../base/codec/values.ts'
import { HeldRecords } from '../../dataflow/held-records.ts'
import type { SplitTable } from './split-table.ts'

export function encodeHeld(writer: ByteWriter, held: HeldRecords, splits: SplitTable): Uint8Array {
  const { values, hashes, ordinals, times, positions } = held
  const names = held.splits.map((split) => splits.nameOf(split))
  for (const column of [values, hashes, ordinals, times, names, positions]) encodeValues(writer, column, column.length)
  return writer.take()
}

export function decodeHeld(bytes: Uint8Array, splits: SplitTable): HeldRecords {
  const reader = new ByteReader(bytes)
  const held = new HeldRecords()
  const names: string[] = []
  for (const column of [held.values, held.hashes, held.ordinals, held.times, names, held.positions])
    decodeValues(reader, column)
  for (const name of names) held.splits.push(splits.numberOf(name))
  return held
}
