/**
 * A batch of an exchange in bytes: the body of the message `batch`.
 *
 *     body := count varint · form u8 · hashes i32 each, if keyed · splits · times · positions · ordinals (a sequence
 *             each, `sequence.ts`) · block of values (`base/codec/format.ts`) · keys, if keyed
 *     keys := 1: the values themselves · 2, text: the field of that name · 3, block of keys
 *
 * The form is 0 for records without keys, 1 for keyed ones, 2 for accumulators of keyed ones.
 *
 * A key is nearly always a part of its value, and then it is not sent a second time: both are one string again where
 * they arrive.
 *
 * D1. A body says everything itself: one whose records all go on to one worker may be forwarded as it is.
 *     Up to version 3 of the protocol its values are of format 1 (`base/codec/format.ts`, Q4): who speaks that gets
 *     holes and objects without prototype as he always has.
 * D2. A split is a number of its sender's, whose name has come in front (`split-names.ts`).
 */
import { assert } from '../base/assert.ts'
import type { ByteReader, ByteWriter } from '../base/bytes.ts'
import { type FieldAccess, makeFieldAccess } from '../base/codec/field.ts'
import type { ValueCodec } from '../base/codec/values.ts'
import type { Key } from '../base/hash.ts'
import { readSequence, writeSequence } from './sequence.ts'
import { valuesFormatOf } from './version.ts'

/** The columns of a batch, as far as they travel. `keys` and `hashes` are filled for all records or for none. */
export interface Columns {
  length: number
  /** The values are accumulators of records that were added up. */
  combined: boolean
  readonly values: unknown[]
  readonly keys: Key[]
  readonly hashes: Int32Array
  readonly times: Float64Array
  readonly splits: Float64Array
  readonly positions: Float64Array
  readonly ordinals: Float64Array
}

/** Columns that are read into. */
export interface GrowingColumns extends Columns {
  readonly capacity: number
  grow(): void
  /** Puts new arrays in the place of `values`, and of `keys` where there are some. */
  renew(keyed: boolean): void
}

const PLAIN = 0
const KEYED = 1
const COMBINED = 2

const KEYS_ARE_VALUES = 1
const KEYS_ARE_FIELDS = 2
const KEYS_BLOCK = 3

/** Longest name of a field that stands for keys, in UTF-16 units and, when read, in bytes. */
const NAME_MAX = 1024

/** Writes and reads the batches of one channel. What it remembers makes it faster and nothing else. */
export class BatchCodec {
  private readonly values: ValueCodec
  /** The field that was the key in the batch written last, or read last. */
  private written: FieldAccess | null = null
  private wasRead: FieldAccess | null = null

  constructor(values: ValueCodec) {
    this.values = values
  }

  /**
   * Writes `batch` as `version` of the protocol has it. Throws `E_VALUE` or `E_BLOCK_TOO_LONG` (see `ValueCodec`); then
   * nothing has been written.
   */
  write(writer: ByteWriter, batch: Columns, version: number): void {
    const start = writer.length
    const { length } = batch
    const keyed = batch.keys.length > 0 && length > 0
    assert(!keyed || batch.keys.length >= length, 'all records have keys or none has')
    try {
      writer.varint(length)
      writer.u8(!keyed ? PLAIN : batch.combined ? COMBINED : KEYED)
      if (keyed) writeHashes(writer, batch.hashes, length)
      writeSequence(writer, batch.splits, length)
      writeSequence(writer, batch.times, length)
      writeSequence(writer, batch.positions, length)
      writeSequence(writer, batch.ordinals, length)
      this.values.encodeValues(writer, batch.values, length, valuesFormatOf(version))
      if (keyed) this.writeKeys(writer, batch)
    } catch (error) {
      writer.truncate(start)
      throw error
    }
  }

