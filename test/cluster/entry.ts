/**
 * How a member comes into a generation whose record it has read (PROTOCOLS 5, 11): a decision by facts, the same after
 * a recovery and after a rescale. Pure.
 *
 * Y1. The target is the base that the chain names. A pipeline whose tasks have held since that very epoch stands there
 *     already; every other one is rolled back, also the one that a rescale went on without.
 * Y2. A key group that this worker had before, in this incarnation, is rolled back in place; one that it did not have
 *     is read whole.
 */
import type { Cluster } from '../../src/checkpoint/cluster.ts'

/** What a worker holds in memory when it reads the record. */
export interface Holdings {
  /** The key groups that it owned in the generation before; none for a new incarnation. */
  readonly owned: ReadonlySet<number>
  /** Epochs behind which every task of a pipeline holds. */
  readonly held: ReadonlyMap<string, number>
}

export interface Entry {
  readonly pipeline: string
  /** The epoch that everything of the pipeline goes to; `null` begins with nothing. */
  readonly base: number | null
  /** Key groups that stand there already. */
  readonly keep: readonly number[]
  /** Key groups that are read back where they have changed since. */
  readonly rollBack: readonly number[]
  /** Key groups that are read whole. */
  readonly read: readonly number[]
}

/** What `worker` does with each pipeline of `cluster`, its newest generation. */
export function entriesOf(cluster: Cluster, worker: string, holdings: Holdings): readonly Entry[] {
  const index = cluster.members.findIndex((member) => member.worker === worker)
  const own: number[] = []
  for (let group = 0; group < cluster.owners.length; group++) if (cluster.owners[group] === index) own.push(group)
  return Array.from(cluster.pipelines, ([pipeline, entry]) => {
    const base = entry.base?.epoch ?? null
    const stands = base !== null && holdings.held.get(pipeline) === base
    const here = own.filter((group) => holdings.owned.has(group))
    const read = own.filter((group) => !holdings.owned.has(group))
    return { pipeline, base, keep: stands ? here : [], rollBack: stands ? [] : here, read }
  })
}
