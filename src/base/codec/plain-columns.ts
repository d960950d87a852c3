/** Writes columns whose values have been gathered already. */
import type { ByteWriter } from '../bytes.ts'
import { DOUBLES, INTS8, INTS16, INTS32, LATIN1, UTF16 } from './format.ts'
import type { Words } from './generate.ts'
import { isLatin1, writeLatin1, writeUtf16 } from './text.ts'

/** All bits that the numbers use besides their sign. */
export function bitsOf(store: Int32Array, count: number): number {
  let bits = 0
  for (let i = 0; i < count; i++) bits |= store[i]! ^ (store[i]! >> 31)
  return bits
}

/** Writes an ints column of the least width that holds numbers of these `bits`. */
export function writeInts(writer: ByteWriter, store: Int32Array, count: number, bits: number): void {
  const width = bits < 0x80 ? 1 : bits < 0x8000 ? 2 : 4
  const at = writer.reserve(1 + width * count)
  const { buffer, view } = writer
  buffer[at] = width === 1 ? INTS8 : width === 2 ? INTS16 : INTS32
  if (width === 1) for (let i = 0; i < count; i++) buffer[at + 1 + i] = store[i]!
  else if (width === 2) for (let i = 0; i < count; i++) view.setInt16(at + 1 + 2 * i, store[i]!, true)
  else buffer.set(new Uint8Array(store.buffer, 0, 4 * count), at + 1)
  writer.at = at + 1 + width * count
}

export function writeDoubles(writer: ByteWriter, store: Float64Array, count: number): void {
  const at = writer.reserve(1 + 8 * count)
  writer.buffer[at] = DOUBLES
  writer.buffer.set(new Uint8Array(store.buffer, 0, 8 * count), at + 1)
  writer.at = at + 1 + 8 * count
}

/** Writes a text column: `text` is all its texts joined, `lengths` says where to cut. */
export function writeTexts(writer: ByteWriter, lengths: Int32Array, count: number, bits: number, text: string): void {
  const latin1 = isLatin1(text)
  writer.u8(latin1 ? LATIN1 : UTF16)
  writeInts(writer, lengths, count, bits)
  if (latin1) writeLatin1(writer, text)
  else writeUtf16(writer, text)
}

/** Writes a text column whose units have been gathered: the same bytes as `writeTexts`. */
export function writeWords(writer: ByteWriter, { lengths, units, used }: Words, count: number, bits: number): void {
  writer.u8(LATIN1)
  writeInts(writer, lengths, count, bits)
  writer.bytes(units.subarray(0, used))
}
