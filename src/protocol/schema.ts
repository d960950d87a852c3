/**
 * Messages as rows: what a message is called, what it says and of which fields it consists, once.
 *
 * M1. A tag is never used for another message; a retired tag stays in the catalogue's list for ever.
 * M2. The order of fields is the order of bytes. A field that came later stands last, behind `added`, and is neither
 *     written to nor expected from a peer with an older version.
 * M3. Every text, list and run of bytes has a limit, checked by the reader before it allocates and by the writer
 *     before it sends. A sentence for a person is cut where it is longer.
 * M4. The fields fill the frame to its last byte, except where the row says that a body follows them. Of a message that
 *     was written as a later version has it, what follows is passed over: a hello is such a one, before a version is
 *     agreed.
 */
import { assert } from '../base/assert.ts'
import type { ByteReader, ByteWriter } from '../base/bytes.ts'
import { cutText } from '../base/cut-text.ts'
import { fail } from '../base/errors.ts'

/** How one value stands in bytes. */
export interface Field<T> {
  /** Its type in the words of the protocol's page, such as `u32` or `list of text`. */
  readonly type: string
  write(writer: ByteWriter, value: T, version: number): void
  read(reader: ByteReader, version: number): T
}

export type Fields = Readonly<Record<string, Field<unknown>>>
type Entries = readonly (readonly [name: string, field: Field<unknown>])[]
export type ValueOf<F> = F extends Field<infer T> ? T : never
export type Body<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> }

/** `data` frames go in the order of the records and wait for credit; `control` frames may overtake them. */
export type Lane = 'control' | 'data'

export interface Row<N extends string = string, F extends Fields = Fields> {
  readonly tag: number
  readonly name: N
  /** The first version of the protocol that has the message. */
  readonly since: number
  /** What it says, for the protocol's page. */
  readonly sentence: string
  readonly fields: F
  /** The same in a list: what a program has added to all objects is no field. */
  readonly entries: Entries
  readonly lane: Lane
  /** What follows the fields up to the frame's end; `null`: nothing (M4). */
  readonly body: string | null
}

/** A message as the program holds it: `{ kind: 'barrier', epoch: 7, … }`. */
export type MessageOf<R> = R extends Row<infer N, infer F> ? { readonly kind: N } & Body<F> : never

/** One row: `message(3, 'epochAcked', 1, 'Every local task …', { epoch: u32 })`. */
export function message<const N extends string, F extends Fields>(
  tag: number,
  name: N,
  since: number,
  sentence: string,
  fields: F,
  more: { readonly lane?: Lane; readonly body?: string } = {},
): Row<N, F> {
  const entries = Object.entries(fields)
  return { tag, name, since, sentence, fields, entries, lane: more.lane ?? 'control', body: more.body ?? null }
}

/** The messages of one protocol. */
export class Catalogue<R extends Row> {
  readonly name: string
  readonly rows: readonly R[]
  readonly retired: readonly number[]
  private readonly byTag: readonly (R | undefined)[]
  private readonly byName: ReadonlyMap<string, R>

  constructor(name: string, rows: readonly R[], retired: readonly number[] = []) {
    const byTag: (R | undefined)[] = []
    for (const row of rows) {
      assert(Number.isInteger(row.tag) && row.tag > 0 && row.tag < 256, `M1: the tag of ${row.name} is one byte, not 0`)
      assert(byTag[row.tag] === undefined && !retired.includes(row.tag), `M1: tag ${row.tag} is used twice`)
      assert(!('kind' in row.fields), `${row.name}: no field is called kind`)
      byTag[row.tag] = row
    }
    this.name = name
    this.rows = rows
    this.retired = retired
    this.byTag = byTag
    this.byName = new Map(rows.map((row) => [row.name, row]))
    assert(this.byName.size === rows.length, 'M1: a name stands for one message')
  }

  /** The row of a message. */
  row(name: R['name']): R {
    const row = this.byName.get(name)
    assert(row !== undefined, `${this.name} has no message "${name}"`)
    return row
  }

  /** The row of a tag; throws `E_MESSAGE` for one that version `version` does not have. */
  tagged(tag: number, version: number): R {
    const row = this.byTag[tag]
    if (row === undefined || row.since > version) throw fail('E_MESSAGE', { protocol: this.name, tag, version })
    return row
  }

  /** Writes the fields of `message` as version `version` knows them. Where the row has a body, the caller adds it. */
  write(writer: ByteWriter, message: MessageOf<R>, version: number): void {
    const row = this.row(message.kind)
    assert(row.since <= version, `${row.name} is not sent to a peer of version ${version}`)
    const values = message as Readonly<Record<string, unknown>>
    for (const [name, field] of row.entries) field.write(writer, values[name], version)
  }

  /**
   * Reads the fields of the message `tag` as `version` knows them, which `written` may be later than (M4). Where the
   * row has a body, `reader` then stands at its first byte.
   */
  read(tag: number, reader: ByteReader, version: number, written: number = version): MessageOf<R> {
    const row = this.tagged(tag, version)
    const values: Record<string, unknown> = { kind: row.name }
    for (const [name, field] of row.entries) values[name] = field.read(reader, version)
    if (row.body === null && written <= version) reader.finish()
    return values as MessageOf<R>
  }
}

