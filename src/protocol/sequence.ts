/**
 * Columns of numbers that rise slowly or stand still: splits, times, positions, ordinals of a batch.
 *
 *     sequence := kind u8 · first f64 · 0: nothing, all are the same · 1, 2, 4: differences as signed integers of that
 *                 many bytes, each to the number before · 8: the other numbers as f64
 *
 * E1. What is read equals what was written, bit for bit where it is no NaN.
 * E2. All sequences are arrays of one type: code that meets two of them is slower for both.
 */
import type { ByteReader, ByteWriter } from '../base/bytes.ts'

const SAME = 0
const WIDE = 8

/** Writes `numbers[0, count)`; nothing at all when `count` is 0. */
export function writeSequence(writer: ByteWriter, numbers: Float64Array, count: number): void {
  if (count === 0) return
  const width = widthOf(numbers, count)
  writer.u8(width)
  writer.f64(numbers[0]!)
  let at = writer.reserve(width * (count - 1))
  const { buffer, view } = writer
  if (width === 1) for (let i = 1; i < count; i++, at += 1) buffer[at] = numbers[i]! - numbers[i - 1]!
  else if (width === 2) for (let i = 1; i < count; i++, at += 2) view.setInt16(at, numbers[i]! - numbers[i - 1]!, true)
  else if (width === 4) for (let i = 1; i < count; i++, at += 4) view.setInt32(at, numbers[i]! - numbers[i - 1]!, true)
  else if (width === WIDE) for (let i = 1; i < count; i++, at += 8) view.setFloat64(at, numbers[i]!, true)
  writer.at = at
}

/** The least width from which each number can be had again. */
function widthOf(numbers: Float64Array, count: number): number {
  if (areSame(numbers, count)) return SAME
  let bits = 0
  let before = numbers[0]!
  for (let i = 1; i < count; i++) {
    const number = numbers[i]!
    const step = (number - before) | 0
    // No sum of differences is a zero with a sign.
    if (before + step !== number || (number === 0 && 1 / number < 0)) return WIDE
    bits |= step ^ (step >> 31)
    before = number
  }
  return bits < 0x80 ? 1 : bits < 0x8000 ? 2 : 4
}

/** Nearly always so for three of a batch's four sequences: a look of its own costs a quarter of finding the width. */
function areSame(numbers: Float64Array, count: number): boolean {
  const first = numbers[0]!
  for (let i = 1; i < count; i++) if (numbers[i] !== first) return false
  if (first !== 0) return true
  for (let i = 1; i < count; i++) if (1 / numbers[i]! !== 1 / first) return false
  return true
}

/** Reads `count` numbers into `into`, which has room for them. */
export function readSequence(reader: ByteReader, count: number, into: Float64Array): void {
  if (count === 0) return
  const width = reader.u8()
  if (width > 4 ? width !== WIDE : width === 3) throw reader.damaged(`${width} is no kind of sequence`)
  let number = reader.f64()
  let at = reader.advance(width * (count - 1))
  const { buffer, view } = reader
  into[0] = number
  if (width === SAME) into.fill(number, 1, count)
  else if (width === 1) for (let i = 1; i < count; i++, at += 1) into[i] = number += (buffer[at]! << 24) >> 24
  else if (width === 2) for (let i = 1; i < count; i++, at += 2) into[i] = number += view.getInt16(at, true)
  else if (width === 4) for (let i = 1; i < count; i++, at += 4) into[i] = number += view.getInt32(at, true)
  else for (let i = 1; i < count; i++, at += 8) into[i] = view.getFloat64(at, true)
}
