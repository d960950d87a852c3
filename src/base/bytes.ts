/**
 * Bytes in order: a writer that grows and a reader that trusts nothing.
 *
 * Y1. Numbers are little-endian. A varint is LEB128: seven bits a byte, the lowest first, at most 2^53 - 1.
 * Y2. What `take` returns belongs to its taker; the writer never touches those bytes again.
 * Y3. A reader never reads outside its range and never allocates by a length that it has not compared with what is
 *     left. Whatever is wrong with the bytes, it throws `E_DAMAGED`.
 */
import { assert } from './assert.ts'
import { fail } from './errors.ts'

/** Bytes of a writer's buffer, unless told otherwise. */
const CHUNK_BYTES = 64 << 10
/** When less than this is left after `take`, the next message begins in a new buffer. */
const LEFTOVER_BYTES = 4 << 10

const NO_BYTES = Buffer.allocUnsafeSlow(0)
const NO_VIEW = new DataView(NO_BYTES.buffer)
const LONGEST_VARINT = 8

// Columns of numbers are copied as they lie in memory (Y1).
assert(new Uint8Array(new Uint16Array([1]).buffer)[0] === 1, 'the processor is little-endian')

export class ByteWriter {
  /** Where bytes go: nothing before the first is written. Changes with every growth: read it again after `reserve`. */
  buffer: Buffer = NO_BYTES
  /** Over all of `buffer`. */
  view: DataView = NO_VIEW
  /** Offset in `buffer` of the next byte. */
  at = 0
  private begin = 0
  private readonly chunkBytes: number
  private readonly allocate: (bytes: number) => Buffer

  /** `allocate` answers with memory that nobody else uses, from its beginning. */
  constructor(chunkBytes: number = CHUNK_BYTES, allocate: (bytes: number) => Buffer = Buffer.allocUnsafeSlow) {
    this.chunkBytes = chunkBytes
    this.allocate = allocate
  }

  /** Bytes written since the last `take` or `clear`. */
  get length(): number {
    return this.at - this.begin
  }

  /** Makes room for `bytes` more and returns `at`. */
  reserve(bytes: number): number {
    if (this.at + bytes > this.buffer.length) this.grow(bytes)
    return this.at
  }

  private grow(bytes: number): void {
    const written = this.at - this.begin
    const size = Math.max(this.chunkBytes, 2 * written + bytes)
    const buffer = this.allocate(size)
    buffer.set(this.buffer.subarray(this.begin, this.at))
    this.buffer = buffer
    this.view = new DataView(buffer.buffer)
    this.begin = 0
    this.at = written
  }

  u8(value: number): void {
    const at = this.reserve(1)
    this.buffer[at] = value
    this.at = at + 1
  }

  u16(value: number): void {
    const at = this.reserve(2)
    this.view.setUint16(at, value, true)
    this.at = at + 2
  }

  u32(value: number): void {
    const at = this.reserve(4)
    this.view.setUint32(at, value, true)
    this.at = at + 4
  }

  i32(value: number): void {
    const at = this.reserve(4)
    this.view.setInt32(at, value, true)
    this.at = at + 4
  }

  f64(value: number): void {
    const at = this.reserve(8)
    this.view.setFloat64(at, value, true)
    this.at = at + 8
  }

  /** Writes an integer from 0 to 2^53 - 1 in one to eight bytes. */
  varint(value: number): void {
    const at = this.reserve(LONGEST_VARINT)
    if ((value & 0x7f) === value) {
      this.buffer[at] = value
      this.at = at + 1
    } else {
      this.at = this.longVarint(value, at)
    }
  }

