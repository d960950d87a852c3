/**
 * A simulated world: machines, their disks, the network between them, and the processes that run on them, in one real
 * process and under one seed.
 *
 * Z1. A run is a function of its seed, its weather and what its driver does: the same run has the same fingerprint.
 * Z2. Nothing happens but in `step` and `run`: between two calls the driver may look at anything and do anything.
 * Z3. An error thrown by a callback comes out of `step` or `run`, and the world has nothing more to say: in reality
 *     that process would have ended, and the driver decides whether that is a finding.
 */
import { assert } from '../base/assert.ts'
import { Prng } from '../base/prng.ts'
import type { Env } from '../env/env.ts'
import type { Log } from '../env/log.ts'
import { SimClock } from './clock.ts'
import { type Mount, SimDisk } from './disk.ts'
import { Fabric } from './fabric.ts'
import { Haze } from './haze.ts'
import { SimHttp } from './http.ts'
import { type Death, Life, type LifeState } from './life.ts'
import { Listings } from './listings.ts'
import { LogRing, SimLog } from './log.ts'
import { SimNetwork } from './network.ts'
import { SimRandom } from './random.ts'
import type { Host } from './route.ts'
import { type PointListener, Timeline } from './timeline.ts'
import { Volume } from './volume.ts'
import { calm, type DiskWeather, type Weather } from './weather.ts'

/** Lines of log that a run keeps. */
const LOG_LINES = 2000

export interface MachineOptions {
  /** What it speaks carries checksums of its own: the weather may turn bits on its connections to its like. */
  readonly checked?: boolean
  /** Shared volumes, beside its own. */
  readonly mounts?: readonly Mount[]
  /** The weather of its disk, where it differs from the world's. */
  readonly disk?: DiskWeather
}

export class World {
  readonly weather: Weather
  readonly network: Fabric
  /** Draws for the driver of the run, apart from all other draws. */
  readonly random: Prng
  /** What the driver has to say, between the lines of the processes. */
  readonly log: Log
  private readonly timeline = new Timeline()
  private readonly lines = new LogRing(this.timeline, LOG_LINES)
  private readonly prng: Prng

  constructor(seed: number, weather: Weather = calm) {
    this.weather = weather
    this.prng = new Prng(seed)
    this.random = this.prng.fork()
    this.log = new SimLog(this.lines, new Life('world', ''))
    this.network = new Fabric(this.timeline, this.prng.fork(), weather.network)
  }

  /** Milliseconds since the run began. */
  get now(): number {
    return this.timeline.now
  }

  /** Events that have happened. */
  get events(): number {
    return this.timeline.count
  }

  /** The fingerprint of the run so far (Z1). */
  get fingerprint(): string {
    return this.timeline.trace.digest()
  }

  /** Hears of every point at which a fault can matter (`timeline.ts`). */
  onPoint(listener: PointListener): void {
    this.timeline.onPoint = listener
  }

  /** Lets the next event happen; false when there is none. */
  step(): boolean {
    return this.timeline.step()
  }

  /** Lets everything up to `time` happen. */
  run(time: number): void {
    this.timeline.run(time)
  }

  /** Lets events happen until `condition` holds; false when it does not by `time`, or nothing happens any more. */
  runUntil(condition: () => boolean, time: number): boolean {
    while (!condition()) {
      if (this.timeline.next > time) return false
      this.timeline.step()
    }
    return true
  }

  /** Calls `fn` at `time`, for the driver's own plans. */
  at(time: number, fn: () => void): void {
    this.timeline.at(time, null, fn)
  }

  /** A volume that several machines can mount. */
  volume(name: string): Volume {
    return new Volume(name, this.weather.disk.capacityBytes, true)
  }

  /** A machine; `name` is its address in the network. */
  machine(name: string, options: MachineOptions = {}): Machine {
    const host = this.network.add(name, options.checked === true)
    const disk = options.disk ?? this.weather.disk
    const own = new Volume(name, disk.capacityBytes, false)
    const mounts = [...(options.mounts ?? []), { at: '', volume: own }]
    const haze = new Haze()
    const unmounted = new Set<string>()
    const storage = { mounts, unmounted, weather: disk, haze, listings: new Listings() }
    const start = (process: string): SimProcess => this.start(process, host, storage)
    return new Machine({
      host,
      volume: own,
      network: this.network,
      random: this.prng.fork(),
      disk,
      haze,
      unmounted,
      start,
    })
  }

