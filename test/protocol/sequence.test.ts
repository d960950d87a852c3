import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts'
import { readSequence, writeSequence } from '../../src/protocol/sequence.ts'

function bytesOf(numbers: readonly number[]): Buffer {
  const writer = new ByteWriter(64)
  writeSequence(writer, Float64Array.from(numbers), numbers.length)
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

/** What they take as differences. */
function widthOf(numbers: readonly number[]): number {
  let bits = 0
  for (let i = 1; i < numbers.length; i++) {
    const step = (numbers[i]! - numbers[i - 1]!) | 0
    if (numbers[i - 1]! + step !== numbers[i] || Object.is(numbers[i], -0)) return 8
    bits |= step ^ (step >> 31)
  }
  return bits < 0x80 ? 1 : bits < 0x8000 ? 2 : 4
}

test('a sequence is read as it was written (E1)', () => {
  fc.assert(
    fc.property(fc.oneof(rising, runs, fc.array(start)), (numbers) => {
      expect(read(bytesOf(numbers), numbers.length)).toStrictEqual([...numbers, 9])
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
      const most = numbers.length === 0 ? 0 : 9 + widthOf(numbers) * (numbers.length - 1)
      expect(bytesOf(numbers).length).toBeLessThanOrEqual(most)
    }),
    { numRuns: 2000 },
  )
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
