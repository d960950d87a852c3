/**
 * What all workers have saved of a pipeline's sources (rows of streams, places of splits), and which member goes on
 * with it. Pure, as `takers.ts` is, and for the same reason.
 */
import type { Json } from '../../../base/json.ts'
import type { PipelineEntry } from '../../../checkpoint/cluster.ts'
import type { Manifest, PartEntry } from '../../../checkpoint/manifest.ts'
import { homeOf, type StreamName } from '../../../cluster/splits.ts'
import { streamKey } from '../../../ingest/format.ts'
import { mergeRows } from '../../../ingest/rows.ts'
import { type StreamRow, streamRowsOf } from '../../../ingest/stream.ts'
import type { Generation } from '../generation.ts'
import { anyoneFor, readersOf, takerOf } from '../restore/takers.ts'

/** A source of a run of a pipeline. */
export interface SourceName {
  readonly family: 'journaled' | 'replayable'
  readonly step: string
}

/** What of a pipeline tells its sources from those of others, and of other times. */
export type SourceTimes = Pick<PipelineEntry, 'run' | 'anew'>

/** How the ids of all sources of a run of a pipeline begin (`journalId`). */
export function journalIds(pipeline: string, run: number): string {
  return `${pipeline}#${run}/`
}

/**
 * What the journal calls the source `step` of a pipeline. One that has begun anew is another one: no name begins with a
 * space.
 */
export function journalId(pipeline: string, { run, anew }: SourceTimes, step: string): string {
  const since = anew.find((one) => one.step === step)
  return `${journalIds(pipeline, run)}${since === undefined ? '' : ` ${since.by}/`}${step}`
}

/** Whether `id` is a source of this run which the pipeline may open again: it is none that has begun anew since. */
export function isOpenable(id: string, pipeline: string, times: SourceTimes): boolean {
  const ids = journalIds(pipeline, times.run)
  if (!id.startsWith(ids)) return false
  const step = id.slice(ids.length).replace(/^ \d+\//, '')
  return id === journalId(pipeline, times, step)
}

/** The rows of all streams of the journaled source `step`, of whichever worker. What other sources save is no list. */
export function rowsOf(parts: readonly PartEntry[], step: string): readonly StreamRow[] {
  const own = partsOf(parts, step).filter(({ snapshot }) => Array.isArray(snapshot))
  const reported = own.map(({ snapshot }) => streamRowsOf(snapshot))
  // One member reports each stream once.
  return reported.length === 1 ? reported[0]! : mergeRows(reported)
}

/** The places of all splits of the replayable source `step`, by name; `null` where nobody has saved any. */
export function placesOf(parts: readonly PartEntry[], step: string): ReadonlyMap<string, Json> | null {
  const own = partsOf(parts, step).filter(({ snapshot }) => !Array.isArray(snapshot))
  const places = own.flatMap(({ snapshot }) => Object.entries<Json>((snapshot ?? {}) as Readonly<Record<string, Json>>))
  return own.length === 0 ? null : new Map(places)
}

/**
 * The member that answers for a stream whose home in the manifest is `home`. Where no heir is named (PROTOCOLS 2, S4)
 * it is whoever takes the rest of that worker, for a source that asks for one (`SourceOptions.appoints`).
 */
export function homeIn(generation: Generation, home: string, stream: StreamName): number {
  const { placement, members } = generation
  const named = homeOf(placement, members, home, stream)
  return named === null ? takerOf(generation, home) : members.findIndex(({ worker }) => worker === named)
}

/** Which member feeds a split from `base` on, by the name that its records bear there. All members say the same. */
export function feedersFrom(
  base: Manifest,
  generation: Generation,
  pipeline: string,
  times: SourceTimes,
  sources: readonly SourceName[],
): (name: string) => number {
  const feeders = new Map<string, number>()
  for (const { family, step } of sources) {
    if (family === 'replayable') {
      const readerOf = readersOf(generation, pipeline, step)
      for (const split of placesOf(base.sources, step)?.keys() ?? []) feeders.set(`${step}/${split}`, readerOf(split))
      continue
    }
    // A savepoint may stem from another run, whose streams go on in this one.
    const source = journalId(pipeline, times, step)
    const then = base.run === times.run ? source : journalId(base.pipeline, { run: base.run, anew: [] }, step)
    for (const [producer, incarnation, , home] of rowsOf(base.sources, step)) {
      const stream = { pipeline: '', source, producer, incarnation }
      feeders.set(streamKey(then, producer, incarnation), homeIn(generation, home, stream))
    }
  }
  return (name) => feeders.get(name) ?? anyoneFor(generation, name)
}

function partsOf(parts: readonly PartEntry[], step: string): readonly PartEntry[] {
  return parts.filter((part) => part.step === step)
}
