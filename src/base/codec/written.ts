/** Any one value as a text of bytes, so that two can be compared, and a value with what it was before. */
import { ByteReader, ByteWriter } from '../bytes.ts'
import { decodeValues, encodeValues } from './values.ts'

/** The bytes of `value` as a text, a character for each; `null` for what cannot be written down. */
export function written(value: unknown): string | null {
  const writer = new ByteWriter()
  try {
    encodeValues(writer, [value], 1)
  } catch {
    return null
  }
  return writer.take().toString('latin1')
}

/** The inverse of `written`. */
export function readWritten(bytes: string): unknown {
  const values: unknown[] = []
  decodeValues(new ByteReader(Buffer.from(bytes, 'latin1')), values)
  return values[0]
}
