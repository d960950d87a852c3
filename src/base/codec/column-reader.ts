/**
 * Reads columns. The bytes may be damaged or hostile: whatever they are, reading them ends, allocates in proportion to
 * them (`format.ts`, Q2), and throws `E_DAMAGED` where they are not what a writer makes.
 */
import type { ByteReader } from '../bytes.ts'
import {
  ABSENT,
  BARE,
  BYTES,
  CELLS_MAX,
  DOUBLES,
  FLAGS,
  flagValues,
  HOLED,
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
import type { ReadColumn, Wanted } from './generate.ts'
import { readItem } from './item-reader.ts'
import { Scratch } from './scratch.ts'
import { ReadShapes } from './shape.ts'
import { COPIED_UNITS, type Lengths, readJoined, readTexts } from './text.ts'

/** Shapes that the reader remembers. */
const SHAPES_MAX = 256
/** Longest signature of a shape: what a writer makes is a third of it. */
const SIGNATURE_BYTES_MAX = 1 << 16
/** Stands for a hole among the items of lists. */
const hole = {}

export class ColumnReader {
  private readonly shapes = new ReadShapes(SHAPES_MAX, false)
  private readonly bareShapes = new ReadShapes(SHAPES_MAX, true)
  private readonly scratch = new Scratch()
  private readonly depthMax: number
  /** Values that the block's columns have so far. */
  private cells = 0

  constructor(depthMax: number) {
    this.depthMax = depthMax
  }

  /**
   * Reads a column of `count` values into `into[0, count)`. What is not `wanted` may be passed over: nothing is put
   * there, or the value all the same.
   */
  read(reader: ByteReader, count: number, into: unknown[], wanted: Wanted | null): void {
    this.cells = 0
    try {
      this.ofKind(this.kind(reader, count, 0), reader, count, into, 0, wanted)
    } finally {
      this.scratch.release(0, 0)
    }
  }

  private kind(reader: ByteReader, count: number, depth: number): number {
    if (depth > this.depthMax) throw reader.damaged(`more than ${this.depthMax} levels`)
    // Q2 of `format.ts`: before anything is made for `count` values, there is a byte for each.
    if (count > reader.remaining) throw reader.damaged(`a column of ${count} values in ${reader.remaining} bytes`)
    if ((this.cells += count) > CELLS_MAX) throw reader.damaged(`more than ${CELLS_MAX} values in columns`)
    return reader.u8()
  }

  private ofKind(
    kind: number,
    reader: ByteReader,
    count: number,
    into: unknown[],
    depth: number,
    wanted: Wanted | null,
  ): void {
    switch (kind) {
      case FLAGS:
        readFlags(reader, count, into)
        break
      case INTS8:
      case INTS16:
      case INTS32:
      case DOUBLES:
        this.numbers(kind, reader, count, into)
        break
      case LATIN1:
      case UTF16:
        this.texts(reader, count, kind === LATIN1 ? 1 : 2, into)
        break
      case BYTES:
        this.bytes(reader, count, into)
        break
      case SPARSE:
        this.sparse(reader, PRESENT, count, into, depth)
        break
      case LISTS:
        this.lists(reader, count, into, depth, wanted)
        break
      case OBJECTS:
        this.objects(reader, this.shapes, count, into, depth, wanted)
        break
      case BARE:
        this.objects(reader, this.bareShapes, count, into, depth, wanted)
        break
      case VARIANTS:
        this.variants(reader, count, into, depth)
        break
      case ITEMS:
        for (let i = 0; i < count; i++) into[i] = readItem(reader, this.depthMax - depth)
        break
      default:
        throw reader.damaged(`${kind} is no kind of column that this program knows`)
    }
  }

  private numbers(kind: number, reader: ByteReader, count: number, into: unknown[]): void {
    const { ints, doubles } = this.scratch
    const [usedInts, usedDoubles] = [ints.used, doubles.used]
    const numbers = kind === DOUBLES ? this.doubles(reader, count) : this.ints(kind, reader, count)
    for (let i = 0; i < count; i++) into[i] = numbers[i]
    this.scratch.release(usedInts, usedDoubles)
  }

  /** The next `count` numbers: a view, or scratch that the caller releases. */
  private ints(kind: number, reader: ByteReader, count: number): Int8Array | Int32Array {
    if (kind === INTS8) {
      const at = reader.advance(count)
      return new Int8Array(reader.buffer.buffer, reader.buffer.byteOffset + at, count)
    }
    if (kind !== INTS16 && kind !== INTS32) throw reader.damaged(`${kind} is no kind of integers`)
    const at = reader.advance(count * (kind === INTS16 ? 2 : 4))
    const { buffer, view } = reader
    const store = this.scratch.ints.take(count)
    if (kind === INTS16) for (let i = 0; i < count; i++) store[i] = view.getInt16(at + 2 * i, true)
    else new Uint8Array(store.buffer).set(buffer.subarray(at, at + 4 * count))
    return store
  }

  /** The next `count` doubles: scratch that the caller releases. */
  private doubles(reader: ByteReader, count: number): Float64Array {
    const at = reader.advance(8 * count)
    const store = this.scratch.doubles.take(count)
    new Uint8Array(store.buffer).set(reader.buffer.subarray(at, at + 8 * count))
    return store
  }

  /** Reads `count` lengths, none of them negative: scratch that the caller releases. */
  private lengths(reader: ByteReader, count: number): Lengths {
    const each = this.ints(reader.u8(), reader, count)
    let [bits, total, long] = [0, 0, 0]
    for (let i = 0; i < count; i++) {
      const length = each[i]!
      bits |= length
      total += length
      // Its sign: a branch costs as much as the rest of the loop.
      long += (COPIED_UNITS - length) >>> 31
    }
    if (bits < 0) throw reader.damaged('a negative length')
    return { each, total, long }
  }

  private texts(reader: ByteReader, count: number, width: 1 | 2, into: unknown[]): void {
    const used = this.scratch.ints.used
    readTexts(reader, this.lengths(reader, count), count, width, into)
    this.scratch.ints.release(used)
  }

  private bytes(reader: ByteReader, count: number, into: unknown[]): void {
    const used = this.scratch.ints.used
    const { each } = this.lengths(reader, count)
    for (let i = 0; i < count; i++) into[i] = new Uint8Array(reader.bytes(each[i]!))
    this.scratch.ints.release(used)
  }

  /** `flagMax`: the highest flag that there may be, `ABSENT` among the items of lists. */
  private sparse(reader: ByteReader, flagMax: number, count: number, into: unknown[], depth: number): void {
    const at = reader.advance(count)
    const { buffer } = reader
    let presentCount = 0
    for (let i = 0; i < count; i++) if (buffer[at + i] === PRESENT) presentCount++
    const present = new Array<unknown>(presentCount)
    const kind = this.kind(reader, presentCount, depth)
    if (kind === SPARSE) throw reader.damaged('a sparse column within a sparse one')
    this.ofKind(kind, reader, presentCount, present, depth, null)
    let next = 0
    for (let i = 0; i < count; i++) {
      const flag = buffer[at + i]!
      if (flag > flagMax) throw reader.damaged(`${flag} is no flag`)
      into[i] = flag === PRESENT ? present[next++] : flag === ABSENT ? hole : flagValues[flag]
    }
  }

  private lists(reader: ByteReader, count: number, into: unknown[], depth: number, wanted: Wanted | null): void {
    const used = this.scratch.ints.used
    const { each, total } = this.lengths(reader, count)
    if (total > reader.remaining) throw reader.damaged(`lists of ${total} items in ${reader.remaining} bytes`)
    const kind = this.kind(reader, total, depth + 1)
    if (kind === INTS8 || kind === INTS16 || kind === INTS32) {
      cutInts(this.ints(kind, reader, total), each, count, into, wanted)
    } else {
      const items = new Array<unknown>(total)
      if (kind === HOLED) {
        this.sparse(reader, ABSENT, total, items, depth + 1)
        cutHoled(items, each, count, into)
      } else {
        this.ofKind(kind, reader, total, items, depth + 1, null)
        cutItems(items, each, count, into)
      }
    }
    this.scratch.ints.release(used)
  }

  private objects(
    reader: ByteReader,
    shapes: ReadShapes,
    count: number,
    into: unknown[],
    depth: number,
    wanted: Wanted | null,
  ): void {
    const { ints, doubles } = this.scratch
    const [usedInts, usedDoubles] = [ints.used, doubles.used]
    const bytes = reader.varint()
    if (bytes > SIGNATURE_BYTES_MAX) throw reader.damaged(`a shape of ${bytes} bytes`)
    const at = reader.advance(bytes)
    const shape = shapes.find(reader.buffer.toString('latin1', at, at + bytes))
    if (shape === null) throw reader.damaged('a shape whose names are not names')
    const columns: ReadColumn[] = []
    for (let f = 0; f < shape.names.length; f++) {
      columns.push(this.field(reader, count, depth + 1, shape.mayJoin(f), wanted))
    }
    if (wanted === null) shape.gather(columns)(columns, count, into)
    else shape.gatherSome(columns)(columns, count, into, wanted)
    this.scratch.release(usedInts, usedDoubles)
  }

  /** A column of objects' fields, in the form that is quickest to gather from. */
  private field(reader: ByteReader, count: number, depth: number, mayJoin: boolean, wanted: Wanted | null): ReadColumn {
    const kind = this.kind(reader, count, depth)
    if (kind === DOUBLES) return this.doubles(reader, count)
    if (kind === INTS8 || kind === INTS16 || kind === INTS32) return this.ints(kind, reader, count)
    if (mayJoin && (kind === LATIN1 || kind === UTF16)) {
      const lengths = this.lengths(reader, count)
      const width = kind === LATIN1 ? 1 : 2
      const joined = readJoined(reader, lengths, count, width)
      if (joined !== null) return joined
      const values = new Array<unknown>(count)
      readTexts(reader, lengths, count, width, values)
      return values
    }
    const values = new Array<unknown>(count)
    this.ofKind(kind, reader, count, values, depth, wanted)
    return values
  }

  private variants(reader: ByteReader, count: number, into: unknown[], depth: number): void {
    const shapes = reader.u8()
    const at = reader.advance(count)
    const { buffer } = reader
    const counts = new Array<number>(shapes).fill(0)
    for (let i = 0; i < count; i++) {
      const which = buffer[at + i]!
      if (which >= shapes) throw reader.damaged(`shape ${which} of ${shapes}`)
      counts[which]!++
    }
    const groups = counts.map((size) => {
      const group = new Array<unknown>(size)
      this.objects(reader, this.shapes, size, group, depth, null)
      return group
    })
    const next = new Array<number>(shapes).fill(0)
    for (let i = 0; i < count; i++) {
      const which = buffer[at + i]!
      into[i] = groups[which]![next[which]!++]
    }
  }
}

function cutItems(items: readonly unknown[], lengths: ArrayLike<number>, count: number, into: unknown[]): void {
  let start = 0
  for (let i = 0; i < count; i++) {
    const end = start + lengths[i]!
    into[i] = items.slice(start, end)
    start = end
  }
}

function cutHoled(items: readonly unknown[], lengths: ArrayLike<number>, count: number, into: unknown[]): void {
  let start = 0
  for (let i = 0; i < count; i++) {
    const length = lengths[i]!
    const list = new Array<unknown>(length)
    for (let k = 0; k < length; k++) if (items[start + k] !== hole) list[k] = items[start + k]
    into[i] = list
    start += length
  }
}

/** Integers need no array of all items between: a window of numbers for each key is read in half the time. */
function cutInts(
  items: ArrayLike<number>,
  lengths: ArrayLike<number>,
  count: number,
  into: unknown[],
  wanted: Wanted | null,
): void {
  let start = 0
  for (let i = 0; i < count; i++) {
    const length = lengths[i]!
    if (wanted === null || wanted[i] === 1) {
      const list = new Array<number>(length)
      for (let k = 0; k < length; k++) list[k] = items[start + k]!
      into[i] = list
    }
    start += length
  }
}

function readFlags(reader: ByteReader, count: number, into: unknown[]): void {
  const at = reader.advance(count)
  const { buffer } = reader
  for (let i = 0; i < count; i++) {
    const flag = buffer[at + i]!
    if (flag >= PRESENT) throw reader.damaged(`${flag} is no flag`)
    into[i] = flagValues[flag]
  }
}
