/**
 * What a change of owners by load would do, for people to see before it is done. Pure, like `assignment.ts`, which
 * decides.
 *
 * L1. The plan never makes the busiest worker busier, moves no more key groups than its budget, and is the same for the
 *     same arguments wherever it is made: the coordinator comes to what was shown.
 */
import { rebalance } from './assignment.ts'
import type { Origin } from './target.ts'

export interface WorkerLoad {
  readonly worker: string
  readonly load: number
  readonly keyGroups: number
  readonly loadAfter: number
  readonly keyGroupsAfter: number
}

export interface GroupMove {
  readonly keyGroup: number
  readonly from: string
  readonly to: string
  readonly load: number
}

export interface BalancePlan {
  readonly workers: readonly WorkerLoad[]
  readonly moves: readonly GroupMove[]
  /** The busiest worker's load over the mean, now and then; and the least that any sharing out comes to. */
  readonly before: number
  readonly after: number
  readonly least: number
}

/** Moves at most `budget` key groups so that `load`, a measured rate of each, is shared out more evenly. */
export function planByLoad(origin: Origin, load: Float64Array, budget: number): BalancePlan {
  const { members, owners } = origin
  const { owners: next, before, after, least } = rebalance(owners, members, load, budget)
  const [now, then] = [totals(members.length, owners, load), totals(members.length, next, load)]
  const name = (member: number): string => members[member]!.worker
  return {
    workers: members.map(({ worker }, i) => ({
      ...{ worker, load: now.load[i]!, keyGroups: now.groups[i]! },
      ...{ loadAfter: then.load[i]!, keyGroupsAfter: then.groups[i]! },
    })),
    moves: Array.from(owners.keys())
      .filter((keyGroup) => owners[keyGroup] !== next[keyGroup])
      .map((keyGroup) => ({
        ...{ keyGroup, from: name(owners[keyGroup]!), to: name(next[keyGroup]!) },
        load: load[keyGroup]!,
      })),
    ...{ before, after, least },
  }
}

function totals(members: number, owners: Uint16Array, load: Float64Array) {
  const sums = { load: new Array<number>(members).fill(0), groups: new Array<number>(members).fill(0) }
  for (const [group, owner] of owners.entries()) {
    sums.load[owner]! += load[group]!
    sums.groups[owner]!++
  }
  return sums
}
