import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts'
import { readSequence, writeSequence } from '../../src/protocol/sequence.ts'

function bytesOf(numbers: readonly number[]): Buffer {
  const writer = new ByteWriter(64)
  writeSequence(writer, Float64Array.from(numbers), numbers.length)
  return writer.take()
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

test('numbers are read as they were written (E1)', () => {
  fc.assert(
    fc.property(fc.oneof(rising, fc.array(start)), (numbers) => {
      const into = new Float64Array(numbers.length + 1).fill(9)
      const reader = new ByteReader(bytesOf(numbers))
      readSequence(reader, numbers.length, into)
      reader.finish()
      expect([...into]).toStrictEqual([...numbers, 9])
    }),
    { numRuns: 2000 },
  )
})

test('takes the least width', () => {
  const size = (numbers: number[]) => bytesOf(numbers).length - 9
  expect(size([7.5, 7.5, 7.5])).toBe(0)
  expect(size([1.7e12, 1.7e12 + 127, 1.7e12 - 1])).toBe(2)
  expect(size([1.7e12, 1.7e12 + 128])).toBe(2)
  expect(size([1.7e12, 1.7e12 - 32_769])).toBe(4)
  expect(size([0, 2 ** 31])).toBe(8)
  expect(size([0.1, 0.2])).toBe(8)
  expect(bytesOf([])).toHaveLength(0)
})

test('an unknown kind is damage, and so is a cut', () => {
  for (const kind of [3, 5, 7, 9, 255]) {
    expect(() => readSequence(new ByteReader(Buffer.alloc(100, kind)), 3, new Float64Array(3))).toThrow('sequence')
  }
  const bytes = bytesOf([1, 2, 3])
  for (let end = 0; end < bytes.length; end++) {
    expect(() => readSequence(new ByteReader(bytes, 0, end), 3, new Float64Array(3))).toThrow('damaged')
  }
})
