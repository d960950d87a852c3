/**
 * A cluster grows by one and by four workers and shrinks by one and by four, each of these after each other, under
 * load: exact, in order per key, and no producer refused.
 *
 * Not proved here: kills meanwhile (`kill9-cluster`).
 *
 * Seen failing with its mutant: `npm run prove -- elastic --mutants`.
 */
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { gainedNotRead } from './lib/mutants.ts'
import { Stand } from './lib/stand.ts'

const FIRST = 2
const LARGEST = 9
const LIFE_MS = 1000
const CHANGES = [1, 4, -1, -4]

const proof: Proof = {
  ...{
    name: 'elastic',
    mutants: [gainedNotRead],
    rounds: CHANGES.length ** 2 + 1,
    mutantRounds: 6,
  },
  run,
}

async function run(given: Run): Promise<string> {
  const stand = await Stand.open(given, { size: FIRST })
  const { cluster, chance, tally } = stand
  const changes = everyPair(FIRST).slice(0, given.rounds)
  let started = FIRST
  for (const [i, change] of changes.entries()) {
    await stand.work(chance.below(LIFE_MS))
    const from = performance.now()
    const leaving = change < 0 ? chance.shuffled([...cluster.workers.keys()]).slice(0, -change) : []
    for (let n = 0; n < change; n++) await cluster.start(`w${++started}`)
    await Promise.all(leaving.map((name) => cluster.leave(name)))
    await cluster.settlesAs(cluster.workers.size, [...cluster.workers.keys()])
    await stand.recovered()
    const tookMs = Math.round(performance.now() - from)
    const what = change > 0 ? `${change} more` : `${-change} fewer`
    say(
      `change ${i + 1} of ${changes.length}: ${what}, ${cluster.workers.size} now, ${tookMs} ms, ${tally.records} records`,
    )
  }
  return `${changes.length} changes, ${await stand.settle()}`
}

/** Changes in which each follows each once, with one to `LARGEST` workers at any time. */
function everyPair(size: number): readonly number[] {
  const found = (path: readonly number[], now: number, seen: ReadonlySet<string>): readonly number[] | null => {
    if (seen.size === CHANGES.length ** 2) return path
    for (const change of CHANGES) {
      const pair = `${path.at(-1)} ${change}`
      const next = now + change
      if (next < 1 || next > LARGEST || seen.has(pair)) continue
      const more = path.length === 0 ? seen : new Set(seen).add(pair)
      const whole = found([...path, change], next, more)
      if (whole !== null) return whole
    }
    return null
  }
  const path = found([], size, new Set())
  if (path === null) throw new Error('no such order of changes')
  return path
}

await prove(proof)
