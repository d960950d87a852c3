import { expect, test } from 'vitest'
import type { StreamRow } from '../../src/ingest/stream.ts'
import { Passage } from '../../src/worker/execution/epochs/passage.ts'

const token = (sequence: number) => ({ source: 'p/in', producer: 'till', incarnation: '1', sequence })
const rows = (position: number): StreamRow[] => [['till', '1', position, 'a', 1, 0, true, '']]

test('a record is visible once a barrier behind it has passed the step, and not once it is cut', () => {
  const passage = new Passage(null)
  expect(passage.barrierBehind('in', token(5))).toBe(null)
  passage.cut(1, 'in', rows(4) as never)
  expect([4, 5].map((sequence) => passage.barrierBehind('in', token(sequence)))).toEqual([1, null])
  passage.cut(2, 'in', rows(9) as never)
  // The first that covers it, and the one before is still known (G3).
  expect([4, 5, 9, 10].map((sequence) => passage.barrierBehind('in', token(sequence)))).toEqual([1, 2, 2, null])
  const passed = () => [1, 2].map((epoch) => passage.hasPassed('count', epoch))
  expect(passed()).toEqual([false, false])
  passage.pass(1, 'count', Infinity)
  expect(passed()).toEqual([true, false])
  passage.pass(2, 'count', Infinity)
  expect(passed()).toEqual([true, true])
})

test('what a step holds stands in front of the first barrier that finds nothing older in its hands', () => {
  const passage = new Passage(null)
  const letGo = () => [0, 1, 2, 3].map((epoch) => passage.letGo('ask', epoch))
  expect(letGo()).toEqual([null, null, null, null])
  // It holds something that came before anybody knew of a barrier.
  passage.pass(1, 'ask', -1)
  expect(letGo()).toEqual([null, null, null, null])
  // What it holds now has come behind the first.
  passage.pass(2, 'ask', 1)
  expect(letGo()).toEqual([2, 2, null, null])
  passage.pass(3, 'ask', Infinity)
  expect(letGo()).toEqual([3, 3, 3, 3])
})

test('of many producers, however many ask, each is found without a look at the others', () => {
  let looks = 0
  const many = (position: number): StreamRow[] =>
    Array.from({ length: 1000 }, (_, i) => {
      const row = [`till ${i}`, '1', position, 'a', 1, 0, true, ''] as const
      return new Proxy(row, {
        get: (target, name, receiver) => {
          if (name === '0') looks++
          return Reflect.get(target, name, receiver)
        },
      })
    })
  const parts = [many(4), many(3)].map((snapshot, i) => ({ step: 'in', worker: `w${i}`, snapshot }))
  const passage = new Passage({ sources: parts } as never)
  passage.cut(1, 'in', many(9) as never)
  const asked = Array.from({ length: 1000 }, (_, i) => ({ ...token(i % 3 === 0 ? 4 : 5), producer: `till ${i}` }))
  for (const one of asked) expect(passage.barrierBehind('in', one)).toBe(one.sequence === 4 ? 0 : 1)
  expect(looks).toBeLessThanOrEqual(6 * asked.length)
})
