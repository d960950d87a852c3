/**
 * A worker is stopped for longer than its lease (SIGSTOP), the others take over, and it goes on (SIGCONT) with what it
 * had in its hands: nothing of that has an effect on states, files or acknowledgements.
 *
 * Not proved here: plain sinks, on which what the kernel had taken is beyond recall.
 *
 * Seen failing with each of `clusterMutants`: `npm run prove -- fence --mutants`.
 */
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { clusterMutants } from './lib/mutants.ts'
import { Stand } from './lib/stand.ts'

const SIZE = 3
const LIFE_MS = 1500

const proof: Proof = {
  ...{ name: 'fence', mutants: clusterMutants, rounds: 20, mutantRounds: 6 },
  run,
}

async function run(given: Run): Promise<string> {
  const { rounds } = given
  const stand = await Stand.open(given, { size: SIZE })
  const { cluster, chance, tally } = stand
  for (let round = 1; round <= rounds; round++) {
    await stand.work(chance.below(LIFE_MS))
    const [stopped = '', ...others] = chance.shuffled(cluster.names)
    cluster.workers.get(stopped)!.signal('SIGSTOP')
    const from = performance.now()
    await cluster.settlesAs(SIZE - 1, others)
    const takenMs = Math.round(performance.now() - from)
    await stand.work(chance.below(LIFE_MS))
    cluster.workers.get(stopped)!.signal('SIGCONT')
    await cluster.settlesAs(SIZE, cluster.names)
    await stand.recovered()
    say(`round ${round} of ${rounds}: ${stopped} stopped, taken over after ${takenMs} ms, ${tally.records} records`)
  }
  return `stopped ${rounds} times, ${await stand.settle()}`
}

await prove(proof)
