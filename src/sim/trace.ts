/**
 * The fingerprint of a run: two runs with the same fingerprint did the same things, in the same order, with the same
 * bytes.
 *
 * Two lanes of 32 bits over every event's time, every byte that crossed a wire or reached a disk, and every log line.
 */

const double = new Float64Array(1)
const words = new Int32Array(double.buffer)

export class Trace {
  private a = 0x243f6a88
  private b = 0x85a308d3 | 0

  /** Mixes one 32-bit word in. */
  word(value: number): void {
    this.a = Math.imul((this.a ^ value) | 0, 0x9e3779b1)
    this.a ^= this.a >>> 15
    this.b = Math.imul((this.b + value) | 0, 0x85ebca6b)
    this.b ^= this.b >>> 13
  }

  /** Mixes a number in, all its bits. */
  number(value: number): void {
    double[0] = value
    this.word(words[0]!)
    this.word(words[1]!)
  }

  text(value: string): void {
    this.word(value.length)
    for (let i = 0; i < value.length; i++) this.word(value.charCodeAt(i))
  }

  bytes(value: Uint8Array): void {
    const { length } = value
    this.word(length)
    const whole = length & ~3
    for (let i = 0; i < whole; i += 4) {
      this.word(value[i]! | (value[i + 1]! << 8) | (value[i + 2]! << 16) | (value[i + 3]! << 24))
    }
    for (let i = whole; i < length; i++) this.word(value[i]!)
  }

  /** The fingerprint so far: 16 hexadecimal digits. */
  digest(): string {
    return hex(this.a) + hex(this.b)
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
