/**
 * What stands around the workers of a simulated system: producers and senders that make records, files that lie there,
 * consumers that read; what each of them has made and was told.
 *
 * N1. Who makes records makes about as many as the configuration says, all together, and none after that.
 */
import { Prng } from '../../src/base/prng.ts'
import type { Address } from '../../src/env/network.ts'
import { UNKNOWN_MAX } from '../../src/protocol/unknown.ts'
import { SimConsumer } from '../../src/sim/consumer.ts'
import { type ProducerOptions, SimProducer } from '../../src/sim/producer.ts'
import { madeMs, type ProducerLife } from '../../src/sim/record-maker.ts'
import { type SenderLife, SimSender } from '../../src/sim/sender.ts'
import type { Volume } from '../../src/sim/volume.ts'
import type { Machine, World } from '../../src/sim/world.ts'
import { type Case, CONSUMER, type Drain, type Feed, folderOf, HOOK, RECEIVERS } from './cases.ts'
import type { Life } from './checkers/evidence.ts'
import { GrowingFile } from './growing.ts'
import { SimHook } from './hook.ts'
import { calmInbox, InboxReceiver, type InboxWeather, type ReceiverHost } from './inbox-receiver.ts'
import { SimPoster } from './poster.ts'
import { labelled } from './witness.ts'

/** What of a configuration is about those outside. */
export interface OutsideConfig {
  readonly system: Case
  /** Files that lie there besides. */
  readonly besides?: Feed | undefined
  readonly producers: number
  readonly senders: number
  /** Records that a producer makes at a time at most, and its pause, in milliseconds. */
  readonly burst: number
  readonly pauseMs: number
  /** Records that all of them make together, about. */
  readonly records: number
  readonly overlapChance: number
  readonly repeatChance: number
  readonly patienceMs: number
  /** For how long sources remember a stream, where that is little: in milliseconds. */
  readonly rememberedMs?: number | null
  /** The disks of receivers, by their order, where they are not calm. */
  readonly inboxes?: readonly InboxWeather[]
}

/** A file that was laid on the workers' volume. */
export interface Laid {
  readonly feed: Feed
  readonly name: string
  readonly path: string
  made: number
  /** Of all that it has had, where it began anew under its name. */
  bytes: number
}

/** A producer of a source. */
export interface Brings<P = SimProducer | SimPoster> {
  readonly feed: Feed
  readonly producer: P
}

/** Records of each producer that are made while a pipeline drains. */
const MORE = 20
/** After so many times of what a source remembers a stream has lapsed, wherever something of it is left. */
const LAPSED = 1.5
/** Of what a receiver has written and not synced so much is torn when its power goes, of what is lost. */
const TORN = 0.5

export class Outside {
  readonly producers: Brings[] = []
  readonly senders: { readonly feed: Feed; readonly sender: SimSender }[] = []
  readonly files: Laid[] = []
  private readonly growing: GrowingFile[] = []
  /** Those that only some programs of the pipeline read. */
  readonly besides: Laid[] = []
  readonly consumers: { readonly step: string; readonly consumer: SimConsumer }[] = []
  readonly hooks: { readonly step: string; readonly receiver: SimHook }[] = []
  readonly receivers: { readonly step: string; readonly receiver: InboxReceiver }[] = []
  /** Records that are still to be made. */
  left: number
  /** Whether a file that grows may begin anew under its name. */
  rotates: (laid: Laid) => boolean = () => false
  private readonly config: OutsideConfig
  private readonly world: World
  private readonly random: Prng
  /** The hosts of the workers. */
  private readonly doors: readonly string[]
  private readonly pipeline: string

  /** Files are laid on `volume`. `pipeline` is the name under which acked sources are found. */
  constructor(
    config: OutsideConfig,
    world: World,
    random: Prng,
    { doors, volume, pipeline }: { doors: readonly string[]; volume: Volume; pipeline: string },
  ) {
    this.doors = doors
    this.pipeline = pipeline
    this.config = config
    this.world = world
    this.random = random
    this.left = config.records
    if (config.besides !== undefined) this.besides.push(...this.filesOf(config.besides, volume))
    for (const feed of config.system.feeds) {
      if (feed.kind === 'file') this.files.push(...this.filesOf(feed, volume))
      else if (feed.kind === 'acked') this.addProducers(feed)
      else if (feed.kind === 'http') this.addPosters(feed)
      else this.addSenders(feed)
    }
    // Other files are all there from the beginning.
    if (this.producers.length + this.senders.length + this.growing.length === 0) this.left = 0
    this.addConsumers()
  }

