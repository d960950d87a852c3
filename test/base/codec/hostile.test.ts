/** What a codec does with bytes that no codec wrote, and with what it leaves alive. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../../../src/base/bytes.ts'
import {
  ABSENT,
  ARRAY,
  BARE_OBJECT,
  FLAGS,
  HOLE,
  HOLED,
  INTS8,
  INTS32,
  ITEMS,
  LISTS,
  OBJECT,
  OBJECTS,
  PRESENT,
  SET,
  SPARSE,
  TEXT_LATIN1,
  VARIANTS,
  VIEW,
} from '../../../src/base/codec/format.ts'
import { ValueCodec } from '../../../src/base/codec/values.ts'
import { PotorooError } from '../../../src/base/errors.ts'
import { batch } from './arbitrary.ts'

function encode(codec: ValueCodec, values: readonly unknown[]): Buffer {
  const writer = new ByteWriter(256)
  codec.encodeValues(writer, values, values.length)
  return writer.take()
}

/**
 * `E_DAMAGED`, or `nothing` where the bytes make values; any other error is thrown. With `wanted` they are read for
 * some of them.
 */
function outcome(codec: ValueCodec, bytes: Uint8Array, wanted: Uint8Array | null = null): string {
  try {
    codec.decodeValues(new ByteReader(bytes), [], wanted)
  } catch (error) {
    if (error instanceof PotorooError) return error.code
    throw error
  }
  return 'nothing'
}

/** A block in bytes; a number below 256 is a byte. */
function block(...parts: readonly (number | Uint8Array)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : part)))
}

function varint(value: number): Buffer {
  const writer = new ByteWriter()
  writer.varint(value)
  return writer.take()
}

function shape(names: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(names))
  return block(varint(text.length), text)
}

describe('hostile bytes', () => {
  const codec = new ValueCodec()

  test('cut anywhere are damage', () => {
    fc.assert(
      fc.property(batch, fc.nat(), (values, cut) => {
        const bytes = encode(codec, values)
        expect(outcome(codec, bytes.subarray(0, cut % bytes.length))).toBe('E_DAMAGED')
      }),
      { numRuns: 1000 },
    )
  })

  test('with flipped bits make values or are damage, and nothing else', () => {
    const flip = fc.tuple(fc.nat(), fc.nat({ max: 255 }))
    fc.assert(
      fc.property(batch, fc.array(flip, { minLength: 1, maxLength: 4 }), (values, flips) => {
        const bytes = encode(codec, values)
        for (const [at, by] of flips) bytes[at % bytes.length]! ^= by
        expect(['E_DAMAGED', 'nothing']).toContain(outcome(codec, bytes))
        expect(['E_DAMAGED', 'nothing']).toContain(
          outcome(
            codec,
            bytes,
            Uint8Array.from(values, (_, i) => i % 2),
          ),
        )
      }),
      { numRuns: 2500 },
    )
  })

  test('of any kind make values or are damage', () => {
    const head = fc.tuple(fc.nat({ max: 40 }), fc.integer({ min: 0, max: 17 }))
    fc.assert(
      fc.property(head, fc.uint8Array({ maxLength: 200 }), ([count, kind], rest) => {
        expect(['E_DAMAGED', 'nothing']).toContain(outcome(codec, Buffer.concat([Buffer.of(count, kind), rest])))
      }),
      { numRuns: 4000 },
    )
  })

  const cases: [name: string, bytes: Buffer][] = [
    ['more values than a block may have', block(varint(2 ** 40))],
    ['more values than bytes', block(varint(100_000), FLAGS)],
    ['more items than bytes', block(1, ITEMS, ARRAY, varint(2 ** 40))],
    ['a list longer than the bytes', block(1, LISTS, INTS32, 0, 0, 0, 0x40, FLAGS)],
    ['a list of negative length', block(1, LISTS, INTS8, 0xff, FLAGS)],
    ['a shape without fields', block(1, OBJECTS, shape([]), Buffer.alloc(9))],
    ['a shape of numbers', block(1, OBJECTS, shape([1]), FLAGS, 1)],
    ['a shape with a name twice', block(1, OBJECTS, shape(['a', 'a']), FLAGS, 1, FLAGS, 1)],
    ['a shape that is no JSON', block(1, OBJECTS, 2, 1, 1)],
    ['a shape beyond the last', block(1, VARIANTS, 1, 1, Buffer.alloc(9))],
    ['an unknown kind', block(1, 200, 1)],
    ['an unknown flag', block(1, FLAGS, PRESENT)],
    ['an unknown tag', block(1, ITEMS, 200)],
    ['a hole that is no item', block(1, ITEMS, HOLE)],
    ['a hole in a set', block(1, ITEMS, SET, 1, HOLE)],
    ['a hole for a field', block(1, ITEMS, BARE_OBJECT, 1, TEXT_LATIN1, 1, 97, HOLE)],
    ['a hole behind the end', block(1, ITEMS, ARRAY, 2, HOLE)],
    ['holes that are no items', block(1, HOLED, ABSENT, FLAGS)],
    ['holes among values that are no items', block(1, SPARSE, ABSENT, FLAGS)],
    ['an unknown flag among items', block(1, LISTS, INTS8, 1, HOLED, ABSENT + 1, FLAGS)],
    ['half an element of an array', block(1, ITEMS, VIEW, 4, 1, 0)],
    ['a name that is no text', block(1, ITEMS, OBJECT, 1, 3, 3)],
  ]
  test.each(cases)('%s', (_, bytes) => {
    expect(outcome(codec, bytes)).toBe('E_DAMAGED')
  })

  test('nested without end', () => {
    const nested = (...level: number[]) => Buffer.concat(new Array(10_000).fill(Buffer.from(level)))
    expect(outcome(codec, block(1, nested(LISTS, INTS8, 1)))).toBe('E_DAMAGED')
    expect(outcome(codec, block(1, nested(SPARSE, PRESENT)))).toBe('E_DAMAGED')
    expect(outcome(codec, block(1, ITEMS, nested(ARRAY, 1)))).toBe('E_DAMAGED')
  })

  test('that would become more than they are worth (Q2)', () => {
    const count = 1 << 20
    const level = block(OBJECTS, shape(['a']))
    const bomb = block(varint(count), ...new Array(60).fill(level), FLAGS, Buffer.alloc(count))
    expect(outcome(codec, bomb)).toBe('E_DAMAGED')
  })
})

