/** Two processes of one name. */
import type { SimMutant } from './mutant.ts'

export const nameMutants: readonly SimMutant[] = [
  {
    name: 'namesake-unseen',
    swarm: 'clusters',
    bend: 'namesakes',
    file: 'src/worker/seat/heartbeats.ts',
    text: 'if (error === null) this.found(decodeBeat(path, bytes), stood)',
    replacement: 'this.found(null, stood)',
  },
  {
    name: 'namesakes-take-turns',
    swarm: 'clusters',
    bend: 'namesakes',
    file: 'src/cluster/namesake.ts',
    text: "? 'yes' : 'perhaps'",
    replacement: "? 'yes' : 'no'",
  },
  {
    name: 'namesake-at-first-sight',
    swarm: 'clusters',
    bend: 'newcomers-of-two-lives',
    rare: 'a beat that an earlier process had begun to write has to land behind the first look of the next one, in none of 96 clusters where workers are back at once and most of what they had begun lands late',
    file: 'src/cluster/namesake.ts',
    text: 'return moves >= MOVES && (',
    replacement: 'return moves >= 1 && (',
  },
  {
    name: 'namesake-never-forgotten',
    swarm: 'clusters',
    bend: 'namesakes',
    file: 'src/cluster/namesake.ts',
    text: 'return quiet < MOVES ? next : { ...next, other: null, moves: 0 }',
    replacement: 'return { ...known, looked: true }',
  },
  {
    name: 'both-namesakes-end',
    swarm: 'clusters',
    bend: 'namesakes',
    file: 'src/cluster/namesake.ts',
    text: '(members.includes(other.incarnation) || own > other.incarnation)',
    replacement: 'own !== other.incarnation',
  },
]
