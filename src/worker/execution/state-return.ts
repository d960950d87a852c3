/**
 * How the state of a worker's key groups comes to stand at the base (PROTOCOLS 5): read whole, or, where the worker held a
 * key group at that very epoch, rolled back in place.
 *
 * Y1. Only what the chain names is a base. Stores that stand at it take part; all others are made anew.
 * Y2. An epoch whose end this worker had not heard of is complete when it is the base.
 * Y3. Nothing is changed before everything has been read. Then nothing is decoded either: that comes key group by key group, when one
 *     is needed (`state/keyed-store.ts`, S5), so that going back holds up nobody.
 */
import type { Limits } from '../../base/limits.ts'
import type { Plan } from '../../model/plan.ts'
import type { KeyTable } from '../../state/key-table.ts'
import { KeyedStore } from '../../state/keyed-store.ts'
import { Loading } from '../../state/loading.ts'
import { type KeyedTaskPlan, keyedTasks } from './base-fit.ts'
import type { Generation, Holdings } from './generation.ts'
import type { Want } from './restorer.ts'

/** The key groups of a generation that this worker owns. */
export function ownedOf({ owners, self }: Generation): number[] {
  const owned: number[] = []
  for (let group = 0; group < owners.length; group++) if (owners[group] === self) owned.push(group)
  return owned
}

/** One step's state on its way. */
interface Returning {
  readonly task: KeyedTaskPlan
  readonly store: KeyedStore
  /** Key groups that have changed since the base. */
  readonly changed: ReadonlySet<number>
  /** Key groups that are read whole. */
  readonly whole: ReadonlySet<number>
  readonly chunks: Map<number, Uint8Array[]>
  /** Tables that some of them begin with; what is read of those comes after. */
  readonly made: Map<number, KeyTable>
}

export class StateReturn {
  private readonly plan: Plan
  private readonly generation: Generation
  private readonly limits: Limits
  private readonly drop: ReadonlySet<string>
  private readonly before: Holdings | null
  private readonly owned: ReadonlySet<number>
  private steps = new Map<string, Returning>()

  constructor(plan: Plan, generation: Generation, limits: Limits, drop: ReadonlySet<string>, before: Holdings | null) {
    this.plan = plan
    this.generation = generation
    this.limits = limits
    this.drop = drop
    this.before = before
    this.owned = new Set(ownedOf(generation))
  }

  /** Decides what is to be read for `base`, 0 for none. */
  begin(base: number): void {
    const standing = base > 0 ? this.standingAt(base) : null
    this.steps = new Map(keyedTasks(this.plan).map((task) => [task.step, this.decide(task, standing)]))
  }

  wants(step: string, keyGroup: number): Want {
    const returning = this.steps.get(step)
    if (returning?.whole.has(keyGroup)) return 'whole'
    return returning?.changed.has(keyGroup) ? 'changes' : 'nothing'
  }

  /** Takes a table that was made ahead, of a key group that it wants whole. */
  takeMade(step: string, table: KeyTable): void {
    if (!this.drop.has(step)) this.steps.get(step)!.made.set(table.group, table)
  }

  /** Takes a chunk of a key group that it wants; those of one group come oldest first. */
  take(step: string, keyGroup: number, bytes: Uint8Array): void {
    if (this.drop.has(step)) return
    const { chunks } = this.steps.get(step)!
    const known = chunks.get(keyGroup)
    if (known === undefined) chunks.set(keyGroup, [bytes])
    else known.push(bytes)
  }

  /** Everything has been read (Y3): answers the stores, which stand at the base. */
  finish(): Map<string, KeyedStore> {
    for (const { task, store, changed, whole, chunks, made } of this.steps.values()) {
      for (let group = 0; group < this.generation.owners.length; group++) if (!this.owned.has(group)) store.drop(group)
      const loading = new Loading({ migrate: task.keyed.schema.migrate })
      for (const group of whole) {
        const table = made.get(group)
        const read = chunks.get(group) ?? []
        if (table !== undefined) store.adopt(table, read)
        else for (const bytes of read) loading.add(group, bytes)
      }
      if (loading.size > 0) store.restore(loading)
      for (const group of changed) store.rollbackKeyGroup(group, chunks.get(group) ?? [])
    }
    return new Map([...this.steps].map(([step, { store }]) => [step, store]))
  }

  /** What was held, where it stands at `base` (Y1, Y2). */
  private standingAt(base: number): Holdings | null {
    const { before } = this
    if (before === null) return null
    if (before.base === base) return before
    if (before.undecided !== base) return null
    for (const store of before.stores.values()) store.complete()
    return { ...before, base, undecided: 0 }
  }

  private decide(task: KeyedTaskPlan, standing: Holdings | null): Returning {
    const { owned } = this
    const read = { chunks: new Map<number, Uint8Array[]>(), made: new Map<number, KeyTable>() }
    const held = this.drop.has(task.step) ? undefined : standing?.stores.get(task.step)
    if (held === undefined) return { task, store: this.open(task), changed: new Set(), whole: owned, ...read }
    const changed = new Set(held.rollback().filter((group) => owned.has(group)))
    const whole = new Set([...owned].filter((group) => !standing!.owned.has(group)))
    return { task, store: held, changed, whole, ...read }
  }

  private open({ step, keyed }: KeyedTaskPlan): KeyedStore {
    const keyGroups = this.generation.owners.length
    return new KeyedStore({
      step,
      keyGroups,
      shift: Math.clz32(keyGroups) + 1,
      timed: keyed.ttlMs !== undefined,
      schemaVersion: keyed.schema.version,
      migrate: keyed.schema.migrate,
      limits: this.limits,
    })
  }
}
