import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts'
import { readSequence, writeSequence } from '../../src/protocol/sequence.ts'
import { NEWEST_VERSION, OLDEST_VERSION } from '../../src/protocol/version.ts'

function bytesOf(numbers: readonly number[], version = NEWEST_VERSION): Buffer {
  const writer = new ByteWriter(64)
  writeSequence(writer, Float64Array.from(numbers), numbers.length, version)
  return writer.take()
}

function read(bytes: Uint8Array, count: number): number[] {
  const into = new Float64Array(count + 1).fill(9)
  const reader = new ByteReader(bytes)
  readSequence(reader, count, into)
  reader.finish()
  return [...into]
}

const start = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.double(), fc.constantFrom(0, -0, Infinity, Number.NaN))
const steps = fc.oneof(
  ...[0, 1, 127, 128, 32_767, 32_768, 2 ** 31].map((max) => fc.array(fc.integer({ min: -max, max }))),
)
const rising = fc.tuple(start, steps).map(([from, by]) => {
  const numbers = [from]
  for (const step of by) numbers.push(numbers.at(-1)! + step)
  return numbers
})
const runs = fc
  .array(fc.tuple(start, fc.integer({ min: 1, max: 40 })), { maxLength: 20 })
  .map((of) => of.flatMap(([number, times]) => new Array<number>(times).fill(number)))

test('a sequence is read as it was written (E1), as every version has it', () => {
  const version = fc.constantFrom(OLDEST_VERSION, NEWEST_VERSION)
  fc.assert(
    fc.property(fc.oneof(rising, runs, fc.array(start)), version, (numbers, version) => {
      expect(read(bytesOf(numbers, version), numbers.length)).toStrictEqual([...numbers, 9])
    }),
    { numRuns: 3000 },
  )
})

test('a sequence of numbers takes the least width', () => {
  const size = (numbers: number[]) => bytesOf(numbers).length - 9
  expect(size([7.5, 7.5, 7.5])).toBe(0)
  expect(size([1.7e12, 1.7e12 + 127, 1.7e12 - 1])).toBe(2)
  expect(size([1.7e12, 1.7e12 + 128])).toBe(2)
  expect(size([1.7e12, 1.7e12 - 32_769])).toBe(4)
  expect(size([0, 2 ** 31])).toBe(8)
  expect(size([0.1, 0.2])).toBe(8)
  expect(bytesOf([])).toHaveLength(0)
})

test('a sequence of few runs is written as runs, and never longer than as differences', () => {
  const splits = [...new Array(300).fill(3), ...new Array(200).fill(1), ...new Array(12).fill(2.5)]
  expect(bytesOf(splits)).toHaveLength(1 + 8 + 1 + 2 * (2 + 8))
  expect(bytesOf([1, 1, 1, 2, 2])).toHaveLength(1 + 8 + 4)
  fc.assert(
    fc.property(runs, (numbers) => {
      expect(bytesOf(numbers).length).toBeLessThanOrEqual(bytesOf(numbers, OLDEST_VERSION).length)
    }),
    { numRuns: 2000 },
  )
})

test('a sequence has no runs for a peer that speaks the version before', () => {
  const numbers = [...new Array(100).fill(3), ...new Array(100).fill(1)]
  expect(bytesOf(numbers, NEWEST_VERSION)[0]).toBe(3)
  expect(bytesOf(numbers, 2)[0]).toBe(1)
  expect(bytesOf(numbers.slice(0, 100), 2)).toHaveLength(9)
})

test('a sequence of an unknown kind is damage, and so is a cut one', () => {
  for (const kind of [5, 7, 9, 255]) {
    expect(() => readSequence(new ByteReader(Buffer.alloc(100, kind)), 3, new Float64Array(3))).toThrow('sequence')
  }
  for (const numbers of [
    [1, 2, 3],
    [...new Array(20).fill(1), ...new Array(20).fill(2)],
  ]) {
    const bytes = bytesOf(numbers)
    const into = new Float64Array(numbers.length)
    for (let end = 0; end < bytes.length; end++) {
      expect(() => readSequence(new ByteReader(bytes, 0, end), numbers.length, into)).toThrow('damaged')
    }
  }
})

test('runs that do not follow one another within the sequence are damage', () => {
  const bytes = bytesOf([...new Array(20).fill(1), ...new Array(20).fill(2), ...new Array(20).fill(3)])
  const [first, second] = [10, 19]
  expect([bytes[first], bytes[second]]).toEqual([20, 40])
  for (const [at, begins] of [
    [first, 0],
    [second, 20],
    [second, 19],
    [second, 60],
  ] as const) {
    const damaged = Buffer.from(bytes)
    damaged[at] = begins
    expect(() => read(damaged, 60)).toThrow('a run')
  }
})
