/**
 * Writes columns. Each is looked at once to find its kind; objects of one shape are taken apart by generated code, and
 * each field becomes a column of its own.
 *
 * W1. Nothing is written that the reader would refuse: the depth and the bytes of a block are bounded here.
 * W2. The bytes depend on the values alone, never on what was written before.
 */
import type { ByteWriter } from '../bytes.ts'
import {
  ABSENT,
  BARE,
  BYTES,
  CELLS_MAX,
  FLAGS,
  FORMAT_EXACT,
  FORMAT_PLAIN,
  HOLED,
  ITEMS,
  LISTS,
  OBJECTS,
  PRESENT,
  SPARSE,
  VARIANTS,
  VARIANTS_MAX,
} from './format.ts'
import { copyWords, DONE, type Lane, type LaneStore, OTHER_SHAPE, WORD_UNITS, type Words } from './generate.ts'
import { type Block, Unwritable, writeItem } from './item-writer.ts'
import { bitsOf, writeDoubles, writeInts, writeTexts, writeWords } from './plain-columns.ts'
import { Scratch } from './scratch.ts'
import { type WrittenShape, WrittenShapes } from './shape.ts'
import * as sees from './survey.ts'

/** With fewer values than this, tags cost less than the names of a shape. */
const OBJECTS_MIN = 8
/** Names that the writer remembers. */
const SHAPE_NODES_MAX = 4096
/** Stands for a hole among the items of lists: no value of a user's is this object. */
const hole = {}

export class ColumnWriter {
  private readonly scratch = new Scratch()
  private readonly shapes = new WrittenShapes(SHAPE_NODES_MAX)
  private readonly depthMax: number
  private readonly bytesMax: number
  private readonly block: Block = { lengthMax: 0, format: FORMAT_PLAIN }
  private blockCount = 0
  /** Values that the block's columns have so far. */
  private cells = 0
  /** Names of the fields that every value of the block has; only where the values became an objects column. */
  commonFields: readonly string[] = []

  constructor(depthMax: number, bytesMax: number) {
    this.depthMax = depthMax
    this.bytesMax = bytesMax
  }

  /** Of which format the block is that was written last (`format.ts`, Q4). */
  get format(): number {
    return this.block.format
  }

  /** Writes `values[0, count)` as a column. Throws `Unwritable`, and what a getter of a value throws. */
  write(writer: ByteWriter, values: readonly unknown[], count: number): void {
    this.block.lengthMax = writer.length + this.bytesMax
    this.block.format = FORMAT_PLAIN
    this.commonFields = []
    this.blockCount = count
    this.cells = 0
    try {
      this.column(writer, values, count, 0)
    } finally {
      this.scratch.release(0, 0)
    }
  }

  private column(writer: ByteWriter, values: readonly unknown[], count: number, depth: number): void {
    this.begin(writer, count, depth)
    // Objects tell by themselves whether they fit: no look at every value before.
    if (count < OBJECTS_MIN || !this.objects(writer, values, count, depth)) this.others(writer, values, count, depth)
    if (writer.length > this.block.lengthMax) throw new Unwritable('large')
  }

  /** Looks whether another column fits (W1). */
  private begin(writer: ByteWriter, count: number, depth: number): void {
    if (writer.length + count > this.block.lengthMax) throw new Unwritable('large')
    this.admit(count)
    if (depth > this.depthMax) throw new Unwritable('deep')
  }

  /** Counts a column as its reader will (W1). */
  private admit(count: number): void {
    if ((this.cells += count) > CELLS_MAX) throw new Unwritable('large')
  }

  /** Any column but one of objects. */
  private others(writer: ByteWriter, values: readonly unknown[], count: number, depth: number): void {
    const seen = sees.survey(values, count)
    switch (seen) {
      case 0:
      case sees.FLAG:
        this.flags(writer, values, count)
        break
      case sees.INT:
        this.ints(writer, values as readonly number[], count)
        break
      case sees.DOUBLE:
      case sees.INT | sees.DOUBLE:
        this.doubles(writer, values as readonly number[], count)
        break
      case sees.TEXT:
        this.texts(writer, values as readonly string[], count)
        break
      case sees.BYTES:
        this.bytes(writer, values as readonly Uint8Array[], count)
        break
      case sees.LIST:
        this.lists(writer, values as readonly (readonly unknown[])[], count, depth)
        break
      default:
        if (sees.isSparse(seen)) this.sparse(writer, SPARSE, values, count, depth)
        else this.items(writer, values, count, depth)
    }
  }

