/**
 * Producers that flap between workers while what they sent before still drains into the old ones, and workers that die
 * and come back with their journals: every record once, in order per key (PROTOCOLS 2).
 *
 * The workers share a port, so that each new connection comes to any of them; it is sent on to the home of its stream,
 * or asks for the stream. What drains late reaches a worker that may not be the home any more, or has died and is back.
 *
 * What can go wrong here does so at certain moments, which are made frequent: a stream is handed over before its
 * producer has heard of an epoch (they leave several times in each), a producer that nobody knows comes to two workers
 * at once (newcomers leave as soon as they have come), and an epoch is cut in the middle of a batch (small turns of the
 * pipeline, long batches).
 *
 * Not proved here: producers that lose their outbox, and a cut network (`cut`).
 *
 * Seen failing with its mutants: `npm run prove -- door --mutants`.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Flapper } from './lib/flapper.ts'
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { doorMutants } from './lib/mutants.ts'
import { newcomer } from './lib/newcomer.ts'
import { Stand } from './lib/stand.ts'

const SIZE = 3
const PRODUCERS = 6
/** The longest time for which a producer stays, and for which a worker is gone, in milliseconds. */
const STAY_MS = 250
const GONE_MS = 1500
const LIFE_MS = 1500
/** Producers that come once, in each round, and the records of each. */
const NEWCOMERS = 8
const FEW = 60
/** Records that the pipeline takes at a time, and the time between two epochs, in milliseconds. */
const LIMITS = { batchRecords: 16, checkpointIntervalMs: 400, checkpointTimeoutMs: 20_000 }

const proof: Proof = {
  ...{ name: 'door', mutants: doorMutants, rounds: 20, mutantRounds: 6 },
  run,
}

async function run(given: Run): Promise<string> {
  const { rounds, signal } = given
  const flappers: Flapper[] = []
  const flapping = (stand: Stand): Flapper['dial'] => {
    const flapper = new Flapper(stand.chance.fork())
    flappers.push(flapper)
    return flapper.dial
  }
  const stand = await Stand.open(given, { size: SIZE, producers: PRODUCERS, limits: LIMITS, dial: flapping })
  const { cluster, chance, tally } = stand
  let going = true
  const flap = async (flapper: Flapper): Promise<void> => {
    while (going) {
      await pause(chance.below(STAY_MS), null, { signal })
      flapper.leave()
    }
  }
  const flaps = Promise.all(flappers.map(flap))
  flaps.catch(() => {})
  for (let round = 1; round <= rounds; round++) {
    const come = Array.from({ length: NEWCOMERS }, (_, i) => newcomer(stand, `n${round}-${i}`, FEW))
    await Promise.all([stand.work(chance.below(LIFE_MS)), ...come])
    const [name] = chance.shuffled([...cluster.workers.keys()])
    await cluster.stop(name!, 'SIGKILL')
    cluster.checkSaid()
    await pause(chance.below(GONE_MS), null, { signal })
    await cluster.start(name!)
    await stand.recovered()
    say(`round ${round} of ${rounds}: ${name} is back, ${tally.records} records`)
  }
  going = false
  await flaps
  const left = flappers.reduce((sum, flapper) => sum + flapper.left, 0)
  const drained = flappers.reduce((sum, flapper) => sum + flapper.drained, 0)
  if (drained < PRODUCERS) throw new Error('hardly a connection had something to drain')
  return `${rounds} kills, ${left} connections left, ${drained} of them drained late, ${await stand.settle()}`
}

await prove(proof)
