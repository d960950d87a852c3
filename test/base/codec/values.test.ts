import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../../../src/base/bytes.ts'
import { FORMAT_EXACT, FORMAT_PLAIN } from '../../../src/base/codec/format.ts'
import { ValueCodec } from '../../../src/base/codec/values.ts'
import { PotorooError } from '../../../src/base/errors.ts'
import { batch, objectOf, value } from './arbitrary.ts'

const RUNS = 1200

function encode(codec: ValueCodec, values: readonly unknown[]): Buffer {
  const writer = new ByteWriter(256)
  codec.encodeValues(writer, values, values.length)
  return writer.take()
}

function decode(codec: ValueCodec, bytes: Uint8Array): unknown[] {
  const reader = new ByteReader(bytes)
  const into: unknown[] = []
  expect(codec.decodeValues(reader, into)).toBe(into.length)
  reader.finish()
  return into
}

/**
 * Exactly equal: prototypes, the sign of zero, what is absent, and the order of fields, which Node does not compare.
 */
function expectSame(actual: unknown[], expected: unknown[]): void {
  // Quickly first: what `expect` compares, it compares slowly.
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toStrictEqual(expected)
  expect(isDeepStrictEqual(actual, expected)).toBe(true)
  const [left, right] = [orders(actual), orders(expected)]
  if (!isDeepStrictEqual(left, right)) expect(left).toStrictEqual(right)
}

function orders(of: unknown): unknown {
  if (typeof of !== 'object' || of === null || ArrayBuffer.isView(of)) return null
  if (of instanceof Map) return [...of].map(orders)
  if (of instanceof Set) return [...of].map(orders)
  return Array.isArray(of) ? of.map(orders) : Object.entries(of).map(([name, one]) => [name, orders(one)])
}

function failure(run: () => unknown): PotorooError | null {
  try {
    run()
  } catch (error) {
    if (error instanceof PotorooError) return error
    throw error
  }
  return null
}

describe('a block', () => {
  test('is read exactly as it was written (Q3)', () => {
    const codec = new ValueCodec()
    fc.assert(
      fc.property(batch, (values) => {
        expectSame(decode(codec, encode(codec, values)), values)
      }),
      { numRuns: RUNS },
    )
  })

  test('holds objects of several shapes also where a program has added a field to all of them, or they change as they are read', () => {
    const codec = new ValueCodec()
    const values = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? { even: i, n: 1 } : { odd: i, n: 2 }))
    Object.defineProperty(Object.prototype, 'added', { value: 1, enumerable: true, configurable: true })
    let bytes: Buffer
    try {
      bytes = encode(codec, values)
    } finally {
      Reflect.deleteProperty(Object.prototype, 'added')
    }
    expectSame(decode(codec, bytes), values)
    const growing = (fields: object): object =>
      Object.defineProperty({ ...fields }, 'n', {
        enumerable: true,
        get(this: Record<string, number>) {
          this.read = 1
          return 0
        },
      })
    const grown = decode(codec, encode(codec, values.map(growing)))
    expect(grown.map((one) => Object.keys(one as object)[0])).toEqual(values.map((one) => Object.keys(one)[0]))
  })

  test('is read by a codec that has seen nothing before (Q1)', () => {
    const sender = new ValueCodec()
    fc.assert(
      fc.property(batch, (values) => {
        const bytes = encode(sender, values)
        expectSame(decode(new ValueCodec(), bytes), values)
      }),
      { numRuns: 300 },
    )
  })

  test('holds each value wherever it stands', () => {
    const codec = new ValueCodec()
    fc.assert(
      fc.property(value, (one) => {
        const values = [
          one,
          [one],
          { a: one },
          new Map([[1, one]]),
          ...Array.from({ length: 10 }, () => ({ a: 1, b: one })),
        ]
        expectSame(decode(codec, encode(codec, values)), values)
      }),
      { numRuns: RUNS },
    )
  })

  test('may follow another and be followed', () => {
    const codec = new ValueCodec()
    const writer = new ByteWriter(64)
    codec.encodeValues(writer, ['a', 'b', 'not counted'], 2)
    codec.encodeValues(writer, [], 0)
    codec.encodeValues(writer, [{ n: 1 }], 1)
    const reader = new ByteReader(writer.take())
    const into: unknown[] = []
    expect([codec.decodeValues(reader, into), [...into]]).toStrictEqual([2, ['a', 'b']])
    expect([codec.decodeValues(reader, into), [...into]]).toStrictEqual([0, ['a', 'b']])
    expect([codec.decodeValues(reader, into), [...into]]).toStrictEqual([1, [{ n: 1 }, 'b']])
    reader.finish()
  })
})