  private flags(writer: ByteWriter, values: readonly unknown[], count: number): void {
    writer.u8(FLAGS)
    const at = writer.reserve(count)
    const { buffer } = writer
    for (let i = 0; i < count; i++) buffer[at + i] = sees.flagOf(values[i])
    writer.at = at + count
  }

  /** `kind` `SPARSE`, or `HOLED` where some of the values are `hole`. */
  private sparse(writer: ByteWriter, kind: number, values: readonly unknown[], count: number, depth: number): void {
    const present: unknown[] = []
    writer.u8(kind)
    const at = writer.reserve(count)
    const { buffer } = writer
    for (let i = 0; i < count; i++) {
      const flag = values[i] === hole ? ABSENT : sees.flagOf(values[i])
      buffer[at + i] = flag
      if (flag === PRESENT) present.push(values[i])
    }
    writer.at = at + count
    this.column(writer, present, present.length, depth)
  }

  private ints(writer: ByteWriter, values: readonly number[], count: number): void {
    const used = this.scratch.ints.used
    const store = this.scratch.ints.take(count)
    for (let i = 0; i < count; i++) store[i] = values[i]!
    writeInts(writer, store, count, bitsOf(store, count))
    this.scratch.ints.release(used)
  }

  private doubles(writer: ByteWriter, values: readonly number[], count: number): void {
    const used = this.scratch.doubles.used
    const store = this.scratch.doubles.take(count)
    for (let i = 0; i < count; i++) store[i] = values[i]!
    writeDoubles(writer, store, count)
    this.scratch.doubles.release(used)
  }

  /** Writes a lane of doubles, all of which may be integers in this block (W2). */
  private numbers(writer: ByteWriter, store: Float64Array, count: number): void {
    for (let i = 0; i < count; i++) {
      if (!Object.is(store[i]! | 0, store[i]!)) {
        writeDoubles(writer, store, count)
        return
      }
    }
    const used = this.scratch.ints.used
    const ints = this.scratch.ints.take(count)
    for (let i = 0; i < count; i++) ints[i] = store[i]!
    writeInts(writer, ints, count, bitsOf(ints, count))
    this.scratch.ints.release(used)
  }

  private texts(writer: ByteWriter, values: readonly string[], count: number): void {
    const { ints, doubles, flags } = this.scratch
    const [usedInts, usedDoubles, usedFlags] = [ints.used, doubles.used, flags.used]
    const lengths = ints.take(count)
    let units = 0
    for (let i = 0; i < count; i++) units += lengths[i] = values[i]!.length
    if (units > this.bytesMax) throw new Unwritable('large')
    if (units > WORD_UNITS * count || !this.words(writer, values, count)) {
      let text = ''
      for (let i = 0; i < count; i++) text += values[i]!
      writeTexts(writer, lengths, count, bitsOf(lengths, count), text)
    }
    this.scratch.release(usedInts, usedDoubles, usedFlags)
  }

  /** Writes short texts; writes nothing and answers false where one has units of two bytes. */
  private words(writer: ByteWriter, values: readonly string[], count: number): boolean {
    const words = this.storeFor('word', count) as Words
    const bits = copyWords(values, count, words)
    if (bits >= 0) writeWords(writer, words, count, bits)
    return bits >= 0
  }

  private bytes(writer: ByteWriter, values: readonly Uint8Array[], count: number): void {
    const used = this.scratch.ints.used
    const lengths = this.scratch.ints.take(count)
    let total = 0
    for (let i = 0; i < count; i++) total += lengths[i] = values[i]!.length
    if (total > this.bytesMax) throw new Unwritable('large')
    writer.u8(BYTES)
    writeInts(writer, lengths, count, bitsOf(lengths, count))
    writer.reserve(total)
    for (let i = 0; i < count; i++) writer.bytes(values[i]!)
    this.scratch.ints.release(used)
  }

