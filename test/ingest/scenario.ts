/**
 * A run of producers against one door, drawn from a seed: records, reconnections, kills, power losses, failing disks,
 * epochs that complete or do not, and going back to any epoch of the horizon. Throws where a promise is broken:
 *
 * 1. What the pipeline has of an acked stream is 1 … k, always, and each record is the one that was sent.
 * 2. What was said to be `journaled` is in the pipeline at the end, whatever became of its producer.
 * 3. What was said to be `stable` is in a complete epoch when it is said.
 * 4. What a plain connection brought comes in order and at most once; once it was in the pipeline it is lost only by
 *    power or a failing disk.
 * 5. When the weather is over, everything that a living producer sent comes in.
 */
import { makeLimits } from '../../src/base/limits.ts'
import { Prng } from '../../src/base/prng.ts'
import type { StreamRow } from '../../src/ingest/stream.ts'
import { drawWeather, type Weather } from '../../src/sim/weather.ts'
import { type Machine, World } from '../../src/sim/world.ts'
import { push, Rig, smallLimits, type Taken } from './fixture.ts'
import { check, Producer, type Scene } from './producer.ts'

const HORIZON = 3
const STEPS = 250

interface Epoch {
  readonly rows: readonly StreamRow[]
  /** Length of the history that it holds. */
  readonly length: number
  secure: boolean
}

class Run implements Scene {
  readonly world: World
  readonly random: Prng
  readonly refusals: string[] = []
  epochs: Epoch[] = [{ rows: [], length: 0, secure: true }]
  /** Positions of complete epochs, also of those that have become void since. */
  readonly complete = new Map<string, number>()
  /** What the pipeline has: grows, and goes back with it. */
  private history: Taken[] = []
  private readonly machine: Machine
  private readonly weather: Weather
  private rig: Rig | null = null
  private starting = false
  private incarnation = 0
  private flight: Epoch | null = null
  /** Index of the oldest epoch that may still be gone back to. */
  private floor = 0
  private readonly producers: Producer[]
  private plainSent = 0
  /** Plain records may be gone by now. */
  private lossy = false
  /** How far each plain stream had come in the pipeline before the last restart. */
  private plainSeen = new Map<string, number>()

  constructor(seed: number) {
    const draw = new Prng(seed)
    this.weather = drawWeather(draw, draw.chance(0.5))
    this.world = new World(seed, this.weather)
    this.random = draw
    this.machine = this.world.machine('m')
    this.producers = ['p', 'q'].map((name) => new Producer(this, name))
    this.lossy = this.weather.disk.failChance > 0 || this.weather.disk.syncFailChance > 0
  }

  run(): void {
    this.restart(0)
    for (let i = 0; i < STEPS; i++) this.turn()
    this.finish()
  }

  redirected(producer: Producer): void {
    check(false, `${producer.life}: sent away by a worker that is alone`)
  }

  private turn(): void {
    const { random, world } = this
    world.run(world.now + random.between(0.05, random.chance(0.05) ? 500 : 10))
    this.adopt()
    const producer = this.producers[random.below(2)]!
    const choice = random.below(100)
    if (choice < 25) {
      if (!producer.gone) producer.produce(1 + random.below(random.chance(0.1) ? 60 : 5))
    } else if (choice < 35) this.plain()
    else if (choice < 60) this.take(random.below(30))
    else if (choice < 70) this.cutEpoch()
    else if (choice < 80) this.completeEpoch()
    else if (choice < 83) this.flight = null
    else if (choice < 91) {
      // Also while the worker starts, or goes back.
      const rig = this.rig ?? this.pendingRig
      const open = rig !== null && rig.source !== null && rig.process.state === 'running'
      if (open && !producer.gone && producer.wire === null) producer.connect(rig)
    } else if (choice < 93) producer.wire?.cut()
    else if (choice < 95) this.reset()
    else if (choice < 97) this.die()
    else if (choice < 98) {
      producer.crash(random.chance(0.5))
      producer.gone = random.chance(0.1)
    } else if (this.rig === null && !this.starting) this.restart(this.base())
    if (this.rig === null && !this.starting && random.chance(0.2)) this.restart(this.base())
  }

  /** Mostly the last complete epoch; within the horizon any other is as good. */
  private base(): number {
    const last = this.epochs.length - 1
    return this.random.chance(0.8) ? last : Math.max(this.floor, last - this.random.below(HORIZON))
  }

  private restart(base: number): void {
    if (this.machine.volume.readOnly) this.losePower()
    this.goBack(base)
    this.starting = true
    const rig = new Rig(this.world, this.machine, `i${++this.incarnation}`, limits)
    const died = (): void => {
      rig.process.kill()
      this.starting = false
    }
    rig.start(this.epochs.at(-1)!.rows, died)
    this.pendingRig = rig
  }

  private pendingRig: Rig | null = null

  /** A worker that has started begins its work. */
  private adopt(): void {
    const { pendingRig } = this
    if (pendingRig?.ready !== true || pendingRig.process.state !== 'running') return
    this.rig = pendingRig
    this.pendingRig = null
    this.starting = false
  }

  /** Epochs above `base` are void, and so is what the pipeline had after it. */
  private goBack(base: number): void {
    this.flight = null
    for (const { incarnation, producer, sequence } of this.history) {
      if (producer === 'w1') this.plainSeen.set(incarnation, Math.max(this.plainSeen.get(incarnation) ?? 0, sequence))
    }
    this.epochs = this.epochs.slice(0, base + 1)
    this.history = this.history.slice(0, this.epochs[base]!.length)
  }

