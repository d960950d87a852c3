/**
 * The largest set of workers that all hear each other (PROTOCOLS 4): exact, by the maximal cliques of the graph of who
 * hears whom (Bron and Kerbosch, "Algorithm 457", 1973, with Tomita's pivot; at most 3^(n/3) of them).
 */
import { assert } from '../base/assert.ts'

/** As many workers as a mask of one small integer has bits for; `limits.workers` is not above it. */
export const MOST_WORKERS = 30

/**
 * The largest of `workers` (ids without repeats) of which each two hear each other, both ways by `hears`, in the order
 * of ids. A tie goes to the set with the lowest id; where that is in both, the next lowest decides.
 */
export function largestSet(
  workers: readonly string[],
  hears: (listener: string, speaker: string) => boolean,
): readonly string[] {
  assert(workers.length <= MOST_WORKERS, `at most ${MOST_WORKERS} workers are compared`)
  const ids = workers.toSorted()
  const neighbours = ids.map((a, i) =>
    ids.reduce((mask, b, j) => (i !== j && hears(a, b) && hears(b, a) ? mask | (1 << j) : mask), 0),
  )
  const best = largestClique(neighbours)
  return ids.filter((_, i) => ((best >>> i) & 1) === 1)
}

/** The largest clique as a mask of vertices; `neighbours[i]` is the mask of those that `i` has an edge to. */
function largestClique(neighbours: readonly number[]): number {
  let best = 0
  const extend = (clique: number, candidates: number, excluded: number): void => {
    if ((candidates | excluded) === 0) {
      if (isBetter(clique, best)) best = clique
      return
    }
    // Any maximal clique holds the pivot or one that is no neighbour of it: the others need no branch of their own.
    let open = candidates & ~neighbours[pivotOf(candidates | excluded, candidates, neighbours)]!
    for (let left = candidates, out = excluded; open !== 0; ) {
      const bit = open & -open
      const near = neighbours[31 - Math.clz32(bit)]!
      extend(clique | bit, left & near, out & near)
      left &= ~bit
      out |= bit
      open &= ~bit
    }
  }
  extend(0, (1 << neighbours.length) - 1, 0)
  return best
}

/** The vertex of `among` with the most neighbours in `candidates`. */
function pivotOf(among: number, candidates: number, neighbours: readonly number[]): number {
  let pivot = 0
  let most = -1
  for (let rest = among; rest !== 0; rest &= rest - 1) {
    const vertex = 31 - Math.clz32(rest & -rest)
    const count = bitsOf(candidates & neighbours[vertex]!)
    if (count > most) {
      most = count
      pivot = vertex
    }
  }
  return pivot
}

/** More vertices, or as many and the lowest one in which the two differ. */
function isBetter(mask: number, than: number): boolean {
  const more = bitsOf(mask) - bitsOf(than)
  if (more !== 0) return more > 0
  const differ = mask ^ than
  return (mask & differ & -differ) !== 0
}

function bitsOf(mask: number): number {
  let count = 0
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++
  return count
}