const records = (count: number, of: (i: number) => unknown) => Array.from({ length: count }, (_, i) => of(i))

describe('what is not wanted of a block', () => {
  /** What is wanted of `values` by `wanted`, and `null` for the rest. */
  const some = (values: readonly unknown[], wanted: Uint8Array) =>
    values.map((one, i) => (wanted[i] === 1 ? one : null))
  const decodeSome = (codec: ValueCodec, bytes: Uint8Array, wanted: Uint8Array): unknown[] => {
    const reader = new ByteReader(bytes)
    const into: unknown[] = []
    const count = codec.decodeValues(reader, into, wanted)
    reader.finish()
    return some(
      Array.from({ length: count }, (_, i) => into[i]),
      wanted,
    )
  }

  test('may be left out; the rest is exact, and so is the next block', () => {
    const codec = new ValueCodec()
    fc.assert(
      fc.property(batch, fc.infiniteStream(fc.boolean()), (values, choose) => {
        const bytes = encode(codec, values)
        const wanted = Uint8Array.from(values, () => (choose.next().value ? 1 : 0))
        expectSame(decodeSome(codec, bytes, wanted), some(values, wanted))
        expectSame(decode(codec, bytes), values)
      }),
      { numRuns: RUNS },
    )
  })

  test('is not made of objects, nor of the integers in their lists', () => {
    const codec = new ValueCodec()
    const values = records(40, (i) => ({ window: [i, i + 1], word: `w${i}`, more: { n: i } }))
    const bytes = encode(codec, values)
    const into: unknown[] = []
    codec.decodeValues(
      new ByteReader(bytes),
      into,
      Uint8Array.from(values, (_, i) => (i % 4 === 1 ? 1 : 0)),
    )
    expect(Object.keys(into).map(Number)).toEqual(records(10, (i) => 4 * i + 1))
    expect(into[5]).toStrictEqual(values[5])
  })

  test('where the code for all was made with other columns', () => {
    const codec = new ValueCodec()
    const short = records(20, (i) => ({ t: `t${i}`, n: i }))
    const long = records(20, (i) => ({ t: `${i}`.repeat(20), n: i }))
    const wanted = Uint8Array.from(short, (_, i) => i % 2)
    for (const values of [short, long, short]) {
      const bytes = encode(codec, values)
      expectSame(decode(codec, bytes), values)
      expectSame(decodeSome(codec, bytes, wanted), some(values, wanted))
    }
  })
})

describe('a field that changes', () => {
  test('widens its lane and stays exact', () => {
    const codec = new ValueCodec()
    const fields = [1, -0, 1.5, 'x', null, undefined, true, [1], { a: 1 }, 2n ** 70n, 3, 'y']
    for (const field of fields) {
      for (const at of [0, 7, 15]) {
        const values = records(16, (i) => ({ n: i, v: i === at ? field : 1, s: `${i}` }))
        expectSame(decode(codec, encode(codec, values)), values)
        const texts = records(16, (i) => ({ t: i === at ? field : 'a', n: i }))
        expectSame(decode(codec, encode(codec, texts)), texts)
      }
    }
  })
})

describe('a field of short words', () => {
  const words = (more: readonly unknown[]) =>
    [...'a b cd é ÿ e'.split(' '), '', 'word', ...more, 'after'].map((word, n) => ({ word, n }))

  test.each<[string, readonly unknown[]]>([
    ['that stay so', ['bc', 'd']],
    ['of which one has two bytes', ['Ā']],
    ['of which one is half a pair', ['\ud83d']],
    ['of which some have eight and more units', ['quantity', 'quantities', 'é'.repeat(17)]],
    ['of which one has two bytes at its end', ['quantitieĀ']],
    ['of which one is long', ['x'.repeat(5000)]],
    ['of which many are long', Array.from({ length: 20 }, (_, n) => `${n}`.repeat(9))],
    ['of which one was cut from a longer text', ['cut from a longer text'.slice(4, 18)]],
    ['of which one is missing', [undefined]],
    ['among numbers', [1]],
  ])('%s: is exact, and its bytes are those of a codec that has seen nothing', (_, more) => {
    const codec = new ValueCodec()
    encode(codec, words([]))
    const bytes = encode(codec, words(more))
    expect(bytes).toStrictEqual(encode(new ValueCodec(), words(more)))
    expectSame(decode(new ValueCodec(), bytes), words(more))
    expectSame(decode(codec, encode(codec, words([]))), words([]))
    const bare = words(more).map(({ word }) => word)
    expectSame(decode(codec, encode(codec, bare)), bare)
  })
})

