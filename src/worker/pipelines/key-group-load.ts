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
  const running = executions.filter((execution) => execution.generation.number === generation)
  const elapsedMs = Math.max(0, ...running.map(({ status }) => status.elapsedMs))
  const sums: Sums = new Map()
  for (const execution of running) addLoad(sums, execution)
  return { generation, elapsedMs, groups: Array.from(sums, ([keyGroup, sum]) => ({ keyGroup, ...sum })) }
}

/** By key group. */
type Sums = Map<number, { busyMs: number; keys: number; bytes: number }>

function addLoad(sums: Sums, { generation, status, stores }: Execution): void {
  const { owners, self } = generation
  const figures = new Map(status.tasks.map((task) => [task.step, task]))
  for (const [step, store] of stores) {
    const { busyMs = 0, recordsIn = 0 } = figures.get(step) ?? {}
    const perRecord = recordsIn === 0 ? 0 : busyMs / recordsIn
    const perKey = store.keys === 0 ? 0 : store.bytes / store.keys
    for (let group = 0; group < owners.length; group++) {
      if (owners[group] !== self) continue
      const sum = sums.get(group) ?? { busyMs: 0, keys: 0, bytes: 0 }
      const keys = store.tables[group]?.size ?? 0
      sum.busyMs += store.load.records[group]! * perRecord
      sum.keys += keys
      sum.bytes += keys * perKey
      sums.set(group, sum)
    }
  }
}
