/**
 * How long ago something came of which the time was noted, on a machine whose clock may be set.
 *
 * A1. What was noted before the clock was set is as old as if it had not been: a clock that goes wrong for a moment, or
 *     is put right by years, makes nobody silent. Of the settings that there were the one counts by which something is
 *     the youngest.
 * A2. Who noted it may have had a clock that was ahead of this one: what is ahead by no more than clocks may differ
 *     came just now by that setting, and is not left to one by which it is old.
 */
import type { Clock } from '../env/clock.ts'

/** By how much a clock differs from what has passed when it was set, in milliseconds; less is not worth a look. */
const SET_MS = 3_600_000
/** Clocks differ by no more than this part of what a silent producer is remembered for (PROTOCOLS 2, S1). */
export const CLOCKS_DIFFER = 1 / 8
/** Settings that are remembered. */
const SETTINGS_MAX = 64

export class Ages {
  private readonly clock: Clock
  /** What the clock's time was ahead of the time that has passed: in the beginning, and each time that it was set. */
  private readonly settings: number[]

  constructor(clock: Clock) {
    this.clock = clock
    this.settings = [clock.now() - clock.monotonic()]
  }

  /**
   * Answers how many milliseconds ago a time was; 0 where it is ahead of the clock. Clocks may differ by `apartMs`.
   */
  look(apartMs: number): (time: number) => number {
    const { clock, settings } = this
    const passed = clock.monotonic()
    const setting = clock.now() - passed
    if (Math.abs(setting - settings.at(-1)!) >= SET_MS) settings.push(setting)
    else settings[settings.length - 1] = setting
    if (settings.length > SETTINGS_MAX) settings.shift()
    return (time) => {
      let least = Infinity
      for (const one of settings) if (one + passed + apartMs >= time) least = Math.min(least, one + passed - time)
      return least === Infinity ? 0 : Math.max(0, least)
    }
  }
}
