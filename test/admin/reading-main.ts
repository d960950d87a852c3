/**
 * Runs clusters with readers from a seed up to another, whose work is shared out anew at times; ends with status 1 at
 * the first whose readers were shown what they should not be, or whose end is not exact. A third word shows the log.
 */
import { Prng } from '../../src/base/prng.ts'
import { calm, drawWeather } from '../../src/sim/weather.ts'
import { DOOR } from '../worker/town.ts'
import { change, clear, NAMES } from '../worker/town-weather.ts'
import { Reading } from './reading.ts'

/** How many changes of the weather, and the longest pause between two, in milliseconds. */
const CHANGES = 6
const PAUSE_MS = 3000

async function run(seed: number): Promise<Reading> {
  const random = new Prng(seed)
  const drawn = random.chance(0.5) ? drawWeather(random, false) : calm
  // A copy: fair weather is made by writing over it.
  const weather = { network: { ...drawn.network }, disk: { ...drawn.disk }, clock: { ...drawn.clock } }
  const town = new Reading(random.u32(), weather)
  const first = 2 + random.below(2)
  town.start(...NAMES.slice(0, first))
  town.until(() => town.live.some(({ worker }) => worker!.phase === 'active'))
  town.of('a').submit()
  town.until(() => town.live.some(({ worker }) => worker!.cluster.pipelines.size > 0))
  for (const [i, name] of NAMES.slice(0, 3).entries()) town.addProducer(`p${name}`, NAMES[i % first]!)
  for (let i = 0; i < CHANGES; i++) {
    await town.pass(random.between(0, PAUSE_MS), random)
    if (random.chance(0.4)) town.shareOut(random)
    else change(town, random)
  }
  await town.pass(2000, random)
  clear(town, weather)
  await town.hear()
  // Whoever leaves has left by then: the others take producers.
  await town.pass(5000, null)
  const { name } = town.stations.find((station) => !station.left)!
  for (const producer of town.producers) producer.goTo({ host: name, port: DOOR })
  town.until(() => town.producers.every((producer) => producer.settled), 120_000)
  await town.pass(1000, random)
  await town.hear()
  town.expectAll()
  return town
}

const [from = 1, to = from] = process.argv.slice(2, 4).map(Number)
const verbose = process.argv[4] !== undefined
const all = { live: 0, committed: 0, linearizable: 0, after: 0, late: 0, shared: 0 }
for (let seed = from; seed <= to; seed++) {
  const { complaints, answered, world } = await run(seed)
  for (const kind of Object.keys(all) as (keyof typeof all)[]) all[kind] += answered[kind]
  if (verbose) process.stdout.write(`${world.drainLog().join('\n')}\n`)
  if (complaints.length === 0) continue
  process.stdout.write(`seed ${seed}: ${complaints[0]}\n`)
  process.exit(1)
}
process.stdout.write(`${to - from + 1} seeds, ${JSON.stringify(all)}\n`)
