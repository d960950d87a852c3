/**
 * One whole system in one process, from its seed: producers, a worker on a simulated machine, consumers, and the weather.
 *
 * Y1. Two acts: weather, in which only safety is asked for, then fair weather, in which everything must finish within
 *     `LIVE_MS`.
 * Y2. In the end the pipeline drains and a last life restores what it left: its states go on from those.
 */

import type { PotorooError } from '../../src/base/errors.ts'
import type { Key } from '../../src/base/hash.ts'
import { Prng } from '../../src/base/prng.ts'
import type { Manifest } from '../../src/checkpoint/manifest.ts'
import type { StreamRow } from '../../src/ingest/stream.ts'
import type { Plan } from '../../src/model/plan.ts'
import { SimConsumer } from '../../src/sim/consumer.ts'
import { SimProducer } from '../../src/sim/producer.ts'
import { SimSender } from '../../src/sim/sender.ts'
import { DATA, Station } from '../../src/sim/station.ts'
import { calm } from '../../src/sim/weather.ts'
import { type Machine, World } from '../../src/sim/world.ts'
import { contentOf } from '../../src/worker/dead-letter.ts'
import { CONSUMER, type Feed, folderOf, WORKER } from './cases.ts'
import type { Evidence, FinalState, Life, Output } from './checkers/evidence.ts'
import { rerun } from './checkers/rerun.ts'
import { type Config, drawConfig } from './config.ts'
import { causeOf, type Kept, labelled, Witness } from './witness.ts'

/** Everything finishes within this time of fair weather, in milliseconds. */
const LIVE_MS = 30_000
/** How long the driver lets the world go on between two looks, in milliseconds. */
const LOOK_MS = 5
/** Looks in a row that must find everything done. */
const QUIET_LOOKS = 10
const CAPACITY = 1 << 30
/** What sinks and consumers take after a drain, in milliseconds. */
const SETTLE_MS = 500

export interface Result {
  readonly seed: number
  /** What ran, in a line. */
  readonly what: string
  /** What is wrong; empty when all is well. */
  readonly complaints: readonly string[]
  readonly records: number
  readonly lives: number
  readonly epochs: number
  readonly events: number
  readonly simulatedMs: number
  readonly log: readonly string[]
}

/** Runs the system of `seed`. */
export function runSystem(seed: number): Result {
  return runConfig(drawConfig(seed))
}

