/**
 * One whole cluster in one process, from its seed: workers on machines of their own that share a volume, producers,
 * files, consumers, and the weather.
 *
 * Y1. Two acts: weather, in which only safety is asked for, then fair weather, in which everything must finish within
 *     `LIVE_MS` and the waits of its pace.
 * Y2. In the end the pipeline drains, all workers die at once, and their next lives restore what they left: the states
 *     go on from those.
 * Y3. Nothing that is drawn here can make a worker fail, unless its disks do.
 * Y4. Where the last epoch is damaged and what lies behind the one before it too, workers refuse to go back by
 *     themselves, as they must: such a run ends there, and is counted. Whether they had to is judged by what the
 *     weather did (`../refusal.ts`).
 */

import type { PotorooError } from '../../../src/base/errors.ts'
import type { Json } from '../../../src/base/json.ts'
import { Prng } from '../../../src/base/prng.ts'
import type { Manifest } from '../../../src/checkpoint/manifest.ts'
import type { Env } from '../../../src/env/env.ts'
import type { StreamRow } from '../../../src/ingest/stream.ts'
import type { Plan } from '../../../src/model/plan.ts'
import { type MemberOptions, MemberStation, memberMachine, SHARED } from '../../../src/sim/member-station.ts'
import type { SimSender } from '../../../src/sim/sender.ts'
import type { Volume } from '../../../src/sim/volume.ts'
import { calm } from '../../../src/sim/weather.ts'
import { World } from '../../../src/sim/world.ts'
import type { Execution } from '../../../src/worker/execution/execution.ts'
import type { CommittedSeams } from '../../../src/worker/pipelines/committed.ts'
import { answersOf } from '../answers.ts'
import type { Drain } from '../cases.ts'
import type { Evidence, Output } from '../checkers/evidence.ts'
import { judgeReads, type ReadEvidence } from '../checkers/reads.ts'
import { rerun } from '../checkers/rerun.ts'
import { judgeTwigs, type TwigEvidence } from '../checkers/twigs.ts'
import { clocksAreRight } from '../config.ts'
import { Outside } from '../outside.ts'
import type { Program } from '../programs.ts'
import { objectionToRefusal } from '../refusal.ts'
import { outputsOf, readableIn, statesOf, statesOfEpoch } from '../remains.ts'
import { isAtRest } from '../rest.ts'
import type { Striker } from '../system.ts'
import { Witness } from '../witness.ts'
import { Callers } from './callers.ts'
import { ChainWatch, STORE } from './chain-watch.ts'
import { type ClusterConfig, nobodyIsAway } from './config.ts'
import { FullDisks } from './full-disks.ts'
import { LastMoments } from './last-moments.ts'
import { Leftovers } from './leftovers.ts'
import { Losses } from './losses.ts'
import { OtherPipelines } from './other-pipelines.ts'
import { People } from './people.ts'
import { PlainSenders } from './plain-senders.ts'
import { ClusterPlot } from './plot.ts'
import { PutBack } from './put-back.ts'
import { Readers } from './readers.ts'
import { Ruins } from './ruins.ts'
import { letterOf, SecondTries } from './second-tries.ts'
import { StoppedDrains } from './stopped-drains.ts'
import { Upgrades } from './upgrades.ts'
import { Vanished } from './vanished.ts'
import { formOf } from './versions.ts'

/**
 * Everything finishes within this time of fair weather, in milliseconds: what does not wait takes as long at any pace.
 */
const LIVE_MS = 20_000
/** And within so much more, as usual. */
const LIVE_WAITS_MS = 100_000
/** How long the driver lets the world go on between two looks, in milliseconds, as usual. */
const LOOK_MS = 50
/** A pipeline that is not there after so many looks is submitted again. */
const SUBMIT_LOOKS = 40
/** Of so many looks one is at who has which key groups. */
const SELDOM = 8
/** How much of the first act may be left where everything is in. */
const IDLE_PART = 0.1
/** Looks in a row that must find everything done. */
const QUIET_LOOKS = 5
/** And so many before somebody gives up what is parked. */
const GIVEN_UP_LOOKS = 200
/** For how long records are made while a pipeline drains, in milliseconds, as usual. */
const DRAINED_MS = 600
/** By how much clocks may run wrong for workers to find together. */
const FAIR_DRIFT = 0.01
/** What sinks and consumers take after a drain, in milliseconds, as usual. */
const SETTLE_MS = 2000
/** And consumers alone, once all sinks have ended, for what is on its way to them in fair weather. */
const ARRIVE_MS = 50

/** Why workers may end: whether they had to is judged for itself. */
const JUDGED = new Set(['E_RESTORE', 'E_STORE_BACK', 'E_WORKER_TWICE'])

