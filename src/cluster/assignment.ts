/**
 * Who owns each key group. Pure and deterministic: the same arguments give the same table everywhere.
 *
 * O1. Every group has one owner.
 * O2. `assign` gives every seat the same number, one more or less.
 * O3. As few groups move as O2 allows: a group stays unless its owner is gone or has more than its share. What a
 *     newcomer gets comes from those who had too much; what a leaver had goes to those who had too little; nothing else
 *     moves.
 * O4. `inherit` moves groups without an owner only, so that a recovery restores no more than it must.
 */
import { assert } from '../base/assert.ts'
import { GroupsByLoad } from './by-load.ts'

/** A member's place in `owners`. */
export interface Seat {
  readonly worker: string
}

/** An ownership that stood before: `owners[keyGroup]` is an index into `members`. */
export interface Ownership {
  readonly members: readonly { readonly worker: string }[]
  readonly owners: Uint16Array
}

/** No seat. */
const NOBODY = -1

/** `keyGroups` groups shared out evenly among `seats` (O2), starting from `before` (O3). */
export function assign(keyGroups: number, seats: readonly Seat[], before: Ownership | null): Uint16Array {
  return Uint16Array.from(spreadEvenly(carryOver(keyGroups, seats, before), seats))
}

/** The groups of those who are gone, each to the seat that has the fewest; all others stay (O4). */
export function inherit(keyGroups: number, seats: readonly Seat[], before: Ownership | null): Uint16Array {
  const placed = carryOver(keyGroups, seats, before)
  const counts = countBySeat(placed, seats.length)
  for (let i = 0; i < placed.length; i++) {
    if (placed[i] !== NOBODY) continue
    const seat = counts.indexOf(Math.min(...counts))
    placed[i] = seat
    counts[seat]!++
  }
  return Uint16Array.from(placed)
}

/** The outcome of `rebalance`. Ratios are the busiest seat's load over the mean; 1 is perfect. */
export interface Rebalanced {
  readonly owners: Uint16Array
  readonly moved: number
  readonly before: number
  readonly after: number
  /** The ratio that no placement can beat, because one group alone has that much: its keys have to be spread. */
  readonly least: number
}

/**
 * Moves at most `budget` groups so that the busiest seat has less to do; `load[keyGroup]` is a measured rate, in any
 * unit. Each step takes from the busiest seat the group that evens it out best with the idlest one, and stops where
 * none does (the exchange step of Graham's list scheduling, 1969, begun from the table that stands).
 */
export function rebalance(owners: Uint16Array, seats: readonly Seat[], load: Float64Array, budget: number): Rebalanced {
  assert(load.length === owners.length, 'a load for every key group')
  const next = owners.slice()
  const totals = new Float64Array(seats.length)
  for (let group = 0; group < next.length; group++) totals[next[group]!]! += load[group]!
  const mean = totals.reduce((sum, total) => sum + total, 0) / totals.length
  const before = ratioOf(totals, mean)
  const byLoad = new GroupsByLoad(owners, seats.length, load)
  let moved = 0
  for (; moved < budget; moved++) {
    const [busiest, idlest] = extremes(totals)
    // Below half of what lies between them: otherwise the two would only change places.
    const group = byLoad.nearest(busiest, (totals[busiest]! - totals[idlest]!) / 2)
    if (group === NOBODY) break
    next[group] = idlest
    byLoad.move(group, busiest, idlest)
    totals[busiest]! -= load[group]!
    totals[idlest]! += load[group]!
  }
  const heaviest = load.reduce((a, b) => Math.max(a, b), 0)
  const least = mean === 0 ? 1 : Math.max(1, heaviest / mean)
  return { owners: next, moved, before, after: ratioOf(totals, mean), least }
}

/** Groups that change hands from `before` to `after`, by giver and taker. */
export interface Move {
  readonly from: string
  readonly to: string
  readonly keyGroups: readonly number[]
}

/** What changes hands, by worker names; also by those that leave with it. */
export function movesBetween(before: Ownership, after: Ownership): readonly Move[] {
  const moves = new Map<string, { from: string; to: string; keyGroups: number[] }>()
  for (let group = 0; group < after.owners.length; group++) {
    const from = before.members[before.owners[group]!]!.worker
    const to = after.members[after.owners[group]!]!.worker
    if (from === to) continue
    const name = JSON.stringify([from, to])
    const move = moves.get(name) ?? { from, to, keyGroups: [] }
    move.keyGroups.push(group)
    moves.set(name, move)
  }
  return [...moves.values()]
}

/**
 * Items shared out evenly (O2, O3): `placed[item]` is a seat or -1, and is filled in place. Who has most keeps the
 * share that is one greater, so that nothing moves for the remainder's sake.
 */
export function spreadEvenly(placed: Int32Array, seats: readonly Seat[]): Int32Array {
  const { length } = seats
  const counts = countBySeat(placed, length)
  assert(length > 0, 'O1: someone takes what there is')
  const share = Math.floor(placed.length / length)
  const remainder = placed.length % length
  const room = new Int32Array(length)
  const byCount = [...seats.keys()].toSorted((a, b) => counts[b]! - counts[a]! || a - b)
  for (const [rank, seat] of byCount.entries()) room[seat] = share + (rank < remainder ? 1 : 0)
  for (let i = 0; i < placed.length; i++) {
    const seat = placed[i]!
    if (seat === NOBODY) continue
    if (room[seat]! > 0) room[seat]!--
    else placed[i] = NOBODY
  }
  let seat = 0
  for (let i = 0; i < placed.length; i++) {
    if (placed[i] !== NOBODY) continue
    while (room[seat]! === 0) seat++
    placed[i] = seat
    room[seat]!--
  }
  return placed
}

/** The seats that groups have from before; those of seats that are gone have none. */
function carryOver(keyGroups: number, seats: readonly Seat[], before: Ownership | null): Int32Array {
  assert(seats.length <= 65_536, 'an owner is an index of 16 bits')
  const placed = new Int32Array(keyGroups).fill(NOBODY)
  if (before === null || before.owners.length === 0) return placed
  assert(before.owners.length === keyGroups, 'the number of key groups is fixed when the cluster is made')
  const seatOf = new Map(seats.map((seat, i) => [seat.worker, i]))
  const moved = before.members.map((member) => seatOf.get(member.worker) ?? NOBODY)
  for (let i = 0; i < keyGroups; i++) placed[i] = moved[before.owners[i]!]!
  return placed
}

function countBySeat(placed: Int32Array, seats: number): Int32Array {
  const counts = new Int32Array(seats)
  for (const seat of placed) if (seat !== NOBODY) counts[seat]!++
  return counts
}

/** The place of the greatest and of the least of `totals`, the first of several. */
function extremes(totals: Float64Array): readonly [greatest: number, least: number] {
  let [greatest, least] = [0, 0]
  for (let i = 1; i < totals.length; i++) {
    if (totals[i]! > totals[greatest]!) greatest = i
    if (totals[i]! < totals[least]!) least = i
  }
  return [greatest, least]
}

function ratioOf(totals: Float64Array, mean: number): number {
  return mean === 0 ? 1 : Math.max(...totals) / mean
}