/** Runs the system of `config`; `listener` hears of every point of its first act, until everything sent is in. */
export function runConfig(config: Config, listener: Striker | null = null): Result {
  const system = new System(config, listener)
  try {
    system.run()
  } catch (error) {
    if (error instanceof Stuck) return system.result()
    system.complaints.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  return system.result()
}

/** Hears what point the run has come to, and answers what happens to the worker there. */
export type Striker = (point: string) => Blow | null

/** `kill`: its process dies. `power`: its machine loses its power. `stop`: it stands still for a while. */
export type Blow = 'kill' | 'power' | 'stop'

/** How long a worker stands still, in milliseconds. */
const STOP_MS = 700

/** The system does not go on; a complaint says so. */
class Stuck extends Error {}

/** A file that was laid on the worker's disk. */
interface Laid {
  readonly feed: Feed
  readonly name: string
  readonly path: string
  readonly made: number
  readonly bytes: number
}

type Places = Readonly<Record<string, { readonly position: number }>>

export class System {
  readonly complaints: string[] = []
  private readonly config: Config
  private readonly world: World
  private readonly random: Prng
  private readonly weather: Config['weather']
  private readonly witness = new Witness()
  private readonly machine: Machine
  private readonly station: Station
  private readonly producers: { readonly feed: Feed; readonly producer: SimProducer }[] = []
  private readonly senders: { readonly feed: Feed; readonly sender: SimSender }[] = []
  private readonly files: Laid[] = []
  private readonly consumers: { readonly step: string; readonly consumer: SimConsumer }[] = []
  private readonly plan: Plan
  private left: number
  private fair = false
  private striker: Striker | null
  /** An epoch was damaged: what was stable by it comes again from the journal, behind an earlier one. */
  private damaged = false
  private epochs = 0
  /** Lines that were visible, and when. */
  private readonly read = new Map<string, number>()
  private lastError: PotorooError | null = null

  constructor(config: Config, striker: Striker | null = null) {
    this.config = config
    this.striker = striker
    const { weather, limits, restartMs, seed } = config
    // A copy: fair weather is made by writing over it.
    this.weather = { network: { ...weather.network }, disk: { ...weather.disk }, clock: { ...weather.clock } }
    this.world = new World(seed, this.weather)
    this.random = new Prng(seed + 1)
    this.left = config.records
    this.plan = config.system.build()
    this.machine = this.world.machine(WORKER, { checked: true })
    const build = (): Plan => this.witness.trace(config.system.build())
    this.station = new Station(
      this.machine,
      { worker: WORKER, limits, restartMs, plan: build },
      {
        running: (base) => this.onRunning(base),
        failed: (error) => this.onFailed(error),
      },
    )
    this.addFeeds()
    // Files are all there from the beginning.
    if (this.producers.length + this.senders.length === 0) this.left = 0
    this.addConsumers()
  }

  run(): void {
    const { station } = this
    if (this.striker !== null) this.world.onPoint((point) => this.strike(point))
    for (const { consumer } of this.consumers) consumer.start()
    station.start()
    for (const { producer } of this.producers) producer.start()
    for (const { sender } of this.senders) sender.start()
    this.plot()
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
    const { world, station, config, complaints } = this
    return {
      seed: config.seed,
      what: describe(config),
      complaints,
      records: config.records - this.left,
      lives: station.lives,
      epochs: this.epochs,
      events: world.events,
      simulatedMs: world.now,
      log: world.drainLog(),
    }
  }

  // ── The scene ────────────────────────────────────────────────────────────────────────────────────────────────────

  private addFeeds(): void {
    const { config, world } = this
    for (const feed of config.system.feeds) {
      const address = { host: WORKER, port: feed.port }
      if (feed.kind === 'file') {
        for (let i = 1; i <= feed.files; i++) {
          this.writeFile(feed, i, 10 + this.random.below(Math.max(1, config.records / 2)))
        }
      } else if (feed.kind === 'acked') {
        for (let i = 1; i <= config.producers; i++) {
          const name = `${feed.step}-p${i}`
          const producer = new SimProducer(world.machine(name, { checked: true }), {
            name,
            address,
            source: `${this.plan.pipeline}/${feed.step}`,
            outboxBytes: 16 << 10,
            patienceMs: config.patienceMs,
            overlapChance: config.overlapChance,
            repeatChance: config.repeatChance,
            record: (life, sequence) => record(feed, life, sequence),
          })
          this.producers.push({ feed, producer })
        }
      } else {
        for (let i = 1; i <= config.senders; i++) {
          const name = `${feed.step}-s${i}`
          const sender = new SimSender(world.machine(name), {
            name,
            address,
            patienceMs: config.patienceMs,
            record: (life, sequence) => framed(feed, record(feed, life, sequence)),
          })
          this.senders.push({ feed, sender })
        }
      }
    }
  }

  /** Lays a file on the worker's disk, durably. */
  private writeFile(feed: Feed, index: number, made: number): void {
    const { volume } = this.machine
    const folder = folderOf(feed)
    const path = `${folder}/${index}`
    const name = `${feed.step}-f${index}`
    const parts: Buffer[] = []
    for (let sequence = 1; sequence <= made; sequence++) parts.push(framed(feed, record(feed, name, sequence)))
    const content = Buffer.concat(parts)
    volume.makeDirectory(folder)
    const inode = volume.open(path, 'write')
    if (!('sync' in inode)) throw new Error('the file cannot be made')
    volume.write(inode, 0, content)
    inode.sync()
    volume.syncDirectory('/')
    volume.syncDirectory(folder)
    this.files.push({ feed, name, path, made, bytes: content.length })
  }

  private addConsumers(): void {
    const drains = this.config.system.drains.filter((drain) => drain.kind === 'tcp')
    if (drains.length === 0) return
    const machine = this.world.machine(CONSUMER)
    for (const { step, port } of drains) {
      this.consumers.push({
        step,
        consumer: new SimConsumer(machine, { name: `consumer-${step}`, host: CONSUMER, port }),
      })
    }
  }

  // ── The plot ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private plot(): void {
    for (const { producer } of this.producers)
      this.feed(
        (count) => producer.produce(count),
        () => producer.life.made,
      )
    for (const { sender } of this.senders)
      this.feed(
        (count) => sender.produce(count),
        () => sender.life?.made ?? 0,
      )
    const { deeds } = this.config
    const { world, station, random } = this
    this.often(deeds.powerOffMs, () => {
      station.losePower()
      station.startLater()
    })
    this.often(deeds.stopWorkerMs, () => {
      const { process } = station
      process?.stop()
      world.at(world.now + random.between(1, 1000), () => process?.continue())
    })
    this.often(deeds.jumpClockMs, () => station.process?.clock.jump(random.between(-5000, 5000)))
    this.often(deeds.fillDiskMs, () => {
      this.machine.volume.capacityBytes = 0
      world.at(world.now + random.between(1, 500), () => {
        this.machine.volume.capacityBytes = CAPACITY
      })
    })
    this.often(deeds.damageMs, () => this.damage())
    for (const { producer } of this.producers) {
      const name = producer.machine
      this.often(deeds.crashProducerMs, () => {
        if (!producer.running) return
        producer.kill(random.chance(this.config.diskOutboxChance))
        world.at(world.now + random.between(1, 200), () => producer.start())
      })
      this.often(deeds.reconnectMs, () => producer.reconnect())
      this.trouble(name)
    }
    for (const { sender } of this.senders) {
      this.often(deeds.reconnectMs, () => sender.reconnect())
      this.trouble(sender.machine)
    }
    for (const { consumer } of this.consumers) {
      this.often(deeds.killConsumerMs, () => {
        consumer.kill()
        world.at(world.now + random.between(1, 300), () => consumer.start())
      })
      this.often(deeds.stopConsumerMs, () => {
        consumer.stop()
        world.at(world.now + random.between(1, 500), () => consumer.continue())
      })
    }
    if (this.consumers.length > 0) this.trouble(CONSUMER)
  }

  /** A reader looks at what sinks have made visible: that must never be taken back. */
  private look(): void {
    for (const { step, promise, lines } of this.outputs()) {
      if (promise === 'exactly') for (const line of lines) this.read.set(`${step} ${line}`, this.world.now)
    }
  }

  /** What a reader saw is there in the end; only damage takes an epoch back. */
  private checkSeen(outputs: readonly Output[]): void {
    if (this.damaged) return
    const there = new Set(outputs.flatMap(({ step, lines }) => lines.map((line) => `${step} ${line}`)))
    for (const [line, time] of this.read) {
      if (!there.has(line)) {
        this.complaints.push(`${line} could be read at ${time} and was taken back`)
        return
      }
    }
  }

  /**
   * The worker dies, and a bit of its last epoch turns: it has to go back to the one before. Only where that one stands,
   * for what exists once and is damaged is lost; and not where a power loss may take plain records from the journal, for
   * only the epoch that is damaged says that they were in none: the worker asks whether they may be lost.
   */
  private damage(): void {
    const { station, machine, random } = this
    const { execution, worker } = station
    if (execution === null || (execution.figures?.completed ?? 0) < 2) return
    if (this.senders.length > 0 && (this.config.deeds.powerOffMs > 0 || this.config.harsh)) return
    const { manifest } = worker!.cluster.pipelines.get(this.plan.pipeline)!.epochs.at(-1)!
    const [folder, name] = [manifest.slice(0, manifest.lastIndexOf('/')), manifest.slice(manifest.lastIndexOf('/') + 1)]
    const packs = folder.replace(/manifests$/, 'packs')
    const listed = machine.volume.list(`${DATA}/store/${packs}`)
    const own = Array.isArray(listed) ? listed.filter((pack) => pack.startsWith(name)) : []
    const path = own.length > 0 && random.chance(0.5) ? `${packs}/${own[0]}` : manifest
    station.kill()
    machine.volume.damage(`${DATA}/store/${path}`, random)
    this.damaged = true
    this.world.log.info('damaged', { path })
    station.startLater()
  }

  /** Trouble between the worker and the machine `name`. */
  private trouble(name: string): void {
    const { deeds } = this.config
    const { random, world } = this
    const { network } = world
    const heal = (): void => world.at(world.now + random.between(1, 1000), () => network.heal(name, WORKER))
    this.often(deeds.cutMs, () => {
      network.cut(name, WORKER)
      heal()
    })
    this.often(deeds.halfCutMs, () => {
      if (random.chance(0.5)) network.route(name, WORKER).cut()
      else network.route(WORKER, name).cut()
      heal()
    })
    this.often(deeds.silenceMs, () => network.silence(name, WORKER))
    this.often(deeds.resetMs, () => network.reset(name, WORKER))
  }

  /** The first act: the worker dies now and then, between any two events. */
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

  private get deciding(): boolean {
    const { execution, machine } = this.station
    const names = execution === null ? [] : machine.volume.list(`${DATA}/store/tmp`)
    return Array.isArray(names) && names.length > 0
  }

  /** Does `deed` again and again until the weather is fair. */
  private often(everyMs: number, deed: () => void): void {
    if (everyMs === 0) return
    const next = (): void =>
      this.world.at(this.world.now + this.random.between(0, 2 * everyMs), () => {
        if (this.fair) return
        deed()
        next()
      })
    next()
  }

  /** Makes records, a few at a time, as long as some are left. */
  private feed(produce: (count: number) => void, made: () => number): void {
    const { pauseMs, burst } = this.config
    const next = (): void =>
      this.world.at(this.world.now + this.random.between(0, 2 * pauseMs), () => {
        if (this.left <= 0) return
        const before = made()
        produce(1 + this.random.below(burst))
        this.left -= Math.max(0, made() - before)
        next()
      })
    next()
  }

  // ── Fair weather ─────────────────────────────────────────────────────────────────────────────────────────────────

  private clearUp(): void {
    const { weather, world, station } = this
    this.fair = true
    Object.assign(weather.network, { ...calm.network, kernelBytes: weather.network.kernelBytes, timeoutMs: 2000 })
    Object.assign(weather.disk, calm.disk)
    Object.assign(weather.clock, calm.clock)
    this.machine.volume.capacityBytes = CAPACITY
    const others = [
      ...this.producers.map(({ producer }) => producer.machine),
      ...this.senders.map(({ sender }) => sender.machine),
    ]
    if (this.consumers.length > 0) others.push(CONSUMER)
    for (const name of others) world.network.heal(name, WORKER)
    for (const { consumer } of this.consumers) consumer.continue()
    station.process?.continue()
    station.mount()
    if (station.process === null) station.startLater()
    for (const { sender } of this.senders) sender.reconnect()
    // What is not made by now never is; a few more show that all goes on.
    this.left = 0
    for (const { producer } of this.producers) {
      if (!producer.running) producer.start()
      producer.produce(3)
    }
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
    if (this.left > 0 || execution === null || (patient && execution.due !== Infinity)) return false
    const { seen } = this.witness
    return (
      this.producers.every(({ producer }) => producer.settled) &&
      this.files.every(({ name, made }) => seen.get(name) === made) &&
      this.senders.every(({ sender }) => {
        const { life } = sender
        return life !== null && (seen.get(life.name) ?? 0) === life.made
      })
    )
  }

  /** Drains the pipeline; a life that ends meanwhile is followed by another, which drains again. */
  private drained(): () => boolean {
    let asked: unknown = null
    let done = false
    return () => {
      const { execution } = this.station
      if (execution !== null && execution !== asked) {
        asked = execution
        execution.drain(10_000, (failure) => {
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
        this.complaints.push(`not within ${LIVE_MS} ms of fair weather: ${what}; ${this.standing()}`)
        throw new Stuck()
      }
      world.run(world.now + LOOK_MS)
    }
  }

  /** How far everybody has come, for a system that does not go on. */
  private standing(): string {
    const { station, witness } = this
    const seen = (life: string): number => witness.seen.get(life) ?? 0
    const parts: string[] = [`${this.left} records left to make`]
    for (const { producer } of this.producers) {
      const { name, made, journaled, stable } = producer.life
      parts.push(`${name}: made ${made}, journaled ${journaled}, stable ${stable}, seen ${seen(name)}`)
    }
    for (const { sender } of this.senders) {
      const life = sender.lives.at(-1)
      parts.push(
        `${life?.name} ${sender.life === null ? '(down)' : ''}: made ${life?.made}, seen ${seen(life?.name ?? '')}`,
      )
    }
    for (const { name, made } of this.files) parts.push(`${name}: made ${made}, seen ${seen(name)}`)
    const { execution } = station
    parts.push(execution === null ? `life ${station.lives} does not run` : JSON.stringify(execution.figures))
    for (const [step, writer] of execution?.writers ?? []) parts.push(`${step}: ${JSON.stringify(writer.status)}`)
    if (this.lastError !== null) parts.push(`last error: ${this.lastError.message}`)
    return parts.join('; ')
  }

  /** A life begins: of a file it has what its base has. */
  private onRunning(base: Manifest | null): void {
    this.epochs = Math.max(this.epochs, base?.epoch ?? 0)
    for (const { feed, producer } of this.producers) {
      const rows = base?.sources.find(({ step }) => step === feed.step)?.snapshot as readonly StreamRow[] | undefined
      const { name, stable } = producer.life
      const position = rows?.find(([, incarnation]) => incarnation === name)?.[2] ?? 0
      if (stable > position && !this.damaged)
        this.complaints.push(`${name}: ${stable} is stable, ${position} in the epoch`)
    }
    for (const { feed, name, path, made, bytes } of this.files) {
      const snapshot = base?.sources.find(({ step }) => step === feed.step)?.snapshot as Places | undefined
      const position = snapshot?.[path]?.position ?? 0
      this.witness.seen.set(name, position >= bytes ? made : 0)
    }
  }

  private onFailed(error: PotorooError): void {
    this.lastError = error
  }

  // ── The end ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private check(before: Evidence['states']): void {
    const { station, witness } = this
    this.epochs = Math.max(this.epochs, station.execution!.figures?.epoch ?? 0)
    for (const { producer } of this.producers) this.complaints.push(...producer.complaints, ...producer.forgotten)
    const evidence: Evidence = {
      plan: this.plan,
      visits: witness.visits,
      letters: station.execution!.deadLetters.list(0, Infinity).map(({ step, given }) => {
        return { step, cause: causeOf(contentOf(given).value) }
      }),
      lives: this.livesOf(),
      before,
      states: this.states(),
      outputs: this.outputs(),
    }
    this.complaints.push(...rerun(evidence))
    this.checkSeen(evidence.outputs)
  }

  private livesOf(): Life[] {
    const lives: Life[] = []
    const add = (feed: Feed, name: string, made: number, owed: number, whole: boolean): void => {
      lives.push({ name, source: feed.step, made, owed, whole, record: (sequence) => feed.record(name, sequence) })
    }
    for (const { feed, producer } of this.producers) {
      for (const life of producer.lives) add(feed, life.name, life.made, life.gone ? life.journaled : life.made, true)
    }
    for (const { feed, sender } of this.senders) {
      for (const life of sender.lives) add(feed, life.name, life.made, 0, false)
    }
    for (const { feed, name, made } of this.files) add(feed, name, made, made, true)
    return lives
  }

  private states(): Map<string, Map<Key, FinalState>> {
    const states = new Map<string, Map<Key, FinalState>>()
    for (const [step, store] of this.station.execution!.stores) {
      while (store.loadNext()) {}
      const found = new Map<Key, FinalState>()
      for (const table of store.tables) {
        for (let entry = 0; entry < (table?.top ?? 0); entry++) {
          const key = table!.keys[entry]
          if (key === undefined) continue
          const { at, state } = table!.states[entry] as Kept
          found.set(key, { at, state })
        }
      }
      states.set(step, found)
    }
    return states
  }

  private outputs(): Output[] {
    return this.config.system.drains.flatMap((drain): Output[] => {
      const { step, kind, path } = drain
      if (kind === 'append') return [{ step, promise: 'exactly', lines: linesOf(this.contentOf(path)) }]
      if (kind === 'segments') {
        const folder = path.slice(0, path.lastIndexOf('/'))
        const listed = this.machine.volume.list(folder)
        const names = Array.isArray(listed) ? listed : []
        const begin = `${path.slice(folder.length + 1)}.`
        const own = names.filter((name) => name.startsWith(begin) && !name.endsWith('.pending'))
        return [
          { step, promise: 'exactly', lines: own.flatMap((name) => linesOf(this.contentOf(`${folder}/${name}`))) },
        ]
      }
      if (kind === 'server') return []
      const { consumer } = this.consumers.find((one) => one.step === step)!
      const lines = consumer.deliveries.flatMap(({ chunks }) => linesOf(Buffer.concat(chunks)))
      return [{ step, promise: 'some', lines }]
    })
  }

  private contentOf(path: string): Buffer {
    const inode = this.machine.volume.open(path, 'read')
    return 'sync' in inode ? inode.read(0, inode.size) : Buffer.alloc(0)
  }
}

function describe({ system, deeds, harsh }: Config): string {
  const feeds = system.feeds.map(({ step, kind }) => `${step}: ${kind}`)
  const drains = system.drains.map(({ step, kind }) => `${step}: ${kind}`)
  const done = Object.entries(deeds).filter(([, everyMs]) => everyMs > 0)
  const often = done.map(([deed, everyMs]) => `${deed} ${Math.round(everyMs)}`)
  return `${system.name} (${[...feeds, ...drains].join(', ')})${harsh ? ' harsh' : ''} ${often.join(', ')}`
}

function record(feed: Feed, life: string, sequence: number): Buffer {
  return labelled(`${life}#${sequence}`, feed.record(life, sequence))
}

function framed(feed: Feed, bytes: Buffer): Buffer {
  return Buffer.concat(feed.framing.frame(bytes))
}

/** The whole lines of `bytes`; what a connection broke off at its end is none. */
function linesOf(bytes: Buffer): string[] {
  const text = bytes.toString()
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1)
}