  private longVarint(value: number, at: number): number {
    assert(Number.isSafeInteger(value) && value >= 0, 'Y1: a varint is an integer from 0 to 2^53 - 1')
    const { buffer } = this
    let rest = value
    let offset = at
    while (rest >= 0x80) {
      buffer[offset++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    buffer[offset++] = rest
    return offset
  }

  /** Writes `text` as UTF-8 behind a varint of its bytes. A lone surrogate becomes U+FFFD; `codec/` keeps it. */
  utf8(text: string): void {
    // A UTF-16 unit takes at most three bytes.
    const at = this.reserve(LONGEST_VARINT + 3 * text.length)
    if (text.length < 0x80 / 3) {
      const bytes = this.buffer.write(text, at + 1, 'utf8')
      this.buffer[at] = bytes
      this.at = at + 1 + bytes
    } else {
      this.varint(Buffer.byteLength(text, 'utf8'))
      this.at += this.buffer.write(text, this.at, 'utf8')
    }
  }

  /** Writes `bytes` as they are, without a length. */
  bytes(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length)
    this.buffer.set(bytes, at)
    this.at = at + bytes.length
  }

  /** What has been written since the last `take` or `clear`, as a view that the next write may move or change. */
  peek(): Buffer {
    return this.buffer.subarray(this.begin, this.at)
  }

  /** Returns what has been written since the last `take` or `clear` (Y2) and begins anew behind it. */
  take(): Buffer {
    const taken = this.peek()
    this.begin = this.at
    // Memory for more is taken by who writes more: many writers write once.
    if (this.buffer.length - this.at < LEFTOVER_BYTES) this.renew()
    return taken
  }

  /** Forgets what has been written since the last `take` or `clear`. */
  clear(): void {
    this.at = this.begin
  }

  /** Forgets what has been written from `length` on. */
  truncate(length: number): void {
    assert(length >= 0 && length <= this.length, 'a cut lies in what has been written')
    this.at = this.begin + length
  }

  /** Goes on in new memory; what has been written since the last `take` is forgotten. */
  renew(): void {
    this.buffer = NO_BYTES
    this.view = NO_VIEW
    this.begin = 0
    this.at = 0
  }
}

export class ByteReader {
  readonly buffer: Buffer
  /** Over all of `buffer`. */
  readonly view: DataView
  /** Offset in `buffer` of the next byte. */
  at: number
  /** Offset in `buffer` after the last byte that may be read. */
  readonly end: number

  /** Reads `bytes` from `start` to `end`. */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    assert(start >= 0 && start <= end && end <= bytes.length, 'a reader lies within its bytes')
    this.buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = start
    this.end = end
  }

  get remaining(): number {
    return this.end - this.at
  }

  /** The offset of the next `bytes` bytes, which it passes over; throws where they are not there. */
  advance(bytes: number): number {
    const at = this.at
    // Written so that NaN and negative lengths fail too.
    if (!(bytes >= 0 && bytes <= this.end - at))
      throw this.damaged(`${bytes} bytes are announced, ${this.remaining} left`)
    this.at = at + bytes
    return at
  }

  u8(): number {
    return this.buffer[this.advance(1)]!
  }

  u16(): number {
    return this.view.getUint16(this.advance(2), true)
  }

  u32(): number {
    return this.view.getUint32(this.advance(4), true)
  }

  i32(): number {
    return this.view.getInt32(this.advance(4), true)
  }

  f64(): number {
    return this.view.getFloat64(this.advance(8), true)
  }

  varint(): number {
    const first = this.u8()
    return first < 0x80 ? first : this.longVarint(first)
  }

  private longVarint(first: number): number {
    let value = first & 0x7f
    let scale = 0x80
    for (let i = 1; i < LONGEST_VARINT; i++) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break
        return value
      }
      scale *= 0x80
    }
    throw this.damaged('a varint is too long')
  }

  /** A varint that counts things of at least `bytesEach` bytes (more than 0), which must fit into what is left. */
  count(bytesEach: number): number {
    const count = this.varint()
    if (count * bytesEach > this.remaining)
      throw this.damaged(`${count} items are announced, ${this.remaining} bytes left`)
    return count
  }

  /** Text of at most `bytesMax` bytes as `ByteWriter.utf8` writes it. */
  utf8(bytesMax: number = Number.MAX_SAFE_INTEGER): string {
    const bytes = this.varint()
    if (bytes > bytesMax) throw this.damaged(`a text of ${bytes} bytes where at most ${bytesMax} may stand`)
    const at = this.advance(bytes)
    const text = this.buffer.toString('utf8', at, at + bytes)
    // Bytes that stand for no character would be read as U+FFFD, and two names as one.
    if (text.includes('\ufffd') && !this.buffer.subarray(at, at + bytes).equals(Buffer.from(text))) {
      throw this.damaged('a text that is no UTF-8')
    }
    return text
  }

  /** The next `length` bytes as a view: it keeps the reader's whole buffer alive. */
  bytes(length: number): Buffer {
    const at = this.advance(length)
    return this.buffer.subarray(at, at + length)
  }

  /** Throws unless everything has been read. */
  finish(): void {
    if (this.at !== this.end) throw this.damaged(`${this.remaining} bytes too many`)
  }

  /** The error for bytes that cannot be what they claim. */
  damaged(reason: string): Error {
    return fail('E_DAMAGED', { offset: this.at, reason })
  }
}
