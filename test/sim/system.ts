/**
 * One whole system in one process, from its seed: producers, a worker on a simulated machine, consumers, and the
 * weather.
 *
 * Y1. Two acts: weather, in which only safety is asked for, then fair weather, in which everything must finish within
 *     `LIVE_MS`.
 * Y2. In the end the pipeline drains and a last life restores what it left: its states go on from those.
 * Y3. Where the last epoch is damaged and the journal behind the one before it too, by a loss of power or a sync that
 *     failed, the worker refuses to go back by itself, as it must: such a run ends there, and is counted. Whether it
 *     had to is judged by what the weather did (`refusal.ts`).
 */

import type { PotorooError } from '../../src/base/errors.ts'
import { Prng } from '../../src/base/prng.ts'
import type { Manifest } from '../../src/checkpoint/manifest.ts'
import type { StreamRow } from '../../src/ingest/stream.ts'
import type { Plan } from '../../src/model/plan.ts'
import { DATA, Station } from '../../src/sim/station.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import { contentOf } from '../../src/worker/letters/dead-letter.ts'
import { answersOf } from './answers.ts'
import { WORKER } from './cases.ts'
import type { Evidence, Output } from './checkers/evidence.ts'
import { rerun } from './checkers/rerun.ts'
import { type Config, clocksAreRight } from './config.ts'
import { Outside } from './outside.ts'
import { CAPACITY, Plot } from './plot.ts'
import { objectionToRefusal } from './refusal.ts'
import { outputsOf, readableIn, statesOf } from './remains.ts'
import { isAtRest } from './rest.ts'
import { causeOf, Witness } from './witness.ts'

/** Everything finishes within this time of fair weather, in milliseconds. */
const LIVE_MS = 30_000
/** How long the driver lets the world go on between two looks, in milliseconds. */
const LOOK_MS = 5
/** Looks in a row that must find everything done. */
const QUIET_LOOKS = 10
/** What sinks and consumers take after a drain, in milliseconds. */
const SETTLE_MS = 500
/** How long a worker stands still that is stopped at a point, in milliseconds. */
const STOP_MS = 700

export interface Result {
  readonly seed: number
  /** What ran, in a line. */
  readonly what: string
  /** What is wrong; empty when all is well. */
  readonly complaints: readonly string[]
  /** It ended with a worker that asks whether something may be lost (Y3). */
  readonly refused: boolean
  readonly records: number
  readonly lives: number
  readonly epochs: number
  readonly events: number
  readonly simulatedMs: number
  /** Of all that the world has done (`src/sim/trace.ts`). */
  readonly fingerprint: string
  readonly log: readonly string[]
}

/** Hears what point the run has come to, and answers what happens to the worker there. */
export type Striker = (point: string) => Blow | null

/**
 * `kill`: its process dies. `power`: its machine loses its power. `stop`: it stands still for a while. `cut`: it goes
 * on, and hears nothing of the other workers for a while.
 */
export type Blow = 'kill' | 'power' | 'stop' | 'cut'

