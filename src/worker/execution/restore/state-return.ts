/**
 * How the state of a worker's key groups comes to stand at the base (PROTOCOLS 5): read whole, or, where the worker
 * held a key group at that very epoch, rolled back in place.
 *
 * Y1. Only what the chain names is a base. Stores that stand at it take part; all others are made anew.
 * Y2. An epoch whose end this worker had not heard of is complete when it is the base.
 * Y3. A key group goes back as soon as its chunks have been read, and may be decoded while those of others are
 *     (`opening.ts`). What has gone back to a base that turns out to be damaged stands nowhere: everything is read
 *     whole then.
 * Y4. Where the chain has to name an older base first, nothing is changed before it does. Nothing is decoded when all
 *     is read either: a key group comes when one is needed (`state/keyed-store.ts`, S5), so that going back holds up
 *     nobody.
 * Y5. What was held before and does not go on is nobody's once all stands: another program, or an older base, has
 *     stores of its own, and the state would be in memory twice until the next generation.
 * Y6. Where a loss was accepted, what is left is written in full with the next epoch (`state/keyed-store.ts`, S6), and
 *     who comes back to that one is not asked again: the key groups that lack a chunk, or all where nobody knows what a
 *     lost pack held.
 */
import type { Limits } from '../../../base/limits.ts'
import type { Damage } from '../../../checkpoint/damage.ts'
import type { Plan } from '../../../model/plan.ts'
import type { KeyTable } from '../../../state/key-table.ts'
import { KeyedStore } from '../../../state/keyed-store.ts'
import { Loading } from '../../../state/loading.ts'
import type { Generation, Holdings } from '../generation.ts'
import { type KeyedTaskPlan, keyedTasks } from './base-fit.ts'
import type { Look } from './missing-fields.ts'
import type { Want } from './restorer.ts'

/** The key groups of a generation that this worker owns. */
export function ownedOf({ owners, self }: Generation): number[] {
  const owned: number[] = []
  for (let group = 0; group < owners.length; group++) if (owners[group] === self) owned.push(group)
  return owned
}

/** What there is of a key group: a table that was made ahead, and the chunks that follow it. */
interface Read {
  readonly table: KeyTable | null
  readonly chunks: readonly Uint8Array[]
}

/** One step's state on its way. */
interface Returning {
  readonly task: KeyedTaskPlan
  readonly store: KeyedStore
  /** Key groups that have changed since the base. */
  readonly changed: ReadonlySet<number>
  /** Key groups that are read whole. */
  readonly whole: ReadonlySet<number>
  /** What was read of key groups that have not gone back yet. */
  readonly read: Map<number, Read>
  /** Key groups that stand at the base. */
  readonly back: Set<number>
}

export class StateReturn {
  private readonly plan: Plan
  private readonly generation: Generation
  private readonly limits: Limits
  private readonly drop: ReadonlySet<string>
  private before: Holdings | null
  private readonly owned: ReadonlySet<number>
  private steps = new Map<string, Returning>()
  /** Key groups go back as they come (Y4). */
  private atOnce = false
  /** Is shown what is made of bytes. */
  private look: Look | null = null
  /** Some have gone back, to whatever base (Y3). */
  private changed = false

  constructor(plan: Plan, generation: Generation, limits: Limits, drop: ReadonlySet<string>, before: Holdings | null) {
    this.plan = plan
    this.generation = generation
    this.limits = limits
    this.drop = drop
    this.before = before
    this.owned = new Set(ownedOf(generation))
  }

  /** Where the state comes to be. */
  get stores(): readonly KeyedStore[] {
    return Array.from(this.steps.values(), ({ store }) => store)
  }

  /**
   * Decides what is to be read for `base`, 0 for none; `final`: nobody has to agree to it first (Y4). `look` is shown
   * what is made of it.
   */
  begin(base: number, final: boolean, look: Look | null = null): void {
    this.look = look
    const standing = base > 0 && !this.changed ? this.standingAt(base) : null
    this.steps = new Map(keyedTasks(this.plan).map((task) => [task.step, this.decide(task, standing)]))
    this.atOnce = final
  }