  // ── The scene ────────────────────────────────────────────────────────────────────────────────────────────────────

  private addProducers(feed: Feed): void {
    for (let i = 1; i <= this.config.producers; i++) {
      this.producers.push({ feed, producer: this.producerOf(`${feed.step}-p${i}`, i, feed) })
    }
  }

  private addPosters(feed: Feed): void {
    const { config, world } = this
    for (let i = 1; i <= config.producers; i++) {
      const name = `${feed.step}-p${i}`
      const doors = this.doors.map((_, door) => this.door(i + door, feed))
      const producer = new SimPoster(world.machine(name), {
        ...{ name, doors, patienceMs: config.patienceMs, ...this.memory },
        record: (life, sequence) => record(feed, life, sequence),
      })
      this.producers.push({ feed, producer })
    }
  }

  /** Makes a producer, which begins at the door of this index. */
  producerOf(name: string, index: number, feed: Feed, more: Pick<ProducerOptions, 'believes'> = {}): SimProducer {
    const { config, world, pipeline } = this
    const { patienceMs, overlapChance, repeatChance } = config
    const believed = this.forgetful ? { believes: UNKNOWN_MAX } : {}
    // What comes before a WebSocket stands is text that nothing checks.
    return new SimProducer(world.machine(name, { checked: !feed.web }), {
      ...{ name, patienceMs, overlapChance, repeatChance, ...this.memory, ...believed, ...more },
      address: this.door(index, feed),
      by: feed.web ? 'websocket' : 'tcp',
      source: `${pipeline}/${feed.step}`,
      outboxBytes: 16 << 10,
      record: (life, sequence) => record(feed, life, sequence),
    })
  }

  private get forgetful(): boolean {
    return (this.config.rememberedMs ?? null) !== null
  }

  private get memory(): { readonly rememberedMs?: number } {
    const { rememberedMs = null } = this.config
    return rememberedMs === null ? {} : { rememberedMs }
  }

  /**
   * Somebody begins with a copy of a producer's outbox, on a machine of its own; at once, or with one out of a backup.
   */
  copyOutbox({ feed, producer }: Brings<SimProducer>): void {
    const twin = this.producerOf(`${producer.machine}-copy${this.producers.length}`, this.producers.length, feed)
    twin.copy(producer)
    this.producers.push({ feed, producer: twin })
    this.world.at(this.world.now + this.random.below(20 * this.config.patienceMs), () => twin.start())
    this.feed(
      (count) => twin.produce(count),
      () => twin.life.made,
    )
  }

  private addSenders(feed: Feed): void {
    const { config, world } = this
    for (let i = 1; i <= config.senders; i++) {
      const name = `${feed.step}-s${i}`
      const sender = new SimSender(world.machine(name), {
        name,
        address: this.door(i, feed),
        by: feed.web ? 'websocket' : 'tcp',
        patienceMs: config.patienceMs,
        record: (life, sequence) => framed(feed, record(feed, life, sequence)),
      })
      this.senders.push({ feed, sender })
    }
  }

  private door(i: number, { port }: Feed): Address {
    return { host: this.doors[i % this.doors.length]!, port }
  }

  private filesOf(feed: Feed, volume: Volume): Laid[] {
    return Array.from({ length: feed.files }, (_, i) => {
      return this.lay(feed, volume, i + 1, 10 + this.random.below(Math.ceil(this.config.records / 2)))
    })
  }

  /** Lays a file on `volume`, durably. */
  private lay(feed: Feed, volume: Volume, index: number, made: number): Laid {
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
    const laid = { feed, name, path, made, bytes: content.length }
    if (feed.follow === true) {
      const next = (sequence: number): Buffer => framed(feed, record(feed, name, sequence))
      this.growing.push(new GrowingFile(laid, this.world, this.random, volume, next, () => this.rotates(laid)))
    }
    return laid
  }

