/**
 * An acked sink on a cluster of three, through kills of one worker or two at once, while they work and while they
 * recover, and through ends of its receiver: every record is handed over once, those of a key in order and without a
 * gap, also where the key goes to another worker.
 *
 * An acknowledged producer sends numbers; a key is what is left of them. Checkpoints are quick and the horizon is
 * short, so that ids are forgotten all the time.
 *
 * Not proved here: a receiver without an inbox, which has records again when it comes back; a cut network; a barrier
 * that is answered too early, which shows on one worker whose receiver stops (`sink-contracts`) and was not found here
 * in 12 kills.
 *
 * Seen failing with each of `ackedMutants`: `npm run prove -- acked-cluster --mutants`.
 */
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Prng } from '../../src/base/prng.ts'
import { connect } from '../../src/client.ts'
import { Cluster } from '../workers/cluster.ts'
import { freePort } from '../workers/free-port.ts'
import { STUCK_MS } from '../workers/patience.ts'
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { ackedMutants } from './lib/mutants.ts'
import { Numbers } from './lib/numbers.ts'
import { SinkReader } from './lib/sink-reader.ts'

const PIPELINE = resolve(import.meta.dirname, 'pipelines/kinds.ts')
const SIZE = 3
const LIMITS = { checkpointIntervalMs: 100, horizonEpochs: 3, keyGroups: 64 }
/** The longest life between a recovery and the next kill, and the longest time until the dead come back. */
const LIFE_MS = 1500
const DEAD_MS = 2500
const REST_MS = 100
/** One kill in so many does not wait for the recovery from the one before. */
const EARLY = 5
/** After one kill in so many the receiver ends, and another one goes on. */
const RESTARTS = 3

const proof: Proof = {
  ...{ name: 'acked-cluster', mutants: ackedMutants, rounds: 30, mutantRounds: 12 },
  run,
}

async function run({ seed, folder, mutant, rounds, signal }: Run): Promise<string> {
  const chance = new Prng(seed)
  const output = await freePort()
  const reader = new SinkReader()
  await reader.listen('acked', output, folder)
  const cluster = await Cluster.make({ folder, size: SIZE, limits: LIMITS, mutant, signal })
  const client = await connect({
    ...{ addresses: cluster.addresses, source: 'numbers', producer: 'p', maxBackoffMs: 200, maxOutstanding: 64 << 20 },
  })
  const producer = new Numbers(client, REST_MS)
  /** Waits until more has come than `before`. */
  const advanced = async (before: number): Promise<void> => {
    for (const end = performance.now() + STUCK_MS; reader.records <= before; await pause(10, null, { signal })) {
      if (reader.failure !== null) throw reader.failure
      if (performance.now() > end) throw new Error(`nothing comes any more:\n${cluster.words}`)
    }
  }
  try {
    await cluster.startAll()
    await cluster.settlesAs(SIZE, cluster.names)
    await cluster.submit(PIPELINE, { kind: 'acked', port: cluster.port, output })
    for (let kill = 1; kill <= rounds; kill++) {
      if (chance.below(EARLY) !== 0) await cluster.settlesAs(SIZE, cluster.names)
      await advanced(reader.records)
      await pause(chance.below(LIFE_MS), null, { signal })
      const victims = chance.shuffled([...cluster.workers.keys()]).slice(0, 1 + chance.below(2))
      await Promise.all(victims.map((name) => cluster.stop(name, 'SIGKILL')))
      cluster.checkSaid()
      if (chance.below(RESTARTS) === 0) await reader.restart()
      await pause(chance.below(2) === 0 ? 0 : chance.below(DEAD_MS), null, { signal })
      for (const name of victims) await cluster.start(name)
      say(`kill ${kill} of ${rounds}: ${victims.join(' and ')}, ${reader.records} records have come`)
    }
    await producer.stop()
    for (const end = performance.now() + STUCK_MS; reader.findings(producer.sent).lost > 0; ) {
      if (performance.now() > end) break
      await pause(50, null, { signal })
    }
    // What comes again would come by then.
    await client.flush('stable')
    const { lost, repeated, foreign } = reader.findings(producer.sent)
    if (lost + repeated + foreign + reader.misplaced > 0) {
      const what = `${lost} lost, ${repeated} repeated, ${foreign} never sent, ${reader.misplaced} out of order`
      throw new Error(`${what}, of ${producer.sent}`)
    }
    return `${rounds} kills, ${producer.sent} records, each handed over once and in order`
  } finally {
    await producer.stop()
    client.close()
    reader.close()
    await Promise.all([...cluster.workers.keys()].map((name) => cluster.stop(name, 'SIGKILL')))
  }
}

await prove(proof)
