/** What happens to a town: kills, pauses, cuts, workers that come and leave, and fair weather in the end. */
import type { Prng } from '../../src/base/prng.ts'
import { calm, type Weather } from '../../src/sim/weather.ts'
import { Harbour } from './harbour.ts'
import { DOOR, type Town } from './town.ts'

/** Those that may be there, in the order in which they come. */
export const NAMES: readonly string[] = ['a', 'b', 'c', 'd']

/** Something happens. */
export function change(town: Town, random: Prng): void {
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

/** Whoever is there, or is to be, works on, and nothing goes wrong any more: `weather` becomes calm. */
export function clear(town: Town, weather: Weather): void {
  for (const station of town.stations) {
    for (const other of town.stations) if (other !== station) town.world.network.heal(station.name, other.name)
    station.process?.continue()
    if (station.process === null && !station.left) station.start()
  }
  Object.assign(weather.network, calm.network)
  Object.assign(weather.disk, calm.disk)
  Object.assign(weather.clock, calm.clock)
}
