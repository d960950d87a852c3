/**
 * Columns of numbers that rise slowly or stand still: splits, times, positions, ordinals of a batch.
 *
 *     sequence := kind u8 · first f64 · what the kind says
 *
 * | kind | what follows |
 * |---|---|
 * | 0 | nothing: all are the same |
 * | 1, 2, 4 | differences as signed integers of that many bytes, each to the number before |
 * | 3 | count u8 · for each run of equal numbers behind the first: where it begins, varint · its number, f64 |
 * | 8 | the other numbers as f64 |
 *
 * E1. What is read equals what was written, bit for bit where it is no NaN.
 * E2. All sequences are arrays of one type: code that meets two of them is slower for both.
 */
import type { ByteReader, ByteWriter } from '../base/bytes.ts'

const SAME = 0
const RUNS = 3
const WIDE = 8

/** Most runs behind the first. */
const RUNS_MAX = 16
/** What a run takes at most in a batch of usual size; a difference takes a byte at least. */
const RUN_BYTES = 10
/** The upper half of a zero with a sign. */
const SIGN = -0x80000000
/** Where runs begin, within one call. */
const starts = new Int32Array(RUNS_MAX)

/** Writes `numbers[0, count)`; nothing at all when `count` is 0. */
export function writeSequence(writer: ByteWriter, numbers: Float64Array, count: number): void {
  if (count === 0) return
  const most = Math.min(RUNS_MAX, Math.floor((count - 2) / RUN_BYTES))
  const runs = runsOf(numbers, count, most)
  if (runs < 0) writeSteps(writer, numbers, count)
  else writeRuns(writer, numbers, runs)
}

/**
 * How many runs there are behind the first, whose places are `starts`; -1 for more than `most`. Of a batch's sequences
 * three nearly always have few: records of one split stand together, and so do those of one time.
 */
function runsOf(numbers: Float64Array, count: number, most: number): number {
  let runs = 0
  let number = numbers[0]!
  let zero = number === 0
  for (let i = 1; i < count; i++) {
    if (numbers[i] === number) continue
    if (runs >= most) return -1
    number = numbers[i]!
    if (number === 0) zero = true
    starts[runs++] = i
  }
  return zero && hasNegativeZero(numbers, count) ? -1 : runs
}

/** Zeros of both signs are equal, and no run. By the bits: a division for each would take as long as all the rest. */
function hasNegativeZero(numbers: Float64Array, count: number): boolean {
  const words = new Int32Array(numbers.buffer, numbers.byteOffset, 2 * count)
  for (let i = 0; i < 2 * count; i += 2) if (words[i + 1] === SIGN && words[i] === 0) return true
  return false
}

function writeRuns(writer: ByteWriter, numbers: Float64Array, runs: number): void {
  writer.u8(runs === 0 ? SAME : RUNS)
  writer.f64(numbers[0]!)
  if (runs === 0) return
  writer.u8(runs)
  for (let run = 0; run < runs; run++) {
    writer.varint(starts[run]!)
    writer.f64(numbers[starts[run]!]!)
  }
}

function writeSteps(writer: ByteWriter, numbers: Float64Array, count: number): void {
  const begin = writer.reserve(9 + count - 1)
  const { buffer } = writer
  let at = begin + 9
  let bits = 0
  let before = numbers[0]!
  // Nearly always a byte for each will do, so they are written while that is found out.
  for (let i = 1; i < count; i++) {
    const number = numbers[i]!
    const step = (number - before) | 0
    // No sum of differences is a zero with a sign.
    if (before + step !== number || (number === 0 && 1 / number < 0)) {
      bits = -1
      break
    }
    bits |= step ^ (step >> 31)
    buffer[at++] = step
    before = number
  }
  const width = bits < 0 ? WIDE : bits < 0x80 ? 1 : bits < 0x8000 ? 2 : 4
  writer.u8(width)
  writer.f64(numbers[0]!)
  if (width === 1) writer.at = at
  else writeWide(writer, numbers, count, width)
}

function writeWide(writer: ByteWriter, numbers: Float64Array, count: number, width: number): void {
  let at = writer.reserve(width * (count - 1))
  const { view } = writer
  if (width === 2) for (let i = 1; i < count; i++, at += 2) view.setInt16(at, numbers[i]! - numbers[i - 1]!, true)
  else if (width === 4) for (let i = 1; i < count; i++, at += 4) view.setInt32(at, numbers[i]! - numbers[i - 1]!, true)
  else for (let i = 1; i < count; i++, at += 8) view.setFloat64(at, numbers[i]!, true)
  writer.at = at
}

/** Reads `count` numbers into `into`, which has room for them. */
export function readSequence(reader: ByteReader, count: number, into: Float64Array): void {
  if (count === 0) return
  const kind = reader.u8()
  let number = reader.f64()
  if (kind === SAME) into.fill(number, 0, count)
  else if (kind === RUNS) readRuns(reader, number, count, into)
  else {
    if (kind > 4 && kind !== WIDE) throw reader.damaged(`${kind} is no kind of sequence`)
    let at = reader.advance(kind * (count - 1))
    const { buffer, view } = reader
    into[0] = number
    if (kind === 1) for (let i = 1; i < count; i++, at += 1) into[i] = number += (buffer[at]! << 24) >> 24
    else if (kind === 2) for (let i = 1; i < count; i++, at += 2) into[i] = number += view.getInt16(at, true)
    else if (kind === 4) for (let i = 1; i < count; i++, at += 4) into[i] = number += view.getInt32(at, true)
    else for (let i = 1; i < count; i++, at += 8) into[i] = view.getFloat64(at, true)
  }
}

function readRuns(reader: ByteReader, first: number, count: number, into: Float64Array): void {
  let from = 0
  let number = first
  for (let left = reader.u8(); left > 0; left--) {
    const start = reader.varint()
    if (start <= from || start >= count) throw reader.damaged(`a run that begins at ${start} of ${count}`)
    into.fill(number, from, start)
    from = start
    number = reader.f64()
  }
  into.fill(number, from, count)
}