  wants(step: string, keyGroup: number): Want {
    const returning = this.steps.get(step)
    if (returning?.whole.has(keyGroup)) return 'whole'
    return returning?.changed.has(keyGroup) ? 'changes' : 'nothing'
  }

  /** Takes all that there is of a key group that it wants: a table that was made ahead, and chunks, oldest first. */
  take(step: string, keyGroup: number, table: KeyTable | null, chunks: readonly Uint8Array[]): void {
    if (this.drop.has(step)) return
    const returning = this.steps.get(step)!
    returning.read.set(keyGroup, { table, chunks })
    if (this.atOnce) this.goBack(returning, keyGroup)
  }

  /** Everything has been read, and is what it is to be but for what is `lost`: answers the stores. */
  finish(lost: readonly Damage[]): Map<string, KeyedStore> {
    this.before = null
    for (const returning of this.steps.values()) {
      const { store, changed, whole, back } = returning
      for (let group = 0; group < this.generation.owners.length; group++) if (!this.owned.has(group)) store.drop(group)
      for (const group of [...changed, ...whole]) if (!back.has(group)) this.goBack(returning, group)
    }
    for (const damage of lost) this.noteLoss(damage)
    return new Map([...this.steps].map(([step, { store }]) => [step, store]))
  }

  /** Y6. */
  private noteLoss({ part }: Damage): void {
    for (const [step, { store }] of this.steps) {
      if (part !== null && part.step !== step) continue
      const groups = part === null ? this.owned : [part.keyGroup].filter((group) => this.owned.has(group))
      for (const group of groups) store.noteLoss(group)
    }
  }

  private goBack({ task, store, changed, read, back }: Returning, group: number): void {
    const { table, chunks } = read.get(group) ?? { table: null, chunks: [] }
    this.changed = true
    back.add(group)
    read.delete(group)
    if (changed.has(group)) return store.rollbackKeyGroup(group, chunks)
    if (table !== null) return store.adopt(table, chunks)
    if (chunks.length === 0) return
    const loading = new Loading({ migrate: task.keyed.schema.migrate })
    loading.put(group, chunks)
    store.restore(loading)
  }

  /** What was held, where it stands at `base` (Y1, Y2). */
  private standingAt(base: number): Holdings | null {
    const { before } = this
    if (before === null) return null
    if (before.base === base) return before
    if (before.undecided !== base) return null
    for (const store of before.stores.values()) store.complete()
    // It stands there from now on, and at the epoch before no more, should this one turn out to be damaged.
    this.before = { ...before, base, undecided: 0 }
    return this.before
  }

  private decide(task: KeyedTaskPlan, standing: Holdings | null): Returning {
    const { owned } = this
    const fresh = { read: new Map<number, Read>(), back: new Set<number>() }
    const held = this.drop.has(task.step) ? undefined : standing?.stores.get(task.step)
    if (held === undefined) return { task, store: this.open(task), changed: new Set(), whole: owned, ...fresh }
    const changed = new Set(held.rollback().filter((group) => owned.has(group)))
    const whole = new Set([...owned].filter((group) => !standing!.owned.has(group)))
    return { task, store: held, changed, whole, ...fresh }
  }

  private open(task: KeyedTaskPlan): KeyedStore {
    const { step, keyed } = task
    const { look } = this
    const keyGroups = this.generation.owners.length
    return new KeyedStore({
      step,
      keyGroups,
      shift: Math.clz32(keyGroups) + 1,
      timed: keyed.ttlMs !== undefined,
      schemaVersion: keyed.schema.version,
      migrate: keyed.schema.migrate,
      limits: this.limits,
      opened: look === null ? undefined : (table) => look(task, table),
    })
  }
}
