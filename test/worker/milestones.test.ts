import { expect, test } from 'vitest'
import { Milestones } from '../../src/worker/pipelines/milestones.ts'

test('of what comes again and again the first is told, the tenth and the hundredth, of each by itself', () => {
  const milestones = new Milestones<object>()
  const [often, once] = [{}, {}]
  const told = Array.from({ length: 1234 }, () => milestones.next(often)).filter((count) => count !== null)
  expect(told).toEqual([1, 10, 100, 1000])
  expect(milestones.next(once)).toBe(1)
})
