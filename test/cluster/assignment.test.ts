import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hashKey, keyGroupOf, shiftOf } from '../../src/base/hash.ts'
import { assign, inherit, movesBetween, type Ownership, rebalance, type Seat } from '../../src/cluster/assignment.ts'

const seat = (worker: string): Seat => ({ worker })
const seats = (count: number): Seat[] => Array.from({ length: count }, (_, i) => seat(`w${i}`))
const counts = (owners: Uint16Array, members: number): number[] => {
  const found = new Array<number>(members).fill(0)
  for (const owner of owners) found[owner]!++
  return found
}
/** Groups that change hands, as `from>to`. */
const changes = (before: Ownership, after: Ownership): string[] =>
  Array.from(before.owners, (owner, group) => [
    before.members[owner]!.worker,
    after.members[after.owners[group]!]!.worker,
  ])
    .filter(([from, to]) => from !== to)
    .map(([from, to]) => `${from}>${to}`)

const groups = fc.integer({ min: 1, max: 10 }).map((bits) => 1 << bits)
const size = fc.integer({ min: 1, max: 20 })

describe('assign', () => {
  test('gives everyone the same, one more or less, through any history of joins and leaves', () => {
    fc.assert(
      fc.property(
        groups,
        fc.array(fc.array(fc.nat(20), { minLength: 1 }), { minLength: 1, maxLength: 6 }),
        (s, history) => {
          let before: Ownership | null = null
          for (const ids of history) {
            const members = [...new Set(ids)].map((id) => seat(`w${id}`))
            const owners = assign(s, members, before)
            const found = counts(owners, members.length)
            expect(Math.max(...found) - Math.min(...found)).toBeLessThanOrEqual(1)
            before = { members, owners }
          }
        },
      ),
    )
  })

  test('a join moves the newcomer’s share to it, and nothing else', () => {
    fc.assert(
      fc.property(groups, size, (s, n) => {
        const before = { members: seats(n), owners: assign(s, seats(n), null) }
        const after = { members: seats(n + 1), owners: assign(s, seats(n + 1), before) }
        const moved = changes(before, after)
        expect(moved.every((change) => change.endsWith(`>w${n}`))).toBe(true)
        expect(moved.length).toBe(Math.floor(s / (n + 1)))
      }),
    )
  })

  test('a leave moves what the leaver had, and nothing else', () => {
    fc.assert(
      fc.property(groups, size, fc.nat(), (s, n, at) => {
        const before = { members: seats(n + 1), owners: assign(s, seats(n + 1), null) }
        const leaver = at % (n + 1)
        const members = seats(n + 1).filter((_, i) => i !== leaver)
        const after = { members, owners: assign(s, members, before) }
        const moved = changes(before, after)
        expect(moved.every((change) => change.startsWith(`w${leaver}>`))).toBe(true)
        expect(moved.length).toBe(counts(before.owners, n + 1)[leaver])
      }),
    )
  })

  test('moves no more than it must between any two even tables', () => {
    fc.assert(
      fc.property(
        groups,
        fc.uniqueArray(fc.nat(12), { minLength: 1 }),
        fc.uniqueArray(fc.nat(12), { minLength: 1 }),
        (s, a, b) => {
          const from = a.map((id) => seat(`w${id}`))
          const to = b.map((id) => seat(`w${id}`))
          const before = { members: from, owners: assign(s, from, null) }
          const after = { members: to, owners: assign(s, to, before) }
          const moved = changes(before, after).length
          // Who stays keeps at most its share of the next table; the shares that are one greater go to who has most.
          const had = counts(before.owners, from.length)
          const room = [...new Array<number>(to.length)].map(
            (_, i) => Math.floor(s / to.length) + (i < s % to.length ? 1 : 0),
          )
          const kept = to
            .flatMap((member) => had[from.findIndex((one) => one.worker === member.worker)] ?? [])
            .toSorted((x, y) => y - x)
            .reduce((sum, count, i) => sum + Math.min(count, room[i]!), 0)
          expect(moved).toBe(s - kept)
        },
      ),
    )
  })
})

test('inherit: only groups of those who are gone move, to those who have fewest', () => {
  fc.assert(
    fc.property(groups, fc.uniqueArray(fc.nat(9), { minLength: 1 }), fc.array(fc.nat(9)), (s, stay, random) => {
      const from = seats(10)
      const owners = Uint16Array.from({ length: s }, (_, i) => (random[i % (random.length || 1)] ?? i) % 10)
      const to = stay.map((id) => seat(`w${id}`))
      const before = { members: from, owners }
      const after = { members: to, owners: inherit(s, to, before) }
      const there = new Set(to.map((member) => member.worker))
      expect(changes(before, after).every((change) => !there.has(change.split('>')[0]!))).toBe(true)
      const kept = to.map((member) => counts(owners, 10)[Number(member.worker.slice(1))]!)
      const found = counts(after.owners, to.length)
      const got = found.flatMap((count, i) => (count > kept[i]! ? [count] : []))
      if (got.length > 0) expect(Math.max(...got) - Math.min(...found)).toBeLessThanOrEqual(1)
    }),
  )
})

