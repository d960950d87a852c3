/** What is said where not all workers of a cluster have been asked for their part of something. */
import type { ClusterView } from '../admin/cluster-view.ts'
import { counted } from './terminal.ts'

/** Workers that are named; of more it is said how many. */
const NAMED = 5

/**
 * `asked`: the cluster as each worker describes it that was asked. Nothing where these are all members. `remedy`: how
 * to ask the others.
 */
export function missingParts(asked: readonly ClusterView[], remedy = ''): readonly string[] {
  const names = new Set(asked.map(({ worker }) => worker))
  const members = asked.flatMap(({ workers }) => workers.filter(({ member }) => member).map(({ worker }) => worker))
  const all = [...new Set(members)]
  const missing = all.filter((worker) => !names.has(worker))
  if (missing.length === 0) return []
  const more = missing.length - NAMED
  const whose = `${missing.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
  const have = `${counted(names.size, 'worker')} of ${all.length} ${names.size === 1 ? 'has' : 'have'} been asked`
  return ['', `without the part of ${whose}: ${have}${remedy}`]
}
