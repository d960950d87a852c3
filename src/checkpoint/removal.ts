/**
 * What may go from the store (PROTOCOLS 12): decisions, from what the chain says and what lies there. Written ahead:
 * the floor record has been read in the chain before anything below it is removed, so a late or repeated removal by
 * anyone is harmless.
 *
 * X1. A manifest or pack goes when its epoch lies below the floor and no manifest of an epoch from the floor on names
 *     it. What never became complete lies below the floor some day too. Savepoints have links of their own and are not
 *     touched.
 * X2. Nothing goes while a manifest from the floor on cannot be read: it may name what seems to be garbage.
 * X3. The floor leaves `horizonEpochs` complete epochs, never fewer than two. So it passes nothing that a restore or a
 *     savepoint reads: no epoch comes about before these are over, or given up. What a join has read ahead it reads
 *     again where it is gone.
 * X4. Records of an era of the chain go once the first record of the era after next has been read, that first record of
 *     each era never (`chain-reader.ts`, A3). So two eras stand, and hardly anybody who reads on finds himself behind.
 *     Of that first record the cluster goes then, which is most of it: nobody begins there any more.
 * X5. A run goes when the chain has been read beyond its number and names another one, or none, for its pipeline.
 * X6. Temporary files of a worker that is no member go when they were there an era of the chain ago, too: the worker
 *     itself removes them only when it comes back. Whoever is still at such a file, as on a volume that hangs, tries
 *     again.
 */
import type { Cluster, PipelineEntry } from './cluster.ts'
import { chainNumberOf, chainRecord, epochOf, manifestFolder, packFolder, type Run, temporaryPrefix } from './layout.ts'

/**
 * The floor to ask for, or `null` where it stays. `wanted` is a higher floor that a worker asks for whose journal nears
 * its limit (PROTOCOLS 3), 0 for none.
 */
export function nextFloor({ epochs, floor }: PipelineEntry, horizonEpochs: number, wanted = 0): number | null {
  const lastButOne = epochs.at(-2)?.epoch
  if (lastButOne === undefined) return null
  const horizon = epochs.at(-horizonEpochs)?.epoch ?? 0
  const target = Math.min(Math.max(horizon, wanted), lastButOne)
  // A floor is the number of a complete epoch: the last one that does not pass the target.
  const next = epochs.findLast((epoch) => epoch.epoch <= target)?.epoch ?? 0
  return next > floor ? next : null
}

/** What lies in a pipeline's folders, by name. */
export interface Listing {
  readonly manifests: readonly string[]
  readonly packs: readonly string[]
}

/**
 * The paths to remove (X1), or none where a manifest could not be read (X2): `kept` has the packs of each that stays,
 * or `null`.
 */
export function garbageOf(
  run: Run,
  entry: PipelineEntry,
  listing: Listing,
  kept: readonly (readonly string[] | null)[],
): readonly string[] {
  const named = new Set(entry.epochs.map((epoch) => epoch.manifest))
  for (const packs of kept) {
    if (packs === null) return []
    for (const pack of packs) named.add(pack)
  }
  const below = (folder: string, names: readonly string[]) =>
    names
      .filter((name) => (epochOf(name) ?? Number.POSITIVE_INFINITY) < entry.floor)
      .map((name) => `${folder}/${name}`)
      .filter((path) => !named.has(path))
  return [...below(manifestFolder(run), listing.manifests), ...below(packFolder(run), listing.packs)]
}

/** The chain records among `names` that may go when the chain has been read up to `next` (X4). */
export function oldRecords(names: readonly string[], next: number, chainEra: number): readonly string[] {
  const era = (Math.floor((next - 1) / chainEra) - 1) * chainEra
  return names
    .map(chainNumberOf)
    .filter((n) => n !== null && n < era && n % chainEra !== 0)
    .map((n) => chainRecord(n as number))
}

/**
 * The same where all of them that could go were removed in the era `before`: without a list of all names, of which
 * there are as many as there have been eras.
 */
export function oldRecordsSince(before: number, next: number, chainEra: number): readonly string[] {
  const end = (Math.floor((next - 1) / chainEra) - 1) * chainEra
  const records: string[] = []
  for (let n = Math.max(0, (before - 2) * chainEra); n < end; n++) if (n % chainEra !== 0) records.push(chainRecord(n))
  return records
}

/** How many of the last eras that are over a sweep looks at: the one before may have come to nothing. */
const ERAS_LOOKED_AT = 4

/** The numbers of first records of which the cluster may go when the chain has been read up to `next` (X4). */
export function oldFirsts(next: number, chainEra: number): readonly number[] {
  const era = Math.floor((next - 1) / chainEra) - 1
  const firsts = Array.from({ length: ERAS_LOOKED_AT }, (_, i) => (era - 1 - i) * chainEra)
  return firsts.filter((n) => n >= 0)
}

/** The runs of `pipeline` among the `names` in its folder that may go (X5). */
export function oldRuns(pipeline: string, names: readonly string[], cluster: Cluster): readonly Run[] {
  const current = cluster.pipelines.get(pipeline)?.run
  return names
    .map(chainNumberOf)
    .filter((run) => run !== null && run < cluster.next && run !== current)
    .map((run) => ({ pipeline, run: run as number }))
}

/** The temporary files among `names` that may go, of which `before` were there an era ago (X6). */
export function oldTemporaries(
  names: readonly string[],
  before: ReadonlySet<string>,
  { members }: Cluster,
): readonly string[] {
  const prefixes = members.map(({ worker }) => temporaryPrefix(worker))
  return names.filter((name) => before.has(name) && !prefixes.some((prefix) => name.startsWith(prefix)))
}
