/** Writes the page about a protocol's messages, `docs/protocol.md`, out of its rows. */
import type { Catalogue, Row } from './schema.ts'

/** The page, in Markdown. */
export function describeProtocols(catalogues: readonly Catalogue<Row>[]): string {
  return [
    '# Protocol',
    '',
    'Generated from the tables in `src/protocol/`; do not edit. The frame around every message stands in',
    '`src/protocol/frame.ts`: checksum u32, length u32, generation u32, sequence u32, tag u8, then the fields in this order.',
    'Numbers are little-endian; a varint has seven bits a byte, the lowest first; text is UTF-8 behind a varint of its bytes;',
    'a list stands behind a varint of its length; what may be null begins with a byte, 1 where something follows.',
    ...catalogues.flatMap(describeCatalogue),
    '',
  ].join('\n')
}

function describeCatalogue(catalogue: Catalogue<Row>): string[] {
  const retired = catalogue.retired.length === 0 ? [] : ['', `Retired tags: ${catalogue.retired.join(', ')}.`]
  const rows = [...catalogue.rows].sort((a, b) => a.tag - b.tag)
  return ['', `## ${catalogue.name}`, ...rows.flatMap(describeRow), ...retired]
}

function describeRow(row: Row): string[] {
  const fields = Object.entries(row.fields).map(([name, field]) => `| \`${name}\` | ${field.type} |`)
  const body = row.body === null ? [] : [`| | then, to the frame's end: ${row.body} |`]
  const table = fields.length + body.length === 0 ? [] : ['', '| field | type |', '|---|---|', ...fields, ...body]
  const lane = row.lane === 'data' ? ', data lane' : ''
  return ['', `### ${row.tag} ${row.name}`, '', `${row.sentence} *Since version ${row.since}${lane}.*`, ...table]
}
