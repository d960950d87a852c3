/**
 * Reads columns. The bytes may be damaged or hostile: whatever they are, reading them ends, allocates in proportion to
 * them (Q2), and throws `E_DAMAGED` where they are not what a writer makes.
 */
import type { ByteReader } from '../bytes.ts'
import {
  BYTES,
  DOUBLES,
  FLAGS,
  flagValues,
  INTS8,
  INTS16,
  INTS32,
  ITEMS,
  LATIN1,
  LISTS,
  OBJECTS,
  PRESENT,
  SPARSE,
  UTF16,
  VARIANTS,
} from './format.ts'
import { readItem } from './item-reader.ts'
import { ReadShapes } from './shape.ts'
import { readTexts } from './text.ts'

/** Shapes that the reader remembers. */
const SHAPES_MAX = 256
/** Longest signature of a shape: what a writer makes is a third of it. */
const SIGNATURE_BYTES_MAX = 1 << 16

export class ColumnReader {
  private readonly shapes = new ReadShapes(SHAPES_MAX)
  private readonly depthMax: number

  constructor(depthMax: number) {
    this.depthMax = depthMax
  }

  /** Reads a column of `count` values into `into[0, count)`. */
  read(reader: ByteReader, count: number, into: unknown[]): void {
    this.column(reader, count, into, 0)
  }

  private column(reader: ByteReader, count: number, into: unknown[], depth: number): void {
    if (depth > this.depthMax) throw reader.damaged(`more than ${this.depthMax} levels`)
    // Q2: before anything is made for `count` values, there is a byte for each.
    if (count > reader.remaining) throw reader.damaged(`a column of ${count} values in ${reader.remaining} bytes`)
    const kind = reader.u8()
    switch (kind) {
      case FLAGS:
        readFlags(reader, count, into)
        break
      case INTS8:
      case INTS16:
      case INTS32:
        readIntsOf(kind, reader, count, into)
        break
      case DOUBLES:
        readDoubles(reader, count, into)
        break
      case LATIN1:
        readTexts(reader, readLengths(reader, count), count, 1, into)
        break
      case UTF16:
        readTexts(reader, readLengths(reader, count), count, 2, into)
        break
      case BYTES:
        readBytes(reader, count, into)
        break
      case SPARSE:
        this.sparse(reader, count, into, depth)
        break
      case LISTS:
        this.lists(reader, count, into, depth)
        break
      case OBJECTS:
        this.objects(reader, count, into, depth)
        break
      case VARIANTS:
        this.variants(reader, count, into, depth)
        break
      case ITEMS:
        for (let i = 0; i < count; i++) into[i] = readItem(reader, this.depthMax - depth)
        break
      default:
        throw reader.damaged(`${kind} is no kind of column`)
    }
  }

  private sparse(reader: ByteReader, count: number, into: unknown[], depth: number): void {
    const at = reader.skip(count)
    const { buffer } = reader
    let presentCount = 0
    for (let i = 0; i < count; i++) if (buffer[at + i] === PRESENT) presentCount++
    const present = new Array<unknown>(presentCount)
    this.column(reader, presentCount, present, depth)
    let next = 0
    for (let i = 0; i < count; i++) {
      const flag = buffer[at + i]!
      if (flag > PRESENT) throw reader.damaged(`${flag} is no flag`)
      into[i] = flag === PRESENT ? present[next++] : flagValues[flag]
    }
  }

  private lists(reader: ByteReader, count: number, into: unknown[], depth: number): void {
    const lengths = readLengths(reader, count)
    let total = 0
    for (let i = 0; i < count; i++) total += lengths[i]!
    if (total > reader.remaining) throw reader.damaged(`lists of ${total} items in ${reader.remaining} bytes`)
    const items = new Array<unknown>(total)
    this.column(reader, total, items, depth + 1)
    let start = 0
    for (let i = 0; i < count; i++) {
      const end = start + lengths[i]!
      into[i] = items.slice(start, end)
      start = end
    }
  }

  private objects(reader: ByteReader, count: number, into: unknown[], depth: number): void {
    const bytes = reader.varint()
    if (bytes > SIGNATURE_BYTES_MAX) throw reader.damaged(`a shape of ${bytes} bytes`)
    const at = reader.skip(bytes)
    const shape = this.shapes.find(reader.buffer.toString('latin1', at, at + bytes))
    if (shape === null) throw reader.damaged('a shape whose names are not names')
    const columns: unknown[][] = []
    for (let f = 0; f < shape.fields; f++) {
      const column = new Array<unknown>(count)
      this.column(reader, count, column, depth + 1)
      columns.push(column)
    }
    shape.gather(columns, count, into)
  }

  private variants(reader: ByteReader, count: number, into: unknown[], depth: number): void {
    const shapes = reader.u8()
    const at = reader.skip(count)
    const { buffer } = reader
    const counts = new Array<number>(shapes).fill(0)
    for (let i = 0; i < count; i++) {
      const which = buffer[at + i]!
      if (which >= shapes) throw reader.damaged(`shape ${which} of ${shapes}`)
      counts[which]!++
    }
    const groups = counts.map((size) => {
      const group = new Array<unknown>(size)
      this.objects(reader, size, group, depth)
      return group
    })
    const next = new Array<number>(shapes).fill(0)
    for (let i = 0; i < count; i++) {
      const which = buffer[at + i]!
      into[i] = groups[which]![next[which]!++]
    }
  }
}

function readFlags(reader: ByteReader, count: number, into: unknown[]): void {
  const at = reader.skip(count)
  const { buffer } = reader
  for (let i = 0; i < count; i++) {
    const flag = buffer[at + i]!
    if (flag >= PRESENT) throw reader.damaged(`${flag} is no flag`)
    into[i] = flagValues[flag]
  }
}

function readIntsOf(kind: number, reader: ByteReader, count: number, into: unknown[]): void {
  const at = reader.skip(count * (kind === INTS8 ? 1 : kind === INTS16 ? 2 : 4))
  const { buffer, view } = reader
  if (kind === INTS8) for (let i = 0; i < count; i++) into[i] = (buffer[at + i]! << 24) >> 24
  else if (kind === INTS16) for (let i = 0; i < count; i++) into[i] = view.getInt16(at + 2 * i, true)
  else for (let i = 0; i < count; i++) into[i] = view.getInt32(at + 4 * i, true)
}

/** Reads an ints column. */
export function readInts(reader: ByteReader, count: number, into: unknown[]): void {
  const kind = reader.u8()
  if (kind !== INTS8 && kind !== INTS16 && kind !== INTS32) throw reader.damaged(`${kind} is no kind of integers`)
  readIntsOf(kind, reader, count, into)
}

/** Reads `count` lengths: integers that are not negative. */
function readLengths(reader: ByteReader, count: number): readonly number[] {
  const lengths = new Array<number>(count)
  readInts(reader, count, lengths)
  let all = 0
  for (let i = 0; i < count; i++) all |= lengths[i]!
  if (all < 0) throw reader.damaged('a negative length')
  return lengths
}

function readDoubles(reader: ByteReader, count: number, into: unknown[]): void {
  const at = reader.skip(8 * count)
  const { view } = reader
  for (let i = 0; i < count; i++) into[i] = view.getFloat64(at + 8 * i, true)
}

function readBytes(reader: ByteReader, count: number, into: unknown[]): void {
  const lengths = readLengths(reader, count)
  for (let i = 0; i < count; i++) into[i] = new Uint8Array(reader.bytes(lengths[i]!))
}
