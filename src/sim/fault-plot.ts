/**
 * What happens to a run of a pipeline, drawn from its seed: how its records come, when its worker dies, what its disk
 * and clock do.
 *
 * D1. With faults, records come in bursts that take a dozen checkpoints together: what dies has something to lose, and
 *     something to go back to.
 * D2. A run has a few deaths and then fair weather: it comes to its end.
 */
import type { Prng } from '../base/prng.ts'
import { inBursts } from './bursts.ts'
import type { Pace } from './script-reader.ts'
import type { Station } from './station.ts'
import { calm, drawWeather, type Weather } from './weather.ts'
import type { World } from './world.ts'

/**
 * `crashes`: the worker is killed, or its machine loses its power, several times. `weather`: in addition its disk is
 * slow or stalls, and its clock is wrong, runs fast or jumps.
 */
export type Faults = 'none' | 'crashes' | 'weather'

/** Checkpoints that an input lasts for. */
const CHECKPOINTS = 12
/** Mean time between two deaths, in checkpoints. */
const LIFE = 3
const POWER_SHARE = 0.3

export class FaultPlot {
  readonly weather: Weather
  /** Deaths that are to come. */
  readonly kills: number
  private readonly faults: Faults
  private readonly random: Prng
  private readonly intervalMs: number

  /** `intervalMs`: the time between two checkpoints. */
  constructor(faults: Faults, random: Prng, intervalMs: number) {
    this.faults = faults
    this.random = random.fork()
    this.intervalMs = intervalMs
    const weather = faults === 'weather' ? drawWeather(this.random, false) : calm
    // A copy: fair weather is made by writing over it.
    this.weather = { network: { ...weather.network }, disk: { ...weather.disk }, clock: { ...weather.clock } }
    this.kills = faults === 'none' ? 0 : 3 + this.random.below(6)
  }

  /** How a script of `length` items is handed over. */
  pace(length: number): Pace | null {
    if (this.faults === 'none') return null
    return inBursts(this.random.fork(), length, CHECKPOINTS * this.intervalMs)
  }

  /** Sets everything going that is to happen to `station`. */
  begin(world: World, station: Station): void {
    let left = this.kills
    const next = (): void => {
      if (left-- === 0) return this.clearUp()
      world.at(world.now + this.random.between(0, 2 * LIFE * this.intervalMs), () => {
        // A worker that is dead already dies another time.
        if (station.process !== null) this.strike(world, station)
        next()
      })
    }
    next()
  }

  private strike(world: World, station: Station): void {
    const power = this.random.chance(POWER_SHARE)
    world.log.info(power ? 'run.power-off' : 'run.kill')
    if (power) station.losePower()
    else station.kill()
    station.startLater()
  }

  private clearUp(): void {
    Object.assign(this.weather.disk, calm.disk)
    Object.assign(this.weather.clock, calm.clock)
  }
}