// Fields

export const u8: Field<number> = integer('u8', 0, 0xff)
export const u16: Field<number> = integer('u16', 0, 0xffff)
export const u32: Field<number> = integer('u32', 0, 0xffffffff)

/** An integer from 0 to 2^53 - 1, in one to eight bytes. */
export const varint: Field<number> = {
  type: 'varint',
  write: (writer, value) => writer.varint(value),
  read: (reader) => reader.varint(),
}

export const f64: Field<number> = {
  type: 'f64',
  write: (writer, value) => writer.f64(value),
  read: (reader) => reader.f64(),
}

export const bool: Field<boolean> = {
  type: 'bool',
  write: (writer, value) => writer.u8(value ? 1 : 0),
  read(reader) {
    const byte = reader.u8()
    if (byte > 1) throw reader.damaged(`${byte} is no boolean`)
    return byte === 1
  },
}

function integer(type: 'u8' | 'u16' | 'u32', min: number, max: number): Field<number> {
  return {
    type,
    write(writer, value) {
      assert(Number.isInteger(value) && value >= min && value <= max, `a ${type} is an integer up to ${max}`)
      writer[type](value)
    },
    read: (reader) => reader[type](),
  }
}

/** UTF-8 of at most `max` bytes. */
export function text(max: number): Field<string> {
  return {
    type: `text ≤ ${max}`,
    write(writer, value) {
      assert(Buffer.byteLength(value) <= max, `M3: a text of at most ${max} bytes`)
      writer.utf8(value)
    },
    read: (reader) => reader.utf8(max),
  }
}

/** A sentence for a person: UTF-8 of which at most `max` bytes are written, whatever there is to say. */
export function sentence(max: number): Field<string> {
  const field = text(max)
  return { ...field, write: (writer, value, version) => field.write(writer, cutText(value, max), version) }
}

/** At most `max` bytes. What is read is a view of the frame: whoever keeps it copies it. */
export function bytes(max: number): Field<Uint8Array> {
  return {
    type: `bytes ≤ ${max}`,
    write(writer, value) {
      assert(value.length <= max, `M3: at most ${max} bytes`)
      writer.varint(value.length)
      writer.bytes(value)
    },
    read(reader) {
      const length = reader.varint()
      if (length > max) throw reader.damaged(`${length} bytes where at most ${max} may stand`)
      return reader.bytes(length)
    },
  }
}

/** At most `max` values of `of`, each of at least one byte. */
export function list<T>(of: Field<T>, max: number): Field<readonly T[]> {
  return {
    type: `list ≤ ${max} of ${of.type}`,
    write(writer, values, version) {
      assert(values.length <= max, `M3: a list of at most ${max}`)
      writer.varint(values.length)
      for (const value of values) of.write(writer, value, version)
    },
    read(reader, version) {
      const count = reader.count(1)
      if (count > max) throw reader.damaged(`${count} items where at most ${max} may stand`)
      const values: T[] = []
      for (let i = 0; i < count; i++) values.push(of.read(reader, version))
      return values
    },
  }
}

/** A value or `null`. */
export function nullable<T>(of: Field<T>): Field<T | null> {
  return {
    type: `${of.type} or null`,
    write(writer, value, version) {
      writer.u8(value === null ? 0 : 1)
      if (value !== null) of.write(writer, value, version)
    },
    read: (reader, version) => (bool.read(reader, version) ? of.read(reader, version) : null),
  }
}

/** One of a few words, as a byte: the index in `words`, to whose end alone words may be added. */
export function word<const W extends string>(...words: readonly W[]): Field<W> {
  return {
    type: words.map((one) => `\`${one}\``).join(' '),
    write(writer, value) {
      const index = words.indexOf(value)
      assert(index >= 0, `"${value}" is one of ${words.join(', ')}`)
      writer.u8(index)
    },
    read(reader) {
      const index = reader.u8()
      const value = words[index]
      if (value === undefined) throw reader.damaged(`${index} names none of ${words.join(', ')}`)
      return value
    },
  }
}

/** Several fields as one value. */
export function group<F extends Fields>(fields: F): Field<Body<F>> {
  const entries: Entries = Object.entries(fields)
  return {
    type: `{ ${entries.map(([name, { type }]) => `${name}: ${type}`).join(', ')} }`,
    write(writer, value, version) {
      const values = value as Readonly<Record<string, unknown>>
      for (const [name, field] of entries) field.write(writer, values[name], version)
    },
    read(reader, version) {
      const values: Record<string, unknown> = {}
      for (const [name, field] of entries) values[name] = field.read(reader, version)
      return values as Body<F>
    },
  }
}

/** A field that version `since` added; a peer of an older version is taken to have said `otherwise` (M2). */
export function added<T>(since: number, of: Field<T>, otherwise: T): Field<T> {
  return {
    type: `${of.type} (since ${since})`,
    write(writer, value, version) {
      if (version >= since) of.write(writer, value, version)
    },
    read: (reader, version) => (version >= since ? of.read(reader, version) : otherwise),
  }
}
