/**
 * What the chain says: its records, in order, folded into the cluster they describe. Pure.
 *
 * G1. A record counts only if its generation is that of the last generation record before it; a generation record only
 *     if it is the next one (PROTOCOLS 1), or says that it follows that one, where the store has gone back.
 * G2. A generation's base is, per pipeline, the last epoch before its own record, unless the record names an older one
 *     that is not below the floor; then the epochs between are void.
 * G3. Numbers of epochs rise, also over void ones: an epoch is never made twice. Where numbers of generations are
 *     missing, the store has gone back to an older state, and epochs were made that it does not know. One is counted
 *     for them, as void, so that what they have made visible is taken back.
 * G4. A floor never sinks, and never passes the last epoch but one (PROTOCOLS 3). Epochs below it are forgotten.
 * G5. After the epoch that a pipeline was drained with, none counts until the pipeline is submitted anew.
 * G6. A program takes nothing of a dropped step over from the epochs of the program before it. In a cluster, also of
 *     one member, that program makes epochs until the next generation; where a worker is alone it ends at once.
 * G7. A dropped step begins anew with the record by which the new program takes over: no earlier journal is its own.
 * G8. A pipeline has the places of its last program, and those of the program before it, which may run until then, to
 *     the next generation. It has them when it is drained, too, and until it is taken out.
 */
import type { Anew, Cluster, PipelineEntry, SinkPlace } from './cluster.ts'
import type { ChainRecord } from './record.ts'

/** The cluster after `record`, whose number is `cluster.next`; `counts` says whether it changed anything (G1-G6). */
export function fold(cluster: Cluster, record: ChainRecord): { readonly cluster: Cluster; readonly counts: boolean } {
  const changed = change(cluster, record)
  return { cluster: { ...(changed ?? cluster), next: record.n + 1 }, counts: changed !== null }
}

function change(cluster: Cluster, record: ChainRecord): Cluster | null {
  if (record.kind === 'generation') return follows(record, cluster.generation) ? begin(cluster, record) : null
  if (record.generation !== cluster.generation) return null
  if (record.kind === 'submit') return submit(cluster, record)
  const entry = cluster.pipelines.get(record.pipeline)
  if (entry === undefined) return null
  const next = record.kind === 'epoch' ? complete(entry, record) : raise(entry, record.floor)
  return next && withPipeline(cluster, record.pipeline, next)
}

function follows({ generation, after }: Extract<ChainRecord, { kind: 'generation' }>, last: number): boolean {
  return generation === last + 1 || (after === last && generation > last)
}

function begin(cluster: Cluster, record: Extract<ChainRecord, { kind: 'generation' }>): Cluster | null {
  const pipelines = new Map<string, PipelineEntry>()
  const bases = new Map(record.bases)
  const unknown = record.after === undefined ? 0 : 1
  for (const [name, entry] of cluster.pipelines) {
    const older = bases.get(name)
    const count = older === undefined ? entry.epochs.length : entry.epochs.findIndex((e) => e.epoch === older) + 1
    // The base that it names is not there: the floor has passed it since, or it never was.
    if (older !== undefined && count === 0) return null
    const epochs = entry.epochs.slice(0, count)
    const drop = entry.drop.map(({ step, upTo }) => ({ step, upTo: upTo ?? entry.highest }))
    const highest = entry.highest + unknown
    const steps = entry.drop.flatMap(({ step, upTo }) => (upTo === null ? [step] : []))
    const anew = beginAnew(entry.anew, steps, record.n)
    pipelines.set(name, { ...entry, epochs, base: epochs.at(-1) ?? null, highest, drop, anew, leaving: [] })
  }
  const { generation, coordinator, members, owners, splits } = record
  return { ...cluster, generation, coordinator, members, owners, splits, pipelines }
}

function submit(cluster: Cluster, record: Extract<ChainRecord, { kind: 'submit' }>): Cluster {
  const { pipeline, hash, parameters, from, places } = record
  const entry = cluster.pipelines.get(pipeline)
  if (hash !== null) {
    const fresh = { run: record.n, from, epochs: [], base: null, highest: 0, floor: 0 }
    const goesOn = entry !== undefined && !entry.drained && hasOthers(cluster)
    const drop = dropOf(entry ?? null, record.drop, goesOn)
    const anew = beginAnew(entry?.anew ?? [], goesOn ? [] : record.drop, record.n)
    const leaving = entry === undefined || !hasOthers(cluster) ? [] : placesOf(entry)
    const present = { hash, parameters, submitted: record.n, drained: false, drop, anew, places, leaving }
    return withPipeline(cluster, pipeline, { ...(entry ?? fresh), ...present })
  }
  const pipelines = new Map(cluster.pipelines)
  pipelines.delete(pipeline)
  return { ...cluster, pipelines }
}

/** Whether a program that runs goes on until the next generation (G6): others may be, or come, that run it, too. */
function hasOthers({ members }: Cluster): boolean {
  // Who is alone has no address.
  return members.some(({ address }) => address !== '')
}

/** G8, each place once. */
export function placesOf({ places, leaving }: PipelineEntry): readonly SinkPlace[] {
  const all = [...leaving, ...places]
  const isLast = ({ kind, at }: SinkPlace, i: number): boolean =>
    !all.slice(i + 1).some((other) => other.kind === kind && other.at === at)
  return all.filter(isLast)
}

/** G7. */
function beginAnew(before: readonly Anew[], steps: readonly string[], by: number): readonly Anew[] {
  if (steps.length === 0) return before
  const began = Array.from(new Set(steps), (step) => ({ step, by }))
  return [...before.filter(({ step }) => !steps.includes(step)), ...began]
}

/** G6. */
function dropOf(entry: PipelineEntry | null, steps: readonly string[], goesOn: boolean): PipelineEntry['drop'] {
  const upTo = goesOn ? null : (entry?.highest ?? 0)
  const before = entry?.drop.filter((one) => one.upTo === null || one.upTo >= entry.floor) ?? []
  return [...before, ...steps.map((step) => ({ step, upTo }))]
}

function complete(entry: PipelineEntry, record: Extract<ChainRecord, { kind: 'epoch' }>): PipelineEntry | null {
  const { epoch, generation, manifest } = record
  if (epoch <= entry.highest || entry.drained) return null
  return {
    ...entry,
    epochs: [...entry.epochs, { epoch, generation, manifest }],
    highest: epoch,
    drained: record.drained,
  }
}

function raise(entry: PipelineEntry, floor: number): PipelineEntry | null {
  const last = entry.epochs.at(-2)
  if (floor <= entry.floor || last === undefined || floor > last.epoch) return null
  return { ...entry, epochs: entry.epochs.filter((e) => e.epoch >= floor), floor }
}

function withPipeline(cluster: Cluster, name: string, entry: PipelineEntry): Cluster {
  return { ...cluster, pipelines: new Map(cluster.pipelines).set(name, entry) }
}