  /** Reads a body into `batch`, which is empty. Throws `E_DAMAGED`; then what is in `batch` means nothing. */
  read(reader: ByteReader, batch: GrowingColumns): void {
    assert(batch.length === 0, 'a batch is read into an empty one')
    const { count, keyed, combined } = readHead(reader)
    while (batch.capacity < count) batch.grow()
    if (keyed) readHashes(reader, batch.hashes, count)
    readSequence(reader, count, batch.splits)
    readSequence(reader, count, batch.times)
    readSequence(reader, count, batch.positions)
    readSequence(reader, count, batch.ordinals)
    // The engine puts new objects into a new array for a fifth less than into one that is kept: it need not write down
    // for its collector that an old object refers to a young one.
    batch.renew(keyed)
    const values = this.values.decodeValues(reader, batch.values)
    if (values !== count) throw reader.damaged(`${values} values of ${count} records`)
    if (keyed) this.readKeys(reader, batch, count)
    reader.finish()
    batch.length = count
    batch.combined = combined
  }

  private writeKeys(writer: ByteWriter, { values, keys, length }: Columns): void {
    if (areSame(values, keys, length)) {
      writer.u8(KEYS_ARE_VALUES)
      return
    }
    this.written = this.fieldOf(values, keys, length)
    if (this.written === null) {
      writer.u8(KEYS_BLOCK)
      this.values.encodeValues(writer, keys, length)
    } else {
      writer.u8(KEYS_ARE_FIELDS)
      writer.utf8(this.written.name)
    }
  }

  /** The field that is the key in every record, if the block of values that was just written says it of each. */
  private fieldOf(values: readonly unknown[], keys: readonly Key[], count: number): FieldAccess | null {
    const { commonFields } = this.values
    const { written } = this
    if (written !== null && commonFields.includes(written.name) && written.equals(values, keys, count)) return written
    for (const name of commonFields) {
      if (name.length > NAME_MAX || !name.isWellFormed()) continue
      // A glance before code is made for the name.
      if (!Object.is((values[0] as Readonly<Record<string, unknown>>)[name], keys[0])) continue
      const access = makeFieldAccess(name)
      if (access.equals(values, keys, count)) return access
    }
    return null
  }

  private readKeys(reader: ByteReader, { values, keys }: Columns, count: number): void {
    const kind = reader.u8()
    if (kind === KEYS_ARE_VALUES) {
      for (let i = 0; i < count; i++) keys[i] = values[i] as Key
    } else if (kind === KEYS_ARE_FIELDS) {
      const name = reader.utf8(3 * NAME_MAX)
      if (this.wasRead?.name !== name) this.wasRead = makeFieldAccess(name)
      if (!this.wasRead.read(values, count, keys)) throw reader.damaged('a value that has no fields')
    } else if (kind !== KEYS_BLOCK) {
      throw reader.damaged(`${kind} is no kind of keys`)
    } else if (this.values.decodeValues(reader, keys) !== count) {
      throw reader.damaged('more or fewer keys than records')
    }
    if (!areKeys(keys, count)) throw reader.damaged('a key that is none')
  }
}

interface Head {
  readonly count: number
  readonly keyed: boolean
  readonly combined: boolean
}

function readHead(reader: ByteReader): Head {
  const count = reader.count(1)
  const form = reader.u8()
  if (form > COMBINED) throw reader.damaged(`${form} is no form of a batch`)
  return { count, keyed: form !== PLAIN, combined: form === COMBINED }
}

function writeHashes(writer: ByteWriter, hashes: Int32Array, count: number): void {
  writer.bytes(new Uint8Array(hashes.buffer, hashes.byteOffset, 4 * count))
}

function readHashes(reader: ByteReader, hashes: Int32Array, count: number): void {
  const at = reader.advance(4 * count)
  new Uint8Array(hashes.buffer, hashes.byteOffset).set(reader.buffer.subarray(at, at + 4 * count))
}

function areSame(values: readonly unknown[], keys: readonly Key[], count: number): boolean {
  for (let i = 0; i < count; i++) if (!Object.is(values[i], keys[i])) return false
  return true
}

/** Asks for each type anew: what `typeof` answers, once it is kept, is a text that is compared with others. */
function areKeys(keys: readonly unknown[], count: number): boolean {
  for (let i = 0; i < count; i++) {
    const key = keys[i]
    if (typeof key === 'string' || typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean')
      continue
    return false
  }
  return true
}
