/**
 * Clocks that somebody sets, NTP or a person: by seconds either way, or ahead by weeks, which is longer than sources
 * remember a producer that is silent, until they are set again or their process ends.
 *
 * C1. Nobody is forgotten for it (`src/ingest/ages.ts`): who was told that a record is in comes back to a source that
 *     knows it, and what he does not know of is not counted twice.
 * C2. Times to live are judged where all clocks are right only.
 * C3. There is one wrong time in a run, as of one server that tells it: what one has noted by a clock that is ahead is
 *     old for another that is further ahead, and nobody can know better.
 */
import { Prng } from '../../../src/base/prng.ts'
import type { SimProcess } from '../../../src/sim/world.ts'
import type { ClusterConfig } from './config.ts'

/** Of the runs in which clocks are set so many have some that leap, and the generator that draws it. */
const LEAPING = 0.3
const LEAPS = 0x1e3d_0000
/** By how much those do. */
const WEEK_MS = 7 * 24 * 3600 * 1000
const WEEKS: readonly [least: number, most: number] = [1.5, 100]
/** And the others, at most. */
const SECONDS_MS = 5000

export function withLeaps(config: ClusterConfig): ClusterConfig {
  const { deeds, rememberedMs, seed } = config
  if (deeds.jumpClockMs === 0 || rememberedMs !== null) return config
  return { ...config, leaps: new Prng(seed + LEAPS).chance(LEAPING) }
}

export class SetClocks {
  private readonly random: Prng
  /** What the wrong time is ahead of the right one (C3); 0: clocks do not leap. */
  private readonly aheadMs: number
  /** Whose clock has the wrong time. */
  private readonly wrong = new WeakSet<SimProcess>()

  constructor({ seed, leaps }: ClusterConfig, random: Prng) {
    this.random = random
    this.aheadMs = leaps ? Math.floor(new Prng(seed + LEAPS + 1).between(...WEEKS) * WEEK_MS) : 0
  }

  /** Somebody sets the clock of `process`. */
  set(process: SimProcess): void {
    const { clock } = process
    if (this.aheadMs === 0) return clock.jump(this.random.between(-SECONDS_MS, SECONDS_MS))
    const right = this.wrong.delete(process)
    if (!right) this.wrong.add(process)
    clock.jump(right ? -this.aheadMs : this.aheadMs)
  }
}
