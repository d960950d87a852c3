/**
 * Workers that are killed between the record of a drain and what their sinks do about it: nothing of that pipeline runs
 * any more that would do it later.
 *
 * L1. What stands in the chain is shown all the same, by whoever comes to it (`src/worker/pipelines/last-output.ts`),
 *     before anybody submits it again.
 */
import { Prng } from '../../../src/base/prng.ts'
import type { MemberStation } from '../../../src/sim/member-station.ts'
import { SHARED } from '../../../src/sim/member-station.ts'
import type { Volume } from '../../../src/sim/volume.ts'
import type { World } from '../../../src/sim/world.ts'
import { pendingIn } from '../remains.ts'
import { CHAIN, type ChainWatch } from './chain-watch.ts'
import type { ClusterConfig } from './config.ts'
import { isNumbers } from './people.ts'

const MOMENTS = 0x6be2_0000
/** Of so many drains, and of so many of the workers then. */
const STRUCK = 0.6
const EACH = 0.5
/**
 * Within so long after the record, and so much more as usual, in milliseconds: that is what renaming a few files takes.
 */
const WITHIN_MS = 20
const WAITS_MS = 100
const SOON = 4

export class LastMoments {
  private readonly config: ClusterConfig
  private readonly world: World
  private readonly chain: ChainWatch
  private readonly stations: readonly MemberStation[]
  private readonly random: Prng
  private drains = 0
  /** Nobody is killed any more: letters are asked for of those who had them last. */
  over = false

  constructor(config: ClusterConfig, world: World, chain: ChainWatch, stations: readonly MemberStation[]) {
    this.config = config
    this.world = world
    this.chain = chain
    this.stations = stations
    this.random = new Prng(config.seed + MOMENTS)
  }

  /** What the sinks of the pipeline still have to show of what it was drained with (L1). */
  hiddenIn(volume: Volume): readonly string[] {
    const { last } = this.chain
    if (last === null) return []
    const own = `.${String(last.generation).padStart(6, '0')}-${String(last.epoch).padStart(10, '0')}-`
    return pendingIn(volume).filter((file) => file.includes(own) && !isNumbers(file))
  }

  /** A worker has come to `point`: it may have written the record of a drain. */
  at(point: string): void {
    const { chain, random } = this
    if (this.over || !point.startsWith('after') || !point.includes(SHARED + CHAIN)) return
    chain.look()
    if (chain.drains === this.drains) return
    this.drains = chain.drains
    if (!random.chance(STRUCK)) return
    for (const station of this.stations) if (random.chance(EACH)) this.strike(station)
  }

  private strike(station: MemberStation): void {
    const { world, random, config } = this
    const { process } = station
    // Mostly at once: on a disk that does what it should the files have their names within a few milliseconds.
    world.at(world.now + random.fraction() ** SOON * (WITHIN_MS + WAITS_MS * config.pace), () => {
      if (process === null || station.process !== process || station.left) return
      world.log.info('deed.struck in a drain', { of: station.name })
      station.kill()
      station.startLater()
    })
  }
}

/** Whether that can be: somebody drains for good, and nobody else has a worker's name. */
export function drainsForGood({ people, others, deeds }: ClusterConfig): boolean {
  return (people > 0 || others > 0) && deeds.namesakeMs === 0
}
