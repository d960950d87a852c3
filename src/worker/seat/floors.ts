/**
 * The floor of each pipeline, and what is removed below it (PROTOCOLS 3, 12).
 *
 * F1. The coordinator asks for the floor that the horizon allows, for one pipeline at a time: epochs are waited for,
 *     and floors are not. Epochs of all pipelines come about at once, so those whose turn it is not yet wait for it,
 *     each once.
 * F2. What lies below is removed by whoever reads that record and coordinates. Nothing depends on a sweep: the next
 *     floor's goes over the same ground.
 * F3. What a run has left that is over is swept with the next floor after anything that may have ended one: who was
 *     asked to take it out sweeps at once, and may die over it, while others still write what they had begun.
 * F4. No floor is asked for while all hold for a change of owners, which would wait for its record and for the disk,
 *     busy with what is removed then: the next epoch's covers it.
 */
import type { Limits } from '../../base/limits.ts'
import type { MakeRecord } from '../../checkpoint/chain-writer.ts'
import type { Cluster, PipelineEntry } from '../../checkpoint/cluster.ts'
import type { NamedPacks } from '../../checkpoint/named-packs.ts'
import { nextFloor } from '../../checkpoint/removal.ts'
import type { Store } from '../../checkpoint/store.ts'
import { sweepChain, sweepPipeline, sweepRuns, sweepTemporaries } from '../../checkpoint/sweeper.ts'

export interface FloorSeams {
  readonly store: Store
  readonly limits: Limits
  readonly named: NamedPacks
  cluster(): Cluster
  append(make: MakeRecord, done: () => void): void
  /** Whether the pipeline's run crowds a journal of this worker that is near its limit. */
  crowds(pipeline: string, run: number): boolean
  /** Whether all hold, or are about to, for a change of owners. */
  holding(): boolean
}

const ignore = (): void => {}

export class Floors {
  private readonly seams: FloorSeams
  private raising = false
  /** Pipelines that have had an epoch since it was their turn (F1). */
  private readonly waiting = new Set<string>()
  /** The era of the chain in which its old records were last removed; `null`: not by this process. */
  private sweptEra: number | null = null
  /** Temporary files that there were then. */
  private temporaries: ReadonlySet<string> = new Set()
  /** Some run may have ended since the last sweep of them (F3). */
  private runsEnded = true

  constructor(seams: FloorSeams) {
    this.seams = seams
  }

  /**
   * Asks for the floor that the horizon allows, after an epoch of `pipeline`; for the highest that there may be where
   * the pipeline crowds a journal that is near its limit.
   */
  raise(pipeline: string): void {
    // F4
    if (this.seams.holding()) return
    this.waiting.add(pipeline)
    this.raiseNext()
  }

  private raiseNext(): void {
    for (const pipeline of this.waiting) {
      if (this.raising) return
      this.waiting.delete(pipeline)
      this.raiseOne(pipeline)
    }
  }

  private raiseOne(pipeline: string): void {
    const { limits, cluster, append, crowds } = this.seams
    const entry = cluster().pipelines.get(pipeline)
    if (entry === undefined) return
    const most = crowds(pipeline, entry.run) ? Infinity : 0
    const floorOf = (now: PipelineEntry): number | null => nextFloor(now, limits.horizonEpochs, most)
    if (floorOf(entry) === null) return
    this.raising = true
    append(
      ({ pipelines, generation }) => {
        const now = pipelines.get(pipeline)
        const floor = now === undefined ? null : floorOf(now)
        return floor === null ? null : { kind: 'floor', generation, pipeline, floor }
      },
      () => {
        this.raising = false
        this.raiseNext()
      },
    )
  }

  /** The floor of `pipeline` has risen. */
  sweep(pipeline: string, cluster: Cluster): void {
    const { seams } = this
    const entry = cluster.pipelines.get(pipeline)
    if (entry !== undefined) sweepPipeline(seams, pipeline, entry, ignore)
    const era = Math.floor(cluster.next / seams.limits.chainEra)
    const before = this.sweptEra
    const isAnother = era !== before
    this.sweptEra = era
    if (isAnother) sweepChain(seams, cluster, before, ignore)
    if (isAnother) this.sweepTemporaries(cluster)
    if (isAnother || this.runsEnded) this.sweepRuns(cluster)
  }

  private sweepTemporaries(cluster: Cluster): void {
    sweepTemporaries(this.seams, cluster, this.temporaries, (now) => {
      this.temporaries = now
    })
  }

  /** A run may have ended (F3). */
  mayHaveEnded(): void {
    this.runsEnded = true
  }

  /** Removes what pipelines have left that are gone. */
  sweepRuns(cluster: Cluster): void {
    this.runsEnded = false
    sweepRuns(this.seams, cluster, ignore)
  }
}