test('bytes do not depend on what was written before (W2)', () => {
  const used = new ValueCodec()
  const widened = records(16, (i) => ({ n: i, t: i === 3 ? 4 : 'a', ok: i === 4 ? 'x' : true, v: i === 5 ? 0.5 : i }))
  encode(used, widened)
  const narrow = records(16, (i) => ({ n: i, t: `t${i}`, ok: i % 2 === 0, v: i }))
  expect(encode(used, narrow)).toStrictEqual(encode(new ValueCodec(), narrow))
  fc.assert(
    fc.property(batch, (values) => {
      expect(encode(used, values)).toStrictEqual(encode(new ValueCodec(), values))
    }),
    { numRuns: 200 },
  )
})

describe('many shapes', () => {
  test('in one block', () => {
    const codec = new ValueCodec()
    for (const shapes of [2, 3, 16, 17, 60]) {
      const values = records(200, (i) =>
        objectOf([
          ['kind', i % shapes],
          [`f${i % shapes}`, i],
          ['z', 'z'],
        ]),
      )
      for (let again = 0; again < 3; again++) expectSame(decode(codec, encode(codec, values)), values)
    }
  })

  test('too many for one byte', () => {
    const codec = new ValueCodec()
    const values = records(5000, (i) => objectOf([[`f${i % 300}`, i]]))
    expectSame(decode(codec, encode(codec, values)), values)
  })

  test('one after another, more than the codec remembers', () => {
    const codec = new ValueCodec()
    for (let round = 0; round < 4200; round++) {
      const values = records(8, (i) =>
        objectOf([
          [`f${round}`, i],
          ['z', 'z'],
        ]),
      )
      expectSame(decode(codec, encode(codec, values)), values)
    }
  })

  test('that begin alike, lie in each other, or are wide', () => {
    const codec = new ValueCodec()
    const wide = (width: number) =>
      records(20, (n) => objectOf(records(width, (i) => [`f${i}`, i + n] as const) as [string, number][]))
    for (const values of [
      records(20, (i) => (i % 2 ? { a: 1 } : { a: 1, b: 2 })),
      records(20, (i) => (i % 2 ? { a: 1, b: 2 } : { b: 2, a: 1 })),
      records(20, (i) => (i % 3 ? { a: undefined } : {})),
      records(20, () => ({})),
      wide(128),
      wide(129),
      wide(1000),
      records(20, (i) => ({ ['n'.repeat(5000)]: i })),
    ]) {
      for (let again = 0; again < 2; again++) expectSame(decode(codec, encode(codec, values)), values)
    }
  })
})