  private reset(): void {
    if (this.rig === null) return
    this.goBack(this.base())
    const { rig } = this
    this.rig = null
    this.pendingRig = rig
    this.starting = true
    rig.ready = false
    rig.reset(this.epochs.at(-1)!.rows, (error) => {
      if (error === null) rig.ready = true
      else {
        rig.process.kill()
        this.starting = false
      }
    })
  }

  private die(): void {
    const { rig } = this
    if (rig === null) return
    this.rig = null
    if (this.random.chance(0.3)) {
      this.losePower()
    } else {
      rig.process.kill()
    }
    this.hangUp()
  }

  /** The volume is mounted anew, with nobody running. */
  private mount(): void {
    this.losePower()
    this.rig = null
    this.pendingRig = null
    this.starting = false
    this.hangUp()
  }

  private hangUp(): void {
    for (const producer of this.producers) {
      const { wire } = producer
      if (wire !== null) this.world.at(this.world.now + this.random.below(50), () => wire.cut())
    }
  }

  private losePower(): void {
    this.lossy = true
    this.machine.powerOff()
    this.machine.powerOn()
  }

  private plain(): void {
    if (this.rig === null) return
    const records = Array.from({ length: 1 + this.random.below(4) }, () => `plain ${++this.plainSent}`)
    if (this.rig.source!.room.isOpen) push(this.rig.source!, ...records)
  }

  private take(max: number): void {
    if (this.rig === null) return
    for (const taken of this.rig.take(max)) {
      this.history.push(taken)
    }
    this.verify()
  }

  /** Promises 1 and 4. */
  private verify(): void {
    const ends = new Map<string, number>()
    let plain = new Map<string, number>()
    for (const { producer, incarnation, sequence, text } of this.history) {
      const life = `${producer}.${incarnation}`
      const end = ends.get(life) ?? 0
      ends.set(life, sequence)
      if (producer === 'w1') {
        const number = Number(text.slice('plain '.length))
        check(sequence > end, `${life}: record ${sequence} after ${end}`)
        check(this.lossy || sequence === end + 1, `${life}: plain record ${sequence} after ${end}`)
        check(number > (plain.get(life) ?? 0), `${life}: plain ${number} again, or out of order`)
        plain.set(life, number)
      } else {
        check(sequence === end + 1, `${life}: record ${sequence} after ${end}`)
        check(text === `${life}.${sequence}`, `${life}: record ${sequence} is "${text}"`)
      }
    }
    plain = ends
  }

  private cutEpoch(): void {
    if (this.rig === null || this.flight !== null) return
    const flight = { rows: structuredClone(this.rig.source!.cut()), length: this.history.length, secure: false }
    this.flight = flight
    this.rig.source!.secure(() => {
      flight.secure = true
    })
  }

  private completeEpoch(): void {
    const { flight, rig } = this
    if (flight === null || !flight.secure) return
    this.flight = null
    this.epochs.push(flight)
    for (const [producer, incarnation, position] of flight.rows) {
      const life = `${producer}.${incarnation}`
      this.complete.set(life, Math.max(this.complete.get(life) ?? 0, position))
    }
    if (rig === null) return
    rig.source!.coverage.complete(flight.rows)
    this.floor = Math.max(this.floor, this.epochs.length - HORIZON)
    rig.source!.coverage.floor(this.epochs[this.floor]!.rows)
    rig.door!.trim()
  }

  /** Promises 2 and 5. */
  private finish(): void {
    const { world } = this
    const deadline = world.now + 120_000
    for (const producer of this.producers) producer.wire?.cut()
    const missing = (): string | null => {
      const ends = new Map<string, number>()
      for (const { producer, incarnation, sequence } of this.history) ends.set(`${producer}.${incarnation}`, sequence)
      for (const producer of this.producers) {
        for (const [life, journaled] of producer.journaled) {
          if ((ends.get(life) ?? 0) < journaled)
            return `${life}: ${journaled} were journaled, ${ends.get(life) ?? 0} came in`
        }
        const last = producer.outbox.next - 1
        if (!producer.gone && (ends.get(producer.life) ?? 0) < last) {
          return `${producer.life}: ${last} were sent, ${ends.get(producer.life) ?? 0} came in`
        }
      }
      if (this.lossy) return null
      for (const [incarnation, seen] of this.plainSeen) {
        if ((ends.get(`w1.${incarnation}`) ?? 0) < seen)
          return `plain stream ${incarnation}: ${seen} had come in, now less`
      }
      return null
    }
    while (missing() !== null) {
      check(world.now < deadline, `${missing()} (${this.refusals.slice(-3).join('; ')})`)
      this.adopt()
      if (this.machine.volume.readOnly) this.mount()
      if (this.rig === null && !this.starting) this.restart(this.epochs.length - 1)
      for (const producer of this.producers) {
        if (this.rig !== null && !producer.gone && producer.wire === null) producer.connect(this.rig)
      }
      world.run(world.now + 20)
      this.take(Infinity)
      this.cutEpoch()
      this.completeEpoch()
    }
    this.take(Infinity)
  }
}

const limits = makeLimits({ ...smallLimits, producers: 64, journalBytes: 6 << 10 })

/** Runs the scenario of `seed`; throws what it finds. */
export function runScenario(seed: number): void {
  new Run(seed).run()
}
