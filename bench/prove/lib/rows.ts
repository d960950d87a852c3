/**
 * The rows that `pipelines/commands.ts` has put out, held against what it can put out: of each key the first number,
 * the second and so on, and of each split all numbers up to one.
 */
import { readdirSync, readFileSync } from 'node:fs'
import type { Findings } from './tally.ts'

/** How many keys there are, and in how many splits the numbers come. */
export const KEYS = 50
const SPLITS = 2

/**
 * Reads the rows in `folder`, and answers how many there are. The pipeline has been drained in peace in `generation`:
 * nothing of that is pending.
 */
export function checkRows(folder: string, generation: number, findings: Findings): number {
  const names = readdirSync(folder).sort()
  for (const name of names) {
    const pending = /\.(\d+)-\d+-[^.]+\.pending$/.exec(name)
    if (pending !== null && Number(pending[1]) >= generation) findings.add(`${folder}/${name} was not shown`)
  }
  /** The last row of each key. */
  const counts = new Map<number, number>()
  let rows = 0
  for (const name of names.filter((name) => !name.endsWith('.pending'))) {
    const text = readFileSync(`${folder}/${name}`, 'utf8')
    if (!text.endsWith('\n')) findings.add(`${folder}/${name} ends within a line`)
    for (const line of text.trimEnd().split('\n')) {
      rows++
      const [key = -1, count = -1, number = -1] = line.split(' ').map(Number)
      const follows = (counts.get(key) ?? 0) + 1
      if (count !== follows || number !== key + (count - 1) * KEYS) {
        findings.add(`${folder}/${name}: key ${key} has row ${count}, number ${number}, where row ${follows} follows`)
        if (count > follows) findings.lost += count - follows
        else if (count < follows) findings.doubled++
        else findings.misplaced++
      }
      counts.set(key, Math.max(count, follows - 1))
    }
  }
  checkEnds(folder, counts, findings)
  return rows
}

/** No key is behind the others of its split: their turns come one after another. */
function checkEnds(folder: string, counts: ReadonlyMap<number, number>, findings: Findings): void {
  for (let split = 0; split < SPLITS; split++) {
    const keys = Array.from({ length: KEYS / SPLITS }, (_, i) => split + i * SPLITS)
    const first = counts.get(split) ?? 0
    // From where on keys have not had their last turn yet.
    const turn = keys.findLastIndex((key) => counts.get(key) === first) + 1
    for (const [i, key] of keys.entries()) {
      const [count, expected] = [counts.get(key) ?? 0, i < turn ? first : first - 1]
      if (count === expected) continue
      findings.add(`${folder}: key ${key} ends with row ${count}, where ${expected} follows from the others`)
      findings.lost += Math.max(0, expected - count)
    }
  }
}
