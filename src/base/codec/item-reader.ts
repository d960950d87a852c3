/** Reads values that stand behind their tags. Bounded as `column-reader.ts` is: every item has at least its tag. */
import type { ByteReader } from '../bytes.ts'
import {
  ARRAY,
  ARRAY_BUFFER,
  BARE_OBJECT,
  BIGINT,
  DATE,
  DOUBLE,
  flagValues,
  HOLE,
  INT,
  MAP,
  OBJECT,
  SET,
  TEXT_LATIN1,
  TEXT_UTF16,
  VIEW,
  viewTypes,
} from './format.ts'
import { readText } from './text.ts'

/** Reads one value, which may hold values of `depth` levels. */
export function readItem(reader: ByteReader, depth: number): unknown {
  const tag = reader.u8()
  switch (tag) {
    case 0:
    case 1:
    case 2:
    case 3:
      return flagValues[tag]
    case INT:
      return reader.i32()
    case DOUBLE:
      return reader.f64()
    case TEXT_LATIN1:
      return readText(reader, reader.count(1), 1)
    case TEXT_UTF16:
      return readText(reader, reader.count(2), 2)
    case BIGINT:
      return readBigint(reader)
    case DATE:
      return new Date(reader.f64())
    case ARRAY_BUFFER:
      return copyOf(reader.bytes(reader.count(1)))
    case VIEW:
      return readView(reader)
  }
  if (depth === 0) throw reader.damaged('more levels than a value may have')
  switch (tag) {
    case ARRAY:
      return readArray(reader, depth - 1)
    case OBJECT:
      return readObject(reader, {}, depth - 1)
    case BARE_OBJECT:
      return readObject(reader, Object.create(null), depth - 1)
    case MAP:
      return readMap(reader, depth - 1)
    case SET:
      return readSet(reader, depth - 1)
    default:
      throw reader.damaged(`${tag} is no tag that this program knows`)
  }
}

function readBigint(reader: ByteReader): bigint {
  const negative = reader.u8() === 1
  const digits = reader.bytes(reader.count(1)).toString('hex')
  const magnitude = BigInt(`0x${digits || '0'}`)
  return negative ? -magnitude : magnitude
}

function copyOf(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length)
  new Uint8Array(copy).set(bytes)
  return copy
}

function readView(reader: ByteReader): ArrayBufferView {
  const type = viewTypes[reader.u8()]
  if (type === undefined) throw reader.damaged('an unknown type of array')
  const bytes = reader.bytes(reader.count(1))
  if (type === Buffer) return Buffer.from(bytes)
  const copy = copyOf(bytes)
  const { BYTES_PER_ELEMENT } = type as { readonly BYTES_PER_ELEMENT: number }
  if (copy.byteLength % BYTES_PER_ELEMENT !== 0) throw reader.damaged('half an element of an array')
  return new (type as new (buffer: ArrayBuffer) => ArrayBufferView)(copy)
}

function readArray(reader: ByteReader, depth: number): unknown[] {
  const count = reader.count(1)
  const items = new Array<unknown>(count)
  for (let i = 0; i < count; i++) {
    if (reader.buffer[reader.at] === HOLE) reader.advance(1)
    else items[i] = readItem(reader, depth)
  }
  return items
}

function readSet(reader: ByteReader, depth: number): Set<unknown> {
  const set = new Set<unknown>()
  for (let left = reader.count(1); left > 0; left--) set.add(readItem(reader, depth))
  return set
}

/** Reads fields into `object`, which is empty. */
function readObject(reader: ByteReader, object: Record<string, unknown>, depth: number): object {
  const count = reader.count(2)
  for (let i = 0; i < count; i++) {
    const name = readItem(reader, 0)
    if (typeof name !== 'string') throw reader.damaged('a field without a name')
    const value = readItem(reader, depth)
    if (name === '__proto__') {
      Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
    } else {
      object[name] = value
    }
  }
  return object
}

function readMap(reader: ByteReader, depth: number): Map<unknown, unknown> {
  const count = reader.count(2)
  const map = new Map<unknown, unknown>()
  for (let i = 0; i < count; i++) {
    const key = readItem(reader, depth)
    map.set(key, readItem(reader, depth))
  }
  return map
}
