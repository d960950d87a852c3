import { expect, test } from 'vitest'
import type { Beat } from '../../src/cluster/beats.ts'
import { drawAnew, isTwice, type Namesake, nobodyElse, noNamesake, watchNamesake } from '../../src/cluster/namesake.ts'

type Look = readonly [own: string, found: string | null, counter?: number, stood?: boolean]

/**
 * What a process makes of the beats under its name; each is an incarnation and a counter, behind its own incarnation.
 */
function after(...looks: readonly Look[]): Namesake {
  return looks.reduce((known, [own, found, counter = 0, stood = true]) => {
    const beat: Beat | null =
      found === null ? null : { worker: 'a', incarnation: found, address: '', heartbeats: '', counter, hears: [] }
    return watchNamesake(drawAnew(known, own), beat, stood)
  }, noNamesake)
}

const members = ['x', 'y']
const twice = (known: Namesake, gone: readonly string[] = []) => isTwice(known, members, new Set(gone))

test('a beat that goes on moving in another incarnation is of another process', () => {
  const two = [['m', 'x', 1] as const, ['m', 'x', 2] as const, ['m', 'm', 3] as const, ['m', 'x', 4] as const]
  expect(twice(after(...two))).toBe('perhaps')
  expect(twice(after(...two, ['m', null], ['m', 'x', 5]))).toBe('yes')
  // N2.
  const own = ['m', 'm', 6] as const
  expect(twice(after(...two, ['m', 'x', 5], own))).toBe('perhaps')
  expect(isTwice(after(...two, ['m', 'x', 5], own), [])).toBe('no')
  expect(twice(after(...two, ['m', 'x', 5], own, own, own))).toBe('no')
  // It has written again at once: the other one had no time to.
  expect(twice(after(...two, ['m', 'x', 5], ['m', 'm', 6, false]))).toBe('yes')
  expect(twice(after(...two, ['m', 'x', 5], own, own, own, ['m', 'x', 9], ['m', 'x', 10]))).toBe('perhaps')
})

test('a beat that goes on moving is of another process, also where both draw new incarnations meanwhile', () => {
  const two = [['m', 'x', 1] as const, ['m', 'x', 2] as const, ['n', 'y', 1] as const, ['n', 'y', 2] as const]
  // N2: the first one in an incarnation may be the last one of a process that has ended.
  expect(twice(after(...two, ['o', 'y', 3]))).toBe('perhaps')
  expect(twice(after(...two, ['o', 'y', 3], ['o', 'y', 4]))).toBe('yes')
})

test('N3: a member stays, and of two that are none the one with the lower incarnation', () => {
  const known = (own: string, other: string) =>
    after([own, other, 1], [own, other, 2], [own, other, 3], [own, other, 4])
  expect(isTwice(known('m', 'x'), ['x'])).toBe('yes')
  expect(isTwice(known('m', 'x'), [])).toBe('perhaps')
  expect(isTwice(known('x', 'm'), [])).toBe('yes')
})

test('what an earlier process has left stands still, and is nobody', () => {
  const left = after(['m', 'x', 7], ['m', 'x', 7], ['m', 'x', 8], ['m', 'x', 8], ['m', 'm', 1])
  expect(isTwice(left, [])).toBe('no')
})

test('N5: nobody goes on in the place of a member that may live, or before it has looked', () => {
  expect(isTwice(noNamesake, [])).toBe('perhaps')
  expect(isTwice(nobodyElse, [])).toBe('no')
  expect(twice(after(['m', null]))).toBe('no')
  expect(twice(after(['m', 'x', 7]))).toBe('perhaps')
  expect(isTwice(after(['m', 'x', 7]), [])).toBe('no')
  expect(twice(after(['m', 'x', 7]), ['x'])).toBe('no')
  // A refusal says nothing of a beat that moves.
  expect(twice(after(['m', 'x', 7], ['m', 'x', 8]), ['x'])).toBe('perhaps')
  const own = ['m', 'm', 1] as const
  expect(twice(after(['m', 'x', 7], own, own))).toBe('perhaps')
  expect(twice(after(['m', 'x', 7], own, own, own))).toBe('no')
})

test('what this process itself has said in an incarnation before is nobody', () => {
  const lives = ['m', 'n', 'o', 'p', 'q'].flatMap((own, i, all) => {
    const before = all[i - 1] ?? null
    return [[own, before, 3 * i] as const, [own, before, 3 * i + 1] as const, [own, own, 3 * i + 2] as const]
  })
  expect(twice(after(...lives))).toBe('no')
})
