import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts'
import {
  added,
  bool,
  bytes,
  Catalogue,
  type Field,
  f64,
  group,
  list,
  type MessageOf,
  message,
  nullable,
  sentence,
  text,
  u8,
  u16,
  u32,
  varint,
  word,
} from '../../src/protocol/schema.ts'
import { codeOf } from '../base/code-of.ts'

const rows = [
  message(1, 'everything', 1, 'Has a field of every type.', {
    small: u8,
    middle: u16,
    large: u32,
    long: varint,
    double: f64,
    flag: bool,
    name: text(20),
    raw: bytes(10),
    many: list(group({ id: u32, name: nullable(text(20)) }), 5),
    purpose: word('checkpoint', 'drain'),
    later: added(2, u8, 77),
  }),
  message(4, 'withBody', 1, 'Has something behind its fields.', { channel: varint }, { lane: 'data', body: 'a batch' }),
  message(9, 'young', 2, 'Came with version 2.', {}),
] as const
const catalogue = new Catalogue('sample', rows, [3])
type Sample = MessageOf<(typeof rows)[number]>

const everything: fc.Arbitrary<Extract<Sample, { kind: 'everything' }>> = fc.record(
  {
    kind: fc.constant('everything' as const),
    small: fc.integer({ min: 0, max: 0xff }),
    middle: fc.integer({ min: 0, max: 0xffff }),
    large: fc.integer({ min: 0, max: 0xffffffff }),
    long: fc.maxSafeNat(),
    double: fc.double(),
    flag: fc.boolean(),
    name: fc.string({ maxLength: 20 }),
    raw: fc.uint8Array({ maxLength: 10 }).map((value) => Buffer.from(value)),
    many: fc.array(
      fc.record({ id: fc.nat(), name: fc.option(fc.string({ maxLength: 20 })) }, { noNullPrototype: true }),
      { maxLength: 5 },
    ),
    purpose: fc.constantFrom('checkpoint' as const, 'drain' as const),
    later: fc.integer({ min: 0, max: 0xff }),
  },
  { noNullPrototype: true },
)

function roundTrip(value: Sample, version: number): Sample {
  const writer = new ByteWriter()
  catalogue.write(writer, value, version)
  return catalogue.read(catalogue.row(value.kind).tag, new ByteReader(writer.take()), version)
}

test('what a program adds to all objects is no field of a message', () => {
  const many = [{ id: 7, name: 'seven' }]
  const rest = { small: 1, middle: 2, large: 3, long: 4, double: 5, flag: true, name: 'n', raw: Buffer.from('r') }
  const said = { kind: 'everything', ...rest, many, purpose: 'drain', later: 6 } as const
  const writer = new ByteWriter()
  Object.defineProperty(Object.prototype, 'added', { value: 1, enumerable: true, configurable: true })
  let heard: Sample
  try {
    catalogue.write(writer, said, 2)
    heard = catalogue.read(1, new ByteReader(writer.take()), 2)
  } finally {
    Reflect.deleteProperty(Object.prototype, 'added')
  }
  expect(heard).toEqual(said)
})

