/** The tables of a cluster. */
import type { SimMutant } from './mutant.ts'

export const tableMutants: readonly SimMutant[] = [
  {
    name: 'lease-beyond-that-of-who-gives-it',
    swarm: 'clusters',
    bend: 'readers-of-the-blind',
    file: 'src/cluster/leases.ts',
    text: 'return grantMs > 0 ? Math.max(lease, requestMs + grantMs) : lease',
    replacement: 'return grantMs > 0 ? Math.max(lease, requestMs + grantMs + 2000) : lease',
  },
  {
    name: 'a-set-that-is-not-the-largest',
    swarm: 'clusters',
    file: 'src/cluster/standing.ts',
    text: 'among.length > 0 ? among : [...beats.keys()]',
    replacement: 'among.length > 0 ? among.slice(-2) : [...beats.keys()]',
  },
  {
    name: 'older-incarnation-accepted',
    swarm: 'clusters',
    file: 'src/cluster/standing.ts',
    text: 'return members.some((member) => member.worker === one.worker && member.incarnation === one.incarnation)',
    replacement: 'return members.some((member) => member.worker === one.worker)',
  },
  {
    name: 'works-on-until-it-is-told',
    swarm: 'clusters',
    file: 'src/cluster/membership.ts',
    text: 'if (cluster.generation === s.cluster.generation) return { next: { ...s, cluster }, effects: NONE }\n  if (includes(cluster.members, identity(s))) {\n    const entered',
    replacement:
      'return { next: { ...s }, effects: NONE }\n  if (includes(cluster.members, identity(s))) {\n    const entered',
  },
]
