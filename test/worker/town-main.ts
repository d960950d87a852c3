/**
 * Runs clusters from a seed up to another through kills, pauses, cuts, joins and leaves, then lets them come to their end,
 * which must be exact; ends with status 1 at the first that is not. A third word shows the log.
 */
import { Prng } from '../../src/base/prng.ts'
import { calm, drawWeather } from '../../src/sim/weather.ts'
import { Harbour } from './harbour.ts'
import { counting, DOOR, Town } from './town.ts'

const COUNT = 6000
/** How many changes of the weather, and the longest pause between two, in milliseconds. */
const CHANGES = 8
const PAUSE_MS = 6000

const NAMES = ['a', 'b', 'c', 'd']

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
  for (const station of town.stations) {
    for (const other of town.stations) if (other !== station) town.world.network.heal(station.name, other.name)
    station.process?.continue()
    if (station.process === null && !station.left) station.start()
  }
  Object.assign(weather.network, calm.network)
  Object.assign(weather.disk, calm.disk)
  Object.assign(weather.clock, calm.clock)
  if (town instanceof Harbour) {
    // A client knows more addresses than one.
    const { name } = town.stations.find((station) => !station.left)!
    for (const producer of town.producers) producer.goTo({ host: name, port: DOOR })
    town.expectAll()
  } else {
    town.finish()
    town.expectExact(COUNT)
  }
  return town
}

function change(town: Town, random: Prng): void {
  const station = town.stations[random.below(town.stations.length)]!
  const { name } = station
  const say = (what: string) => town.world.log.info(what, { worker: name })
  const later = (ms: number, fn: () => void) => town.world.at(town.world.now + ms, fn)
  if (town instanceof Harbour && random.chance(0.3)) {
    const to = town.stations[random.below(town.stations.length)]!.name
    town.producers[random.below(town.producers.length)]!.goTo({ host: to, port: DOOR })
  }
  const dice = random.below(10)
  if (dice < 4) {
    if (station.process === null) return
    const power = random.chance(0.3)
    say(power ? 'power' : 'kill')
    if (power) station.losePower()
    else station.kill()
    const pause = random.chance(0.4) ? random.between(1, 300) : random.between(300, 8000)
    later(pause, () => station.process === null && !station.left && station.start())
  } else if (dice < 6) {
    say('stop')
    const { process } = station
    process?.stop()
    later(random.between(100, 8000), () => process?.continue())
  } else if (dice < 8) {
    const others = town.stations.filter((other) => other !== station && random.chance(0.7))
    say(`cut from ${others.map((other) => other.name)}`)
    for (const other of others) town.world.network.cut(name, other.name)
    later(random.between(100, 9000), () => {
      for (const other of others) town.world.network.heal(name, other.name)
    })
  } else if (dice === 8) {
    const next = NAMES[town.stations.length]
    if (next === undefined) return
    town.world.log.info('new', { worker: next })
    town.start(next)
  } else if (town.live.length > 2 && station.worker?.phase === 'active') {
    say('leave')
    station.worker.leave()
  }
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
