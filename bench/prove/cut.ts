/**
 * One worker of three is cut off from the others, both ways or one way, while it still reaches the store; then the
 * network is healed. The others go on without it, it stops and says that it is in a minority, and it comes back by
 * itself.
 *
 * Each worker has a network namespace of its own; root is needed. Producers reach every worker all the time.
 *
 * Not proved here: a store that is cut off.
 *
 * Seen failing with each of `clusterMutants`: `npm run prove -- cut --mutants`.
 */
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { clusterMutants } from './lib/mutants.ts'
import { Stand } from './lib/stand.ts'

const SIZE = 3
const LIFE_MS = 2000

const proof: Proof = {
  ...{ name: 'cut', mutants: clusterMutants, rounds: 8, mutantRounds: 4 },
  run,
}

async function run(given: Run): Promise<string> {
  const { rounds } = given
  const stand = await Stand.open(given, { size: SIZE, apart: true })
  const { cluster, chance, tally } = stand
  const hosts = cluster.hosts!
  for (let round = 1; round <= rounds; round++) {
    await stand.work(chance.below(LIFE_MS))
    const [lonely = '', ...others] = chance.shuffled(cluster.names)
    const ways = chance.shuffled(['out', 'in', 'both'])[0]!
    const cuts = others.flatMap((other) => [
      ...(ways === 'in' ? [] : [[lonely, other] as const]),
      ...(ways === 'out' ? [] : [[other, lonely] as const]),
    ])
    for (const [from, to] of cuts) hosts.cut(from, to)
    const from = performance.now()
    await cluster.settlesAs(SIZE - 1, others)
    await cluster.saysOf(lonely, ['minority', 'fenced', 'starting'])
    const wentOnMs = Math.round(performance.now() - from)
    await stand.work(chance.below(LIFE_MS))
    for (const [from, to] of cuts) hosts.heal(from, to)
    const healed = performance.now()
    await cluster.settlesAs(SIZE, cluster.names)
    await stand.recovered()
    const backMs = Math.round(performance.now() - healed)
    say(
      `round ${round} of ${rounds}: ${lonely} cut off (${ways}), the others alone after ${wentOnMs} ms, whole ${backMs} ms after the cure, ${tally.records} records`,
    )
  }
  return `cut ${rounds} times, ${await stand.settle()}`
}

await prove(proof)