describe('memory', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void

  /** Bytes of heap that one kept string costs, when one of each block is kept. */
  function bytesPerKept(
    text: (n: number) => string,
    pick: (value: unknown) => unknown,
    wrap: (text: string) => unknown,
  ): number {
    const codec = new ValueCodec()
    const block = encode(
      codec,
      Array.from({ length: 512 }, (_, i) => wrap(text(i))),
    )
    const blocks = Array.from({ length: 300 }, () => Buffer.from(block))
    const kept: unknown[] = new Array(blocks.length).fill(null)
    collect()
    const before = process.memoryUsage().heapUsed
    blocks.forEach((block, b) => {
      const into: unknown[] = []
      codec.decodeValues(new ByteReader(block), into)
      kept[b] = pick(into[(b % 51) * 10])
    })
    collect()
    const after = process.memoryUsage().heapUsed
    expect(kept.every((one) => typeof one === 'string')).toBe(true)
    return (after - before) / blocks.length
  }

  const own = (value: unknown) => value
  const field = (value: unknown) => (value as { text: string }).text

  test('a kept string does not keep its block', () => {
    const texts: [name: string, text: (n: number) => string][] = [
      ['short', (n) => `w${n}`],
      ['long', (n) => `a text of thirty letters ${n}`],
      ['some long', (n) => (n % 10 === 0 ? `a text of thirty letters ${n}` : `w${n}`)],
      ['wide', (n) => `текст в тридцать букв, как есть ${n}`],
    ]
    for (const [, text] of texts) {
      // A block's texts together are 3 to 20 KB; 256 units of neighbours are half a KB at most.
      expect(bytesPerKept(text, own, (one) => one)).toBeLessThan(900)
      expect(bytesPerKept(text, field, (one) => ({ n: 1, text: one }))).toBeLessThan(900)
    }
  })
})
