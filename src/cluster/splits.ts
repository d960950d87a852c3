/**
 * Who reads each split, and who answers for the streams of a worker that is gone (PROTOCOLS 2, S3-S5, S8). Pure.
 *
 * P1. A split has at most one reader in a generation; none where no member that takes work reaches it, and the status
 *     then names it.
 * P2. Splits of one source are spread evenly, and as few move as that allows; a split that some workers alone reach
 *     stays among them.
 * P3. The generation record names one home for each stream whose home in the manifest is no member and whose journal
 *     others reach (PROTOCOLS 2, S8): by one list of heirs for each such worker, among which a stream's name chooses.
 *     So the record grows with workers, not with producers. For a worker that is not listed, PROTOCOLS 2, S4 and S6
 *     apply.
 */
import { assert } from '../base/assert.ts'
import { hashKey } from '../base/hash.ts'
import type { Json } from '../base/json.ts'
import { type Seat, spreadEvenly } from './assignment.ts'

/** A split by name, and who reaches it: `null` where all do (a broker), some workers where it lies on their machine. */
export interface Split {
  readonly pipeline: string
  readonly step: string
  readonly split: string
  readonly reachedBy: readonly string[] | null
  /** The worker that reads it, where no record has said so before. */
  readonly readBy?: string
}

/** A split and the index of the member that reads it. */
export interface PlacedSplit {
  readonly pipeline: string
  readonly step: string
  readonly split: string
  readonly reader: number
}

/** The heirs of a worker that is no member, as indices of members (P3). */
export interface Heirs {
  readonly worker: string
  readonly heirs: readonly number[]
}

/** What a generation record says beside the owners of key groups: its field `splits`. */
export interface Placement {
  readonly splits: readonly PlacedSplit[]
  readonly heirs: readonly Heirs[]
}

export const noPlacement: Placement = { splits: [], heirs: [] }

export function placementToJson(placement: Placement): Json {
  return {
    splits: placement.splits.map(({ pipeline, step, split, reader }) => [pipeline, step, split, reader]),
    heirs: placement.heirs.map(({ worker, heirs }) => [worker, heirs]),
  }
}

/** The inverse of `placementToJson`, for JSON that a checksum vouches for; `null` is no placement. */
export function placementFromJson(json: Json): Placement {
  if (json === null) return noPlacement
  const { splits, heirs } = json as unknown as {
    readonly splits: readonly (readonly [string, string, string, number])[]
    readonly heirs: readonly (readonly [string, readonly number[]])[]
  }
  return {
    splits: splits.map(([pipeline, step, split, reader]) => ({ pipeline, step, split, reader })),
    heirs: heirs.map(([worker, indices]) => ({ worker, heirs: indices })),
  }
}

/** Readers for `splits` among `seats`; `before` says who read them, by worker name (P1, P2). */
export function assignSplits(
  splits: readonly Split[],
  seats: readonly Seat[],
  before: readonly (Omit<PlacedSplit, 'reader'> & { readonly worker: string })[],
): readonly PlacedSplit[] {
  const seatOf = new Map(seats.map((seat, i) => [seat.worker, i]))
  if (seatOf.size === 0) return []
  const readerBefore = new Map(before.map((placed) => [nameOf(placed), seatOf.get(placed.worker) ?? -1]))
  const bySource = Map.groupBy(splits, ({ pipeline, step }) => JSON.stringify([pipeline, step]))
  return [...bySource.values()].flatMap((source) => assignSource(source, seats, seatOf, readerBefore))
}

function assignSource(
  splits: readonly Split[],
  seats: readonly Seat[],
  seatOf: ReadonlyMap<string, number>,
  readerBefore: ReadonlyMap<string, number>,
): readonly PlacedSplit[] {
  const free = splits.filter((split) => split.reachedBy === null)
  const readers = spreadEvenly(
    Int32Array.from(free, (split) => readerBefore.get(nameOf(split)) ?? -1),
    seats,
  )
  const placed = free.map((split, i) => place(split, readers[i]!))
  const counts = new Int32Array(seats.length)
  for (const { reader } of placed) counts[reader]!++
  for (const split of splits) {
    const reach = split.reachedBy?.flatMap((worker) => seatOf.get(worker) ?? []).toSorted((a, b) => a - b) ?? []
    if (reach.length === 0) continue
    const known = readerBefore.get(nameOf(split)) ?? -1
    const reader = reach.includes(known) ? known : reach.reduce((a, b) => (counts[b]! < counts[a]! ? b : a))
    counts[reader]!++
    placed.push(place(split, reader))
  }
  return placed
}

function place({ pipeline, step, split }: Split, reader: number): PlacedSplit {
  return { pipeline, step, split, reader }
}

function nameOf({ pipeline, step, split }: Omit<PlacedSplit, 'reader'>): string {
  return JSON.stringify([pipeline, step, split])
}

/** A stream of acknowledged ingest, by the names that identify it. */
export interface StreamName {
  readonly pipeline: string
  readonly source: string
  readonly producer: string
  readonly incarnation: string
}

/** Heirs for each of `absent`, workers whose journals the members reach: all seats (P3). */
export function appointHeirs(absent: readonly string[], seats: readonly Seat[]): readonly Heirs[] {
  const members = new Set(seats.map((seat) => seat.worker))
  const heirs = [...seats.keys()]
  if (heirs.length === 0) return []
  const gone = absent.filter((worker) => !members.has(worker))
  return [...new Set(gone)].toSorted().map((worker) => ({ worker, heirs }))
}

/**
 * The member that is the home of `stream` in the generation of `members`, when the manifest says `home`: `home` itself
 * where it is a member, its heir where one is named, otherwise `null`: the worker that is asked becomes home (PROTOCOLS
 * 2, S8, S4).
 */
export function homeOf(
  placement: Placement,
  members: readonly { readonly worker: string }[],
  home: string,
  stream: StreamName,
): string | null {
  if (members.some((member) => member.worker === home)) return home
  const heirs = placement.heirs.find((entry) => entry.worker === home)?.heirs
  if (heirs === undefined) return null
  const { pipeline, source, producer, incarnation } = stream
  const index = heirs[(hashKey(JSON.stringify([pipeline, source, producer, incarnation])) >>> 0) % heirs.length]
  assert(index !== undefined && members[index] !== undefined, 'P3: an heir is a member')
  return members[index].worker
}
