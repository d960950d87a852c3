/**
 * One disk operation under way: from the call, over the moment when the disk does it, to the callback.
 *
 * O1. The disk does it between the call and the callback, or, where the process dies before that: at once, in part, not
 *     at all, or, on a shared volume, some time later.
 */
import type { Prng } from '../base/prng.ts'
import { DiskError, type Done } from '../env/disk.ts'
import type { SimEvent } from './events.ts'
import type { Haze } from './haze.ts'
import type { Life, Mortal } from './life.ts'
import type { Listings } from './listings.ts'
import type { Timeline } from './timeline.ts'
import { Refused, readOnly, type Volume } from './volume.ts'
import type { DiskWeather } from './weather.ts'

/** `read` changes nothing, `names` changes directories. */
export type OperationKind = 'read' | 'write' | 'sync' | 'names'

/** What the disk is asked to do. */
export interface Task<T> {
  readonly kind: OperationKind
  /** For errors: `rename`. */
  readonly verb: string
  readonly path: string
  /** Where; a shared one lies behind a server, which may do it late. */
  readonly volume: Volume
  perform(): T | Refused
  /** Does a part of it, as when a crash or a fault comes in between; does nothing where there are no parts. */
  performPart(): void
}

/** What an operation needs of its process and disk. */
export interface OperationHome {
  readonly timeline: Timeline
  readonly life: Life
  readonly random: Prng
  readonly weather: DiskWeather
  readonly haze: Haze
  readonly listings: Listings
}

export class Operation<T> implements Mortal {
  private readonly home: OperationHome
  private readonly task: Task<T>
  private readonly done: Done<T>
  private readonly event: SimEvent | null

  constructor(home: OperationHome, task: Task<T>, done: Done<T>) {
    this.home = home
    this.task = task
    this.done = done
    const { timeline, life } = home
    const heard = life.hold(this)
    this.event = heard ? timeline.at(timeline.now + this.duration(), null, () => this.land()) : null
  }

  died(): void {
    const { timeline, random, weather } = this.home
    timeline.cancel(this.event!)
    if (this.task.kind === 'read') return
    if (this.task.volume.shared && random.chance(weather.lateChance)) {
      timeline.at(timeline.now + random.between(0, weather.lateMs), null, () => this.performBlindly())
    } else if (random.chance(0.5)) {
      this.performBlindly()
    }
  }

  private duration(): number {
    const { random, weather, haze, timeline } = this.home
    let duration = weather.latencyMs + random.fraction() * weather.jitterMs
    duration += haze.delay(this.task.path, timeline.now)
    if (this.task.kind === 'sync') duration += weather.syncMs
    if (random.chance(weather.stallChance)) duration += random.between(0, weather.stallMs)
    return duration
  }

  private land(): void {
    const { timeline, life } = this.home
    const { verb, path, kind } = this.task
    const listened = timeline.onPoint !== null && kind !== 'read'
    if (listened) timeline.onPoint?.(`before ${verb} ${path}`, life.host)
    if (life.state === 'dead') return
    life.release(this)
    const result = this.attempt()
    if (listened) timeline.onPoint?.(`after ${verb} ${path}`, life.host)
    if (life.state === 'running') this.report(result)
    else timeline.at(timeline.now, life, () => this.report(result))
  }

  private attempt(): T | Refused {
    const { random, weather } = this.home
    const { task } = this
    if (this.barred) return readOnly
    if (random.chance(this.isProne ? weather.failChance : 0)) {
      if (random.chance(0.5)) task.performPart()
      return new Refused('io', 'input/output error')
    }
    const result = this.perform()
    const unknown = task.kind === 'names' && random.chance(weather.unknownChance)
    return unknown ? new Refused('io', 'no answer, it may have been done') : result
  }

  private perform(): T | Refused {
    const { random, weather, life } = this.home
    const { task } = this
    const { volume, kind, verb } = task
    volume.by = life.host
    const result = task.perform()
    // Who makes a file says which he means to make.
    const repeatable = weather.twiceChance > 0 && volume.shared && kind === 'names' && verb !== 'open'
    return repeatable && random.chance(weather.twiceChance) ? task.perform() : result
  }

  /** For a process that will not hear of it. */
  private performBlindly(): void {
    const { random, weather } = this.home
    if (this.barred) return
    if (random.chance(weather.tornChance)) this.task.performPart()
    else this.perform()
  }

  private get isProne(): boolean {
    const { failing } = this.home.weather
    return failing.length === 0 || failing.some((part) => this.task.path.includes(part))
  }

  private get barred(): boolean {
    return this.task.volume.readOnly && this.task.kind !== 'read'
  }

  private report(result: T | Refused): void {
    if (result instanceof Refused) this.done(this.error(result), undefined as never)
    else this.done(null, result)
  }

  private error({ code, reason }: Refused): DiskError {
    const { verb, path } = this.task
    return new DiskError(code, verb, path, reason)
  }
}
