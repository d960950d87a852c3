/** Seeds that have found something, each of which is run after every change. */
import clusters from './clusters/seeds.json' with { type: 'json' }
import type { Kind, Runs } from './runs.ts'
import systems from './seeds.json' with { type: 'json' }

/** One of them, as the files have it. */
interface Pinned {
  readonly seed: number
  readonly bend?: string
}

/** What is run, and the seeds of it. */
export function corpusOf(kind: Kind): readonly (readonly [what: Runs, seeds: readonly number[]])[] {
  const all: readonly Pinned[] = kind === 'clusters' ? clusters : systems
  const byBend = Map.groupBy(all, ({ bend = null }) => bend)
  return [...byBend].map(([bend, pinned]) => [{ kind, bend }, pinned.map(({ seed }) => seed)])
}
