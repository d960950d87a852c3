/** How a script is handed over while something happens to those who read it. */
import type { Prng } from '../base/prng.ts'
import type { Pace } from './script-reader.ts'

const BURSTS = 60

/** In bursts of which the last comes after about `overMs`, whatever the `length` of the script; drawn from `random`. */
export function inBursts(random: Prng, length: number, overMs: number): Pace {
  const most = Math.max(1, Math.ceil((2 * length) / BURSTS))
  const pauseMs = (2 * overMs) / Math.max(1, Math.min(length, BURSTS))
  return { burst: () => 1 + random.below(most), pauseMs: () => random.between(0, pauseMs) }
}
