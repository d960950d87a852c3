/**
 * Runs clusters from a seed up to another through kills, pauses, cuts, joins and leaves, then lets them come to their
 * end, which must be exact; ends with status 1 at the first that is not. A third word shows the log.
 */
import { Prng } from '../../src/base/prng.ts'
import { calm, drawWeather } from '../../src/sim/weather.ts'
import { Harbour } from './harbour.ts'
import { counting, DOOR, Town } from './town.ts'
import { change, clear, NAMES } from './town-weather.ts'

const COUNT = 6000
/** How many changes of the weather, and the longest pause between two, in milliseconds. */
const CHANGES = 8
const PAUSE_MS = 6000

function run(seed: number): Town {
  const random = new Prng(seed)
  const drawn = random.chance(0.5) ? drawWeather(random, false) : calm
  // A copy: fair weather is made by writing over it.
  const weather = { network: { ...drawn.network }, disk: { ...drawn.disk }, clock: { ...drawn.clock } }
  const acked = random.chance(0.5)
  const town = acked ? new Harbour(random.u32(), weather) : new Town(random.u32(), counting(COUNT, 300), {}, weather)
  const first = 2 + random.below(2)
  town.start(...NAMES.slice(0, first))
  town.until(() => town.live.some(({ worker }) => worker!.phase === 'active'))
  town.of('a').submit()
  town.until(() => town.live.some(({ worker }) => worker!.cluster.pipelines.size > 0))
  const pass = (ms: number): void => (town instanceof Harbour ? town.send(ms) : town.run(ms))
  if (town instanceof Harbour) for (const [i, name] of NAMES.entries()) town.addProducer(`p${name}`, NAMES[i % first]!)
  for (let i = 0; i < CHANGES; i++) {
    pass(random.between(0, PAUSE_MS))
    change(town, random)
  }
  clear(town, weather)
  if (town instanceof Harbour) {
    // A client knows more addresses than one, and finds one that stays.
    const { name } = town.stations.find(({ left, worker }) => !left && worker?.phase !== 'leaving')!
    for (const producer of town.producers) producer.goTo({ host: name, port: DOOR })
    town.expectAll()
  } else {
    town.finish()
    town.expectExact(COUNT)
  }
  return town
}

const [from = 1, to = from] = process.argv.slice(2, 4).map(Number)
const verbose = process.argv[4] !== undefined
for (let seed = from; seed <= to; seed++) {
  try {
    const town = run(seed)
    if (verbose) process.stdout.write(`${town.world.drainLog().join('\n')}\n`)
  } catch (error) {
    process.stdout.write(
      `seed ${seed}: ${verbose ? (error as Error).stack : (error as Error).message.split('\n')[0]}\n`,
    )
    process.exit(1)
  }
}
process.stdout.write(`${to - from + 1} seeds\n`)
