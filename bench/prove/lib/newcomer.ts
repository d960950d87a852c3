/**
 * A producer that nobody has heard of: sends a few records, leaves each of its first connections as soon as something
 * has come by it or a moment has passed, and goes when all of them are stable.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { STUCK_MS } from '../../workers/patience.ts'
import { Flapper } from './flapper.ts'
import { Producer } from './producer.ts'
import type { Stand } from './stand.ts'

/** Connections that it leaves, and the longest time that it stays on each, in milliseconds. */
const LEAVES = 4
const STAY_MS = 40

export async function newcomer(stand: Stand, name: string, records: number): Promise<void> {
  const { chance, tally, cluster } = stand
  const flapper = new Flapper(chance.fork())
  const options = { addresses: chance.shuffled(cluster.addresses), producer: name, maxBackoffMs: 50 }
  const producer = await Producer.open(options, chance.fork(), tally, flapper.dial)
  for (let i = 0; i < LEAVES; i++) {
    await producer.burst(records / LEAVES)
    await pause(chance.below(STAY_MS))
    flapper.leave()
  }
  const stable = await Promise.race([producer.client.flush('stable'), pause(STUCK_MS, null)])
  if (stable === null)
    throw new Error(`after ${STUCK_MS} ms ${producer.client.outstanding} records of ${name} are not stable`)
  producer.client.close()
}
