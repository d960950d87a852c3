/**
 * Whether bytes are MessagePack as its specification has it. Their reader takes more: text that is no UTF-8, with marks
 * in place of what it cannot read, and extensions of its own, by which bytes may point anywhere in their buffer.
 *
 * P1. Taken are the values of the specification and its time, and what packers of JavaScript make of `undefined`. The
 *     name of a field is text or a whole number.
 * P2. A field named `__proto__` is refused: the reader would give it another name.
 * P3. The stack is bounded by `LEVELS`.
 */
import { isText } from './text.ts'

/**
 * Levels of arrays and maps: far more than a value may have that is kept or crosses (`DEPTH_MAX` of
 * base/codec/format.ts).
 */
const LEVELS = 512

/** Extensions: a time, and `undefined`. */
const [TIME, UNDEFINED] = [0xff, 0]
const TIME_BYTES = [4, 8, 12]

const PROTO = Buffer.from('__proto__')
const NO_TEXT = -1

export class MessagePackCheck {
  private bytes: Buffer = Buffer.alloc(0)
  private at = 0
  private end = 0

  /** Throws, with the reason, where `bytes` from `start` to `end` are not one value (P1, P2). */
  check(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes
    this.at = start
    this.end = end
    this.value(LEVELS)
    if (this.at < end) throw new Error(`${end - this.at} bytes stand behind the value`)
  }

  private value(levels: number): void {
    const byte = this.bytes[this.take(1)]!
    if (byte < 0x80 || byte >= 0xe0) return
    if (byte < 0x90) return this.map(byte & 0x0f, levels)
    if (byte < 0xa0) return this.array(byte & 0x0f, levels)
    const text = this.textLength(byte)
    if (text !== NO_TEXT) return this.text(text)
    switch (byte) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        return
      case 0xc1:
        throw new Error('the byte c1 begins nothing')
      case 0xc4:
      case 0xc5:
      case 0xc6:
        this.take(this.length(1 << (byte - 0xc4)))
        return
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.extension(this.length(1 << (byte - 0xc7)))
      case 0xca:
      case 0xcb:
        this.take(4 << (byte - 0xca))
        return
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.extension(1 << (byte - 0xd4))
      case 0xdc:
      case 0xdd:
        return this.array(this.length(2 << (byte - 0xdc)), levels)
      case 0xde:
      case 0xdf:
        return this.map(this.length(2 << (byte - 0xde)), levels)
      default:
        this.take(wholeBytes(byte))
    }
  }

  /** Passes over `count` bytes; answers where they begin. */
  private take(count: number): number {
    const { at } = this
    if (count > this.end - at) throw new Error('it ends inside a value')
    this.at = at + count
    return at
  }

  private length(width: number): number {
    return this.bytes.readUIntBE(this.take(width), width)
  }

  /** The length of the text that `byte` begins. */
  private textLength(byte: number): number {
    if (byte >= 0xa0 && byte < 0xc0) return byte & 0x1f
    return byte >= 0xd9 && byte <= 0xdb ? this.length(1 << (byte - 0xd9)) : NO_TEXT
  }

  private text(length: number): void {
    const start = this.take(length)
    const { bytes, at } = this
    let all = 0
    for (let i = start; i < at; i++) all |= bytes[i]!
    if (all >= 0x80 && !isText(bytes, start, at)) throw new Error('a text has bytes that stand for no character')
  }

  private array(count: number, levels: number): void {
    if (levels === 0) throw tooDeep()
    for (let i = 0; i < count; i++) this.value(levels - 1)
  }

  private map(count: number, levels: number): void {
    if (levels === 0) throw tooDeep()
    for (let i = 0; i < count; i++) {
      this.name()
      this.value(levels - 1)
    }
  }

  private name(): void {
    const byte = this.bytes[this.take(1)]!
    const length = this.textLength(byte)
    if (length === NO_TEXT) {
      const isWhole = byte < 0x80 || byte >= 0xe0 || (byte >= 0xcc && byte <= 0xd3)
      if (!isWhole) throw new Error('the name of a field is neither text nor a whole number')
      this.take(wholeBytes(byte))
      return
    }
    this.text(length)
    if (length === PROTO.length && PROTO.equals(this.bytes.subarray(this.at - length, this.at)))
      throw new Error('a field is named __proto__')
  }

  private extension(length: number): void {
    const type = this.bytes[this.take(1)]!
    this.take(length)
    if (type === TIME && TIME_BYTES.includes(length)) return
    if (type === UNDEFINED && length === 1) return
    throw new Error(`an extension of type ${type} with ${length} bytes has no meaning here`)
  }
}

/** Bytes behind the first one of a whole number: from 0xcc one without a sign, from 0xd0 one with it. */
function wholeBytes(byte: number): number {
  return byte < 0xcc || byte > 0xd3 ? 0 : 1 << (byte & 3)
}

function tooDeep(): Error {
  return new Error(`more than ${LEVELS} levels`)
}
