/**
 * The key groups of a simulated worker: what it has counted for each, in the place of a pipeline's state, and how that
 * is held and restored.
 */
import type { Fate } from '../../src/checkpoint/barrier.ts'
import type { Cluster } from '../../src/checkpoint/cluster.ts'
import { entriesOf } from './entry.ts'
import type { Values } from './referee.ts'
import type { Scene } from './sim-scene.ts'

/** The worker that has them. */
export interface Holder {
  readonly name: string
  readonly scene: Scene
}

export class SimKeys {
  /** By pipeline: what has been counted for each key group. */
  readonly values = new Map<string, Map<number, number>>()
  private readonly holder: Holder
  private owned: ReadonlySet<number> = new Set()
  /** By pipeline: the epoch at which it stands. */
  private readonly held = new Map<string, number>()
  private readonly abandoned = new Set<string>()

  constructor(holder: Holder) {
    this.holder = holder
  }

  /** Its worker begins anew, with nothing. */
  forget(): void {
    this.owned = new Set()
    this.values.clear()
    this.held.clear()
  }

  /** Takes what the generation of `cluster` begins with, from wherever it is. */
  restore(cluster: Cluster): void {
    const { name, scene } = this.holder
    const entries = entriesOf(cluster, name, { owned: this.owned, held: this.held })
    this.held.clear()
    for (const { pipeline, base, rollBack, read } of entries) {
      const values = this.valuesOf(pipeline)
      const manifest = cluster.pipelines.get(pipeline)!.base?.manifest
      const stored = manifest === undefined ? new Map<number, number>() : scene.referee.snapshot(manifest)
      for (const group of [...rollBack, ...read]) values.set(group, stored.get(group) ?? 0)
      // Until the generation begins everything stands at its base.
      if (base !== null) this.held.set(pipeline, base)
    }
    const index = cluster.members.findIndex((member) => member.worker === name)
    this.owned = new Set([...cluster.owners.keys()].filter((group) => cluster.owners[group] === index))
    this.abandoned.clear()
  }

  begin(): void {
    this.held.clear()
  }

  /** Counts one more for some key group, where the pipeline goes on; `null` where it does not. */
  count(pipeline: string): number | null {
    const groups = [...this.owned]
    if (this.held.has(pipeline) || groups.length === 0) return null
    const group = groups[this.holder.scene.random.below(groups.length)]!
    const values = this.valuesOf(pipeline)
    values.set(group, (values.get(group) ?? 0) + 1)
    return group
  }

  /** A barrier has passed: what there is to save. */
  freeze(pipeline: string, epoch: number, holds: boolean): Values {
    const values = this.valuesOf(pipeline)
    if (holds && !this.abandoned.has(`${pipeline} ${epoch}`)) this.held.set(pipeline, epoch)
    return new Map([...this.owned].map((group) => [group, values.get(group) ?? 0]))
  }

  /** An epoch that was abandoned holds nobody, whether its barrier has passed here or will. */
  onFate(pipeline: string, fate: Fate): void {
    if (fate.outcome !== 'abandoned') return
    this.abandoned.add(`${pipeline} ${fate.epoch}`)
    if (this.held.get(pipeline) === fate.epoch) this.held.delete(pipeline)
  }

  release(pipelines: readonly string[]): void {
    for (const pipeline of pipelines) this.held.delete(pipeline)
  }

  private valuesOf(pipeline: string): Map<number, number> {
    const values = this.values.get(pipeline) ?? new Map<number, number>()
    this.values.set(pipeline, values)
    return values
  }
}
