/**
 * Records that states keep, in development mode: where other steps have the same object, a step that changes what its
 * state has kept changes theirs, be they still to be sent or waiting for an answer.
 *
 * K1. Only steps whose records go to others as they are get looked at: who has a record alone may do with it what it
 *     likes. Behind a `map` it is another one.
 * K2. Of each state the last `KEPT_MAX` are looked at: each call looks at all of them.
 */
import { written } from '../base/codec/written.ts'
import type { ChainPlan, Plan } from '../model/plan.ts'
import { meet, reachOf } from './reach.ts'

const KEPT_MAX = 100

/** The steps with state that get records which others have, too (K1). */
export function stepsThatShare({ tasks }: Plan): ReadonlySet<string> {
  const shared = new Set<number>()
  const follow = ({ ops, end }: ChainPlan, isShared: boolean): void => {
    const still = isShared && ops.every(({ kind }) => kind === 'filter' || kind === 'inspect')
    if (end.kind === 'tee') for (const branch of end.to) follow(branch, true)
    else if (end.kind === 'branch') for (const branch of end.to) if (branch !== null) follow(branch, still)
    if (still && (end.kind === 'forward' || end.kind === 'exchange')) shared.add(end.channel)
  }
  for (const task of tasks) if (task.kind !== 'sink') follow(task.chain, false)
  const sharing = tasks.filter((task) => task.kind === 'keyed' && task.inputs.some((channel) => shared.has(channel)))
  return new Set(sharing.map(({ step }) => step))
}

interface Kept {
  readonly record: object
  /** As it came. */
  readonly bytes: string
}

export class KeptRecords {
  private readonly byState = new WeakMap<object, Kept[]>()

  /** Whether something that `state` has kept is not as it came. */
  changed(state: object): boolean {
    return this.byState.get(state)?.some(({ record, bytes }) => written(record) !== bytes) ?? false
  }

  /** A call has made `after` of `state`, and was given `record`, which may be a part of it from now on. */
  keep(state: object, after: object, record: unknown): void {
    const kept = this.byState.get(state) ?? []
    if (after !== state && kept.length > 0) this.byState.set(after, kept)
    if (typeof record !== 'object' || record === null || !meet(reachOf(record), reachOf(after))) return
    const bytes = written(record)
    if (bytes === null || kept.some((one) => one.record === record)) return
    kept.push({ record, bytes })
    if (kept.length > KEPT_MAX) kept.shift()
    this.byState.set(after, kept)
  }
}
