/**
 * The key groups of a simulated worker: what it has counted for each, in the place of a pipeline's state, and how that is held,
 * handed over and restored.
 */
import { assert } from '../../src/base/assert.ts'
import type { Fate } from '../../src/checkpoint/barrier.ts'
import type { Cluster } from '../../src/checkpoint/cluster.ts'
import { type MoverEffect, type MoverEvent, type MoverState, startMover, stepMover } from '../../src/cluster/mover.ts'
import { entriesOf } from './entry.ts'
import { handedOver } from './handed-over.ts'
import type { Values } from './referee.ts'
import type { Message, Parts, Scene } from './sim-scene.ts'

/** The worker that has them. */
export interface Holder {
  readonly name: string
  readonly scene: Scene
  readonly cluster: Cluster
  send(to: string, message: Message): void
}

export class SimKeys {
  /** By pipeline: what has been counted for each key group. */
  readonly values = new Map<string, Map<number, number>>()
  private readonly holder: Holder
  private mover: MoverState
  private owned: ReadonlySet<number> = new Set()
  /** By pipeline: the epoch at which it stands. */
  private readonly held = new Map<string, number>()
  private readonly abandoned = new Set<string>()
  /** What others have given. */
  private readonly handed = new Map<string, { epoch: number; values: Map<number, number> }>()

  constructor(holder: Holder) {
    this.holder = holder
    this.mover = startMover(holder.name)
  }

  /** Its worker begins anew, with nothing. */
  forget(): void {
    this.mover = startMover(this.holder.name)
    this.owned = new Set()
    this.values.clear()
    this.held.clear()
    this.handed.clear()
  }

  /** Takes what the generation of `cluster` begins with, from wherever it is. */
  restore(cluster: Cluster): void {
    const { name, scene } = this.holder
    const arrived = new Set(handedOver(this.mover))
    const handed = new Map(
      [...this.handed].map(([pipeline, { epoch, values }]) => {
        const keyGroups = new Set([...values.keys()].filter((group) => arrived.has(group)))
        return [pipeline, { epoch, keyGroups }] as const
      }),
    )
    const entries = entriesOf(cluster, name, { owned: this.owned, held: this.held, handed })
    this.held.clear()
    for (const { pipeline, base, rollBack, adopt, read } of entries) {
      const values = this.valuesOf(pipeline)
      const manifest = cluster.pipelines.get(pipeline)!.base?.manifest
      const stored = manifest === undefined ? new Map<number, number>() : scene.referee.snapshot(manifest)
      for (const group of [...rollBack, ...read]) values.set(group, stored.get(group) ?? 0)
      for (const group of adopt) values.set(group, this.handed.get(pipeline)!.values.get(group)!)
      // Until the generation begins everything stands at its base.
      if (base !== null) this.held.set(pipeline, base)
    }
    const index = cluster.members.findIndex((member) => member.worker === name)
    this.owned = new Set([...cluster.owners.keys()].filter((group) => cluster.owners[group] === index))
    this.abandoned.clear()
    this.step({ kind: 'generation' })
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

  /** Takes what another worker has handed over. */
  collect(parts: Parts): void {
    for (const [pipeline, { epoch, values }] of parts) {
      const known = this.handed.get(pipeline)
      const merged = known?.epoch === epoch ? known.values : new Map<number, number>()
      for (const [group, value] of values) merged.set(group, value)
      this.handed.set(pipeline, { epoch, values: merged })
    }
  }

  step(event: MoverEvent): void {
    const { next, effects } = stepMover(this.mover, event)
    this.mover = next
    const { generation } = this.holder.cluster
    for (const effect of effects) this.execute(effect, generation)
  }

  private execute(effect: MoverEffect, generation: number): void {
    const { holder } = this
    switch (effect.kind) {
      case 'sendParts': {
        const { attempt, round, to, keyGroups, epochs } = effect
        const parts = new Map<string, { epoch: number; values: Values }>()
        for (const [pipeline, epoch] of round === 'last' ? epochs : []) {
          assert(this.held.get(pipeline) === epoch, 'what is handed over stands at the epoch of the hold')
          const values = this.valuesOf(pipeline)
          parts.set(pipeline, { epoch, values: new Map(keyGroups.map((group) => [group, values.get(group) ?? 0])) })
        }
        return holder.send(to, { kind: 'parts', generation, attempt, round, parts })
      }
      case 'tellArrived': {
        const { attempt, round } = effect
        return holder.send(holder.cluster.coordinator, { kind: 'arrived', generation, attempt, round })
      }
      case 'dropArrived':
        return this.handed.clear()
    }
  }

  private valuesOf(pipeline: string): Map<number, number> {
    const values = this.values.get(pipeline) ?? new Map<number, number>()
    this.values.set(pipeline, values)
    return values
  }
}
