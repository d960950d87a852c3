/** What is said of a request whose body has not the shape that it should have. */
import { expect, test } from 'vitest'
import { parse } from '../../src/admin/request.ts'
import { integer, object, oneOf, someText, texts, trueOrFalse } from '../../src/admin/shape.ts'

const fields = { moves: integer(1, 9), to: someText, ids: texts, now: trueOrFalse, how: oneOf(['fast', 'slow']) }
const right = { moves: 1, to: 'w1', ids: ['a'], now: true, how: 'slow' }

const wrong: readonly (readonly [unknown, string])[] = [
  [undefined, 'its body is missing'],
  [null, 'its body is not an object'],
  [{}, 'moves is missing'],
  [{ ...right, moves: 10 }, 'moves is not a whole number from 1 to 9'],
  [{ ...right, moves: 1.5 }, 'moves is not a whole number from 1 to 9'],
  [{ ...right, to: '' }, 'to is empty'],
  [{ ...right, ids: 'a' }, 'ids is not a list of texts'],
  [{ ...right, ids: ['a', 2] }, 'ids.1 is not a text'],
  [{ ...right, now: 'true' }, 'now is not true or false'],
  [{ ...right, how: 'never' }, 'how is not one of fast, slow'],
  [{ ...right, colour: 'red' }, 'colour is not known here'],
]

test('the first fault of a request is named, and what would have been right', () => {
  expect(parse(object(fields), right)).toEqual(right)
  for (const [body, reason] of wrong) {
    expect(() => parse(object(fields), body)).toThrow(`the worker does not understand the request: ${reason}`)
  }
})
