import { expect, test } from 'vitest'
import type { StreamRow } from '../../src/ingest/stream.ts'
import { Passage } from '../../src/worker/execution/passage.ts'

const token = (sequence: number) => ({ source: 'p/in', producer: 'till', incarnation: '1', sequence })
const rows = (position: number): StreamRow[] => [['till', '1', position, 'a', 1, 0, true]]

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
  passage.pass(1, 'count')
  expect(passed()).toEqual([true, false])
  passage.pass(2, 'count')
  expect(passed()).toEqual([true, true])
})