  private lists(writer: ByteWriter, values: readonly (readonly unknown[])[], count: number, depth: number): void {
    const used = this.scratch.ints.used
    const lengths = this.scratch.ints.take(count)
    let total = 0
    for (let i = 0; i < count; i++) {
      total += lengths[i] = values[i]!.length
      // Before room is made for them: a list may have a length and nothing in it.
      if (total > Math.min(this.bytesMax, CELLS_MAX - this.cells)) throw new Unwritable('large')
    }
    writer.u8(LISTS)
    writeInts(writer, lengths, count, bitsOf(lengths, count))
    if (total === 0 || !this.numberItems(writer, values, lengths, count, total, depth + 1)) {
      this.anyItems(writer, values, lengths, count, total, depth + 1)
    }
    this.scratch.ints.release(used)
  }

  /** Writes the column of the items of lists, whatever they are. */
  private anyItems(
    writer: ByteWriter,
    lists: readonly (readonly unknown[])[],
    lengths: Int32Array,
    count: number,
    total: number,
    depth: number,
  ): void {
    const items: unknown[] = []
    let holed = false
    for (let i = 0; i < count; i++) {
      const list = lists[i]!
      for (let k = 0; k < lengths[i]!; k++) {
        const item = list[k]
        // Only what reads as nothing is asked whether it is there.
        if (item === undefined && !(k in list)) {
          items.push(hole)
          holed = true
        } else items.push(item)
      }
    }
    if (holed) this.holed(writer, items, total, depth)
    else this.column(writer, items, total, depth)
  }

  private holed(writer: ByteWriter, items: readonly unknown[], count: number, depth: number): void {
    this.begin(writer, count, depth)
    this.block.format = FORMAT_EXACT
    this.sparse(writer, HOLED, items, count, depth)
  }

  /**
   * Writes the column of the items of lists, all of which are numbers; writes nothing and answers false where one is
   * not.
   */
  private numberItems(
    writer: ByteWriter,
    lists: readonly (readonly unknown[])[],
    lengths: Int32Array,
    count: number,
    total: number,
    depth: number,
  ): boolean {
    const used = this.scratch.doubles.used
    const store = this.scratch.doubles.take(total)
    let at = 0
    for (let i = 0; i < count; i++) {
      const list = lists[i]!
      for (let k = 0; k < lengths[i]!; k++) {
        const item = list[k]
        if (typeof item !== 'number') {
          this.scratch.doubles.release(used)
          return false
        }
        store[at++] = item
      }
    }
    this.begin(writer, total, depth)
    this.numbers(writer, store, total)
    this.scratch.doubles.release(used)
    return true
  }

  /** Writes plain objects by shape; writes nothing and answers false where they are none, or of too many shapes. */
  private objects(writer: ByteWriter, values: readonly unknown[], count: number, depth: number): boolean {
    const shape = this.shapes.find(values[0])
    if (shape === null) return false
    const known = shape.scatter !== null && !shape.mixes
    if (known && this.ofOneShape(writer, shape, values, count, depth)) return true
    shape.mixes = true
    return this.variants(writer, values, count, depth)
  }

  /** Writes a column of objects of one shape; writes nothing and answers false where one is of another. */
  private ofOneShape(
    writer: ByteWriter,
    shape: WrittenShape,
    values: readonly unknown[],
    count: number,
    depth: number,
  ): boolean {
    if (!this.ofShape(writer, shape.bare ? BARE : OBJECTS, shape, values, count, depth)) return false
    if (shape.bare) this.block.format = FORMAT_EXACT
    return true
  }

