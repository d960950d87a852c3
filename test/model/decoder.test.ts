import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makePacker } from '../../src/base/pack.ts'
import type { Decoder } from '../../src/model/connector.ts'
import { csv } from '../../src/model/csv.ts'
import { bytes, decoder, json, msgpack, utf8 } from '../../src/model/decoder.ts'

/** Decodes `record` inside a larger buffer, and overwrites that buffer before the value is looked at (D1). */
function decode<T>(using: Decoder<T>, record: Uint8Array | string): T {
  const body = Buffer.from(record as string)
  const around = Buffer.concat([Buffer.from('"{'), body, Buffer.from('}"')])
  const value = using.decode(around, 2, 2 + body.length)
  around.fill(0x78)
  return value
}

const refused = expect.objectContaining({ code: 'E_DECODE' })

test('utf8 reads text and refuses bytes that are none', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      expect(decode(utf8, value)).toBe(Buffer.from(value).toString())
    }),
  )
  expect(decode(utf8, 'a\ufffdb')).toBe('a\ufffdb')
  expect(() => decode(utf8, Uint8Array.of(0x61, 0xc3))).toThrow(refused)
  expect(() => decode(utf8, Uint8Array.of(0xed, 0xa0, 0x80))).toThrow(refused)
})

test('what utf8 and bytes take is known without decoding', () => {
  const text = (record: Uint8Array): boolean => utf8.takes!(Buffer.from(record), 0, record.length)
  expect(text(Buffer.from('a\ufffdb'))).toBe(true)
  expect(text(Uint8Array.of(0x61, 0xc3))).toBe(false)
  expect(bytes.takes!(Buffer.from([0xff]), 0, 1)).toBe(true)
})

test('the bytes decoder gives a copy of each record', () => {
  expect(decode(bytes, 'abc')).toEqual(new Uint8Array([97, 98, 99]))
})

test('json reads values and says what is wrong', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(decode(json(), JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
  expect(() => decode(json(), '{"a":')).toThrow('the record is no JSON: Unexpected end')
  expect(() => decode(json(), Uint8Array.of(0x22, 0xff, 0x22))).toThrow(refused)
})

describe('msgpack', () => {
  test('reads what a packer writes, sharing no bytes', () => {
    const packer = makePacker()
    const values = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.string(),
        fc.integer(),
        fc.double({ noNaN: true }).filter((n) => !Object.is(n, -0)),
        fc.boolean(),
        fc.constant(null),
        fc.uint8Array({ maxLength: 20 }).map((data) => Buffer.from(data)),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(
          fc.string().filter((key) => key !== '__proto__'),
          tie('value'),
          { maxKeys: 4, noNullPrototype: true },
        ),
      ),
    })).value
    fc.assert(
      fc.property(values, (value) => {
        expect(decode(msgpack(), packer.pack(value))).toEqual(value)
      }),
    )
  })

  test('reads integers exactly', () => {
    expect(decode(msgpack(), Uint8Array.of(0xcf, 0, 0, 0, 1, 0, 0, 0, 0))).toBe(2 ** 32)
    expect(decode(msgpack(), Uint8Array.of(0xcf, 0x80, 0, 0, 0, 0, 0, 0, 1))).toBe(2n ** 63n + 1n)
  })

  test('reads times, undefined, and numbers for names', () => {
    const hex = (text: string) => decode(msgpack(), Buffer.from(text, 'hex'))
    expect(hex('d6ff00000001')).toEqual(new Date(1000))
    expect(hex('d7ff0000000000000001')).toEqual(new Date(1000))
    expect(hex('c70cff000f4240fffffffffffffffe')).toEqual(new Date(-1999))
    expect(hex('91d40000')).toEqual([undefined])
    expect(hex('83 01 c0 cd0100 c2 ff c3'.replaceAll(' ', ''))).toEqual({ 1: null, 256: false, '-1': true })
  })

  test.each([
    ['text that is no UTF-8', '81a161a2c328', 'stand for no character'],
    ['a surrogate', 'a3eda080', 'stand for no character'],
    ['a field that its reader would rename', '81a95f5f70726f746f5f5f80', 'named __proto__'],
    ['the same, with a longer length', '81d9095f5f70726f746f5f5f80', 'named __proto__'],
    ['a byte that begins nothing', '91c1', 'c1 begins nothing'],
    ['a shape of msgpackr’s own', 'd4724091a16101', 'type 114'],
    ['texts that stand elsewhere', 'c70462ffffffff92c101c101', 'type 98'],
    ['a set of msgpackr’s own', 'd473009101', 'type 115'],
    ['a time of no length', 'd5ff0000', 'type 255 with 2 bytes'],
    ['a name that is a list', '819001', 'neither text nor a whole number'],
    ['a name that is cut', '81a3', 'ends inside'],
    ['a list that says to be long', 'ddffffffffc0', 'ends inside'],
    ['levels without end', '91'.repeat(10_000), 'more than 512 levels'],
  ])('refuses %s', (_, text, reason) => {
    expect(() => decode(msgpack(), Buffer.from(text, 'hex'))).toThrow(reason)
  })

  test('refuses bytes that are cut, too many, or none of its own, and goes on', () => {
    const packed = makePacker().pack({ word: 'abc', counts: [1, 2, 3] })
    const using = msgpack()
    for (let length = 0; length < packed.length; length++)
      expect(() => decode(using, packed.subarray(0, length))).toThrow(refused)
    expect(() => decode(using, Buffer.concat([packed, packed]))).toThrow(refused)
    expect(decode(using, packed)).toEqual({ word: 'abc', counts: [1, 2, 3] })
  })
})

