/**
 * What this worker's key groups have cost it: the time that their steps were busy, shared out by the records that each
 * was given (`state/key-group-load.ts`), over all pipelines since the generation began.
 */
import type { Execution } from '../execution/execution.ts'

/** Of one key group. */
export interface GroupLoad {
  readonly keyGroup: number
  /** Since the beginning of the term. */
  readonly busyMs: number
  readonly keys: number
  /** Of all states, by their average size. */
  readonly bytes: number
}

export interface OwnLoad {
  readonly generation: number
  /** Time for which that was measured. */
  readonly elapsedMs: number
  readonly groups: readonly GroupLoad[]
}

/** The load of what this worker owns in `generation`, by all of `executions` in it. */
export function ownLoad(generation: number, executions: readonly Execution[]): OwnLoad {
  const groups = new Map<number, { busyMs: number; keys: number; bytes: number }>()
  let elapsedMs = 0
  for (const execution of executions) {
    const { owners, self, number } = execution.generation
    if (number !== generation) continue
    elapsedMs = Math.max(elapsedMs, execution.status.elapsedMs)
    const figures = new Map(execution.status.tasks.map((task) => [task.step, task]))
    for (const [step, store] of execution.stores) {
      const { busyMs = 0, recordsIn = 0 } = figures.get(step) ?? {}
      const perRecord = recordsIn === 0 ? 0 : busyMs / recordsIn
      const perKey = store.keys === 0 ? 0 : store.bytes / store.keys
      for (let group = 0; group < owners.length; group++) {
        if (owners[group] !== self) continue
        const sum = groups.get(group) ?? { busyMs: 0, keys: 0, bytes: 0 }
        const keys = store.tables[group]?.size ?? 0
        sum.busyMs += store.load.records[group]! * perRecord
        sum.keys += keys
        sum.bytes += keys * perKey
        groups.set(group, sum)
      }
    }
  }
  return { generation, elapsedMs, groups: Array.from(groups, ([keyGroup, sum]) => ({ keyGroup, ...sum })) }
}
