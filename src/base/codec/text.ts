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
  const at = reader.skip(units * width)
  return reader.buffer.toString(width === 1 ? 'latin1' : 'utf16le', at, at + units * width)
}

/** The engine copies what `substring` cuts up to this length; a longer cut keeps the text alive that it is cut from. */
const COPIED_UNITS = 12
/** Cuts that keep their text alive share one of about this many units. */
const SHARED_UNITS = 256

/**
 * Cuts the next units into `into[0, count)`, as long as `lengths` say.
 *
 * One call into the system makes text out of many bytes, and `substring` cuts it: five times faster than a call for
 * each. So that a string that is kept for long does not keep a whole block alive, texts are made of a few strings at a
 * time: a kept string keeps at most `SHARED_UNITS` units besides its own.
 */
export function readTexts(
  reader: ByteReader,
  lengths: readonly number[],
  count: number,
  width: 1 | 2,
  into: unknown[],
): void {
  let longest = 0
  for (let i = 0; i < count; i++) longest = Math.max(longest, lengths[i]!)
  const shared = longest > COPIED_UNITS ? SHARED_UNITS : Number.POSITIVE_INFINITY
  for (let i = 0; i < count; ) {
    let units = lengths[i]!
    let next = i + 1
    while (next < count && units + lengths[next]! <= shared) units += lengths[next++]!
    const text = readText(reader, units, width)
    for (let start = 0; i < next; i++) {
      const end = start + lengths[i]!
      into[i] = text.substring(start, end)
      start = end
    }
  }
}