describe('messages', () => {
  test('are read as they were written', () => {
    fc.assert(
      fc.property(everything, (value) => {
        expect(roundTrip(value, 2)).toStrictEqual(value)
      }),
    )
  })

  test('lose what the older version does not know, and get its stand-in (M2)', () => {
    fc.assert(
      fc.property(everything, (value) => {
        expect(roundTrip(value, 1)).toStrictEqual({ ...value, later: 77 })
      }),
    )
  })

  test('cut or with bytes too many are damage (M4)', () => {
    fc.assert(
      fc.property(everything, (value) => {
        const writer = new ByteWriter()
        catalogue.write(writer, value, 2)
        writer.u8(0)
        const all = writer.take()
        for (const end of [0, 1, all.length >> 1, all.length - 2, all.length]) {
          expect(codeOf(() => catalogue.read(1, new ByteReader(all, 0, end), 2))).toBe('E_DAMAGED')
        }
      }),
    )
  })

  test('of another version or an unknown tag are refused', () => {
    const nothing = new ByteReader(Buffer.alloc(0))
    expect(codeOf(() => catalogue.read(9, nothing, 1))).toBe('E_MESSAGE')
    expect(codeOf(() => catalogue.read(3, nothing, 2))).toBe('E_MESSAGE')
    expect(codeOf(() => catalogue.read(0, nothing, 2))).toBe('E_MESSAGE')
    expect(catalogue.read(9, nothing, 2)).toStrictEqual({ kind: 'young' })
    expect(() => catalogue.write(new ByteWriter(), { kind: 'young' }, 1)).toThrow('version 1')
  })

  test('leave the reader at their body', () => {
    const writer = new ByteWriter()
    catalogue.write(writer, { kind: 'withBody', channel: 300 }, 1)
    writer.bytes(Buffer.from('body'))
    const reader = new ByteReader(writer.take())
    expect(catalogue.read(4, reader, 1)).toStrictEqual({ kind: 'withBody', channel: 300 })
    expect(reader.bytes(reader.remaining).toString()).toBe('body')
  })
})

describe('fields', () => {
  test('bytes that are no text are damage, however few', () => {
    const read = (hex: string) => text(6).read(new ByteReader(Buffer.from(hex, 'hex')), 1)
    expect(codeOf(() => read('01ff'))).toBe('E_DAMAGED')
    expect(codeOf(() => read('03ffffff'))).toBe('E_DAMAGED')
    expect(read('06efbfbdefbfbd')).toBe('\ufffd\ufffd')
    expect(read('06c3a9c3a9c3a9')).toBe('ééé')
  })

  test('a sentence is cut where it is longer, and never within a character (M3)', () => {
    const write = (value: string) => {
      const writer = new ByteWriter()
      sentence(10).write(writer, value, 1)
      return sentence(10).read(new ByteReader(writer.take()), 1)
    }
    expect(write('ten bytes!')).toBe('ten bytes!')
    expect(write('éééééé')).toBe('ééé…')
    expect(write('123456😀😀')).toBe('123456…')
    expect(write('ends, \ud800\ud800\ud800')).toBe('ends, …')
  })

  const refusals: [name: string, field: Field<unknown>, value: unknown, damagedHex: string][] = [
    ['u8', u8, 256, ''],
    ['u16', u16, 1.5, '01'],
    ['u32', u32, -1, '010203'],
    ['text', text(3), 'abcd', '0461626364'],
    ['text in bytes', text(3), 'éé', '04c3a9c3a9'],
    ['bytes', bytes(3), new Uint8Array(4), '0401020304'],
    ['list', list(u8, 2), [1, 2, 3], '03010203'],
    ['word', word('a', 'b'), 'c', '02'],
  ]
  test.each(refusals)('%s: neither written nor read beyond its limit (M3)', (_, field, value, damagedHex) => {
    expect(() => field.write(new ByteWriter(), value, 1)).toThrow()
    expect(codeOf(() => field.read(new ByteReader(Buffer.from(damagedHex, 'hex')), 1))).toBe('E_DAMAGED')
  })

  test('a boolean is 0 or 1', () => {
    expect(codeOf(() => bool.read(new ByteReader(Buffer.of(2)), 1))).toBe('E_DAMAGED')
  })
})

test('a tag or a name stands for one message (M1)', () => {
  const one = message(1, 'one', 1, '', {})
  expect(() => new Catalogue('x', [one, message(1, 'two', 1, '', {})])).toThrow('M1')
  expect(() => new Catalogue('x', [one, message(2, 'one', 1, '', {})])).toThrow('M1')
  expect(() => new Catalogue('x', [one], [1])).toThrow('M1')
  expect(() => new Catalogue('x', [message(256, 'two', 1, '', {})])).toThrow('M1')
  expect(() => new Catalogue('x', [message(1, 'two', 1, '', { kind: u8 })])).toThrow('kind')
})
