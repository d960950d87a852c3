/**
 * What the next generation record says (PROTOCOLS 1, 2, 4, 11): a decision by facts. Pure; asked again for each place
 * in the chain at which the record is tried.
 *
 * J1. A generation record follows the generation that it was made after, and no other: where another one stands by
 *     then, there is nothing to append.
 * J2. A recovery moves what nobody owns any more, and nothing else (`inherit`); a rescale brings its own owners.
 * J3. The coordinator of a generation is who makes its record; where that one leaves by it, the first member that
 *     stays.
 * J4. Each record says everything: owners, readers of splits, heirs. Nothing is carried over by silence.
 * J5. Its number is above that of every generation that anybody has seen, as the beats say, even where the store has
 *     gone back since.
 * J6. It names no older base that the chain does not have, for such a record would not count: the damaged pipeline may
 *     have been taken out since, and another one submitted under its name. Nor does it name the last epoch, for which
 *     `LAST_EPOCH` stands: a later one may have become complete since.
 */
import type { Cluster, Member } from '../checkpoint/cluster.ts'
import type { RecordBody } from '../checkpoint/record.ts'
import { inherit } from './assignment.ts'
import { appointHeirs, assignSplits, type Placement, placementFromJson, placementToJson, type Split } from './splits.ts'

export type GenerationBody = Extract<RecordBody, { kind: 'generation' }>

/** What the chain does not say. */
export interface World {
  /** How many key groups the cluster was made with. */
  readonly keyGroups: number
  /** The splits of all sources, as they were last found. */
  readonly splits: readonly Split[]
  /** Workers whose journals the members reach, members or not (PROTOCOLS 2, S8). */
  readonly journals: readonly string[]
  /** The greatest generation that there may have been, as the data folders tell of all whose beats were read (J5). */
  readonly seen: number
}

/** In the place of an older base: the last one that is complete, once more. No epoch has this number. */
export const LAST_EPOCH = 0

/** Pipelines that have to go back to an older epoch than their last one, because of damage. */
export type Bases = GenerationBody['bases']

/** The record of a recovery after generation `after`: `members` go on with what the last epochs hold (J1, J2, J6). */
export function recoveryRecord(
  cluster: Cluster,
  after: number,
  coordinator: string,
  members: readonly Member[],
  world: World,
  bases: Bases,
): GenerationBody | null {
  if (cluster.generation !== after) return null
  const owners = inherit(world.keyGroups, members, cluster)
  const { pipelines } = cluster
  const there = bases.filter(([name, base]) => pipelines.get(name)?.epochs.some(({ epoch }) => epoch === base))
  return makeRecord(cluster, coordinator, members, owners, world, there)
}

/** The record of a rescale after generation `after`, which gives `members` these owners (J1). */
export function rescaleRecord(
  cluster: Cluster,
  after: number,
  coordinator: string,
  table: { readonly members: readonly Member[]; readonly owners: Uint16Array },
  world: World,
): GenerationBody | null {
  if (cluster.generation !== after) return null
  return makeRecord(cluster, coordinator, table.members, table.owners, world, [])
}

function makeRecord(
  cluster: Cluster,
  coordinator: string,
  members: readonly Member[],
  owners: Uint16Array,
  world: World,
  bases: Bases,
): GenerationBody {
  const before = placementFromJson(cluster.splits)
  const placed = before.splits.map(({ reader, ...split }) => ({ ...split, worker: cluster.members[reader]!.worker }))
  // What a record has placed counts for more than what was found: of one split, the later one of a list does.
  const found = world.splits.map(({ readBy = '', ...split }) => ({ ...split, worker: readBy }))
  const readers = [...found, ...placed]
  const placement: Placement = {
    splits: assignSplits(world.splits, members, readers),
    heirs: appointHeirs(world.journals, members),
  }
  const stays = members.some((member) => member.worker === coordinator)
  const heir = members[0]!.worker
  const last = Math.max(cluster.generation, world.seen)
  return {
    ...{ kind: 'generation', generation: last + 1, coordinator: stays ? coordinator : heir },
    ...{ members, owners },
    ...{ splits: placementToJson(placement), bases },
    ...(last > cluster.generation ? { after: cluster.generation } : {}),
  }
}
