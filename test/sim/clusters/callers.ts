/**
 * The producers of sources that come and go with the programs of a pipeline (`../programs.ts`). They begin when
 * somebody has asked for a program with their source, whether it is taken or not, and do not know when it is gone.
 *
 * R1. Who is told often enough that its stream is not known begins another one: its source has been dropped since
 *     (`checkers/callers.ts`).
 * R2. In fair weather what is not made by now never is, but for a few records that show that all goes on.
 */
import type { Prng } from '../../../src/base/prng.ts'
import { UNKNOWN_MAX } from '../../../src/protocol/unknown.ts'
import type { SimProducer } from '../../../src/sim/producer.ts'
import type { World } from '../../../src/sim/world.ts'
import type { Feed } from '../cases.ts'
import type { CalledLife } from '../checkers/callers.ts'
import type { Outside } from '../outside.ts'
import type { Family, Part } from '../programs.ts'
import type { ClusterConfig } from './config.ts'

/** Producers of a source, at most. */
const PRODUCERS = 2

export interface Caller {
  readonly feed: Feed
  readonly producer: SimProducer
  /** Records that it is still to make. */
  left: number
}

export class Callers {
  readonly all: Caller[] = []
  private readonly family: Family
  private readonly config: ClusterConfig
  private readonly world: World
  private readonly random: Prng
  private readonly outside: Outside
  private readonly met = new Set<string>()
  private fair = false

  constructor(family: Family, config: ClusterConfig, world: World, random: Prng, outside: Outside) {
    this.family = family
    this.config = config
    this.world = world
    this.random = random
    this.outside = outside
  }

  /** Those of `part` begin, where they have not; answers with them. */
  meet(part: Part): readonly Caller[] {
    if (this.met.has(part.step)) return []
    this.met.add(part.step)
    const { outside, random, config, fair } = this
    const feed = this.family.feed(part)
    const count = 1 + random.below(PRODUCERS)
    const callers = Array.from({ length: count }, (_, i): Caller => {
      const producer = outside.producerOf(`${feed.step}-p${i + 1}`, random.below(5), feed, { believes: UNKNOWN_MAX })
      return { feed, producer, left: fair ? 0 : 10 + random.below(Math.ceil(config.records / 4)) }
    })
    for (const caller of callers) {
      caller.producer.start()
      if (fair) caller.producer.produce(1)
      else this.produce(caller)
    }
    this.all.push(...callers)
    return callers
  }

  /** Those who speak with a worker that is gone, too, go to `host`. */
  goTo(host: string): void {
    for (const { feed, producer } of this.all) producer.goTo({ host, port: feed.port })
  }

  /** R2. */
  settle(): void {
    this.fair = true
    for (const caller of this.all) {
      caller.left = 0
      if (!caller.producer.running) caller.producer.start()
      caller.producer.produce(3)
    }
  }

  get machines(): string[] {
    return this.all.map(({ producer }) => producer.machine)
  }

  /** Whether all that was made for sources of these names is in an epoch. */
  allIn(steps: readonly string[]): boolean {
    return this.all.every(({ feed, producer }) => producer.settled || !steps.includes(feed.step))
  }

  get complaints(): readonly string[] {
    return this.all.flatMap(({ producer }) => producer.complaints)
  }

  get lives(): readonly CalledLife[] {
    return this.all.flatMap(({ feed, producer }) => {
      return producer.lives.map(({ name, made, stable, gone }) => ({ name, source: feed.step, made, stable, gone }))
    })
  }

  /** How far they have come, for a cluster that does not go on. */
  standing(steps: readonly string[]): string[] {
    return this.all.map(({ feed, producer }) => {
      const { name, made, journaled, stable } = producer.life
      const there = steps.includes(feed.step) ? '' : ' (no source)'
      return `${name}${there}: made ${made}, journaled ${journaled}, stable ${stable}`
    })
  }

  /** Makes records, a few at a time. */
  private produce(caller: Caller): void {
    const { world, random, config } = this
    const { producer } = caller
    world.at(world.now + random.between(0, 2 * config.pauseMs), () => {
      if (caller.left <= 0) return
      const { made } = producer.life
      producer.produce(Math.min(caller.left, 1 + random.below(config.burst)))
      caller.left -= Math.max(0, producer.life.made - made)
      this.produce(caller)
    })
  }
}
