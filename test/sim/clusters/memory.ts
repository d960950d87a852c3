/**
 * Where sources forget streams soon (PROTOCOLS 2, S1).
 *
 * G1. All clocks are right: those of workers and producers may differ by an eighth of what a stream is remembered for.
 * G2. What is remembered is longer than anything is on its way: nobody is told today what was so then.
 * G3. Nothing is taken back that an epoch has, and no source is dropped.
 */
import { Prng } from '../../../src/base/prng.ts'
import type { ClusterConfig } from './config.ts'

/** How often that is so, and the generator that draws it. */
const FORGETFUL = 0.1
const FORGETTING = 0x2a85_0000
/** For how long a stream is remembered: so long, and so much more as usual, in milliseconds (G2). */
const LEAST_MS = 600
const WAITS_MS = [3000, 6000, 12_000]

/** `config`, or that with sources that forget. */
export function withMemory(config: ClusterConfig): ClusterConfig {
  const random = new Prng(config.seed + FORGETTING)
  const { family, deeds } = config
  const unfit = family !== null || deeds.damageMs > 0 || deeds.putBackMs > 0
  return unfit || !random.chance(FORGETFUL) ? config : forgetful(config, random)
}

export function forgetful(config: ClusterConfig, random = new Prng(config.seed + FORGETTING)): ClusterConfig {
  const { weather, deeds, pace } = config
  const clock = { ...weather.clock, offsetMs: 0, drift: 0, jumpChance: 0 }
  return {
    ...config,
    weather: { ...weather, clock },
    deeds: { ...deeds, jumpClockMs: 0 },
    rememberedMs: Math.ceil(LEAST_MS + WAITS_MS[random.below(WAITS_MS.length)]! * pace),
  }
}
