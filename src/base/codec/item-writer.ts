/** Writes values of any sort, each behind a tag: where values are few, or too different for a column. */
import type { ByteWriter } from '../bytes.ts'
import {
  ARRAY,
  ARRAY_BUFFER,
  BARE_OBJECT,
  BIGINT,
  DATE,
  DOUBLE,
  FORMAT_EXACT,
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
import { isLatin1, writeLatin1, writeUtf16 } from './text.ts'

/** Why a value cannot be written. The caller finds out which one; it is no error that a person meets. */
export class Unwritable {
  readonly reason: 'type' | 'deep' | 'large'
  constructor(reason: 'type' | 'deep' | 'large') {
    this.reason = reason
  }
}

/** A block that is being written. */
export interface Block {
  /** Where it ends at the latest, as `writer.length`. */
  lengthMax: number
  /** Of which format it is with what has been written (`format.ts`, Q4). */
  format: number
}

/** Writes `value`, which may hold values of `depth` levels, into `block`. */
export function writeItem(writer: ByteWriter, value: unknown, depth: number, block: Block): void {
  const { lengthMax } = block
  if (writer.length > lengthMax) throw new Unwritable('large')
  switch (typeof value) {
    case 'undefined':
      writer.u8(0)
      break
    case 'boolean':
      writer.u8(value ? 3 : 2)
      break
    case 'number':
      writeNumber(writer, value)
      break
    case 'string':
      writeTextItem(writer, value, lengthMax)
      break
    case 'bigint':
      writeBigint(writer, value, lengthMax)
      break
    case 'object':
      if (value === null) {
        writer.u8(1)
        break
      }
      if (depth === 0) throw new Unwritable('deep')
      writeObject(writer, value, depth - 1, block)
      break
    default:
      throw new Unwritable('type')
  }
}

function writeNumber(writer: ByteWriter, value: number): void {
  if (Object.is(value | 0, value)) {
    writer.u8(INT)
    writer.i32(value)
  } else {
    writer.u8(DOUBLE)
    writer.f64(value)
  }
}

function writeTextItem(writer: ByteWriter, text: string, lengthMax: number): void {
  if (writer.length + text.length > lengthMax) throw new Unwritable('large')
  const latin1 = isLatin1(text)
  writer.u8(latin1 ? TEXT_LATIN1 : TEXT_UTF16)
  writer.varint(text.length)
  if (latin1) writeLatin1(writer, text)
  else writeUtf16(writer, text)
}

function writeBigint(writer: ByteWriter, value: bigint, lengthMax: number): void {
  const digits = (value < 0n ? -value : value).toString(16)
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  writer.u8(BIGINT)
  writer.u8(value < 0n ? 1 : 0)
  writeRun(writer, bytes, lengthMax)
}

function writeRun(writer: ByteWriter, bytes: Uint8Array, lengthMax: number): void {
  if (writer.length + bytes.length > lengthMax) throw new Unwritable('large')
  writer.varint(bytes.length)
  writer.bytes(bytes)
}

function writeObject(writer: ByteWriter, value: object, depth: number, block: Block): void {
  const { lengthMax } = block
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) {
    const names = Object.keys(value)
    if (prototype === null) block.format = FORMAT_EXACT
    writer.u8(prototype === null ? BARE_OBJECT : OBJECT)
    writer.varint(names.length)
    for (const name of names) {
      writeTextItem(writer, name, lengthMax)
      writeItem(writer, (value as Readonly<Record<string, unknown>>)[name], depth, block)
    }
  } else if (prototype === Array.prototype && Array.isArray(value)) {
    if (writer.length + value.length > lengthMax) throw new Unwritable('large')
    writer.u8(ARRAY)
    writer.varint(value.length)
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i]
      if (item === undefined && !(i in value)) {
        block.format = FORMAT_EXACT
        writer.u8(HOLE)
      } else writeItem(writer, item, depth, block)
    }
  } else if (prototype === Map.prototype && value instanceof Map) {
    writer.u8(MAP)
    writer.varint(value.size)
    for (const [key, one] of value) {
      writeItem(writer, key, depth, block)
      writeItem(writer, one, depth, block)
    }
  } else if (prototype === Set.prototype && value instanceof Set) {
    writer.u8(SET)
    writer.varint(value.size)
    for (const one of value) writeItem(writer, one, depth, block)
  } else if (prototype === Date.prototype && value instanceof Date) {
    writer.u8(DATE)
    writer.f64(value.getTime())
  } else if (prototype === ArrayBuffer.prototype && value instanceof ArrayBuffer) {
    writer.u8(ARRAY_BUFFER)
    writeRun(writer, new Uint8Array(value), lengthMax)
  } else {
    const type = viewTypes.findIndex((one) => one.prototype === prototype)
    if (type < 0 || !ArrayBuffer.isView(value)) throw new Unwritable('type')
    writer.u8(VIEW)
    writer.u8(type)
    writeRun(writer, new Uint8Array(value.buffer, value.byteOffset, value.byteLength), lengthMax)
  }
}
