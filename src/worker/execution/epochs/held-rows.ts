/**
 * What tasks hold, as it lies in a pack: a block of the column codec for each column, splits by name. What is written
 * is held still (`split-table.ts`, X2).
 */
import { ByteReader, type ByteWriter } from '../../../base/bytes.ts'
import { FORMAT_EXACT } from '../../../base/codec/format.ts'
import { decodeValues, encodeValues } from '../../../base/codec/values.ts'
import { PotorooError } from '../../../base/errors.ts'
import { HeldRecords } from '../../../dataflow/held-records.ts'
import type { SplitTable } from '../sources/split-table.ts'

/**
 * Writes `held` as one part, or as several in its order where it is too large for one. Throws `E_VALUE`, and
 * `E_BLOCK_TOO_LONG` for a record that is too large by itself. `formatMax`: the newest format of values that all who
 * may read it know.
 */
export function writeHeld(
  writer: ByteWriter,
  held: HeldRecords,
  splits: SplitTable,
  emit: (bytes: Uint8Array) => void,
  formatMax = FORMAT_EXACT,
): void {
  const { values, hashes, ordinals, times, positions } = held
  const names = held.splits.map((split) => splits.keep(split))
  try {
    for (const column of [values, hashes, ordinals, times, names, positions])
      encodeValues(writer, column, column.length, formatMax)
  } catch (error) {
    writer.clear()
    const half = values.length >> 1
    if (half === 0 || !(error instanceof PotorooError) || error.code !== 'E_BLOCK_TOO_LONG') throw error
    writeHeld(
      writer,
      held.where((row) => row < half),
      splits,
      emit,
      formatMax,
    )
    writeHeld(
      writer,
      held.where((row) => row >= half),
      splits,
      emit,
      formatMax,
    )
    return
  }
  emit(writer.take())
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
