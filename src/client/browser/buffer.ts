/** Of Node's `Buffer` what the client needs, for browsers. */

const encoder = new TextEncoder()
// A mark in front of a text is part of it, as it is in Node.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Without what belongs to the constructor, such as `from`, which `Buffer` has in its own way. */
const Bytes = Uint8Array as unknown as new (...given: [bytes: number] | [ArrayBuffer, number, number]) => Uint8Array

class BrowserBuffer extends Bytes {
  static allocUnsafeSlow(bytes: number): BrowserBuffer {
    return new BrowserBuffer(bytes)
  }

  static from(given: string): BrowserBuffer
  static from(given: ArrayBuffer, offset?: number, length?: number): BrowserBuffer
  static from(given: string | ArrayBuffer, offset = 0, length?: number): BrowserBuffer {
    const bytes = typeof given === 'string' ? (encoder.encode(given).buffer as ArrayBuffer) : given
    return new BrowserBuffer(bytes, offset, length ?? bytes.byteLength - offset)
  }

  static isBuffer(value: unknown): boolean {
    return value instanceof BrowserBuffer
  }

  static byteLength(text: string): number {
    let bytes = text.length
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      if (unit < 0x80) continue
      // Two units of a pair make four bytes together; a lone one is written as U+FFFD.
      bytes += unit < 0x800 ? 1 : 2
      if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) i++
    }
    return bytes
  }

  write(text: string, at: number): number {
    return encoder.encodeInto(text, this.subarray(at)).written
  }

  override toString(_encoding = 'utf8', start = 0, end: number = this.length): string {
    return decoder.decode(this.subarray(start, end))
  }

  copy(target: Uint8Array, at = 0, start = 0): number {
    const bytes = Math.min(this.length - start, target.length - at)
    target.set(this.subarray(start, start + bytes), at)
    return bytes
  }

  equals(other: Uint8Array): boolean {
    return this.length === other.length && this.every((byte, i) => byte === other[i])
  }

  readUInt32LE(at: number): number {
    return new DataView(this.buffer, this.byteOffset, this.byteLength).getUint32(at, true)
  }

  writeUInt32LE(value: number, at: number): void {
    new DataView(this.buffer, this.byteOffset, this.byteLength).setUint32(at, value, true)
  }
}

export { BrowserBuffer as Buffer }

const { port1, port2 } = new MessageChannel()
const waiting: (() => void)[] = []
port1.onmessage = () => waiting.shift()!()

/** Unlike a timer it is not slowed down in a page that nobody sees. */
export function setImmediate(fn: () => void): void {
  waiting.push(fn)
  port2.postMessage(null)
}
