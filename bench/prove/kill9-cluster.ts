/**
 * A hundred kills in a cluster of three: one worker or two at once, the coordinator or another, while it works, while
 * it recovers and while it starts.
 *
 * Four acknowledged producers send without pause. After each kill the dead are started again, at once or only when the
 * others have gone on without them. Afterwards every key's state and all files are compared with the producers' own
 * count.
 *
 * Not proved here: loss of power, damage, a cut network (`cut`).
 *
 * Seen failing with each of `clusterMutants`: `npm run prove -- kill9-cluster --mutants`.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { clusterMutants } from './lib/mutants.ts'
import { Stand } from './lib/stand.ts'

const SIZE = 3
/** The longest life between a recovery and the next kill, and the longest time until the dead come back. */
const LIFE_MS = 1500
const DEAD_MS = 2500
/** One kill in so many does not wait for the recovery from the one before. */
const EARLY = 5

const proof: Proof = {
  ...{ name: 'kill9-cluster', mutants: clusterMutants, rounds: 100, mutantRounds: 20 },
  run,
}

async function run(given: Run): Promise<string> {
  const { rounds, signal } = given
  const stand = await Stand.open(given, { size: SIZE })
  const { cluster, chance, tally } = stand
  for (let kill = 1; kill <= rounds; kill++) {
    const early = chance.below(EARLY) === 0
    if (!early) await stand.recovered()
    await stand.work(chance.below(LIFE_MS))
    const victims = chance.shuffled([...cluster.workers.keys()]).slice(0, 1 + chance.below(2))
    await Promise.all(victims.map((name) => cluster.stop(name, 'SIGKILL')))
    cluster.checkSaid()
    const deadMs = chance.below(2) === 0 ? 0 : chance.below(DEAD_MS)
    await pause(deadMs, null, { signal })
    for (const name of victims) await cluster.start(name)
    const when = early ? 'before it had recovered' : 'after recovery'
    say(
      `kill ${kill} of ${rounds}: ${victims.join(' and ')} ${when}, back after ${deadMs} ms, ${tally.records} records`,
    )
  }
  await stand.recovered()
  return `${rounds} kills, ${await stand.settle()}`
}

await prove(proof)
