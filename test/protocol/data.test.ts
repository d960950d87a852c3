import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts'
import { ValueCodec } from '../../src/base/codec/values.ts'
import { PotorooError } from '../../src/base/errors.ts'
import { hashKey, type Key } from '../../src/base/hash.ts'
import { BatchCodec, type GrowingColumns } from '../../src/protocol/data.ts'
import { NEWEST_VERSION } from '../../src/protocol/version.ts'
import { batch as values } from '../base/codec/arbitrary.ts'

class TestBatch implements GrowingColumns {
  length = 0
  combined = false
  values: unknown[] = []
  keys: Key[] = []
  hashes = new Int32Array(4)
  times = new Float64Array(4)
  splits = new Float64Array(4)
  positions = new Float64Array(4)
  ordinals = new Float64Array(4)
  get capacity(): number {
    return this.times.length
  }
  grow(): void {
    const size = this.capacity * 2
    this.hashes = new Int32Array(size)
    this.times = new Float64Array(size)
    this.splits = new Float64Array(size)
    this.positions = new Float64Array(size)
    this.ordinals = new Float64Array(size)
  }
  renew(keyed: boolean): void {
    this.values = new Array<unknown>(this.capacity)
    if (keyed) this.keys = new Array<Key>(this.capacity)
  }
}

/** A batch of `of`, its keys by `key`. */
function batchOf(of: readonly unknown[], key: ((value: unknown, i: number) => Key) | null): TestBatch {
  const batch = new TestBatch()
  while (batch.capacity < of.length) batch.grow()
  of.forEach((value, i) => {
    batch.values.push(value)
    if (key !== null) {
      batch.keys.push(key(value, i))
      batch.hashes[i] = hashKey(batch.keys[i]!)
    }
    batch.times[i] = 1.7e12 + (i >> 2)
    batch.splits[i] = i % 3
    batch.positions[i] = 1000 + i
    batch.ordinals[i] = i & 1
  })
  batch.length = of.length
  return batch
}

function encode(codec: BatchCodec, batch: TestBatch): Buffer {
  const writer = new ByteWriter(256)
  codec.write(writer, batch, NEWEST_VERSION)
  return writer.take()
}

function decode(codec: BatchCodec, bytes: Buffer): TestBatch {
  const batch = new TestBatch()
  codec.read(new ByteReader(bytes), batch)
  return batch
}

function columnsOf(batch: TestBatch): unknown[] {
  const { length, values, keys, hashes, times, splits, positions, ordinals } = batch
  const numbers = [...(keys.length > 0 ? [hashes] : []), times, splits, positions, ordinals]
  const cut = numbers.map((column) => [...column.subarray(0, length)])
  return [length, batch.combined, values.slice(0, length), keys.slice(0, length), cut]
}

function expectSame(actual: TestBatch, expected: TestBatch): void {
  const same = isDeepStrictEqual(columnsOf(actual), columnsOf(expected))
  if (!same) expect(columnsOf(actual)).toStrictEqual(columnsOf(expected))
  expect(same).toBe(true)
}

function code(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof PotorooError) return error.code
    throw error
  }
  return 'nothing'
}

const key: fc.Arbitrary<Key> = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.boolean(),
  fc.bigInt(),
)

/** Batches whose keys are the values, a field of them, nearly that, or something else. */
const anyRecords = fc.oneof(
  values.map((of) => batchOf(of, null)),
  fc.tuple(values, fc.array(key, { minLength: 1 })).map(([of, keys]) => batchOf(of, (_, i) => keys[i % keys.length]!)),
  fc.array(key, { maxLength: 30 }).map((keys) => batchOf(keys, (one) => one as Key)),
  fc
    .array(fc.record({ a: key, id: key, rest: fc.anything({ maxDepth: 0 }) }, { noNullPrototype: true }), {
      maxLength: 30,
    })
    .map((of) => batchOf(of, (one) => (one as { id: Key }).id)),
  fc
    .tuple(
      fc.array(fc.record({ id: key, n: fc.nat() }, { noNullPrototype: true, requiredKeys: ['id'] }), { maxLength: 30 }),
      key,
      fc.nat(),
    )
    .map(([of, other, at]) => batchOf(of, (one, i) => (i === at % 30 ? other : (one as { id: Key }).id))),
)

/** The same, some of them of accumulators. */
const anyBatch = fc.tuple(anyRecords, fc.boolean()).map(([batch, combined]) => {
  batch.combined = combined && batch.keys.length > 0
  return batch
})

describe('a batch', () => {
  test('is read as it was written, on a channel that has carried others', () => {
    const codec = new BatchCodec(new ValueCodec())
    fc.assert(
      fc.property(anyBatch, (batch) => {
        expectSame(decode(codec, encode(codec, batch)), batch)
      }),
      { numRuns: 1000 },
    )
  })

  test('is read by a receiver that has seen nothing before (D1)', () => {
    const sender = new BatchCodec(new ValueCodec())
    fc.assert(
      fc.property(anyBatch, (batch) => {
        expectSame(decode(new BatchCodec(new ValueCodec()), encode(sender, batch)), batch)
      }),
      { numRuns: 200 },
    )
  })
})

