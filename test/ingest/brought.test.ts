/** Which requests contradict what was taken; that the source asks stands in the HTTP source's tests. */
import { expect, test } from 'vitest'
import { contradicted, writerOf } from '../../src/ingest/brought.ts'
import { linesOf } from './fixture.ts'

const brought = (first: number, records: readonly string[]): string => {
  const { bytes, cuts } = linesOf(records)
  return writerOf(first, records.length, bytes, cuts, 0)
}
const against = (writer: string, first: number, records: readonly string[]) => {
  const { bytes, cuts } = linesOf(records)
  return contradicted(writer, first, bytes, cuts)
}

test('other records under the same numbers are seen, and where one ends counts', () => {
  const writer = brought(8, ['12', '3'])
  expect(against(writer, 8, ['12', '3'])).toBe(null)
  for (const others of [
    ['12', '4'],
    ['1', '23'],
    ['123', ''],
    ['', ''],
  ]) {
    expect(against(writer, 8, others), String(others)).toEqual({ first: 8, last: 9 })
  }
})

test('what does not cover all of the last request is not judged', () => {
  const writer = brought(8, ['a', 'b', 'c'])
  expect(against(writer, 7, ['z', 'a', 'b', 'c', 'd'])).toBe(null)
  expect(against(writer, 7, ['z', 'a', 'b', 'x', 'd'])).toEqual({ first: 8, last: 10 })
  expect(against(writer, 10, ['x', 'y'])).toBe(null)
  expect(against(writer, 8, ['x', 'y'])).toBe(null)
  expect(against(writer, 11, ['x'])).toBe(null)
  expect(against(writer, 8, [])).toBe(null)
})

test('who numbers requests in place of records is told so, where its second request would be lost as repeats', () => {
  const writer = brought(1, ['a', 'b', 'c'])
  for (const records of [['d'], ['d', 'e', 'f'], ['bb']]) {
    expect(against(writer, 2, records), String(records)).toEqual({ first: 1, last: 3 })
  }
  expect(against(writer, 2, ['b', 'c', 'd'])).toBe(null)
  expect(against(writer, 2, [])).toBe(null)
  expect(against(brought(1, ['a']), 2, ['d', 'e'])).toBe(null)
})

test('a writer without the checksum of its second record, as earlier versions have written it, is compared whole', () => {
  const writer = brought(8, ['a', 'b', 'c'])
  const earlier = writer.slice(0, writer.lastIndexOf('.'))
  expect(against(earlier, 8, ['a', 'b', 'c'])).toBe(null)
  expect(against(earlier, 8, ['a', 'b', 'x'])).toEqual({ first: 8, last: 10 })
  expect(against(earlier, 9, ['x'])).toBe(null)
})

test('the id of an opening, and nobody, contradict nothing', () => {
  for (const writer of ['', 'a7+c0.', '0123456789abcdef']) expect(against(writer, 1, ['x'])).toBe(null)
})
