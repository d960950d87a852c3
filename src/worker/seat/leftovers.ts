/**
 * What the journal of a worker that leaves has of pipelines that do not run here (failed, drained, not to be loaded, or
 * the worker is no member): no epoch is going to cover it, and nobody else has it where no other worker reaches this
 * journal (PROTOCOLS 11).
 *
 * L1. What is covered stands in the manifest of the pipeline's last complete epoch, whoever has made it: this worker
 *     may never have run it, and streams may have moved.
 * L2. What is not known counts as left.
 */
import { lastEpoch, type PipelineEntry } from '../../checkpoint/cluster.ts'
import { forEach } from '../../checkpoint/for-each.ts'
import { decodeManifest, type PartEntry } from '../../checkpoint/manifest.ts'
import type { Store } from '../../checkpoint/store.ts'
import { streamKey } from '../../ingest/format.ts'
import { isOpenable, journalId, rowsOf, type SourceTimes } from '../execution/sources/source-parts.ts'

export interface LeftoversSeams {
  store(): Pick<Store, 'read'>
  /** Whether the journal has records above their streams' positions, of sources that are asked for by their ids. */
  hasAbove(isAsked: (source: string) => boolean, positionOf: (key: string) => number): boolean
}

/** Pipelines by name, as the chain has them. */
export type Named = readonly (readonly [name: string, entry: PipelineEntry])[]

/** How far an epoch covers the streams of a pipeline, by stream key. */
interface Covered {
  readonly manifest: string
  readonly positions: ReadonlyMap<string, number>
}

export class Leftovers {
  private readonly seams: LeftoversSeams
  private readonly covered = new Map<string, Covered>()

  constructor(seams: LeftoversSeams) {
    this.seams = seams
  }

  /** The names of those of which something is left, as far as their manifests have been read (L2). */
  of(pipelines: Named): readonly string[] {
    return pipelines.filter(([name, entry]) => this.isLeft(name, entry)).map(([name]) => name)
  }

  /** Reads the manifests that `of` wants, as far as they can be read now. */
  read(pipelines: Named, done: () => void): void {
    const wanted = pipelines.flatMap(([name, entry]) => {
      const manifest = lastEpoch(entry)?.manifest
      const known = manifest === undefined || this.covered.get(name)?.manifest === manifest
      return known || !this.isLeft(name, entry) ? [] : [{ name, entry, manifest }]
    })
    const read = ({ name, entry, manifest }: (typeof wanted)[number], next: (error: null) => void): void => {
      this.seams.store().read(manifest, (error, bytes) => {
        const examined = error === null ? decodeManifest(manifest, bytes) : null
        if (examined?.kind === 'intact') {
          this.covered.set(name, { manifest, positions: positionsOf(name, entry, examined.value.sources) })
        }
        next(null)
      })
    }
    forEach(wanted, 1, read, done)
  }

  private isLeft(name: string, entry: PipelineEntry): boolean {
    const last = lastEpoch(entry)
    const known = this.covered.get(name)
    const positions = last !== null && known?.manifest === last.manifest ? known.positions : null
    const isOwn = (source: string): boolean => isOpenable(source, name, entry)
    return this.seams.hasAbove(isOwn, (key) => positions?.get(key) ?? 0)
  }
}

function positionsOf(pipeline: string, times: SourceTimes, parts: readonly PartEntry[]): ReadonlyMap<string, number> {
  const steps = new Set(parts.map(({ step }) => step))
  const rows = [...steps].flatMap((step) => {
    const source = journalId(pipeline, times, step)
    return rowsOf(parts, step).map(([producer, incarnation, position]) => {
      return [streamKey(source, producer, incarnation), position] as const
    })
  })
  return new Map(rows)
}
