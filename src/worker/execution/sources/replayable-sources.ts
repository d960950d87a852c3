/**
 * The sources of a pipeline that keep their records themselves, and the readers of their splits.
 *
 * P1. Every member finds the same splits, and reads those that the generation's record gives it (`takers.ts`). Splits
 *     that a manifest has a place of are among them, also where they are not found any more, under the name that they
 *     have there: another program may write it in another way.
 */
import { fail, type PotorooError } from '../../../base/errors.ts'
import type { Json } from '../../../base/json.ts'
import type { PartEntry } from '../../../checkpoint/manifest.ts'
import type { Split } from '../../../cluster/splits.ts'
import type { Place, ReplayableSource, SourceStatus } from '../../../connectors/connector.ts'
import type { ExecutionSeams } from '../../seams.ts'
import type { Generation } from '../generation.ts'
import { readersOf } from '../restore/takers.ts'
import { ReplayableFeed } from './replayable-feed.ts'
import { contextOf, type SourcePlan, type SourcesEvents } from './source-context.ts'
import { placesOf } from './source-parts.ts'
import type { SplitTable } from './split-table.ts'

interface Replayable {
  readonly task: SourcePlan
  readonly connector: ReplayableSource
  readonly feed: ReplayableFeed
}

export class ReplayableSources {
  private readonly pipeline: string
  private readonly generation: Generation
  private readonly seams: ExecutionSeams
  private readonly splits: SplitTable
  private readonly events: SourcesEvents
  private readonly sources = new Map<string, Replayable>()
  /** The splits of each source, whoever reads them. */
  private readonly found = new Map<string, ReadonlySet<string>>()
  private closed = false

  constructor(
    pipeline: string,
    generation: Generation,
    seams: ExecutionSeams,
    splits: SplitTable,
    events: SourcesEvents,
  ) {
    this.pipeline = pipeline
    this.generation = generation
    this.seams = seams
    this.splits = splits
    this.events = events
  }

  add(task: SourcePlan, connector: ReplayableSource): void {
    const feed = new ReplayableFeed(task.step, this.splits, this.events.report)
    this.sources.set(task.step, { task, connector, feed })
  }

  has(step: string): boolean {
    return this.sources.has(step)
  }

  /** `null`: `step` is none of these. */
  feed(step: string): ReplayableFeed | null {
    return this.sources.get(step)?.feed ?? null
  }

  /** Opens the readers where `parts` of all workers say; splits without a place at their beginning. */
  restore(parts: readonly PartEntry[], done: (error: PotorooError | null) => void): void {
    let left = this.sources.size
    let failed: PotorooError | null = null
    if (left === 0) return done(null)
    const one = (error: PotorooError | null) => {
      failed ??= error
      if (--left === 0) done(failed)
    }
    for (const [step, source] of this.sources) this.open(source, placesOf(parts, step), one)
  }

  private open(
    { task, connector, feed }: Replayable,
    places: ReadonlyMap<string, Json> | null,
    done: (error: PotorooError | null) => void,
  ): void {
    const context = contextOf(task, this.seams, this.events)
    connector.splits(task.source, context, (error, names) => {
      // Nobody would close what is opened now.
      if (this.closed) return
      if (error !== null) return done(error)
      const { generation, pipeline } = this
      const found = splitsOf(connector, names, [...(places?.keys() ?? [])])
      this.found.set(task.step, found)
      const readerOf = readersOf(generation, pipeline, task.step)
      const own = [...found].filter((name) => readerOf(name) === generation.self)
      const splits = own.map((name) => [name, (places?.get(name) ?? null) as Place | null] as const)
      const most = connector.atOnce?.(task.source) ?? Infinity
      feed.begin(splits, most, (name, place) => connector.open(task.source, name, place, context))
      this.events.wake(task.id)
      if (names.length === 0 && places === null) return done(fail('E_NO_SPLITS', { step: task.step }))
      done(null)
    })
  }

  /** The splits that were found, and who reads them: the next generation leaves them there where it can. */
  placed(): readonly Split[] {
    const { generation, pipeline } = this
    return Array.from(this.found, ([step, names]) => {
      const readerOf = readersOf(generation, pipeline, step)
      return Array.from(names, (split) => {
        const readBy = generation.members[readerOf(split)]!.worker
        return { pipeline, step, split, reachedBy: null, readBy }
      })
    }).flat()
  }

  /** What the readers of `step` have done. */
  statusOf(step: string): SourceStatus {
    return this.sources.get(step)!.feed.status
  }

  close(): void {
    this.closed = true
    for (const { feed } of this.sources.values()) feed.close()
  }
}

/** The splits that are found, and those that have a place (P1). */
function splitsOf(
  { nameOf = (name) => name }: ReplayableSource,
  found: readonly string[],
  placed: readonly string[],
): ReadonlySet<string> {
  const known = new Map(placed.map((name) => [nameOf(name), name]))
  return new Set([...found.map((name) => known.get(nameOf(name)) ?? name), ...placed])
}
