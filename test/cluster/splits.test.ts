import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Seat } from '../../src/cluster/assignment.ts'
import {
  appointHeirs,
  assignSplits,
  homeOf,
  noPlacement,
  type Placement,
  placementFromJson,
  placementToJson,
  type Split,
} from '../../src/cluster/splits.ts'

const seat = (worker: string): Seat => ({ worker })
const seats = (count: number): Seat[] => Array.from({ length: count }, (_, i) => seat(`w${i}`))
const split = (step: string, name: number, reachedBy: readonly string[] | null = null): Split => ({
  ...{ pipeline: 'p', step, split: `${name}`, reachedBy },
})
const named = (placed: ReturnType<typeof assignSplits>, members: readonly Seat[]) =>
  placed.map(({ reader, ...rest }) => ({ ...rest, worker: members[reader]!.worker }))

describe('assignSplits', () => {
  test('spreads each source evenly, and moves no more than a join or a leave needs', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 8 }), fc.boolean(), (count, n, joins) => {
        const splits = ['a', 'b'].flatMap((step) => Array.from({ length: count }, (_, i) => split(step, i)))
        const [from, to] = joins ? [n, n + 1] : [n + 1, n]
        const before = named(assignSplits(splits, seats(from), []), seats(from))
        const after = assignSplits(splits, seats(to), before)
        for (const step of ['a', 'b']) {
          const counts = seats(to).map((_, i) => after.filter((one) => one.step === step && one.reader === i).length)
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
          const readers = new Map(before.filter((one) => one.step === step).map((one) => [one.split, one.worker]))
          const moved = after.filter((one) => one.step === step && readers.get(one.split) !== `w${one.reader}`)
          const smallest = Math.floor(count / Math.max(from, to))
          expect(moved.length).toBeLessThanOrEqual(smallest + 1)
          expect(moved.length).toBeGreaterThanOrEqual(smallest)
        }
      }),
    )
  })

  test('a split that some reach alone is read by one of those, and by the same one as long as it can', () => {
    const splits = [split('a', 1, ['w2', 'w1']), split('a', 2, ['w2', 'w1']), split('a', 3, ['w7'])]
    const first = assignSplits(splits, seats(3), [])
    expect(first.map(({ split, reader }) => [split, reader])).toEqual([
      ['1', 1],
      ['2', 2],
    ])
    const next = assignSplits(splits, [seat('w2'), seat('w3')], named(first, seats(3)))
    expect(next.map(({ split, reader }) => [split, reader])).toEqual([
      ['1', 0],
      ['2', 0],
    ])
  })
})

test('a placement comes back from JSON as it was, and null is none', () => {
  const placement: Placement = {
    splits: [{ pipeline: 'p', step: 'a', split: 'x/1', reader: 1 }],
    heirs: [{ worker: 'w9', heirs: [0, 1] }],
  }
  expect(placementFromJson(JSON.parse(JSON.stringify(placementToJson(placement))))).toEqual(placement)
  expect(placementFromJson(null)).toEqual(noPlacement)
})

describe('homes of streams', () => {
  const members = seats(3)
  const heirs = appointHeirs(['w9', 'w1', 'w9'], [seat('w0'), seat('w1')])
  const placement: Placement = { ...noPlacement, heirs }
  const stream = (producer: string) => ({ pipeline: 'p', source: 's', producer, incarnation: 'i' })

  test('a member stays home, a reachable absent one has heirs, another has none', () => {
    expect(homeOf(placement, members, 'w1', stream('x'))).toBe('w1')
    expect(homeOf(placement, members, 'w8', stream('x'))).toBeNull()
    const homes = Array.from({ length: 200 }, (_, i) => homeOf(placement, members, 'w9', stream(`producer ${i}`)))
    expect(new Set(homes)).toEqual(new Set(['w0', 'w1']))
    expect(homes.filter((home) => home === 'w0').length).toBeGreaterThan(60)
  })
})