test('movesBetween: every group that one gives to another, once; also of who leaves', () => {
  const before = { members: seats(3), owners: Uint16Array.of(0, 0, 1, 1, 2, 2) }
  const after = { members: [seat('w1'), seat('w0'), seat('w9')], owners: Uint16Array.of(1, 0, 0, 2, 2, 1) }
  expect(movesBetween(before, after)).toEqual([
    { from: 'w0', to: 'w1', keyGroups: [1] },
    { from: 'w1', to: 'w9', keyGroups: [3] },
    { from: 'w2', to: 'w9', keyGroups: [4] },
    { from: 'w2', to: 'w0', keyGroups: [5] },
  ])
})

describe('rebalance', () => {
  const loads = fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { minLength: 16, maxLength: 16 })

  test('never makes the busiest busier, and keeps to its budget', () => {
    fc.assert(
      fc.property(loads, fc.integer({ min: 1, max: 6 }), fc.nat(8), (load, n, budget) => {
        const owners = assign(16, seats(n), null)
        const done = rebalance(owners, seats(n), Float64Array.from(load), budget)
        const moved = owners.filter((owner, group) => done.owners[group] !== owner).length
        expect(moved).toBeLessThanOrEqual(done.moved)
        expect(done.moved).toBeLessThanOrEqual(budget)
        expect(done.after).toBeLessThanOrEqual(done.before + 1e-9)
        expect(done.after).toBeGreaterThanOrEqual(Math.min(done.least, done.before) - 1e-9)
      }),
    )
  })

  test('takes from the busiest what evens it out best, as if it had looked at all that it has', () => {
    // Few loads, so that many are the same; and some that differ by less than what is left of them by a subtraction.
    const load = fc.oneof(
      fc.integer({ min: 0, max: 3 }),
      fc.double({ min: 0, max: 9, noNaN: true }),
      fc.constant(1 + 2 ** -52),
    )
    const scene = fc.record({
      n: fc.integer({ min: 1, max: 5 }),
      load: fc.array(load, { maxLength: 80 }),
      budget: fc.nat(90),
    })
    fc.assert(
      fc.property(scene, fc.infiniteStream(fc.nat(4)), ({ n, load, budget }, draws) => {
        const owners = Uint16Array.from(load, () => Math.min(draws.next().value as number, n - 1))
        const expected = owners.slice()
        // Kept by adding and taking away, and not summed anew: which of two seats that are equally busy comes first may
        // hang on the last bit, and moves that make nobody less busy on that.
        const totals = Array.from({ length: n }, () => 0)
        for (const [group, owner] of owners.entries()) totals[owner]! += load[group]!
        for (let moved = 0; moved < budget; moved++) {
          const [from, to] = [totals.indexOf(Math.max(...totals)), totals.indexOf(Math.min(...totals))]
          const half = (totals[from]! - totals[to]!) / 2
          const off = (group: number): number => Math.abs(load[group]! - half)
          const mine = [...expected.keys()].filter((g) => expected[g] === from && load[g]! > 0 && off(g) < half)
          if (mine.length === 0) break
          const best = mine.reduce((one, group) => (off(group) < off(one) ? group : one))
          expected[best] = to
          totals[from]! -= load[best]!
          totals[to]! += load[best]!
        }
        expect(rebalance(owners, seats(n), Float64Array.from(load), budget).owners).toEqual(expected)
      }),
    )
  })

  test('costs little more for as many moves as there are groups than for one', () => {
    const load = Float64Array.from({ length: 65_536 }, (_, group) => 1 + (group % 977) / 977)
    const owners = Uint16Array.from(load, (_, group) => (group % 64 === 0 ? 1 : 0))
    const costOf = (budget: number): number => {
      const before = process.cpuUsage()
      const done = rebalance(owners, seats(2), load, budget)
      expect(done.moved).toBeGreaterThan(Math.min(budget, 20_000) - 1)
      return process.cpuUsage(before).user
    }
    costOf(1)
    expect(costOf(65_536)).toBeLessThan(20 * costOf(1))
  })

  test('evens out keys of Zipf’s frequencies with few moves', () => {
    const load = new Float64Array(1024)
    for (let rank = 1; rank <= 50_000; rank++) load[keyGroupOf(hashKey(`key ${rank}`), shiftOf(1024))]! += 1 / rank
    const done = rebalance(assign(1024, seats(10), null), seats(10), load, 64)
    expect(done.before).toBeGreaterThan(1.2)
    expect(done.after).toBeLessThan(1.1)
  })

  test('names the load of the one group that no placement can even out, and leaves it alone', () => {
    const load = Float64Array.of(97, 1, 1, 1)
    const done = rebalance(Uint16Array.of(0, 1, 1, 1), seats(2), load, 10)
    expect(done).toMatchObject({ moved: 0, before: 1.94, after: 1.94, least: 1.94 })
  })
})
