/**
 * A store in memory on simulated time: creates that are exclusive and may have unknown outcomes or land late, answers
 * that come late. One view for each worker; its operations go on after the worker's death, its answers do not.
 */
import { fail } from '../../src/base/errors.ts'
import type { Prng } from '../../src/base/prng.ts'
import type { CreateOutcome, Store, StoreDone, StoreDoneVoid, Upload } from '../../src/checkpoint/store.ts'
import type { Life } from '../../src/sim/life.ts'
import type { Timeline } from '../../src/sim/timeline.ts'

export interface StoreWeather {
  /** Of a create: answered `unknown`, done or not. */
  unknownChance: number
  /** Of any operation: its answer takes up to `stallMs`. */
  stallChance: number
  stallMs: number
}

export class SimStore {
  readonly objects = new Map<string, Buffer>()
  readonly timeline: Timeline
  readonly random: Prng
  /** By worker: a store may be slow for one of them alone. */
  readonly weather = new Map<string, StoreWeather>()

  constructor(timeline: Timeline, random: Prng) {
    this.timeline = timeline
    this.random = random
  }

  view(worker: string, life: Life): Store {
    return new View(this, worker, life)
  }
}

class View implements Store {
  private readonly world: SimStore
  private readonly worker: string
  private readonly life: Life

  constructor(world: SimStore, worker: string, life: Life) {
    this.world = world
    this.worker = worker
    this.life = life
  }

  /** Runs `act` at the store a little later, and `answer` with its result here, later still. */
  private ask<T>(act: () => T, answer: (result: T) => void): void {
    const { timeline, random } = this.world
    timeline.at(timeline.now + random.between(1, 15), null, () => {
      const result = act()
      timeline.at(timeline.now + random.between(1, 15) + this.stall(), this.life, () => answer(result))
    })
  }

  private stall(): number {
    const { random, weather } = this.world
    const { stallChance, stallMs } = weather.get(this.worker) ?? { stallChance: 0, stallMs: 0 }
    return random.chance(stallChance) ? random.between(0, stallMs) : 0
  }

  createExclusive(path: string, bytes: Uint8Array, done: (outcome: CreateOutcome, error: null) => void): void {
    const { objects, random, timeline, weather } = this.world
    const copy = Buffer.from(bytes)
    const create = (): CreateOutcome => {
      if (objects.has(path)) return 'exists'
      objects.set(path, copy)
      return 'created'
    }
    const unknown = random.chance(weather.get(this.worker)?.unknownChance ?? 0)
    const act = (): CreateOutcome => {
      if (!unknown) return create()
      const fate = random.below(3)
      if (fate === 0) create()
      else if (fate === 1) timeline.at(timeline.now + random.between(10, 3000), null, () => void create())
      return 'unknown'
    }
    this.ask(act, (outcome) => done(outcome, null))
  }

  read(path: string, done: StoreDone<Buffer | null>): void {
    this.ask(
      () => this.world.objects.get(path) ?? null,
      (found) => done(null, found),
    )
  }

  readRange(path: string, position: number, length: number, done: StoreDone<Buffer | null>): void {
    this.read(path, (error, found) => done(error, found?.subarray(position, position + length) ?? null))
  }

  makeDurable(_folder: string, done: StoreDoneVoid): void {
    this.ask(
      () => null,
      () => done(null),
    )
  }

  list(folder: string, done: StoreDone<readonly string[]>): void {
    const names = () =>
      [...this.world.objects.keys()]
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1))
    this.ask(names, (found) => done(null, found))
  }

  remove(path: string, done: StoreDoneVoid): void {
    this.ask(
      () => this.world.objects.delete(path),
      () => done(null),
    )
  }

  put(path: string, bytes: Uint8Array, done: StoreDoneVoid): void {
    const copy = Buffer.from(bytes)
    this.ask(
      () => this.world.objects.set(path, copy),
      () => done(null),
    )
  }

  removeFolder(_folder: string, done: StoreDoneVoid): void {
    this.ask(
      () => null,
      () => done(null),
    )
  }

  replace(path: string, bytes: Uint8Array, done: StoreDoneVoid): void {
    this.put(path, bytes, done)
  }

  link(existing: string, _created: string, done: StoreDoneVoid): void {
    this.ask(
      () => null,
      () => done(fail('E_STORE', { operation: 'link', path: existing, reason: 'not in this store' })),
    )
  }

  upload(path: string, done: StoreDone<Upload>): void {
    const error = fail('E_STORE', { operation: 'upload', path, reason: 'not in this store' })
    this.ask(
      () => null,
      () => done(error, undefined as never),
    )
  }
}
