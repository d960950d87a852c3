/**
 * Workers that are ended in peace while somebody drains what they run: what was asked for is done before they are gone.
 *
 * E1. What was on its way to its end when its worker was asked to end is at its end when the worker closes, or runs
 *     again: a drain that is left in the middle leaves its last epoch unwritten, or what its sinks have of it in their
 *     hands.
 */
import { Prng } from '../../../src/base/prng.ts'
import type { MemberStation } from '../../../src/sim/member-station.ts'
import type { World } from '../../../src/sim/world.ts'
import type { Resident } from '../../../src/worker/pipelines/resident.ts'
import type { Worker } from '../../../src/worker/worker.ts'
import type { ClusterConfig } from './config.ts'

const MOMENTS = 0x2c57_0000
/** At so many of the drains somebody ends a worker. */
const STOPPED = 0.7
/** Within so long after a drain has begun, and so much more as usual, in milliseconds. */
const WITHIN_MS = 10
const WAITS_MS = 100

/** What was on its way to its end, and what ran of it then. */
type Drained = readonly [Resident, Resident['execution']]

export class StoppedDrains {
  readonly complaints: string[] = []
  /** Nobody ends any worker any more. */
  over = false
  private readonly config: ClusterConfig
  private readonly world: World
  private readonly stations: readonly MemberStation[]
  private readonly random: Prng
  private readonly seen = new WeakSet<Resident['execution']>()

  constructor(config: ClusterConfig, world: World, stations: readonly MemberStation[]) {
    this.config = config
    this.world = world
    this.stations = stations
    this.random = new Prng(config.seed + MOMENTS)
  }

  /** Somebody has come to a point: a drain may have begun. */
  look(): void {
    if (this.over) return
    for (const { worker } of this.stations)
      for (const resident of worker?.residents.all.values() ?? []) {
        if (resident.phase !== 'draining' || this.seen.has(resident.execution)) continue
        this.seen.add(resident.execution)
        if (this.random.chance(STOPPED)) this.stopLater()
      }
  }

  private stopLater(): void {
    const { world, random, stations, config } = this
    const station = stations[random.below(stations.length)]!
    world.at(world.now + random.fraction() * (WITHIN_MS + WAITS_MS * config.pace), () => this.stop(station))
  }

  private stop(station: MemberStation): void {
    const { worker, resting } = station
    // One after the other: who ends takes part in the last epochs of others.
    if (this.over || worker?.phase !== 'active' || resting || this.stations.some((other) => other.resting)) return
    const draining = [...worker.residents.all.values()].filter(({ phase }) => phase === 'draining')
    this.world.log.info('deed.stopped in a drain', {
      of: station.name,
      draining: draining.map(({ name }) => name).join(' '),
    })
    this.watch(
      worker,
      draining.map((resident) => [resident, resident.execution]),
    )
    void station.rest()
  }

  /** Looks at what `worker` leaves when it closes. */
  private watch(worker: Worker, draining: readonly Drained[]): void {
    const { world, config } = this
    const lateMs = world.now + config.limits.drainTimeoutMs
    const close = worker.close.bind(worker)
    worker.close = (done) => {
      if (world.now < lateMs && worker.phase === 'active') this.judge(worker.name, draining)
      close(done)
    }
  }

  private judge(worker: string, draining: readonly Drained[]): void {
    // A program that somebody has submitted meanwhile is drained for the next one.
    for (const [{ name, phase, execution }, drained] of draining)
      if (phase === 'draining' && execution === drained)
        this.complaints.push(`${worker} ends in the middle of a drain of ${name} (E1)`)
  }
}
