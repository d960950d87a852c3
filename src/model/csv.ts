/**
 * CSV as in RFC 4180: fields between separators, quoted fields with `""` for a quote.
 *
 * V1. A record has as many fields as the header; a quote stands only at the edges of a field or doubled inside a quoted
 *     one. Anything else throws and goes to the dead letters.
 * V2. The byte order mark that spreadsheets write in front of a file is no part of its first field.
 */
import { fail } from '../base/errors.ts'
import type { Decoder } from './connector.ts'
import { refuseOptions } from './options.ts'
import { readText } from './text.ts'
import { trust } from './trust.ts'

/** V2. */
const MARK = 0xfeff

export interface CsvOptions<H extends readonly string[]> {
  /** Names of the fields in their order: records become objects. Without it, records are arrays of texts. */
  readonly header?: H
  /** The character between fields, `,` when left out. */
  readonly separator?: string
}

/**
 * One CSV record; with `csvLines()` as the framing its fields may hold line breaks. All fields are texts. Throws
 * `E_SETTING` for a separator or a header that cannot be; the decoder throws `E_DECODE` (V1).
 *
 * @example p.source('orders', fileSource({ path: 'orders.csv', framing: csvLines(), decode: csv({ header: ['id', 'cents'] }) }))
 */
export function csv(options?: CsvOptions<never>): Decoder<string[]>
export function csv<const H extends readonly string[]>(
  options: CsvOptions<H> & { readonly header: H },
): Decoder<{ [N in H[number]]: string }>
export function csv(options: CsvOptions<readonly string[]> = {}): Decoder<unknown> {
  refuseOptions('csv', options, ['header', 'separator'])
  const { header, separator = ',' } = options
  if (separator.length !== 1 || !/^[^"\r\n\p{Cs}]$/u.test(separator))
    throw fail('E_SETTING', { reason: 'csv: separator is one character, which is no quote and ends no line' })
  if (header === undefined) {
    return trust({ kind: 'csv', decode: (record, start, end) => parseRecord(textOf(record, start, end), separator) })
  }
  if (!Array.isArray(header) || header.length === 0 || !header.every((name) => typeof name === 'string')) {
    throw fail('E_SETTING', { reason: 'csv: the header is a list of names' })
  }
  if (new Set(header).size !== header.length || header.includes('') || header.includes('__proto__')) {
    throw fail('E_SETTING', { reason: 'csv: the header has an empty, repeated or reserved name' })
  }
  return trust({
    kind: `csv ${header.join(separator)}`,
    decode(record, start, end) {
      const fields = parseRecord(textOf(record, start, end), separator)
      if (fields.length !== header.length)
        throw malformed(
          `${fields.length} ${fields.length === 1 ? 'field' : 'fields'} where the header has ${header.length}`,
        )
      const row: Record<string, string> = {}
      for (let i = 0; i < header.length; i++) row[header[i]!] = fields[i]!
      return row
    },
  })
}

function textOf(record: Buffer, start: number, end: number): string {
  const text = readText(record, start, end)
  return text.charCodeAt(0) === MARK ? text.slice(1) : text
}

/** The fields of one record. Most records hold no quote at all, and `split` is quickest at those. */
function parseRecord(text: string, separator: string): string[] {
  if (!text.includes('"')) return text.split(separator)
  const fields: string[] = []
  let at = 0
  for (;;) {
    if (text[at] === '"') {
      const close = closingQuote(text, at)
      fields.push(text.slice(at + 1, close).replaceAll('""', '"'))
      at = close + 1
      if (at < text.length && text[at] !== separator) throw malformed('text after a closing quote')
    } else {
      const next = text.indexOf(separator, at)
      const field = text.slice(at, next < 0 ? text.length : next)
      if (field.includes('"')) throw malformed('a quote inside a field that is not quoted')
      fields.push(field)
      at += field.length
    }
    if (at >= text.length) return fields
    at++
  }
}

/** The offset of the quote that ends the field whose opening quote is at `open`. */
function closingQuote(text: string, open: number): number {
  let close = text.indexOf('"', open + 1)
  while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2)
  if (close < 0) throw malformed('a quoted field without its closing quote')
  return close
}

function malformed(reason: string): Error {
  return fail('E_DECODE', { kind: 'CSV', reason })
}
