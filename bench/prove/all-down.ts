/**
 * All workers of a cluster killed at once under load, again and again, and started again: exact.
 *
 * They start together, one after another, or one much later than the others, so that a cold start waits for those that
 * were there or goes on without them.
 *
 * Not proved here: loss of power, damage.
 *
 * Seen failing with its mutant: `npm run prove -- all-down --mutants`.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { gainedNotRead } from './lib/mutants.ts'
import { Stand } from './lib/stand.ts'

const SIZE = 3
const LIFE_MS = 2500
/** The longest time between the starts of two workers. */
const STAGGER_MS = 2000

const proof: Proof = {
  ...{ name: 'all-down', mutants: [gainedNotRead], rounds: 10, mutantRounds: 5 },
  run,
}

async function run(given: Run): Promise<string> {
  const { rounds, signal } = given
  const stand = await Stand.open(given, { size: SIZE })
  const { cluster, chance, tally } = stand
  for (let round = 1; round <= rounds; round++) {
    await stand.work(chance.below(LIFE_MS))
    const names = [...cluster.workers.keys()]
    await Promise.all(names.map((name) => cluster.stop(name, 'SIGKILL')))
    cluster.checkSaid()
    const from = performance.now()
    for (const name of chance.shuffled(names)) {
      await cluster.start(name)
      await pause(chance.below(2) === 0 ? 0 : chance.below(STAGGER_MS), null, { signal })
    }
    await stand.recovered()
    say(`round ${round} of ${rounds}: back after ${Math.round(performance.now() - from)} ms, ${tally.records} records`)
  }
  return `all down ${rounds} times, ${await stand.settle()}`
}

await prove(proof)
