/**
 * What happens to a cluster that runs a pipeline, drawn from its seed: how the records come, which workers die when,
 * what their disks, clocks and network do.
 *
 * D1. With faults, records come in bursts over a time in which a cluster can lose workers and find together again
 *     several times.
 * D2. A run has a few deaths and then fair weather: it comes to its end.
 */
import type { Prng } from '../base/prng.ts'
import { inBursts } from './bursts.ts'
import type { Faults } from './fault-plot.ts'
import type { MemberStation } from './member-station.ts'
import type { Pace } from './script-reader.ts'
import { calm, drawWeather, type Weather } from './weather.ts'
import type { World } from './world.ts'

/** How long an input lasts, in checkpoints, and the mean time between two faults. A recovery takes several seconds. */
const CHECKPOINTS = 60
const LIFE = 8
const POWER_SHARE = 0.2
/** Of what happens in `weather`, so much is a cut or a stop and no death. */
const CUT_SHARE = 0.3
const STOP_SHARE = 0.2
/** Longest cut or stop, in milliseconds. */
const APART_MS = 8000
/** A connection is given up after this time without an answer, so that fair weather is fair soon. */
const TIMEOUT_MS = 10_000

export class ClusterPlot {
  readonly weather: Weather
  /** Faults that are to come. */
  readonly kills: number
  private readonly faults: Faults
  private readonly random: Prng
  private readonly intervalMs: number
  private readonly stations: readonly MemberStation[]

  /** `intervalMs`: the time between two checkpoints. */
  constructor(faults: Faults, random: Prng, intervalMs: number, stations: readonly MemberStation[]) {
    this.faults = faults
    this.random = random.fork()
    this.intervalMs = intervalMs
    this.stations = stations
    const { network, disk, clock } = faults === 'weather' ? drawWeather(this.random, false) : calm
    // A copy: fair weather is made by writing over it.
    const timeoutMs = Math.min(network.timeoutMs, TIMEOUT_MS)
    this.weather = { network: { ...network, timeoutMs }, disk: { ...disk }, clock: { ...clock } }
    this.kills = faults === 'none' ? 0 : 3 + this.random.below(4)
  }

  /** How a script of `length` items is handed over. */
  pace(length: number): Pace | null {
    if (this.faults === 'none') return null
    return inBursts(this.random.fork(), length, CHECKPOINTS * this.intervalMs)
  }

  /** Sets everything going that is to happen to the workers. */
  begin(world: World): void {
    let left = this.kills
    const next = (): void => {
      if (left-- === 0) return this.clearUp(world)
      world.at(world.now + this.random.between(0, 2 * LIFE * this.intervalMs), () => {
        this.strike(world)
        next()
      })
    }
    next()
  }

  private strike(world: World): void {
    const { random, stations } = this
    const station = stations[random.below(stations.length)]!
    const { process, name } = station
    if (process === null || station.left) return
    const drawn = this.faults === 'weather' ? random.fraction() : 1
    const apartMs = random.between(100, APART_MS)
    if (drawn < CUT_SHARE) {
      world.log.info('run.cut', { worker: name })
      const others = stations.filter((other) => other !== station)
      for (const other of others) world.network.cut(name, other.name)
      world.at(world.now + apartMs, () => {
        for (const other of others) world.network.heal(name, other.name)
      })
    } else if (drawn < CUT_SHARE + STOP_SHARE) {
      world.log.info('run.stop', { worker: name })
      process.stop()
      world.at(world.now + apartMs, () => process.continue())
    } else {
      const power = random.chance(POWER_SHARE)
      world.log.info(power ? 'run.power-off' : 'run.kill', { worker: name })
      if (power) station.losePower()
      else station.kill()
      station.startLater()
    }
  }

  private clearUp(world: World): void {
    world.log.info('run.fair')
    Object.assign(this.weather.network, { ...calm.network, timeoutMs: TIMEOUT_MS })
    Object.assign(this.weather.disk, calm.disk)
    Object.assign(this.weather.clock, calm.clock)
  }
}
