/** Bytes as text in UTF-8, of which nothing is replaced or guessed. */
import { fail } from '../base/errors.ts'

/** The record as text; throws `E_DECODE` where it is not UTF-8. */
export function readText(record: Buffer, start: number, end: number): string {
  const text = slice(record, start, end)
  if (!isExact(text, record, start, end)) {
    throw fail('E_DECODE', { kind: 'UTF-8 text', reason: 'it has bytes that stand for no character' })
  }
  return text
}

/** Whether `readText` would read it. */
export function isText(record: Buffer, start: number, end: number): boolean {
  return isExact(slice(record, start, end), record, start, end)
}

/** Damaged bytes are read as U+FFFD; the few texts that hold one are compared with their bytes. */
function isExact(text: string, record: Buffer, start: number, end: number): boolean {
  return !text.includes('\ufffd') || Buffer.compare(Buffer.from(text), record.subarray(start, end)) === 0
}

function slice(record: Buffer, start: number, end: number): string {
  return (record as SlicingBuffer).utf8Slice(start, end)
}

/** What `toString('utf8', …)` calls; a sixth quicker without its checks of the encoding's name. */
interface SlicingBuffer extends Buffer {
  utf8Slice(start: number, end: number): string
}
