/**
 * Every message as bytes. A vector that was released never changes: where this test fails, the program has stopped
 * understanding its older self, and the change needs a version of its own.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts'
import { acked } from '../../src/protocol/acked.ts'
import { linkMessages } from '../../src/protocol/messages.ts'
import type { Catalogue, MessageOf, Row } from '../../src/protocol/schema.ts'

interface Vector {
  readonly message: { readonly kind: string }
  readonly hex: string
}

const catalogues: [file: string, version: number, catalogue: Catalogue<Row>][] = [
  ['link-v1', 1, linkMessages as unknown as Catalogue<Row>],
  ['link-v2', 2, linkMessages as unknown as Catalogue<Row>],
  ['link-v3', 3, linkMessages as unknown as Catalogue<Row>],
  ['acked-v1', 1, acked as unknown as Catalogue<Row>],
  ['acked-v2', 2, acked as unknown as Catalogue<Row>],
]

describe.each(catalogues)('%s', (file, version, catalogue) => {
  const path = new URL(`../wire/${file}.json`, import.meta.url)
  const vectors = JSON.parse(readFileSync(path, 'utf8'), revive) as Vector[]

  test('has a vector for every message of the version', () => {
    const names = catalogue.rows.filter((row) => row.since <= version).map((row) => row.name)
    expect([...new Set(vectors.map((vector) => vector.message.kind))].sort()).toStrictEqual([...names].sort())
  })

  test.each(vectors.map((vector) => [vector.message.kind, vector] as const))('%s', (kind, { message, hex }) => {
    const writer = new ByteWriter()
    catalogue.write(writer, message as MessageOf<Row>, version)
    expect(writer.take().toString('hex')).toBe(hex)
    const reader = new ByteReader(Buffer.from(hex, 'hex'))
    expect(catalogue.read(catalogue.row(kind).tag, reader, version)).toStrictEqual(message)
  })
})

/** Bytes stand in the file as `{ "$hex": "…" }`. */
function revive(_: string, value: unknown): unknown {
  const hex = (value as { $hex?: string } | null)?.$hex
  return hex === undefined ? value : Buffer.from(hex, 'hex')
}