/** Runs the system of `config`; `striker` hears of every point until everything sent is in. */
export function runConfig(config: Config, striker: Striker | null = null): Result {
  const system = new System(config, striker)
  try {
    system.run()
  } catch (error) {
    if (error instanceof Stuck) return system.result()
    system.complaints.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  return system.result()
}

/** The system does not go on; a complaint says so. */
class Stuck extends Error {}

type Places = Readonly<Record<string, { readonly position: number }>>

class System {
  readonly complaints: string[] = []
  private readonly config: Config
  private readonly world: World
  private readonly random: Prng
  private readonly weather: Config['weather']
  private readonly witness = new Witness()
  private readonly station: Station
  private readonly outside: Outside
  private readonly plot: Plot
  private readonly plan: Plan
  private striker: Striker | null
  private epochs = 0
  /** Lines that were visible, and when. */
  private readonly read = new Map<string, number>()
  private lastError: PotorooError | null = null
  private refused = false

  constructor(config: Config, striker: Striker | null = null) {
    this.config = config
    this.striker = striker
    const { weather, limits, restartMs, seed } = config
    // A copy: fair weather is made by writing over it.
    this.weather = { network: { ...weather.network }, disk: { ...weather.disk }, clock: { ...weather.clock } }
    this.world = new World(seed, this.weather)
    this.random = new Prng(seed + 1)
    this.plan = config.system.build()
    const { pipeline } = this.plan
    const machine = this.world.machine(WORKER, { checked: true })
    this.station = new Station(
      machine,
      {
        worker: WORKER,
        limits,
        restartMs,
        pipeline,
        plan: (env) => this.witness.trace(config.system.build(), answersOf(env)),
      },
      {
        running: (base) => this.onRunning(base),
        failed: (error) => {
          this.lastError = error
        },
      },
    )
    const { world, random, station } = this
    this.outside = new Outside(config, world, random, { doors: [WORKER], volume: machine.volume, pipeline })
    this.plot = new Plot(config, world, random, { station, outside: this.outside, pipeline })
  }

  run(): void {
    const { station, outside } = this
    if (this.striker !== null) this.world.onPoint((point) => this.strike(point))
    outside.listen()
    station.start()
    outside.start()
    outside.produce()
    this.plot.begin()
    this.act()
    this.clearUp()
    // Half the time with results that are still to come: the last life has to put them out.
    this.comeToRest(this.random.chance(0.5))
    const before = this.states()
    station.kill()
    station.start()
    this.comeToRest(true)
    this.check(before)
  }

  result(): Result {
    const { world, station, config, complaints, outside } = this
    return {
      seed: config.seed,
      what: describe(config),
      complaints,
      refused: this.refused,
      records: config.records - outside.left,
      lives: station.lives,
      epochs: this.epochs,
      events: world.events,
      simulatedMs: world.now,
      fingerprint: world.fingerprint,
      log: world.drainLog(),
    }
  }

  // ── The first act ────────────────────────────────────────────────────────────────────────────────────────────────

  /** The worker dies now and then, between any two events. */
  private act(): void {
    const { world, station, config, random } = this
    const { killEvents } = config.deeds
    for (;;) {
      const last = killEvents === 0 ? Infinity : world.events + 1 + random.below(2 * killEvents)
      if (!world.runUntil(() => world.events >= last, config.actMs)) break
      // Half of the time in the middle of a decision: while a manifest or a record of the chain is on its way.
      if (random.chance(0.5) && !world.runUntil(() => this.deciding, config.actMs)) break
      const then = world.events + random.below(40)
      if (!world.runUntil(() => world.events >= then, config.actMs)) break
      this.look()
      station.kill()
      station.startLater()
    }
    world.run(config.actMs)
  }

  private get deciding(): boolean {
    const { execution, machine } = this.station
    const names = execution === null ? [] : machine.volume.list(`${DATA}/store/tmp`)
    return Array.isArray(names) && names.length > 0
  }

  /** The run has come to a point: something may happen there. */
  private strike(point: string): void {
    const { station, world } = this
    const { process } = station
    const blow = this.striker?.(point) ?? null
    if (blow === null || process === null) return
    world.log.info('strike', { blow, point })
    if (blow === 'stop') {
      process.stop()
      world.at(world.now + STOP_MS, () => process.continue())
      return
    }
    if (blow === 'power') station.losePower()
    else station.kill()
    station.startLater()
  }

  /** A reader looks at what sinks have made visible: that must never be taken back. */
  private look(): void {
    for (const line of readableIn(this.config.system.drains, this.station.machine.volume))
      this.read.set(line, this.world.now)
  }

  /** What a reader saw is there in the end; only damage takes an epoch back. */
  private checkSeen(outputs: readonly Output[]): void {
    if (this.plot.damaged) return
    const there = new Set(outputs.flatMap(({ step, lines }) => lines.map((line) => `${step} ${line}`)))
    for (const [line, time] of this.read) {
      if (!there.has(line)) {
        this.complaints.push(`${line} could be read at ${time} and was taken back`)
        return
      }
    }
  }

  // ── Fair weather ─────────────────────────────────────────────────────────────────────────────────────────────────

  private clearUp(): void {
    const { weather, world, station, outside } = this
    this.plot.fair = true
    Object.assign(weather.network, { ...calm.network, kernelBytes: weather.network.kernelBytes, timeoutMs: 2000 })
    Object.assign(weather.disk, calm.disk)
    Object.assign(weather.clock, calm.clock)
    station.machine.volume.capacityBytes = CAPACITY
    for (const name of outside.machines) world.network.heal(name, WORKER)
    station.process?.continue()
    station.mount()
    if (station.process === null) station.startLater()
    outside.settle()
  }

  /** Everything sent comes in, the pipeline drains, and its sinks let go. */
  private comeToRest(patient: boolean): void {
    // Once could be by chance: what was read a moment ago may have to be worked on.
    let looks = 0
    this.expect('everything sent is in', () => {
      looks = this.allIn(patient) ? looks + 1 : 0
      return looks === (patient ? QUIET_LOOKS : 1)
    })
    this.striker = null
    this.expect('the pipeline drains', this.drained())
    this.world.run(this.world.now + SETTLE_MS)
  }

  /** Whether everything made is in; who is `patient` waits too for what comes due by itself. */
  private allIn(patient: boolean): boolean {
    const { execution } = this.station
    if (this.outside.left > 0 || execution === null) return false
    if (patient && !isAtRest(this.plan, [execution], clocksAreRight(this.config))) return false
    return this.outside.allIn(this.witness.seen)
  }

  /** Drains the pipeline; a life that ends meanwhile is followed by another, which drains again. */
  private drained(): () => boolean {
    let asked: unknown = null
    let done = false
    return () => {
      const { execution } = this.station
      if (execution !== null && execution !== asked) {
        asked = execution
        execution.drain(10_000, false, (failure) => {
          done = failure === null
          if (failure !== null) asked = null
        })
      }
      return done
    }
  }

  /** Lets the world go on until `condition` holds; not within `LIVE_MS` is a finding. */
  private expect(what: string, condition: () => boolean): void {
    const { world } = this
    const end = world.now + LIVE_MS
    while (!condition()) {
      if (world.now >= end) {
        if (this.isRefused()) throw new Stuck()
        this.complaints.push(`not within ${LIVE_MS} ms of fair weather: ${what}; ${this.standing()}`)
        throw new Stuck()
      }
      world.run(world.now + LOOK_MS)
    }
  }

  /** Y3. */
  private isRefused(): boolean {
    const { lastError, station, complaints, plot } = this
    if (lastError?.code !== 'E_RESTORE') return false
    const ground = { store: `${DATA}/store`, mounts: [{ at: '', volume: station.machine.volume }] }
    const objection = objectionToRefusal(lastError, ground, plot.damaged)
    if (objection !== null) complaints.push(`refuses to go back, and need not: ${objection}; ${lastError.message}`)
    this.refused = objection === null
    return true
  }

  /** How far everybody has come, for a system that does not go on. */
  private standing(): string {
    const { station, witness } = this
    const { execution } = station
    const parts = this.outside.standing(witness.seen)
    parts.push(execution === null ? `life ${station.lives} does not run` : JSON.stringify(execution.status.figures))
    for (const [step, writer] of execution?.writers ?? []) parts.push(`${step}: ${JSON.stringify(writer.status)}`)
    if (this.lastError !== null) parts.push(`last error: ${this.lastError.message}`)
    return parts.join('; ')
  }

  /** A life begins: of a file it has what its base has. */
  private onRunning(base: Manifest | null): void {
    const { outside, witness } = this
    this.epochs = Math.max(this.epochs, base?.epoch ?? 0)
    for (const { feed, producer } of outside.producers) {
      const rows = base?.sources.find(({ step }) => step === feed.step)?.snapshot as readonly StreamRow[] | undefined
      const { name, incarnation, stable } = producer.life
      const position = rows?.find(([, one]) => one === incarnation)?.[2] ?? 0
      if (stable > position && !this.plot.damaged)
        this.complaints.push(`${name}: ${stable} is stable, ${position} in the epoch`)
    }
    for (const { feed, name, path, made, bytes } of outside.files) {
      const snapshot = base?.sources.find(({ step }) => step === feed.step)?.snapshot as Places | undefined
      const position = snapshot?.[path]?.position ?? 0
      witness.seen.set(name, position >= bytes ? made : 0)
    }
  }

  // ── The end ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private check(before: Evidence['states']): void {
    const { station, witness, outside } = this
    this.epochs = Math.max(this.epochs, station.execution!.status.figures?.epoch ?? 0)
    for (const { producer } of outside.producers) this.complaints.push(...producer.complaints, ...producer.forgotten)
    for (const { receiver } of outside.receivers) this.complaints.push(...receiver.complaints)
    const evidence: Evidence = {
      plan: this.plan,
      workers: 1,
      visits: witness.visits,
      letters: station.execution!.deadLetters.list(0, Infinity).map(({ step, given }) => {
        return { step, cause: causeOf(contentOf(given).value) }
      }),
      lives: outside.lives(),
      before,
      states: this.states(),
      outputs: this.outputs(),
      timely: clocksAreRight(this.config),
    }
    this.complaints.push(...rerun(evidence))
    this.checkSeen(evidence.outputs)
  }

  private states(): Evidence['states'] {
    return statesOf([this.station.execution!.stores])
  }

  private outputs(): Output[] {
    return outputsOf(this.config.system.drains, this.station.machine.volume, this.outside)
  }
}

function describe({ system, deeds, harsh }: Config): string {
  const feeds = system.feeds.map(({ step, kind }) => `${step}: ${kind}`)
  const drains = system.drains.map(({ step, kind }) => `${step}: ${kind}`)
  const done = Object.entries(deeds).filter(([, everyMs]) => everyMs > 0)
  const often = done.map(([deed, everyMs]) => `${deed} ${Math.round(everyMs)}`)
  return `${system.name} (${[...feeds, ...drains].join(', ')})${harsh ? ' harsh' : ''} ${often.join(', ')}`
}