describe('objects as they come', () => {
  const codec = new ValueCodec()
  const read = (values: readonly unknown[]) => decode(codec, encode(codec, values))

  const bare = (fields: object): object => Object.assign(Object.create(null), fields)
  const holes = Object.assign(new Array(3), { 1: 7 })

  test('without prototype are read without one, alone, among themselves and among others', () => {
    const made = (i: number): object => bare({ a: i, b: [bare({})] })
    for (const values of [
      [made(1)],
      records(10, made),
      records(20, (i) => (i % 2 === 0 ? made(i) : { a: i, b: [{}] })),
      records(20, (i) => (i % 2 === 0 ? made(i) : bare({ c: i }))),
      records(20, (i) => (i % 2 === 0 ? made(i) : undefined)),
      records(10, (i) => ({ day: i, counts: bare({ constructor: i, ['__proto__']: 1 }) })),
      [/(?<word>a)/.exec('a')!.groups],
    ]) {
      expectSame(read(values), values)
      expect(codec.format).toBe(FORMAT_EXACT)
    }
    const [dictionary] = read([bare({ a: 1 })]) as [Record<string, unknown>]
    expect(dictionary.constructor).toBeUndefined()
  })

  test('with holes, which are not undefined', () => {
    const holed = (i: number): unknown[] => {
      const list: unknown[] = [undefined]
      list[i + 2] = i
      list.length = i + 4
      return list
    }
    for (const values of [
      [holed(1)],
      records(10, holed),
      records(10, () => new Array(3)),
      records(10, (i) => ({ i, hours: holed(i) })),
      records(10, (i) => [holed(i), [i]]),
      records(10, (i) => (i === 5 ? [1, undefined] : holed(i))),
      [new Map([[holed(1), new Set([holed(2)])]])],
    ]) {
      expectSame(read(values), values)
      expect(codec.format).toBe(FORMAT_EXACT)
    }
    const [hours] = read([holed(2)]) as [number[]]
    expect(hours.reduce((sum) => sum + 1, 0)).toBe(2)
  })

  test('have the bytes that they always had', () => {
    const hex = (values: readonly unknown[]): string => encode(codec, values).toString('hex')
    expect(hex([holes, bare({ a: 1 })])).toMatchInlineSnapshot(`"020d09031004070000001011010601610401000000"`)
    expect(hex(records(8, () => holes))).toMatchInlineSnapshot(
      `"080a0203030303030303030f050405050405050405050405050405050405050405050405020707070707070707"`,
    )
    expect(hex(records(8, (i) => bare({ a: i })))).toMatchInlineSnapshot(`"080e055b2261225d020001020304050607"`)
  })

  test('are of the first format where they have neither', () => {
    for (const values of [records(10, (i) => ({ i, list: [undefined, i] })), [[undefined]], [{}]]) {
      encode(
        codec,
        records(10, () => bare({ list: new Array(3) })),
      )
      encode(codec, values)
      expect(codec.format).toBe(FORMAT_PLAIN)
    }
  })

  test('with accessors, symbols and hidden fields', () => {
    const odd = records(10, (i) =>
      Object.defineProperty(
        {
          get a() {
            return i
          },
          [Symbol('s')]: 1,
        },
        'hidden',
        { value: 1, enumerable: false },
      ),
    )
    expectSame(
      read(odd),
      records(10, (i) => ({ a: i })),
    )
    expectSame(
      read(odd.slice(0, 2)),
      records(2, (i) => ({ a: i })),
    )
  })

  test('with inherited fields in the way', () => {
    Object.defineProperty(Object.prototype, 'polluted', {
      value: 1,
      enumerable: true,
      configurable: true,
      writable: true,
    })
    try {
      const values = records(10, (i) => ({ a: i, b: 'x' }))
      expectSame(read(values), values)
    } finally {
      Reflect.deleteProperty(Object.prototype, 'polluted')
    }
  })

  test('with names that would end the generated code', () => {
    const names = [
      '"]; throw 1; //',
      "'",
      '`',
      '$' + '{1}',
      '\\',
      '\n',
      '\u2028',
      '*/',
      '__proto__',
      'i',
      'o',
      'values',
      'c0',
      'constructor',
    ]
    const values = records(10, (i) => objectOf(names.map((name) => [name, i] as const)))
    const back = read(values)
    expectSame(back, values)
    expect(Object.getPrototypeOf(back[0])).toBe(Object.prototype)
  })

  test('do not share memory with the bytes they were read from', () => {
    const bytes = encode(
      codec,
      records(10, (i) => ({
        raw: new Uint8Array([i]),
        view: new Int16Array([i]),
        buffer: Buffer.of(i),
        text: `t${i}`,
      })),
    )
    const values = decode(codec, bytes)
    const before = JSON.stringify(values)
    bytes.fill(0xff)
    expect(JSON.stringify(values)).toBe(before)
  })
})