  /** The last lines of all logs, and takes them out. */
  drainLog(): string[] {
    return this.lines.drain()
  }

  private start(name: string, host: Host, storage: Storage): SimProcess {
    const { timeline, weather } = this
    const life = new Life(name, host.name)
    const clock = new SimClock(timeline, life, this.prng.fork(), weather.clock)
    const home = {
      timeline,
      life,
      random: this.prng.fork(),
      weather: storage.weather,
      haze: storage.haze,
      listings: storage.listings,
    }
    const network = new SimNetwork(this.network, life)
    const env: Env = {
      clock,
      random: new SimRandom(this.prng.fork()),
      network,
      http: new SimHttp(network, clock),
      disk: new SimDisk(home, storage.mounts, storage.unmounted),
      log: new SimLog(this.lines, life),
    }
    return new SimProcess(timeline, life, clock, env)
  }
}

/** What of a machine its processes write on. */
interface Storage {
  readonly mounts: readonly Mount[]
  readonly unmounted: ReadonlySet<string>
  readonly weather: DiskWeather
  readonly haze: Haze
  readonly listings: Listings
}

/** What a machine is made of. */
interface Parts {
  readonly host: Host
  readonly volume: Volume
  readonly network: Fabric
  readonly random: Prng
  readonly disk: DiskWeather
  readonly haze: Haze
  readonly unmounted: Set<string>
  readonly start: (process: string) => SimProcess
}

export class Machine {
  private readonly parts: Parts
  private processes: SimProcess[] = []

  constructor(parts: Parts) {
    this.parts = parts
  }

  /** Its name, and its address in the network. */
  get name(): string {
    return this.parts.host.name
  }

  /** Its own volume. */
  get volume(): Volume {
    return this.parts.volume
  }

  /** What of its storage is late. */
  get haze(): Haze {
    return this.parts.haze
  }

  /**
   * Takes what lies at `path` from its processes, the running ones too: what they look for there from now on, they look
   * for on its own volume.
   */
  unmount(path: string): void {
    this.parts.unmounted.add(path)
  }

  /** It is there again. */
  mount(path: string): void {
    this.parts.unmounted.delete(path)
  }

  /** Starts a process: a new life, even where one of that name has lived before. */
  start(name: string): SimProcess {
    assert(!this.parts.host.off, 'a process starts on a machine that is on')
    const process = this.parts.start(name)
    this.processes = [...this.processes.filter((other) => other.state !== 'dead'), process]
    return process
  }

  /** Kills all its processes, and loses whatever of its volume no sync has confirmed, by chance. */
  powerOff(): void {
    for (const process of this.processes) process.die('power')
    this.processes = []
    const { host, volume, random, disk } = this.parts
    host.off = true
    // All, nothing, or each on its own: the extremes find what an average never shows.
    const keep = [0, 0.5, 1][random.below(3)]!
    volume.losePower(random, { keep, torn: disk.tornChance })
  }

  powerOn(): void {
    const { host, network } = this.parts
    host.off = false
    network.returned(host)
  }
}

export class SimProcess {
  readonly env: Env
  /** Its clock, to make it jump. */
  readonly clock: SimClock
  readonly life: Life
  private readonly timeline: Timeline

  constructor(timeline: Timeline, life: Life, clock: SimClock, env: Env) {
    this.timeline = timeline
    this.life = life
    this.clock = clock
    this.env = env
  }

  get name(): string {
    return this.life.name
  }

  get state(): LifeState {
    return this.life.state
  }

  /** What time it is in the world, in milliseconds, whatever its clock shows. */
  get worldMs(): number {
    return this.timeline.now
  }

  /** `kill -9`: no callback runs any more; the kernel closes its sockets and frees its locks. */
  kill(): void {
    this.die('killed')
  }

  /** `SIGSTOP`, a long collection, a closed lid: its kernel goes on, it does not. */
  stop(): void {
    if (this.life.state === 'running') this.life.state = 'stopped'
  }

  /** `SIGCONT`: what came due meanwhile happens now. */
  continue(): void {
    if (this.life.state !== 'stopped') return
    this.life.state = 'running'
    this.timeline.resume(this.life)
  }

  die(death: Death): void {
    this.life.die(death)
  }
}