test('a decoder of one’s own has the name of its function', () => {
  function reading(record: Buffer, start: number, end: number): number {
    return Number(record.toString('latin1', start, end))
  }
  expect(decoder(reading).kind).toBe('reading')
  expect(decoder(reading, 'sensor').kind).toBe('sensor')
  expect(decode(decoder(reading), '12')).toBe(12)
  expect(() =>
    decode(
      decoder(async () => 1),
      '12',
    ),
  ).toThrow(expect.objectContaining({ code: 'E_PROMISE' }))
  for (const none of [undefined, null, {}, 'utf8'])
    expect(() => decoder(none as never)).toThrow(expect.objectContaining({ code: 'E_SETTING' }))
})

describe('csv', () => {
  const quote = (field: string) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)

  test('reads what the rules of RFC 4180 write', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '"', ',', '\n', '\r', ' ', 'é') }), { minLength: 1 }),
        (fields) => {
          expect(decode(csv(), fields.map(quote).join(','))).toEqual(fields)
          expect(decode(csv(), fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(','))).toEqual(fields)
        },
      ),
    )
  })

  test('passes over the mark in front of a file', () => {
    const header = ['id', 'name'] as const
    for (const record of ['\ufeffid,name', '\ufeff"id",name']) {
      expect(decode(csv(), record)).toEqual(['id', 'name'])
      expect(decode(csv({ header }), record)).toEqual({ id: 'id', name: 'name' })
    }
    expect(decode(csv(), 'id,\ufeffname')).toEqual(['id', '\ufeffname'])
  })

  test('makes objects by a header', () => {
    expect(decode(csv({ header: ['word', 'count'] }), '"a, b",3')).toEqual({ word: 'a, b', count: '3' })
    expect(decode(csv({ header: ['a', 'b'], separator: ';' }), ';"x"')).toEqual({ a: '', b: 'x' })
  })

  test.each([
    ['a,b,c', '3 fields where the header has 2'],
    ['a', '1 field where the header has 2'],
    ['a"b,c', 'a quote inside'],
    ['"a"b,c', 'after a closing quote'],
    ['"a,c', 'without its closing quote'],
  ])('refuses %s', (record, reason) => {
    expect(() => decode(csv({ header: ['x', 'y'] }), record)).toThrow(reason)
  })

  test('refuses a header or a separator that cannot be meant', () => {
    for (const header of [['a', 'a'], ['a', ''], ['__proto__']]) expect(() => csv({ header })).toThrow('header')
    for (const separator of ['"', '\n', '\r', '', ';;', '\ud800'])
      expect(() => csv({ header: ['a'], separator })).toThrow('separator')
    for (const header of [[], 'ab', [1, 2], { 0: 'a' }])
      expect(() => csv({ header: header as never })).toThrow('the header is a list of names')
    expect(() => csv(null as never)).toThrow('csv: its options must be an object, not null')
    expect(() => csv({ seperator: ';' } as never)).toThrow('there is no option seperator; did you mean separator?')
  })
})