describe('keys that are in the values', () => {
  const codec = new BatchCodec(new ValueCodec())
  const records = Array.from({ length: 20 }, (_, i) => ({ other: i, word: `a long word, number ${i}` }))
  const size = (by: (value: unknown, i: number) => Key) => encode(codec, batchOf(records, by)).length

  test('are not sent a second time', () => {
    const apart = size((_, i) => `a long word, number ${i}!`)
    expect(size((one) => (one as { word: string }).word)).toBeLessThan(apart - 20 * 20)
    const words = records.map(({ word }) => word)
    expect(
      encode(
        codec,
        batchOf(words, (one) => one as Key),
      ).length,
    ).toBeLessThan(apart - 20 * 20)
  })

  test('are sent where one is another, or of another sort', () => {
    const cases: [unknown, Key][] = [
      [0, -0],
      [1, '1'],
      ['x', 'y'],
      [1, 1n],
      [true, 1],
    ]
    for (const [field, given] of cases) {
      const of = Array.from({ length: 20 }, () => ({ id: field }))
      const batch = batchOf(of, (one, i) => (i === 13 ? given : (one as { id: Key }).id))
      expectSame(decode(codec, encode(codec, batch)), batch)
    }
  })

  test('are sent where a field is hidden, inherited or absent in one record', () => {
    const hidden = Object.defineProperty({ n: 1 }, 'id', { value: 'k', enumerable: false })
    for (const odd of [hidden, { n: 1 }, null, 'text', ['k']]) {
      const of = Array.from({ length: 20 }, (_, i) => (i === 13 ? odd : { id: 'k', n: 1 }))
      const read = decode(
        codec,
        encode(
          codec,
          batchOf(of, () => 'k'),
        ),
      )
      expect(read.keys.slice(0, read.length)).toStrictEqual(of.map(() => 'k'))
    }
  })
})

describe('holes and objects without prototype', () => {
  const dictionary = (i: number): object => Object.assign(Object.create(null), { i })
  const list = (i: number): unknown[] => Object.assign(new Array(3), { 1: i })
  const values = Array.from({ length: 20 }, (_, i) => ({ k: i, list: list(i), more: new Map([[1, dictionary(i)]]) }))
  const read = (version: number): TestBatch => {
    const codec = new BatchCodec(new ValueCodec())
    const writer = new ByteWriter(256)
    codec.write(
      writer,
      batchOf(values, (value) => (value as { k: number }).k),
      version,
    )
    return decode(codec, writer.take())
  }

  test('cross as they are', () => {
    expect(read(NEWEST_VERSION).values.slice(0, values.length)).toStrictEqual(values)
  })

  test('cross as they always have to who speaks the version before', () => {
    const batch = read(3)
    expect(batch.values.slice(0, batch.length)).toStrictEqual(
      values.map(({ k }) => ({ k, list: [undefined, k, undefined], more: new Map([[1, { i: k }]]) })),
    )
    expect(batch.keys.slice(0, batch.length)).toEqual(values.map(({ k }) => k))
  })
})

describe('what is no batch', () => {
  test('leaves nothing behind when a value cannot be written', () => {
    const writer = new ByteWriter()
    writer.u8(1)
    expect(
      code(() =>
        new BatchCodec(new ValueCodec()).write(
          writer,
          batchOf([1, () => 1], () => 'k'),
          NEWEST_VERSION,
        ),
      ),
    ).toBe('E_VALUE')
    expect(writer.length).toBe(1)
  })

  test('is damaged where a key is none, or something follows', () => {
    const codec = new BatchCodec(new ValueCodec())
    for (const key of [null, {}, ['k']]) {
      const batch = batchOf([1, 2, 3], () => 'k')
      batch.keys[1] = key as unknown as Key
      const bytes = encode(codec, batch)
      expect(code(() => decode(codec, bytes))).toBe('E_DAMAGED')
    }
    const bytes = encode(
      codec,
      batchOf([1, 2, 3], () => 'k'),
    )
    expect(code(() => decode(codec, Buffer.concat([bytes, Buffer.of(0)])))).toBe('E_DAMAGED')
  })

  test('throws E_DAMAGED, whatever bits are flipped and wherever it is cut', () => {
    const codec = new BatchCodec(new ValueCodec())
    fc.assert(
      fc.property(
        anyBatch,
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 7 })), { maxLength: 3 }),
        fc.nat(),
        (batch, flips, cut) => {
          const bytes = encode(codec, batch)
          for (const [at, bit] of flips) bytes[at % bytes.length]! ^= 1 << bit
          const end = flips.length === 0 ? cut % bytes.length : bytes.length
          const outcome = code(() => decode(codec, bytes.subarray(0, end)))
          // A flip may make another valid batch; a cut never does.
          expect(flips.length === 0 ? ['E_DAMAGED'] : ['E_DAMAGED', 'nothing']).toContain(outcome)
        },
      ),
      { numRuns: 2000 },
    )
  })
})
