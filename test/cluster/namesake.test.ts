import { expect, test } from 'vitest'
import type { Beat } from '../../src/cluster/beats.ts'
import { isTwice, type Namesake, noNamesake, watchNamesake } from '../../src/cluster/namesake.ts'

/** What a process makes of the beats under its name; each is an incarnation and a counter, behind its own incarnation. */
function after(...looks: readonly (readonly [own: string, found: string | null, counter?: number])[]): Namesake {
  return looks.reduce((known, [own, found, counter = 0]) => {
    const beat: Beat | null =
      found === null ? null : { worker: 'a', incarnation: found, address: '', heartbeats: '', counter, hears: [] }
    return watchNamesake(known, own, beat)
  }, noNamesake)
}

test('a beat that goes on moving in another incarnation is of another process', () => {
  const two = [['m', 'x', 1] as const, ['m', 'x', 2] as const, ['m', 'm', 3] as const, ['m', 'x', 4] as const]
  expect(isTwice(after(...two))).toBe(false)
  expect(isTwice(after(...two, ['m', null], ['m', 'x', 5]))).toBe(true)
})

test('also where both draw new incarnations meanwhile', () => {
  expect(isTwice(after(['m', 'x', 1], ['m', 'x', 2], ['n', 'y', 1], ['n', 'y', 2], ['o', 'y', 3]))).toBe(true)
})

test('what an earlier process has left stands still, and is nobody', () => {
  expect(isTwice(after(['m', 'x', 7], ['m', 'x', 7], ['m', 'x', 8], ['m', 'x', 8], ['m', 'm', 1]))).toBe(false)
})

test('neither is what this process itself has said in an incarnation before', () => {
  const lives = ['m', 'n', 'o', 'p', 'q'].flatMap((own, i, all) => {
    const before = all[i - 1] ?? null
    return [[own, before, 3 * i] as const, [own, before, 3 * i + 1] as const, [own, own, 3 * i + 2] as const]
  })
  expect(isTwice(after(...lives))).toBe(false)
})
