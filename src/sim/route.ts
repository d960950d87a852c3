/** The way from one machine to another, one direction of it. */
import type { Prng } from '../base/prng.ts'
import type { Timeline } from './timeline.ts'
import type { NetworkWeather } from './weather.ts'

/** A machine, as the network sees it. */
export interface Host {
  readonly name: string
  /** What it speaks carries checksums: its bits may be turned. */
  readonly checked: boolean
  off: boolean
}

export class Route {
  readonly to: Host
  private readonly checked: boolean
  private readonly timeline: Timeline
  private readonly random: Prng
  private readonly weather: NetworkWeather
  private severed = false
  /** What tries again once the way is free. */
  private waiting: (() => void)[] = []

  constructor(timeline: Timeline, random: Prng, weather: NetworkWeather, from: Host, to: Host) {
    this.timeline = timeline
    this.random = random
    this.weather = weather
    this.to = to
    this.checked = from.checked && to.checked
  }

  /** Chance that a segment has one bit turned. */
  get flipChance(): number {
    return this.checked ? this.weather.flipChance : 0
  }

  get bytesPerMs(): number {
    return this.weather.bytesPerMs
  }

  /** Nothing arrives: the way is cut, or nobody is there. */
  get blocked(): boolean {
    return this.severed || this.to.off
  }

  /** From now on nothing arrives, without a word to anybody. */
  cut(): void {
    this.severed = true
  }

  heal(): void {
    this.severed = false
    this.retry()
  }

  /** Lets whatever waits try again, each after a time of its own, as after a lost segment. */
  retry(): void {
    const { waiting } = this
    this.waiting = []
    for (const again of waiting) {
      this.timeline.at(this.timeline.now + this.random.between(0, this.weather.retransmitMs), null, again)
    }
  }

  /** Calls `again` some time after the way is free. */
  whenFree(again: () => void): void {
    this.waiting.push(again)
  }

  /** The time on the wire of a segment that leaves now. */
  delay(): number {
    return this.weather.latencyMs + this.random.fraction() * this.weather.jitterMs
  }

  /** Carries a segment without bytes: `arrive` runs at the other end, however long that takes. */
  carry(arrive: () => void): void {
    const attempt = (): void => {
      if (this.blocked) this.whenFree(attempt)
      else arrive()
    }
    this.timeline.at(this.timeline.now + this.delay(), null, attempt)
  }
}
