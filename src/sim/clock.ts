/**
 * A process's own idea of the time.
 *
 * Fair: a wall clock that is wrong by any offset and jumps either way (it is set by people and by NTP); a crystal that
 * runs fast or slow within `drift`. Not fair: a monotonic clock that goes back, or a timer that fires early by the
 * clock it was set on.
 *
 * C1. Every reading of `monotonic` is later than the one before: work takes time, so a slice that ends by the clock
 *     ends.
 */
import { assert } from '../base/assert.ts'
import type { Prng } from '../base/prng.ts'
import type { Clock, Timer } from '../env/clock.ts'
import type { SimEvent } from './events.ts'
import type { Life } from './life.ts'
import type { Timeline } from './timeline.ts'
import type { ClockWeather } from './weather.ts'

/** Wall time at which every run begins: 2024-01-01T00:00:00Z. */
const EPOCH_MS = 1_704_067_200_000
/** What one reading of the clock takes. */
const READ_MS = 0.001

export class SimClock implements Clock {
  private readonly timeline: Timeline
  private readonly life: Life
  private readonly random: Prng
  private readonly weather: ClockWeather
  private readonly born: number
  /** Milliseconds of this clock per true millisecond. */
  private readonly rate: number
  private offset: number
  private last = 0

  constructor(timeline: Timeline, life: Life, random: Prng, weather: ClockWeather) {
    this.timeline = timeline
    this.life = life
    this.random = random
    this.weather = weather
    this.born = timeline.now
    this.rate = 1 + random.between(-weather.drift, weather.drift)
    this.offset = random.between(-weather.offsetMs, weather.offsetMs)
  }

  now(): number {
    if (this.random.chance(this.weather.jumpChance)) {
      this.jump(this.random.between(-this.weather.jumpMs, this.weather.jumpMs))
    }
    return Math.floor(EPOCH_MS + this.born + this.elapsed() + this.offset)
  }

  monotonic(): number {
    const elapsed = this.elapsed()
    this.last = elapsed > this.last ? elapsed : this.last + READ_MS
    return this.last
  }

  after(ms: number, fn: () => void): Timer {
    assert(ms >= 0, 'a timer waits for 0 ms or more')
    const due = Math.max(this.elapsed(), this.last) + ms
    const time = Math.max(this.timeline.now, this.born + due / this.rate)
    const event = this.timeline.at(time, this.life, () => {
      // Rounding must not let the timer fire early by its own clock.
      if (this.last < due) this.last = due
      fn()
    })
    return new SimTimer(this.timeline, event)
  }

  soon(fn: () => void): void {
    this.timeline.at(this.timeline.now + this.weather.turnMs, this.life, fn)
  }

  /** Moves the wall clock by `ms`, either way. */
  jump(ms: number): void {
    this.offset += ms
  }

  private elapsed(): number {
    return (this.timeline.now - this.born) * this.rate
  }
}

class SimTimer implements Timer {
  private readonly timeline: Timeline
  private readonly event: SimEvent

  constructor(timeline: Timeline, event: SimEvent) {
    this.timeline = timeline
    this.event = event
  }

  cancel(): void {
    this.timeline.cancel(this.event)
  }
}
