import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts'
import { crc32 } from '../../src/base/crc.ts'
import { codeOf } from './code-of.ts'

type Item =
  | { kind: 'u8' | 'u16' | 'u32' | 'i32' | 'f64' | 'varint'; value: number }
  | { kind: 'utf8'; value: string }
  | { kind: 'bytes'; value: Uint8Array }

const item: fc.Arbitrary<Item> = fc.oneof(
  fc.record({ kind: fc.constant('u8' as const), value: fc.integer({ min: 0, max: 0xff }) }),
  fc.record({ kind: fc.constant('u16' as const), value: fc.integer({ min: 0, max: 0xffff }) }),
  fc.record({ kind: fc.constant('u32' as const), value: fc.integer({ min: 0, max: 0xffffffff }) }),
  fc.record({ kind: fc.constant('i32' as const), value: fc.integer() }),
  fc.record({ kind: fc.constant('f64' as const), value: fc.double() }),
  fc.record({ kind: fc.constant('varint' as const), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant('varint' as const), value: fc.nat({ max: 300 }) }),
  fc.record({ kind: fc.constant('utf8' as const), value: fc.string({ unit: 'grapheme', maxLength: 200 }) }),
  fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 200 }) }),
)

function write(writer: ByteWriter, { kind, value }: Item): void {
  if (kind === 'utf8') writer.utf8(value)
  else if (kind === 'bytes') {
    writer.varint(value.length)
    writer.bytes(value)
  } else writer[kind](value)
}

function read(reader: ByteReader, { kind }: Item): unknown {
  return kind === 'bytes' ? new Uint8Array(reader.bytes(reader.count(1))) : reader[kind]()
}

describe('writer and reader', () => {
  test('a writer takes memory when something is written, and not before', () => {
    const asked: number[] = []
    const writer = new ByteWriter(64, (bytes) => {
      asked.push(bytes)
      return Buffer.allocUnsafeSlow(bytes)
    })
    expect(writer.take().length).toBe(0)
    writer.renew()
    expect(asked).toEqual([])
    writer.u8(1)
    expect(writer.take()).toEqual(Buffer.of(1))
    writer.renew()
    expect(asked).toEqual([64])
  })

  test('what is written is read, over any number of growths and messages', () => {
    const writer = new ByteWriter(64)
    fc.assert(
      fc.property(fc.array(fc.array(item)), (messages) => {
        const taken = messages.map((items) => {
          for (const one of items) write(writer, one)
          return writer.take()
        })
        messages.forEach((items, i) => {
          const reader = new ByteReader(taken[i]!)
          for (const one of items) expect(read(reader, one)).toStrictEqual(one.value)
          reader.finish()
        })
      }),
    )
  })

  test('a cut anywhere throws E_DAMAGED and never reads on', () => {
    fc.assert(
      fc.property(
        fc.array(item, { minLength: 1 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (items, part) => {
          const writer = new ByteWriter(64)
          for (const one of items) write(writer, one)
          const bytes = writer.take()
          fc.pre(bytes.length > 0)
          const reader = new ByteReader(bytes, 0, Math.floor(bytes.length * part))
          expect(codeOf(() => items.forEach((one) => void read(reader, one)))).toBe('E_DAMAGED')
          expect(reader.at).toBeLessThanOrEqual(reader.end)
        },
      ),
    )
  })

  test('an announced length is compared before anything is allocated', () => {
    const writer = new ByteWriter()
    writer.varint(2 ** 50)
    const bytes = writer.take()
    expect(codeOf(() => new ByteReader(bytes).utf8())).toBe('E_DAMAGED')
    expect(codeOf(() => new ByteReader(bytes).count(1))).toBe('E_DAMAGED')
    expect(codeOf(() => new ByteReader(bytes).bytes(2 ** 50))).toBe('E_DAMAGED')
    expect(codeOf(() => new ByteReader(bytes).bytes(-1))).toBe('E_DAMAGED')
    expect(codeOf(() => new ByteReader(bytes).bytes(Number.NaN))).toBe('E_DAMAGED')
    expect(codeOf(() => new ByteReader(bytes).finish())).toBe('E_DAMAGED')
  })

  test('a text that is no UTF-8 is damage, and no other text with marks in it', () => {
    for (const bytes of ['4dfc', 'c328', 'eda080', 'efbf']) {
      const text = Buffer.from(bytes, 'hex')
      expect(codeOf(() => new ByteReader(Buffer.concat([Buffer.of(text.length), text])).utf8())).toBe('E_DAMAGED')
    }
    const writer = new ByteWriter()
    writer.utf8('a\ufffdb')
    expect(new ByteReader(writer.take()).utf8()).toBe('a\ufffdb')
  })

  test('a varint beyond 2^53 - 1 or without an end is damage', () => {
    expect(codeOf(() => new ByteReader(Buffer.from('ffffffffffffff1f', 'hex')).varint())).toBe('E_DAMAGED')
    expect(codeOf(() => new ByteReader(Buffer.alloc(20, 0xff)).varint())).toBe('E_DAMAGED')
    expect(new ByteReader(Buffer.from('ffffffffffffff0f', 'hex')).varint()).toBe(Number.MAX_SAFE_INTEGER)
    for (const value of [-1, 0.5, 2 ** 53, Number.NaN]) {
      expect(() => new ByteWriter().varint(value)).toThrow('Y1')
    }
  })

  test('what was taken never changes (Y2)', () => {
    const writer = new ByteWriter(8 << 10)
    const taken = Array.from({ length: 500 }, (_, i) => {
      writer.bytes(new Uint8Array(i % 90).fill(i))
      return writer.take()
    })
    taken.forEach((bytes, i) => {
      expect(bytes).toStrictEqual(Buffer.alloc(i % 90, i))
    })
  })

  test('truncate and clear count from the last take', () => {
    const writer = new ByteWriter(16)
    writer.u32(7)
    writer.take()
    writer.u32(0)
    writer.bytes(new Uint8Array(100).fill(1))
    writer.truncate(5)
    expect(writer.peek().toString('hex')).toBe('0000000001')
    writer.clear()
    expect(writer.length).toBe(0)
    expect(() => writer.truncate(1)).toThrow('a cut')
  })

  test('numbers are little-endian', () => {
    const writer = new ByteWriter()
    writer.u16(0x0102)
    writer.u32(0x01020304)
    writer.i32(-2)
    writer.f64(1)
    writer.varint(300)
    expect(writer.take().toString('hex')).toBe('020104030201feffffff000000000000f03fac02')
  })
})

test('CRC-32 is that of gzip, and goes on over several parts', () => {
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926)
  expect(crc32(Buffer.from('6789'), crc32(Buffer.from('12345')))).toBe(0xcbf43926)
})