describe('what cannot be written', () => {
  const codec = new ValueCodec()
  class Foo {
    a = 1
  }
  const cyclic: { a: unknown[] } = { a: [1] }
  cyclic.a.push(cyclic)
  const cases: [got: string, bad: unknown][] = [
    ['the function parseInt', parseInt],
    [
      'a function',
      (
        () => () =>
          1
      )(),
    ],
    ['a symbol', Symbol('x')],
    ['an instance of Foo', new Foo()],
    ['an instance of Error', new Error('x')],
    ['an instance of Promise', Promise.resolve()],
    ['an instance of WeakMap', new WeakMap()],
    ['an instance of RegExp', /x/],
    ['an instance of DataView', new DataView(new ArrayBuffer(1))],
    ['an instance of Number', Object(1)],
    ['an instance of Map', new (class extends Map {})()],
  ]
  test.each(cases)('%s', (got, bad) => {
    const expected = got === 'an instance of Map' ? 'an object of a class' : got
    for (const [path, make] of [
      ['', (one: unknown) => one],
      ['.items[3].when', (one: unknown) => ({ id: 1, items: [1, 2, {}, { when: one }] })],
      ['["odd name"][0]', (one: unknown) => ({ 'odd name': [one] })],
      ['.get("k").a', (one: unknown) => new Map([['k', { a: one }]])],
      ['.values()[1]', (one: unknown) => new Set([1, one])],
    ] as const) {
      for (const [length, index] of [
        [1, 0],
        [20, 0],
        [20, 19],
        [20, 7],
      ] as const) {
        const values = records(length, (i) => make(i === index ? bad : 1))
        const writer = new ByteWriter()
        writer.u8(1)
        const error = failure(() => codec.encodeValues(writer, values, length))
        expect(error?.code).toBe('E_VALUE')
        expect(error?.details).toStrictEqual({ index, path, place: `value${path}`, got: expected })
        // Nothing of the block is left behind.
        expect(writer.length).toBe(1)
      }
    }
  })

  test('an object of a class among plain ones with the same fields', () => {
    const plain = records(20, () => ({ a: 1 }))
    encode(codec, plain)
    const named = new Foo()
    const derived = Object.assign(Object.create({ b: 2 }), { a: 1 })
    const disguised = Object.defineProperty(new Foo(), '__proto__', { value: Object.prototype, enumerable: true })
    for (const bad of [named, derived, disguised]) {
      const values = plain.map((one, i) => (i === 13 ? bad : one))
      expect(failure(() => encode(codec, values))?.details).toMatchObject({ index: 13, path: '' })
      const alike = records(20, (i) => (i === 13 ? bad : objectOf(Object.entries(bad))))
      expect(failure(() => encode(codec, alike))?.details).toMatchObject({ index: 13, path: '' })
    }
  })

  test('what holds itself, or is too deep', () => {
    expect(failure(() => encode(codec, [cyclic]))?.message).toContain('value.a[1] is an object that holds itself')
    expect(
      failure(() =>
        encode(
          codec,
          records(20, () => cyclic),
        ),
      )?.message,
    ).toContain('value.a[1] is an object that holds itself')
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)])
    const named = (levels: number): unknown => (levels === 0 ? 1 : { a: named(levels - 1) })
    for (const make of [nested, named]) {
      for (const count of [1, 20]) {
        const fits = records(count, () => make(64))
        expectSame(decode(codec, encode(codec, fits)), fits)
        const deep = failure(() =>
          encode(
            codec,
            records(count, () => make(65)),
          ),
        )
        expect(deep?.code).toBe('E_VALUE')
        expect(deep?.message).toContain('nested more than 64 levels deep')
      }
    }
  })

  test('what would become too long', () => {
    const small = new ValueCodec({ depth: 64, values: 5000, bytes: 10_000 })
    const twice = (levels: number): unknown => {
      let one: unknown = 1
      for (let i = 0; i < levels; i++) one = [one, one]
      return one
    }
    expect(
      failure(() =>
        encode(
          small,
          records(2000, (i) => i + 0.5),
        ),
      )?.code,
    ).toBe('E_BLOCK_TOO_LONG')
    expect(
      failure(() =>
        encode(
          small,
          records(2000, (i) => ({ a: i + 0.5 })),
        ),
      )?.code,
    ).toBe('E_BLOCK_TOO_LONG')
    for (const bad of [
      'x'.repeat(10_001),
      new Uint8Array(10_001),
      new Array(1e9),
      twice(60),
      { a: twice(60) },
      new Map([[1, twice(60)]]),
      1n << 90_000n,
    ]) {
      for (const count of [1, 20]) {
        expect(
          failure(() =>
            encode(
              small,
              records(count, () => bad),
            ),
          )?.code,
        ).toBe('E_BLOCK_TOO_LONG')
        expect(
          failure(() =>
            encode(
              small,
              records(count, () => ({ a: bad })),
            ),
          )?.code,
        ).toBe('E_BLOCK_TOO_LONG')
      }
    }
  })

  test('lists with more items than a block holds, before any of them is looked at', () => {
    let looks = 0
    const long = new Proxy([], {
      get: (_, name) => (name === 'length' ? 1_000_000 : void looks++),
    })
    expect(
      failure(() =>
        encode(
          new ValueCodec(),
          records(20, () => long),
        ),
      )?.code,
    ).toBe('E_BLOCK_TOO_LONG')
    expect(looks).toBe(0)
  })

  test('bytes that are somebody else’s by now, and what only looks like a date or a map', () => {
    const bytes = new Uint8Array(8)
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
    for (const odd of [bytes, bytes.buffer, Object.create(Date.prototype), Object.create(Map.prototype)]) {
      expect(failure(() => encode(codec, [{ inner: [odd, 1] }]))?.message).toContain('value.inner[0] is not readable')
    }
  })

  test('what throws when it is read', () => {
    const bad = {
      get a(): number {
        throw new TypeError('no')
      },
    }
    const error = failure(() =>
      encode(
        codec,
        records(9, () => bad),
      ),
    )
    expect(error?.message).toContain('value.a is not readable (TypeError: no)')
  })
})
