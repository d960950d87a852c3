import { expect, test } from 'vitest'
import { ReadShapes, WrittenShapes } from '../../../src/base/codec/shape.ts'

test('a reader forgets shapes rather than keep more than it may (O3)', () => {
  const shapes = new ReadShapes(2, false)
  const first = shapes.find('["a"]')
  expect(shapes.find('["a"]')).toBe(first)
  shapes.find('["b"]')
  expect(shapes.find('["a"]')).toBe(first)
  shapes.find('["c"]')
  expect(shapes.find('["a"]')).not.toBe(first)
})

test('a writer forgets shapes rather than keep more names than it may (O3)', () => {
  const shapes = new WrittenShapes(4)
  const first = shapes.find({ a: 1, b: 2 })
  expect(shapes.find({ a: 3, b: 4 })).toBe(first)
  expect(shapes.find({ b: 2, a: 1 })).not.toBe(first)
  expect(shapes.find({ a: 1, b: 2 })).toBe(first)
  shapes.find({ c: 1 })
  expect(shapes.find({ a: 1, b: 2 })).not.toBe(first)
  expect(shapes.find({ a: 1, b: 2 })?.names).toStrictEqual(['a', 'b'])
})
