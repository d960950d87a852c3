/**
 * The codec of values: what crosses from one worker to another and what is written into checkpoints. Batches of like
 * values become columns, and code made for their shape writes and reads them; everything else is written exactly too.
 *
 * The format is in `format.ts`, Q1-Q3.
 *
 * Z1. A codec remembers code for the shapes that it has met, so many at most, and nothing else. Bytes depend on the
 *     values alone (`column-writer.ts`, W2) and a block needs nothing but itself (`format.ts`, Q1): with another memory
 *     a codec is slower or faster, never different. That is why one may serve a whole program, `encodeValues` and
 *     `decodeValues` below.
 */
import { assert } from '../assert.ts'
import type { ByteReader, ByteWriter } from '../bytes.ts'
import { fail, PotorooError } from '../errors.ts'
import { ColumnReader } from './column-reader.ts'
import { ColumnWriter } from './column-writer.ts'
import { type Fault, findFault } from './fault.ts'
import { BYTES_MAX, CELLS_MAX, DEPTH_MAX, FORMAT_EXACT, VALUES_MAX } from './format.ts'
import type { Wanted } from './generate.ts'
import { Unwritable } from './item-writer.ts'
import { plainly } from './plainly.ts'

/** Those of the format; a test has smaller ones. */
export interface CodecLimits {
  readonly depth: number
  readonly values: number
  readonly bytes: number
}

const formatLimits: CodecLimits = { depth: DEPTH_MAX, values: VALUES_MAX, bytes: BYTES_MAX }

/** Writes and reads blocks of values, within limits. */
export class ValueCodec {
  private readonly limits: CodecLimits
  private readonly columnWriter: ColumnWriter
  private readonly columnReader: ColumnReader

  constructor(limits = formatLimits) {
    this.limits = limits
    this.columnWriter = new ColumnWriter(limits.depth, limits.bytes)
    this.columnReader = new ColumnReader(limits.depth)
  }

  /**
   * Writes `values[0, count)` as one block. Throws `E_VALUE`, which names the place, for a value that is none of the
   * kinds of Q3 of `format.ts`, holds itself, or is too deep, and `E_BLOCK_TOO_LONG` for a block that is too long; then
   * nothing has been written. `formatMax`: the newest format that its reader knows (`plainly.ts`).
   */
  encodeValues(writer: ByteWriter, values: readonly unknown[], count: number, formatMax = FORMAT_EXACT): void {
    const start = writer.length
    this.encode(writer, values, count)
    if (this.format <= formatMax) return
    writer.truncate(start)
    this.encode(writer, values.slice(0, count).map(plainly), count)
  }

  private encode(writer: ByteWriter, values: readonly unknown[], count: number): void {
    assert(count <= this.limits.values, 'a block holds so many values at most')
    const start = writer.length
    try {
      writer.varint(count)
      this.columnWriter.write(writer, values, count)
    } catch (error) {
      writer.truncate(start)
      throw this.explained(error, values, count)
    }
  }

  /**
   * Of which format the block is that was written last (`format.ts`, Q4).
   */
  get format(): number {
    return this.columnWriter.format
  }

  /**
   * Fields that every value of the block written last has, each its own and enumerable; empty where that is not known.
   */
  get commonFields(): readonly string[] {
    return this.columnWriter.commonFields
  }

  /**
   * Reads one block into `into[0, count)` and returns `count`; what stood in `into` behind it is left alone. What is
   * not `wanted`, by its place in the block, may be left out. Throws `E_DAMAGED` where the bytes are no block.
   */
  decodeValues(reader: ByteReader, into: unknown[], wanted: Wanted | null = null): number {
    const count = reader.varint()
    if (count > this.limits.values) throw reader.damaged(`a block of ${count} values`)
    this.columnReader.read(reader, count, into, wanted)
    return count
  }

  private explained(error: unknown, values: readonly unknown[], count: number): unknown {
    if (error instanceof Unwritable && error.reason === 'large') return this.tooLong(count)
    if (error instanceof PotorooError) return error
    const fault = findFault(values, count, this.limits.depth)
    if (fault !== null) return asError(fault)
    // The engine's own refusal to join texts beyond half a gigabyte.
    return error instanceof RangeError ? this.tooLong(count) : error
  }

  private tooLong(count: number): PotorooError {
    return fail('E_BLOCK_TOO_LONG', { values: count, limit: this.limits.bytes, parts: CELLS_MAX })
  }
}

function asError({ index, path, got }: Fault): PotorooError {
  return fail('E_VALUE', { index, path, place: `value${path}`, got })
}

const shared = new ValueCodec()

/** `ValueCodec.encodeValues` within the format's limits; answers of which format the block is (`format.ts`, Q4). */
export function encodeValues(
  writer: ByteWriter,
  values: readonly unknown[],
  count: number,
  formatMax = FORMAT_EXACT,
): number {
  shared.encodeValues(writer, values, count, formatMax)
  return shared.format
}

/** `ValueCodec.decodeValues` within the format's limits. */
export function decodeValues(reader: ByteReader, into: unknown[], wanted: Wanted | null = null): number {
  return shared.decodeValues(reader, into, wanted)
}
