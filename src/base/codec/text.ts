/** Text in bytes, exactly: a byte for each UTF-16 unit where all are below 256, else two. */
import type { ByteReader, ByteWriter } from '../bytes.ts'

// On text that the engine stores as one byte per unit this is decided without a look at it.
const WIDE = /[\u0100-\uffff]/

/** Whether every unit of `text` is below 256. */
export function isLatin1(text: string): boolean {
  return !WIDE.test(text)
}

export function writeLatin1(writer: ByteWriter, text: string): void {
  const at = writer.reserve(text.length)
  writer.at = at + writer.buffer.write(text, at, 'latin1')
}

export function writeUtf16(writer: ByteWriter, text: string): void {
  const at = writer.reserve(2 * text.length)
  writer.at = at + writer.buffer.write(text, at, 'utf16le')
}

/** `units` units that `writeLatin1` (`width` 1) or `writeUtf16` (`width` 2) wrote. */
export function readText(reader: ByteReader, units: number, width: 1 | 2): string {
  const at = reader.advance(units * width)
  return reader.buffer.toString(width === 1 ? 'latin1' : 'utf16le', at, at + units * width)
}

/**
 * The engine copies what is cut from a text up to this length; a longer cut keeps the text alive that it is cut from.
 */
export const COPIED_UNITS = 12
/** Longer texts that lie side by side are cut from a text of about this many units. */
const SHARED_UNITS = 256

/** The lengths of a column's values, and what is known of them together. */
export interface Lengths {
  readonly each: Int8Array | Int32Array
  readonly total: number
  /** How many are above `COPIED_UNITS`. */
  readonly long: number
}

/**
 * Texts that stand one after another: the next `lengths[i]` units of `text` are text i.
 *
 * One call into the system makes text out of many bytes, and `slice` cuts it: five times faster than a call for each.
 * But a string that is kept for long must not keep a whole block alive, so whatever is longer than `COPIED_UNITS` is
 * taken by `copy`, or, where there are many, by `readTexts`.
 */
export interface JoinedTexts {
  readonly text: string
  readonly lengths: ArrayLike<number>
  /** The units from `start` to `end`, as a string of its own. */
  readonly copy: (start: number, end: number) => string
}

/** The next `count` texts, or `null` where more than an eighth are so long that each would have to be copied. */
export function readJoined(reader: ByteReader, lengths: Lengths, count: number, width: 1 | 2): JoinedTexts | null {
  if (lengths.long * 8 > count) return null
  const { at, buffer } = reader
  const encoding = width === 1 ? 'latin1' : 'utf16le'
  const copy = (start: number, end: number) => buffer.toString(encoding, at + start * width, at + end * width)
  return { text: readText(reader, lengths.total, width), lengths: lengths.each, copy }
}

/**
 * Reads the next `count` texts into `into`. Long ones are made a few at a time: one that is kept keeps at most
 * `SHARED_UNITS` units besides its own.
 */
export function readTexts(reader: ByteReader, lengths: Lengths, count: number, width: 1 | 2, into: unknown[]): void {
  const joined = readJoined(reader, lengths, count, width)
  if (joined === null) {
    readShared(reader, lengths.each, count, width, into)
    return
  }
  const { text, copy } = joined
  let start = 0
  for (let i = 0; i < count; i++) {
    const end = start + lengths.each[i]!
    into[i] = end - start <= COPIED_UNITS ? text.slice(start, end) : copy(start, end)
    start = end
  }
}

function readShared(
  reader: ByteReader,
  lengths: ArrayLike<number>,
  count: number,
  width: 1 | 2,
  into: unknown[],
): void {
  for (let i = 0; i < count; ) {
    let units = lengths[i]!
    let next = i + 1
    while (next < count && units + lengths[next]! <= SHARED_UNITS) units += lengths[next++]!
    const text = readText(reader, units, width)
    for (let start = 0; i < next; i++) {
      const end = start + lengths[i]!
      into[i] = text.slice(start, end)
      start = end
    }
  }
}
