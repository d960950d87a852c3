/**
 * What the chain says: its records, in order, folded into the cluster they describe. Pure.
 *
 * G1. A record counts only if its generation is that of the last generation record before it; a generation record only
 *     if it is the next one (PROTOCOLS 1).
 * G2. A generation's base is, per pipeline, the last epoch before its own record, unless the record names an older one
 *     that is not below the floor; then the epochs between are void.
 * G3. Numbers of epochs rise, also over void ones: an epoch is never made twice.
 * G4. A floor never sinks, and never passes the last epoch but one (PROTOCOLS 3). Epochs below it are forgotten.
 */
import type { Cluster, PipelineEntry } from './cluster.ts'
import type { ChainRecord } from './record.ts'

/** The cluster after `record`, whose number is `cluster.next`; `counts` says whether it changed anything (G1-G4). */
export function fold(cluster: Cluster, record: ChainRecord): { readonly cluster: Cluster; readonly counts: boolean } {
  const changed = change(cluster, record)
  return { cluster: { ...(changed ?? cluster), next: record.n + 1 }, counts: changed !== null }
}

function change(cluster: Cluster, record: ChainRecord): Cluster | null {
  if (record.kind === 'generation') return record.generation === cluster.generation + 1 ? begin(cluster, record) : null
  if (record.generation !== cluster.generation) return null
  if (record.kind === 'submit') return submit(cluster, record)
  const entry = cluster.pipelines.get(record.pipeline)
  if (entry === undefined) return null
  const next = record.kind === 'epoch' ? complete(entry, record) : raise(entry, record.floor)
  return next && withPipeline(cluster, record.pipeline, next)
}

function begin(cluster: Cluster, record: Extract<ChainRecord, { kind: 'generation' }>): Cluster | null {
  const pipelines = new Map<string, PipelineEntry>()
  const bases = new Map(record.bases)
  for (const [name, entry] of cluster.pipelines) {
    const older = bases.get(name)
    const count = older === undefined ? entry.epochs.length : entry.epochs.findIndex((e) => e.epoch === older) + 1
    // The base that it names is not there: the floor has passed it since, or it never was.
    if (older !== undefined && count === 0) return null
    const epochs = entry.epochs.slice(0, count)
    pipelines.set(name, { ...entry, epochs, base: epochs.at(-1) ?? null })
  }
  const { generation, coordinator, members, owners, splits } = record
  return { ...cluster, generation, coordinator, members, owners, splits, pipelines }
}

function submit(cluster: Cluster, record: Extract<ChainRecord, { kind: 'submit' }>): Cluster {
  const { pipeline, hash, parameters, from } = record
  const entry = cluster.pipelines.get(pipeline)
  if (hash !== null) {
    const fresh = { run: record.n, from, epochs: [], base: null, highest: 0, floor: 0 }
    return withPipeline(cluster, pipeline, { ...(entry ?? fresh), hash, parameters })
  }
  const pipelines = new Map(cluster.pipelines)
  pipelines.delete(pipeline)
  return { ...cluster, pipelines }
}

function complete(entry: PipelineEntry, record: Extract<ChainRecord, { kind: 'epoch' }>): PipelineEntry | null {
  const { epoch, generation, manifest } = record
  if (epoch <= entry.highest) return null
  return { ...entry, epochs: [...entry.epochs, { epoch, generation, manifest }], highest: epoch }
}

function raise(entry: PipelineEntry, floor: number): PipelineEntry | null {
  const last = entry.epochs.at(-2)
  if (floor <= entry.floor || last === undefined || floor > last.epoch) return null
  return { ...entry, epochs: entry.epochs.filter((e) => e.epoch >= floor), floor }
}

function withPipeline(cluster: Cluster, name: string, entry: PipelineEntry): Cluster {
  return { ...cluster, pipelines: new Map(cluster.pipelines).set(name, entry) }
}
