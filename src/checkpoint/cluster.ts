/** The cluster as the chain describes it: plain data, and its form in the records that begin an era. */
import type { Json } from '../base/json.ts'
import { decodeOwners, encodeOwners } from './owners.ts'

/** A member of a generation; its place in the list is its index in `owners`. */
export interface Member {
  readonly worker: string
  readonly incarnation: string
  /** Where other workers reach it, `host:port`; empty for a cluster of one. */
  readonly address: string
}

/** A complete epoch. */
export interface EpochEntry {
  readonly epoch: number
  readonly generation: number
  readonly manifest: string
}

/** What epochs up to `upTo` have of `step` is not the state of the program that runs now. */
export interface Dropped {
  readonly step: string
  /** `null` until the generation begins in which that program takes the place of the one before. */
  readonly upTo: number | null
}

/** With what record the dropped `step` began anew: what journals have of it from before is left behind. */
export interface Anew {
  readonly step: string
  readonly by: number
}

/** Where a sink writes, for itself alone (`place` of `SinkConnector`): whatever is there is that pipeline's. */
export interface SinkPlace {
  readonly step: string
  /** The kind of the sink; places of two kinds are two. */
  readonly kind: string
  readonly at: string
}

export interface PipelineEntry {
  /** The number of the record that submitted it: tells two pipelines of one name apart that followed one another. */
  readonly run: number
  /** The program. A later submission may change it; the state goes on. */
  readonly hash: string
  readonly parameters: Json
  /** The number of the record by which it was last submitted. */
  readonly submitted: number
  /** It was drained, for good: it runs in no generation until it is submitted again. */
  readonly drained: boolean
  /** Steps whose state was not to be taken over when it was submitted. */
  readonly drop: readonly Dropped[]
  /** Those that were dropped, each as it was last. */
  readonly anew: readonly Anew[]
  /** What the sinks of the program have for themselves, also when it is drained (`fold.ts`, G8). */
  readonly places: readonly SinkPlace[]
  /** What those of programs before it have, which may run until the next generation. */
  readonly leaving: readonly SinkPlace[]
  /** The manifest of the savepoint that it begins with, `null` to begin with nothing. */
  readonly from: string | null
  /** Complete epochs that are not void, from the floor on, oldest first. The last one is what a recovery restores. */
  readonly epochs: readonly EpochEntry[]
  /** The base of this generation (`fold.ts`, G2), `null` where it began with nothing. */
  readonly base: EpochEntry | null
  /** The greatest number of an epoch so far, void ones included (`fold.ts`, G3). */
  readonly highest: number
  readonly floor: number
}

/** The cluster as the records before number `next` left it. Never changed in place. */
export interface Cluster {
  readonly next: number
  /** 0 before the first generation. */
  readonly generation: number
  readonly coordinator: string
  readonly members: readonly Member[]
  readonly owners: Uint16Array
  readonly splits: Json
  readonly pipelines: ReadonlyMap<string, PipelineEntry>
}

export const emptyCluster: Cluster = {
  next: 0,
  generation: 0,
  coordinator: '',
  members: [],
  owners: new Uint16Array(0),
  splits: null,
  pipelines: new Map(),
}

/** The last complete epoch of a pipeline that counts, `null` before the first. */
export function lastEpoch(entry: PipelineEntry): EpochEntry | null {
  return entry.epochs.at(-1) ?? null
}

/** The steps whose state is not taken over from the last complete epoch. */
export function droppedSteps(entry: PipelineEntry): ReadonlySet<string> {
  const base = lastEpoch(entry)?.epoch ?? 0
  return new Set(entry.drop.flatMap(({ step, upTo }) => (upTo === null || base <= upTo ? [step] : [])))
}

/** The cluster as a record that begins an era holds it. */
export interface ClusterJson extends Omit<Cluster, 'owners' | 'pipelines'> {
  readonly keyGroups: number
  readonly owners: string
  /** Earlier releases did not say what has begun anew, nor where sinks write. */
  readonly pipelines: readonly (readonly [
    string,
    Omit<PipelineEntry, 'anew' | 'places' | 'leaving'> & Partial<PipelineEntry>,
  ])[]
}

export function clusterToJson(cluster: Cluster): ClusterJson {
  const { next, generation, coordinator, splits } = cluster
  return {
    next,
    generation,
    coordinator,
    members: cluster.members.map((member) => ({ ...member })),
    keyGroups: cluster.owners.length,
    owners: encodeOwners(cluster.owners, cluster.members.length),
    splits,
    pipelines: Array.from(cluster.pipelines, ([name, entry]) => [name, entry]),
  }
}

/** The inverse of `clusterToJson`, for JSON that a checksum vouches for. */
export function clusterFromJson({ keyGroups, owners, pipelines, ...rest }: ClusterJson): Cluster {
  const table = decodeOwners(owners, keyGroups, rest.members.length) ?? new Uint16Array(0)
  const entries = pipelines.map(([name, entry]) => [name, { anew: [], places: [], leaving: [], ...entry }] as const)
  return { ...rest, owners: table, pipelines: new Map(entries) }
}