  private addConsumers(): void {
    this.addReceivers()
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

  private addReceivers(): void {
    const { world } = this
    const { system, patienceMs: keepAliveMs, inboxes = [] } = this.config
    // What was drawn before there were inboxes stays as it was.
    const random = new Prng(this.config.records + keepAliveMs)
    const acked = system.drains.filter(({ kind }) => kind === 'acked')
    const byWebSocket = system.drains.filter(({ kind }) => kind === 'acked-websocket')
    const add = (machine: Machine, by: 'tcp' | 'websocket') => {
      const host: ReceiverHost = {
        machine,
        receivers: [],
        revive: (receiver) => world.at(world.now + random.between(1, 4 * keepAliveMs), () => receiver.start()),
      }
      return ({ step, port }: Drain) => {
        const weather = inboxes[this.receivers.length % inboxes.length] ?? calmInbox
        const options = { name: step, port, by, keepAliveMs, weather, random: random.fork() }
        this.receivers.push({ step, receiver: new InboxReceiver(host, options) })
      }
    }
    const disk = { ...world.weather.disk, tornChance: TORN }
    if (acked.length > 0) acked.forEach(add(world.machine(RECEIVERS.acked, { checked: true, disk }), 'tcp'))
    if (byWebSocket.length > 0)
      byWebSocket.forEach(add(world.machine(RECEIVERS['acked-websocket'], { disk }), 'websocket'))
    const hooks = system.drains.filter(({ kind }) => kind === 'webhook')
    if (hooks.length === 0) return
    const machine = world.machine(HOOK)
    for (const { step, port } of hooks) this.hooks.push({ step, receiver: new SimHook(machine, port) })
  }

  // ── The acts ─────────────────────────────────────────────────────────────────────────────────────────────────────

  listen(): void {
    for (const { consumer } of this.consumers) consumer.start()
  }

  start(): void {
    for (const { producer } of this.producers) producer.start()
    for (const { sender } of this.senders) sender.start()
  }

  /** Makes records, a few at a time, as long as some are left (N1). */
  produce(): void {
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
    for (const file of this.growing)
      this.feed(
        (count) => file.produce(count),
        () => file.made,
      )
  }

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

  /** Those with outboxes, which somebody may copy. */
  get outboxes(): Brings<SimProducer>[] {
    return this.producers.flatMap(({ feed, producer }) => (producer instanceof SimProducer ? [{ feed, producer }] : []))
  }

  /** Those who read what sinks give. */
  get readers(): (SimConsumer | InboxReceiver | SimHook)[] {
    const receivers = [...this.receivers, ...this.hooks].map(({ receiver }) => receiver)
    return [...this.consumers.map(({ consumer }) => consumer), ...receivers]
  }

  /** The machines that the workers speak with. */
  get machines(): string[] {
    const names = [
      ...this.producers.map(({ producer }) => producer.machine),
      ...this.senders.map(({ sender }) => sender.machine),
    ]
    if (this.consumers.length > 0) names.push(CONSUMER)
    return [...names, ...new Set([...this.receivers, ...this.hooks].map(({ receiver }) => receiver.machine))]
  }

  /**
   * Fair weather: everybody is there, and what is not made by now never is, but for a few that show that all goes on.
   * Senders whose connection `stands` keep it.
   */
  settle(stands: (sender: SimSender) => boolean = () => false): void {
    for (const reader of this.readers) reader.continue()
    for (const { receiver } of [...this.hooks, ...this.receivers]) receiver.settle()
    for (const { sender } of this.senders) if (!stands(sender)) sender.reconnect()
    this.left = 0
    for (const { producer } of this.producers) {
      if (!producer.running) producer.start()
      producer.produce(3)
    }
    for (const file of this.growing) file.produce(3)
  }

  /** Producers make a few records more, one by one, within `ms`: nobody waits for them yet. */
  goOn(ms: number): void {
    const { world } = this
    for (const { producer } of this.producers)
      for (let i = 0; i < MORE; i++) world.at(world.now + (i / MORE) * ms, () => producer.produce(1))
  }

  /**
   * Whether everything that was made is in; `seen` is the highest record of each life that was decoded, `covered` that
   * of each incarnation which an epoch has.
   */
  allIn(seen: ReadonlyMap<string, number>, covered: ReadonlyMap<string, number> | null = null): boolean {
    // Of a producer that has lost what it had, journals have what was journaled. They are in no hurry.
    const left = (life: ProducerLife): boolean => {
      const { incarnation, gone, copied, journaled } = life
      if (!gone || copied || covered === null || (covered.get(incarnation) ?? 0) >= journaled) return false
      // Who has been silent for so long has no row any more, or comes in no more.
      return this.world.now - madeMs(life, journaled) < LAPSED * (this.config.rememberedMs ?? Infinity)
    }
    return (
      this.producers.every(({ producer }) => producer.settled && !producer.lives.some(left)) &&
      this.files.every(({ name, made }) => seen.get(name) === made) &&
      this.senders.every(({ sender }) => {
        const { life } = sender
        return life !== null && (seen.get(life.name) ?? 0) === life.made
      })
    )
  }

  /** How far everybody has come, for a system that does not go on. */
  standing(seen: ReadonlyMap<string, number>): string[] {
    const parts = [`${this.left} records left to make`]
    for (const { producer } of this.producers) {
      const { name, made, journaled, stable } = producer.life
      parts.push(`${name}: made ${made}, journaled ${journaled}, stable ${stable}, seen ${seen.get(name) ?? 0}`)
    }
    for (const { sender } of this.senders) {
      const life = sender.lives.at(-1)
      const down = sender.life === null ? '(down)' : ''
      parts.push(`${life?.name} ${down}: made ${life?.made}, seen ${seen.get(life?.name ?? '') ?? 0}`)
    }
    for (const { name, made } of this.files) parts.push(`${name}: made ${made}, seen ${seen.get(name) ?? 0}`)
    return parts
  }

  /**
   * What everybody has made, for the checkers; `given` is what was given up of incarnations, `owed` what senders have
   * made that is in.
   */
  lives(given: ReadonlyMap<string, Life['lost']> = new Map(), owed: ReadonlySet<SenderLife> = new Set()): Life[] {
    const lives: Life[] = []
    const add = (feed: Feed, name: string, made: number, owed: number, whole: boolean, more: More = {}): void => {
      const { first = 1, lost = [], stream = name, forked = false } = more
      lives.push({
        name,
        source: feed.step,
        stream,
        first,
        made,
        owed,
        whole,
        forked,
        lost,
        record: (sequence) => feed.record(name, sequence),
      })
    }
    for (const { feed, producer } of this.producers) {
      for (const life of producer.lives) {
        const lost = given.get(life.incarnation) ?? []
        const { name, made, first, incarnation: stream, gone, copied } = life
        add(feed, name, made, owedOf(life, this.forgetful), true, { first, lost, stream, forked: gone && copied })
      }
    }
    for (const { feed, sender } of this.senders) {
      for (const life of sender.lives) add(feed, life.name, life.made, owed.has(life) ? life.made : 0, owed.has(life))
    }
    for (const { feed, name, made } of this.files) add(feed, name, made, made, true)
    return lives
  }
}

/** What is said of few lives. */
type More = Partial<Pick<Life, 'first' | 'lost' | 'stream' | 'forked'>>

/**
 * What has to be there of a life: of one that a copy goes on for, what was stable. Where sources are `forgetful`
 * journals that were away do not count any more.
 */
function owedOf({ made, gone, copied, journaled, stable }: ProducerLife, forgetful: boolean): number {
  if (!gone) return made
  return copied || forgetful ? stable : journaled
}

function record(feed: Feed, life: string, sequence: number): Buffer {
  return labelled(`${life}#${sequence}`, feed.record(life, sequence))
}

function framed(feed: Feed, bytes: Buffer): Buffer {
  return Buffer.concat(feed.framing.frame(bytes))
}