const NAMES = ['w1', 'w2', 'w3', 'w4', 'w5']

export interface ClusterResult {
  readonly seed: number
  /** What ran, in a line. */
  readonly what: string
  /** What is wrong; empty when all is well. */
  readonly complaints: readonly string[]
  /** It ended with workers that ask whether something may be lost (Y4). */
  readonly refused: boolean
  readonly records: number
  readonly lives: number
  readonly generations: number
  readonly epochs: number
  /** Questions of readers that were answered, and those that were not. */
  readonly reads: number
  readonly unanswered: number
  readonly events: number
  readonly simulatedMs: number
  /** Of all that the world has done (`src/sim/trace.ts`). */
  readonly fingerprint: string
  readonly log: readonly string[]
}

/** Runs the cluster of `config`; `striker` hears of every point of its workers until everything sent is in. */
export async function runClusterOf(config: ClusterConfig, striker: Striker | null = null): Promise<ClusterResult> {
  const { family, posted, webs, followed, hasty, fewLetters, rememberedMs } = config
  const few = fewLetters === null ? {} : { deadLetters: fewLetters }
  const memory = rememberedMs === null ? {} : { producerTtlMs: rememberedMs }
  const limits = { ...config.limits, ...hasty, ...few, ...memory }
  const system =
    family?.system ??
    config.system
      .posted(({ step }) => posted.includes(step))
      .webbed((step) => webs.includes(step))
      .followed((step) => followed.includes(step))
  const cluster = new SimCluster({ ...config, limits, system, besides: family?.files }, striker)
  try {
    await cluster.run()
  } catch (error) {
    if (!(error instanceof Stuck)) {
      cluster.complaints.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
  }
  return cluster.result()
}

/** The cluster does not go on; a complaint says so. */
class Stuck extends Error {}

type Places = Readonly<Record<string, { readonly position: number }>>

class SimCluster {
  readonly complaints: string[] = []
  private readonly config: ClusterConfig
  private readonly world: World
  private readonly random: Prng
  private readonly weather: ClusterConfig['weather']
  private readonly volume: Volume
  private readonly witness = new Witness()
  private readonly stations: MemberStation[] = []
  private readonly outside: Outside
  private readonly plot: ClusterPlot
  private readonly chain: ChainWatch
  private readonly old: PutBack
  private readonly leftovers: Leftovers
  private readonly losses = new Losses()
  private readonly disks: FullDisks
  private readonly vanished: Vanished
  private readonly ruins: Ruins
  private readonly upgrades: Upgrades | null
  private readonly callers: Callers | null
  private readonly plan: Plan
  private readonly others: OtherPipelines
  private readonly people: People
  private readonly tries: SecondTries
  private readonly stops: StoppedDrains
  private readonly plain: PlainSenders
  private readonly readers: Readers
  /** The worker that those outside turn to in fair weather. */
  private home: MemberStation | null = null
  /** Somebody reads the last epoch, and waits for promises. */
  private reading = false
  private striker: Striker | null
  private looks = 0
  /** Looks for which all have been at work, in fair weather, with a store that was put back. */
  private longStanding = 0
  private doubles = 0
  /** Who has refused to go back by itself (Y4). */
  private readonly refusals = new Set<string>()
  /** Lines that were visible, and when. */
  private readonly read = new Map<string, number>()

  constructor(config: ClusterConfig, striker: Striker | null) {
    this.striker = striker
    const { weather, seed, workers } = config
    this.config = config
    // A copy: fair weather is made by writing over it.
    this.weather = { network: { ...weather.network }, disk: { ...weather.disk }, clock: { ...weather.clock } }
    this.world = new World(seed, this.weather)
    this.random = new Prng(seed + 1)
    this.volume = this.world.volume('shared')
    this.plan = config.system.build()
    this.chain = new ChainWatch(this.volume, this.plan.pipeline)
    this.old = new PutBack(this.volume, this.chain)
    this.disks = new FullDisks(weather.disk.capacityBytes)
    this.vanished = new Vanished(this.stations)
    this.ruins = new Ruins(this.volume, this.chain, config.limits.horizonEpochs)
    this.upgrades = config.family && new Upgrades(config.family, seed, this.chain)
    const { world, random, volume } = this
    const doors = NAMES.slice(0, workers)
    this.outside = new Outside(config, world, random, { doors, volume, pipeline: this.plan.pipeline })
    const { damageMs, putBackMs } = config.deeds
    // Who begins with nothing begins with the file that is there.
    this.outside.rotates = ({ feed, path }) => damageMs + putBackMs === 0 && this.placeIn(feed.step, path) > 0
    this.callers = config.family && new Callers(config.family, config, world, random, this.outside)
    const { stations, plan, outside, witness } = this
    this.tries = new SecondTries(config, this.plan.pipeline)
    const { pipeline: name } = this.plan
    this.leftovers = new Leftovers(config, { volume, stations, pipeline: name })
    this.others = new OtherPipelines(config, { world, volume, stations, chain: this.chain })
    const { chain } = this
    const { pipeline } = config.system
    const planned = (env: Env): Plan => this.planOf(env)
    this.people = new People(config, { world, volume, stations, chain, pipeline, planned: plan, plan: planned })
    this.readers = new Readers(config, { world, plan, stations, outside, witness })
    this.plain = new PlainSenders(config, stations, outside, plan.pipeline)
    this.stops = new StoppedDrains(config, world, stations)
    this.stops.over = !config.stoppedDrains
    const crowd = {
      all: stations,
      get live() {
        return stations.filter(({ worker }) => worker !== null)
      },
      join: () => {
        if (stations.length < config.mostWorkers) this.add(1)
      },
      double: (station: MemberStation) => this.double(station),
    }
    this.plot = new ClusterPlot(config, world, random, {
      workers: crowd,
      outside: this.outside,
      volume,
      chain: this.chain,
      old: this.old,
      disks: this.disks,
      vanished: this.vanished,
      ruins: this.ruins,
      upgrades: this.upgrades,
      others: this.others,
      tries: this.tries,
      knowsAll: () => {
        const covered = this.covered()
        return this.outside.producers.every(({ producer }) => (covered.get(producer.life.incarnation) ?? 0) > 0)
      },
      putBack: (stations) => this.putBack(stations),
    })
  }

  async run(): Promise<void> {
    const { outside, stations, world, config } = this
    outside.listen()
    for (let i = 0; i < config.workers; i++) this.add(config.workers)
    await this.expect('the cluster stands', () => stations.some(({ worker }) => worker?.phase === 'active'))
    let looks = 0
    await this.expect('the pipeline is there', () => {
      // Again where that has failed, as a person would.
      const able = stations.find(({ worker }) => worker?.phase === 'active')
      if (looks++ % SUBMIT_LOOKS === 0 && able !== undefined && !this.people.submit(able)) able.submit()
      return stations.some(({ worker }) => (worker?.cluster.pipelines.size ?? 0) > 0)
    })
    const moments = config.struckDrains ? new LastMoments(config, world, this.chain, stations) : null
    if (this.striker !== null || moments !== null || config.stoppedDrains) {
      world.onPoint((point, machine) => {
        moments?.at(point)
        this.stops.look()
        this.strike(point, machine)
      })
    }
    outside.start()
    outside.produce()
    this.plot.begin()
    this.tries.begin(world, this.witness)
    this.readers.begin()
    this.people.begin()
    let end = world.now + config.actMs
    while (world.now < end) {
      await this.goOn()
      // There is little more to lose.
      if (this.idle) end = Math.min(end, world.now + config.actMs * IDLE_PART)
    }
    this.clearUp()
    // Half the time with results that are still to come: the last lives have to put them out.
    await this.comeToRest(this.random.chance(0.5) && !config.struckDrains && !config.stoppedDrains)
    this.stops.over = true
    if (moments !== null && config.people > 0)
      await this.expect('what was drained is shown', () => moments.hiddenIn(this.volume).length === 0)
    const before = await this.states()
    for (const station of this.staying) station.kill()
    for (const station of this.staying) station.start()
    this.others.resting = false
    await this.submitAgain()
    if (moments !== null) moments.over = true
    await this.comeToRest(true)
    this.check(before, await this.states())
  }

  result(): ClusterResult {
    const { world, config, complaints, outside, chain } = this
    return {
      seed: config.seed,
      what: describe(config),
      complaints,
      refused: this.refusals.size > 0,
      records: config.records - outside.left,
      lives: this.stations.reduce((sum, { lives }) => sum + lives, 0),
      generations: chain.generation,
      epochs: chain.last?.epoch ?? 0,
      reads: this.readers.reads.length,
      unanswered: this.readers.unanswered,
      events: world.events,
      simulatedMs: world.now,
      fingerprint: world.fingerprint,
      log: world.drainLog(),
    }
  }

  // ── Workers ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private add(expected: number): void {
    const { world, volume } = this
    const machine = memberMachine(world, NAMES[this.stations.length]!, volume)
    const fell = (error: PotorooError): boolean => {
      this.judge(station, error)
      this.disks.fell(station, error)
      this.vanished.fell(station, error)
      return this.ruins.fell(station, error) || this.old.fell(station, error)
    }
    const station: MemberStation = new MemberStation(machine, { ...this.optionsOf(machine.name), expected, fell })
    this.stations.push(station)
    station.start()
  }

  /** A second process under the name of `station`, which ends for good, and is none of the cluster's own. */
  private double(station: MemberStation): MemberStation {
    const { name: worker } = station
    const machine = memberMachine(this.world, `${worker}-${++this.doubles}`, this.volume)
    const fell = (): boolean => {
      // The one that gave way may be back by now; while it is not, the other one stays.
      if (station.process === null && station.fell.at(-1)?.code === 'E_WORKER_TWICE')
        this.complaints.push(`both processes of ${worker} have ended for one another`)
      double.lose()
      return false
    }
    const double: MemberStation = new MemberStation(machine, { ...this.optionsOf(worker), expected: 1, fell, worker })
    double.start()
    return double
  }

  /** What processes of `worker` are started with. */
  private optionsOf(worker: string): Omit<MemberOptions, 'expected' | 'fell'> {
    const { config, upgrades, others, people } = this
    const { limits, restartMs, loadMs, sharedJournals: journals } = config
    const plan = (env: Env, hash: string, parameters: Json): Plan =>
      others.planOf(hash, worker) ??
      people.planOf(hash) ??
      this.planOf(env, upgrades?.programOf(hash), formOf(parameters))
    const stopped = (hash: string, error: PotorooError): boolean =>
      others.failed(hash, error) || people.stopped(hash, error) || upgrades?.stopped(hash, error) === true
    const { make, end: close } = people
    return {
      alone: this.config.alone,
      limits,
      port: 7400,
      restartMs,
      loadMs,
      pipeline: this.plan.pipeline,
      plan,
      journals,
      stopped,
      make,
      close,
    }
  }

  /** What a process runs of the pipeline that this is about. */
  private planOf(env: Env, program: Program | null = null, form = 1): Plan {
    const { system, family, longAnswers } = this.config
    const planned = program === null ? system.build() : family!.plan(program)
    return this.witness.trace(planned, answersOf(env, longAnswers), program?.number, form)
  }

  private get staying(): MemberStation[] {
    return this.stations.filter(({ left }) => !left)
  }

  private executionOf({ worker }: MemberStation): Execution | null {
    return worker?.residents.all.get(this.plan.pipeline)?.execution ?? null
  }

  /** The generation in which all that have not left are at work with the pipeline, 0 where they are not. */
  private get standing(): number {
    const { staying } = this
    // Where nobody would stay, nobody can leave: all work on.
    const phase = staying.every(({ worker }) => worker?.phase === 'leaving') ? 'leaving' : 'active'
    let common = 0
    for (const station of staying) {
      const { worker, resting } = station
      const resident = worker?.residents.all.get(this.plan.pipeline)
      if (resting || worker?.phase !== phase || resident === undefined) return 0
      if (resident.phase !== 'running' && resident.phase !== 'ended') return 0
      // The version that was submitted last.
      if (resident.submitted !== worker.cluster.pipelines.get(this.plan.pipeline)?.submitted) return 0
      const { number } = resident.execution.generation
      if (common !== 0 && common !== number) return 0
      common = number
    }
    return common
  }

  private get rightClocks(): boolean {
    return clocksAreRight(this.config)
  }

  private allDrained(asked: Execution | null = null): boolean {
    const { pipeline } = this.plan
    return this.staying.every(({ worker }) => {
      const one = worker?.residents.all.get(pipeline)
      // Who came when it had been drained knows it by the chain alone.
      if (one === undefined)
        return worker?.phase === 'active' && worker.cluster.pipelines.get(pipeline)?.drained === true
      return one.phase === 'drained' || (asked !== null && one.execution === asked)
    })
  }

  // ── The acts ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether everything has been made and is in. */
  private get idle(): boolean {
    return this.outside.left <= 0 && this.allIn(false)
  }

  private async goOn(): Promise<void> {
    const { world, chain } = this
    await this.readers.pass(world.now + LOOK_MS * this.config.pace, () => this.people.wait || this.reading)
    chain.look()
    this.old.look()
    this.upgrades?.look(this.stations)
    this.others.look(this.plot.fair)
    if (this.plot.fair) this.tries.look(this.staying)
    this.people.look(this.plot.fair)
    this.meet()
    // Key groups stay with their owners as long as a generation lasts: a look at some moments of it sees it.
    if (++this.looks % SELDOM === 0) this.lookAtOwners()
    this.giveUp()
    if (this.random.chance(0.005)) this.look()
  }

  /** Sources that somebody has asked for have producers. */
  private meet(): void {
    const { upgrades, callers, plot } = this
    for (const part of upgrades?.called ?? []) for (const caller of callers!.meet(part)) plot.trouble(caller)
  }

  /** A worker has come to a point: something may happen to it there. */
  private strike(point: string, machine: string): void {
    const { world, stations, striker } = this
    const station = stations.find(({ name }) => name === machine)
    const { process = null } = station ?? {}
    const blow = station === undefined || process === null ? null : (striker?.(`${machine}: ${point}`) ?? null)
    if (blow !== null) {
      world.log.info('strike', { blow, point, machine })
      this.plot.strike(station!, blow)
    }
  }

  /** The store is put back, and what it lacks may be lost where no journal has it. */
  private putBack(stations: readonly MemberStation[]): void {
    const told = this.outside.producers.flatMap(({ producer }) => producer.lives)
    const ends = this.covered()
    this.old.putBack(stations)
    this.losses.putBack(told, ends, this.covered())
  }

  /** Somebody who has waited for all journals gives up what none of them has. */
  private giveUp(): void {
    if (this.old.times === 0 || !this.plot.fair) return
    this.longStanding = this.standing === 0 ? 0 : this.longStanding + 1
    if (this.longStanding < GIVEN_UP_LOOKS) return
    for (const station of this.staying) this.losses.giveUp(this.executionOf(station)!)
  }

  private lookAtOwners(): void {
    const { chain } = this
    for (const station of this.stations) {
      const { worker, name } = station
      const execution = this.executionOf(station)
      if (execution !== null && worker!.residents.all.get(this.plan.pipeline)!.phase === 'running') {
        chain.holds(name, execution)
      }
    }
  }

  /** A reader looks at what sinks have made visible: that must never be taken back. */
  private look(): void {
    for (const line of readableIn(this.drains, this.volume)) this.read.set(line, this.world.now)
  }

  private clearUp(): void {
    const { weather, world, stations, outside } = this
    this.plot.fair = true
    world.log.info('fair')
    Object.assign(weather.network, { ...calm.network, kernelBytes: weather.network.kernelBytes, timeoutMs: 2000 })
    Object.assign(weather.disk, calm.disk)
    Object.assign(weather.clock, calm.clock)
    const machines = [...stations.map(({ name }) => name), ...outside.machines, ...(this.callers?.machines ?? [])]
    for (const { machine } of stations) machine.haze.lift()
    for (const station of stations) this.vanished.come(station)
    for (const { name } of stations) for (const other of machines) if (other !== name) world.network.heal(name, other)
    for (const station of this.staying) {
      station.process?.continue()
      station.mount()
      // A process has one clock for its whole life.
      if (this.config.weather.clock.drift > FAIR_DRIFT) station.kill()
      if (station.process === null) station.startLater()
    }
    const stands = (sender: SimSender): boolean => this.plain.stands(sender)
    this.sendHome(stands)
    outside.settle(stands)
    this.callers?.settle()
  }

  /** Who speaks to workers that have left goes to one that stays: a client knows more addresses than one. */
  private sendHome(stands: (sender: SimSender) => boolean = () => false): void {
    const { outside } = this
    this.home = this.staying[0]!
    const { name: host } = this.home
    for (const { feed, producer } of outside.producers) producer.goTo({ host, port: feed.port })
    for (const { feed, sender } of outside.senders) sender.goTo({ host, port: feed.port }, stands(sender))
    this.callers?.goTo(host)
  }

  /** Everything sent comes in, the pipeline drains, and its sinks let go. */
  private async comeToRest(patient: boolean): Promise<void> {
    let looks = 0
    await this.expect('everything sent is in', () => {
      looks = this.allIn(patient) ? looks + 1 : 0
      return looks === (patient ? QUIET_LOOKS : 1)
    })
    this.plain.close()
    this.striker = null
    this.readers.end()
    await this.expect('readers are answered', () => this.standing !== 0 && this.readers.fairly(this.home!))
    await this.expect('the other pipelines come to their end', () => !patient || this.others.done)
    this.others.resting = true
    await this.expect('what runs is what was asked for', () => this.others.settled)
    if (patient && this.config.tidy)
      await this.expect('what is over is gone', () => this.standing !== 0 && this.leftovers.areGone)
    await this.expect('people are answered, and shown what they have asked for', () => this.people.done)
    this.people.over = true
    // What comes in while it drains is what its last epoch has to show.
    if ((this.config.struckDrains || this.config.stoppedDrains) && !patient)
      this.outside.goOn(DRAINED_MS * this.config.pace)
    await this.expect('the pipeline drains', this.config.people > 0 ? this.drainedForGood() : this.drained())
  }

  /** People have drained all for good; sinks let go. */
  private drainedForGood(): () => boolean {
    let over = Infinity
    return () => {
      const { world, people, config } = this
      const rests = (this.allDrained() || this.standing !== 0) && people.drained()
      // Where all are at work they stay so, unless somebody is killed or ended just then.
      if ((config.struckDrains || config.stoppedDrains) && !rests) over = Infinity
      else if (over === Infinity && rests) over = world.now + SETTLE_MS * config.pace
      return world.now >= over
    }
  }

  /** What was drained for good runs nowhere, whoever has died, before it is submitted again. */
  private async submitAgain(): Promise<void> {
    const { people, config } = this
    if (config.people === 0) return
    await this.expect('all are at work again', () => this.staying.every(({ worker }) => worker?.phase === 'active'))
    if (!people.stays) this.complaints.push('what was drained runs again, and nobody has submitted it')
    people.over = false
  }

  /** Whether everything made is in; who is `patient` waits too for what comes due by itself. */
  private allIn(patient: boolean): boolean {
    const { outside, witness } = this
    if (this.home?.left === true) this.sendHome()
    if (outside.left > 0 || this.standing === 0) return false
    const executions = this.staying.map((station) => this.executionOf(station)!)
    if (patient && !isAtRest(this.plan, executions, this.rightClocks)) return false
    // What a life has decoded may be taken back: of files that counts which the last epoch has.
    for (const { feed, name, path, made, bytes } of outside.files)
      witness.seen.set(name, this.placeIn(feed.step, path) >= bytes ? made : 0)
    const reading = this.upgrades?.reading ?? []
    if (reading.some((step) => outside.besides.some(({ path, bytes }) => this.placeIn(step, path) < bytes)))
      return false
    if (this.callers?.allIn(this.upgrades!.listening) === false) return false
    return outside.allIn(witness.seen, this.covered())
  }

  /** How far the source `step` had come in a file, by the last epoch. */
  private placeIn(step: string, path: string): number {
    const parts = this.chain.last?.sources.filter((part) => part.step === step) ?? []
    return Math.max(
      0,
      ...parts.map(({ snapshot }) => (snapshot as unknown as Places)[`${SHARED}${path}`]?.position ?? 0),
    )
  }

  /** The highest record of each producer's incarnation that the last epoch has. */
  private covered(): Map<string, number> {
    return this.positionsIn(this.chain.last?.sources ?? [])
  }

  private positionsIn(sources: Manifest['sources']): Map<string, number> {
    const covered = new Map<string, number>()
    const { feeds } = this.config.system
    for (const { step, snapshot } of sources) {
      const kind = feeds.find((feed) => feed.step === step)?.kind
      if (kind !== 'acked' && kind !== 'http') continue
      for (const [, incarnation, position] of snapshot as unknown as readonly StreamRow[]) {
        covered.set(incarnation, Math.max(position, covered.get(incarnation) ?? 0))
      }
    }
    return covered
  }

  /**
   * Drains the pipeline in a generation that stands, and lets sinks let go; where it ends meanwhile, in the next one.
   */
  private drained(): () => boolean {
    let asked: Execution | null = null
    let over = Infinity
    return () => {
      const { world } = this
      const { pace } = this.config
      const executions = this.staying.map((station) => this.executionOf(station))
      if (executions.some((one) => one?.generation.number !== this.chain.generation)) return false
      if (asked !== null && executions.includes(asked)) {
        // Who was asked has answered, and the others say so.
        if (over !== Infinity && this.allDrained(asked)) over = Math.min(over, world.now + ARRIVE_MS)
        return world.now >= over
      }
      // Who was asked has left since.
      if (this.allDrained()) {
        asked = executions[0]!
        over = world.now + SETTLE_MS * pace
        return false
      }
      if (this.standing === 0) return false
      const execution = executions[0]!
      asked = execution
      over = Infinity
      execution.drain(10_000, false, (failure) => {
        if (asked !== execution) return
        if (failure === null) over = world.now + SETTLE_MS * pace
        else asked = null
      })
      return false
    }
  }

  /** Lets the world go on until `condition` holds; not within `LIVE_MS` is a finding. */
  private async expect(what: string, condition: () => boolean): Promise<void> {
    const { world } = this
    const liveMs = LIVE_MS + LIVE_WAITS_MS * this.config.pace
    const end = world.now + liveMs
    while (!condition()) {
      if (world.now >= end) {
        if (this.refusals.size > 0) throw new Stuck()
        this.complaints.push(`not within ${liveMs} ms of fair weather: ${what}; ${this.describe()}`)
        throw new Stuck()
      }
      await this.goOn()
    }
  }

  /** Y4: a worker has ended with `error`. What its disk has is looked at now: what goes on without it trims. */
  private judge(station: MemberStation, error: PotorooError): void {
    const { volume, plot, old, complaints, config } = this
    const { name, machine } = station
    if (error.code !== 'E_RESTORE' || this.refusals.has(name)) return
    if (this.ruins.asks(error) || old.asksAgain(station, error)) return
    this.refusals.add(name)
    const mounts = [
      { at: SHARED, volume },
      { at: '', volume: machine.volume },
    ]
    const ground = { store: `${SHARED}${STORE}`, mounts, apart: !config.sharedJournals }
    const objection = objectionToRefusal(error, ground, plot.damaged)
    if (objection !== null) complaints.push(`refuses to go back, and need not: ${objection}; ${error.message}`)
  }

  /** How far everybody has come, for a cluster that does not go on. */
  private describe(): string {
    const parts = [...this.chain.complaints, ...this.old.complaints, ...this.outside.standing(this.witness.seen)]
    parts.push(
      ...this.leftovers.standing,
      ...this.others.standing,
      ...this.people.standing,
      ...(this.callers?.standing(this.upgrades!.listening) ?? []),
    )
    for (const station of this.stations) {
      const { worker, name, left } = station
      const resident = worker?.residents.all.get(this.plan.pipeline)
      const { generation, status } = resident?.execution ?? { generation: null, status: null }
      const held = status === null || status.heldBy === null ? '' : `, held: ${status.heldBy}`
      const state = left ? 'has left' : `${worker?.phase ?? 'down'}`
      parts.push(`${name} ${state} ${resident?.phase ?? ''} in ${generation?.number}${held}`)
      for (const [step, writer] of resident?.execution.writers ?? []) parts.push(`${step}: ${show(writer.status)}`)
      for (const { step, recordsIn, waiting } of resident?.execution.status.tasks ?? []) {
        if (waiting > 0) parts.push(`${step}: ${recordsIn} in, ${waiting} wait`)
      }
    }
    return parts.join('; ')
  }

  // ── The end ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private check(before: Evidence['states'], states: Evidence['states']): void {
    const { witness, outside, chain, complaints, config } = this
    chain.compare()
    const { old, losses, plot } = this
    complaints.push(...chain.complaints, ...old.complaints, ...losses.complaints, ...plot.complaints)
    complaints.push(...witness.complaints, ...(this.upgrades?.complaints ?? []), ...(this.callers?.complaints ?? []))
    complaints.push(
      ...this.others.complaints,
      ...this.people.judge(),
      ...this.stops.complaints,
      ...this.plain.complaints,
    )
    complaints.push(...this.vanished.complaints)
    for (const { producer } of outside.producers) complaints.push(...producer.complaints)
    for (const { receiver } of outside.receivers) complaints.push(...receiver.complaints)
    if (!config.harsh)
      for (const { fell, name } of this.stations)
        for (const error of fell)
          if (!JUDGED.has(error.code) && !this.isExcused(error)) complaints.push(`${name} fell: ${error}`)
    // A worker accuses nobody where there is nobody else.
    for (const { fell, name } of this.doubles === 0 ? this.stations : [])
      for (const error of fell) if (error.code === 'E_WORKER_TWICE') complaints.push(`${name} fell: ${error}`)
    const letters = this.staying.flatMap((station) => this.executionOf(station)?.deadLetters.list(0, Infinity) ?? [])
    const evidence: Evidence = {
      plan: this.plan,
      workers: this.stations.length,
      visits: witness.visits,
      letters: letters.map(letterOf),
      replayed: this.tries.replayed,
      purged: [...this.tries.purged.values()],
      mended: witness.mended,
      lives: outside.lives(this.losses.given, this.plain.whole),
      before,
      states,
      outputs: this.outputs(),
      // What is tried again has its old time.
      timely: this.rightClocks && nobodyIsAway(config) && this.tries.replayed.size === 0 && config.people === 0,
      reshaped: this.upgrades !== null,
    }
    complaints.push(...(this.ruins.times > 0 ? this.ruins.complaints : rerun(evidence)), ...this.readers.complaints)
    if (this.upgrades !== null) complaints.push(...judgeTwigs(this.twigEvidence(evidence, this.upgrades)))
    if (this.readers.reads.length > 0) complaints.push(...judgeReads(this.readEvidence(evidence)))
    this.checkSeen(evidence.outputs)
  }

  private isExcused(error: PotorooError): boolean {
    return this.disks.isExcused(error) || this.vanished.isExcused(error)
  }

  private twigEvidence(evidence: Evidence, { fitting: programs, drains }: Upgrades): TwigEvidence {
    const { watches, plan } = this.config.family!
    const files = new Map(this.outside.besides.map(({ name, made }) => [name, made]))
    const given = outputsOf(drains, this.volume, this.outside).map((output, i) => ({ ...output, ...drains[i]! }))
    const called = this.callers!.lives
    return { ...evidence, programs, lastPlan: plan(programs.at(-1)!), watches, files, called, given }
  }

  private readEvidence(evidence: Evidence): ReadEvidence {
    const { chain, readers, outside, config } = this
    const lives = outside.producers.flatMap(({ producer }) => producer.lives)
    const alone = lives.filter(({ copied }) => !copied)
    const cutOf = (positions: ReadonlyMap<string, number>) =>
      new Map(alone.map(({ name, incarnation }) => [name, positions.get(incarnation) ?? 0]))
    const cuts = new Map([...chain.manifests].map(([epoch, { sources }]) => [epoch, cutOf(this.positionsIn(sources))]))
    // What is in an epoch stays, also when its stream is forgotten.
    if (config.rememberedMs !== null) accumulate(cuts)
    const copied = new Set(lives.filter((life) => life.copied).map(({ name }) => name))
    const lasting = this.takenBack ? readers.fairMoment : 0
    return { ...evidence, reads: readers.reads, keyGroups: config.limits.keyGroups, cuts, copied, lasting }
  }

  /** Only damage takes an epoch back, and an older store all that came since. */
  private get takenBack(): boolean {
    return this.plot.damaged || this.old.times > 0 || this.ruins.times > 0
  }

  /** What a reader saw is there in the end. */
  private checkSeen(outputs: readonly Output[]): void {
    if (this.takenBack) return
    const there = new Set(outputs.flatMap(({ step, lines }) => lines.map((line) => `${step} ${line}`)))
    for (const [line, time] of this.read) {
      if (there.has(line)) continue
      this.complaints.push(`${line} could be read at ${time} and was taken back`)
      return
    }
  }

  /** Where anything comes out, of whatever program. */
  private get drains(): readonly Drain[] {
    const { drains } = this.config.system
    return this.upgrades === null ? drains : [...drains, ...this.upgrades.drains]
  }

  /** What is in memory, or in the last epoch where people have drained all for good. */
  private async states(): Promise<Evidence['states']> {
    const { staying, config } = this
    if (config.people === 0) return statesOf(staying.map((station) => this.executionOf(station)!.stores))
    let states: Evidence['states'] | null = null
    const at = (phase: string) => staying.find(({ worker }) => worker?.phase === phase)
    // Where all want to leave, the last one works on.
    const reader = (): MemberStation | undefined => at('active') ?? at('leaving')
    await this.expect('somebody can read the last epoch', () => reader() !== undefined)
    this.reading = true
    void statesOfEpoch(this.epochOf(reader()!)).then((found) => (states = found))
    await this.expect('the last epoch can be read', () => states !== null)
    this.reading = false
    return states!
  }

  private epochOf(station: MemberStation): CommittedSeams {
    const { pipeline } = this.plan
    const worker = station.worker!
    const { env } = station.process!
    return {
      ...{ store: worker.storage, clock: env.clock, limits: this.config.limits, hurried: true },
      plan: this.planOf(env),
      entry: () => worker.cluster.pipelines.get(pipeline),
      suffices: () => true,
      another: () => Promise.reject(new Error('the last epoch suffices')),
    }
  }

  private outputs(): Output[] {
    const outputs = outputsOf(this.drains, this.volume, this.outside)
    // Receivers forget ids with the floor, behind which such a store may lie.
    if (!this.config.beyondJournals || this.old.times === 0) return outputs
    return outputs.map((one) => (one.promise === 'once' ? { ...one, promise: 'some' } : one))
  }
}

/** The positions of each epoch are no lower than those of the ones before. */
function accumulate(cuts: ReadonlyMap<number, Map<string, number>>): void {
  const highest = new Map<string, number>()
  for (const [, positions] of [...cuts].sort(([a], [b]) => a - b)) {
    for (const [life, position] of positions) highest.set(life, Math.max(position, highest.get(life) ?? 0))
    for (const [life, position] of highest) positions.set(life, position)
  }
}

function show(status: unknown): string {
  return JSON.stringify(status)
}

function describe({ system, deeds, workers, mostWorkers, harsh }: ClusterConfig): string {
  const feeds = system.feeds.map(({ step, kind }) => `${step}: ${kind}`)
  const drains = system.drains.map(({ step, kind }) => `${step}: ${kind}`)
  const done = Object.entries(deeds).filter(([, everyMs]) => typeof everyMs === 'number' && everyMs > 0)
  const often = done.map(([deed, everyMs]) => `${deed} ${Math.round(everyMs)}`)
  return `${workers} to ${mostWorkers} workers, ${system.name} (${[...feeds, ...drains].join(', ')})${harsh ? ' harsh' : ''} ${often.join(', ')}`
}