  /** The same behind `kind`, which is not written where it is 0. */
  private ofShape(
    writer: ByteWriter,
    kind: number,
    shape: WrittenShape,
    values: readonly unknown[],
    count: number,
    depth: number,
  ): boolean {
    const { ints, doubles, flags } = this.scratch
    const [usedInts, usedDoubles, usedFlags] = [ints.used, doubles.used, flags.used]
    const texts: string[] = []
    const bits: number[] = []
    let scatter = shape.scatter ?? shape.prepare(values, count)
    for (;;) {
      const stores = shape.lanes.map((lane) => this.storeFor(lane, count))
      const outcome = scatter(values, count, stores, texts, bits)
      if (outcome === DONE) {
        if (kind !== 0) writer.u8(kind)
        writer.varint(shape.signature.length)
        writer.bytes(shape.signature)
        for (let f = 0; f < stores.length; f++) {
          this.lane(writer, shape.lanes[f]!, stores[f]!, bits[f]!, texts[f]!, count, depth)
        }
      }
      this.scratch.release(usedInts, usedDoubles, usedFlags)
      if (outcome === DONE) {
        if (depth === 0 && count === this.blockCount) this.commonFields = shape.names
        return true
      }
      if (outcome === OTHER_SHAPE) return false
      scatter = shape.widen(values, outcome)
    }
  }

  private storeFor(lane: Lane, count: number): LaneStore {
    switch (lane) {
      case 'int':
      case 'text':
        return this.scratch.ints.take(count)
      case 'double':
        return this.scratch.doubles.take(count)
      case 'flag':
        return this.scratch.flags.take(count)
      case 'word':
        return { lengths: this.scratch.ints.take(count), units: this.scratch.flags.take(WORD_UNITS * count), used: 0 }
      case 'any':
        return new Array<unknown>(count)
    }
  }

  private lane(
    writer: ByteWriter,
    lane: Lane,
    store: LaneStore,
    bits: number,
    text: string,
    count: number,
    depth: number,
  ): void {
    if (lane !== 'any') this.admit(count)
    switch (lane) {
      case 'int':
        writeInts(writer, store as Int32Array, count, bits)
        break
      case 'word':
        writeWords(writer, store as Words, count, bits)
        break
      case 'text':
        if (text.length > this.bytesMax) throw new Unwritable('large')
        writeTexts(writer, store as Int32Array, count, bits, text)
        break
      case 'double':
        this.numbers(writer, store as Float64Array, count)
        break
      case 'flag':
        writer.u8(FLAGS)
        writer.bytes((store as Uint8Array).subarray(0, count))
        break
      case 'any':
        this.column(writer, store as unknown[], count, depth + 1)
        break
    }
  }

  private variants(writer: ByteWriter, values: readonly unknown[], count: number, depth: number): boolean {
    const shapes: WrittenShape[] = []
    const groups: unknown[][] = []
    const which = this.scratch.flags.take(count)
    for (let i = 0; i < count; i++) {
      const shape = this.shapes.find(values[i])
      if (shape === null) return false
      // Objects without prototype are a column only where all are of one shape.
      if (shapes.length > 0 && shape !== shapes[0] && (shape.bare || shapes[0]!.bare)) return false
      let at = shapes.indexOf(shape)
      if (at < 0) {
        if (shapes.length === VARIANTS_MAX || shapes.length * OBJECTS_MIN >= count) return false
        at = shapes.push(shape) - 1
        groups.push([])
      }
      which[i] = at
      groups[at]!.push(values[i])
    }
    if (shapes.length === 1) {
      shapes[0]!.mixes = false
      return this.ofOneShape(writer, shapes[0]!, values, count, depth)
    }
    const { length } = writer
    const { cells } = this
    writer.u8(VARIANTS)
    writer.u8(shapes.length)
    writer.bytes(which.subarray(0, count))
    for (let at = 0; at < shapes.length; at++) {
      const group = groups[at]!
      if (this.ofShape(writer, 0, shapes[at]!, group, group.length, depth)) continue
      // An object that changes while it is read, or where a program has added fields to all of them.
      writer.truncate(length)
      this.cells = cells
      return false
    }
    if (depth === 0 && count === this.blockCount) {
      this.commonFields = shapes[0]!.names.filter((name) => shapes.every(({ names }) => names.includes(name)))
    }
    return true
  }

  private items(writer: ByteWriter, values: readonly unknown[], count: number, depth: number): void {
    writer.u8(ITEMS)
    for (let i = 0; i < count; i++) writeItem(writer, values[i], this.depthMax - depth, this.block)
  }
}
