import { expect, test } from 'vitest'
import { reasonOf } from '../../src/base/reason.ts'

test('whatever is thrown has words', () => {
  const gone = Proxy.revocable({}, {})
  gone.revoke()
  const bad = new Error('x')
  Object.defineProperty(bad, 'message', { value: Object.create(null) })
  expect(reasonOf(new Error('x'))).toBe('x')
  expect(reasonOf('x')).toBe('x')
  // As Node has it of a name with two addresses, none of which answers.
  expect(reasonOf(new AggregateError([new Error('x'), 'y']))).toBe('x; y')
  expect(reasonOf(Symbol('x'))).toBe('Symbol(x)')
  for (const thrown of [Object.create(null), gone.proxy, bad]) expect(reasonOf(thrown)).toMatch(/cannot be shown/)
})
