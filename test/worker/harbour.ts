/** A town whose pipeline has producers of the acked protocol in front of it. */
import { deepEqual, ok } from 'node:assert/strict'
import type { Limits } from '../../src/base/limits.ts'
import { SimProducer } from '../../src/sim/producer.ts'
import type { Weather } from '../../src/sim/weather.ts'
import { collecting, DOOR, Town } from './town.ts'

export class Harbour extends Town {
  readonly producers: SimProducer[] = []

  constructor(seed: number, weather?: Weather, changes: Partial<Limits> = {}, holdMs = 0) {
    super(seed, collecting(holdMs), changes, weather)
  }

  /** A producer that turns to `worker`, unless it is sent elsewhere. */
  addProducer(name: string, worker: string): void {
    const producer = new SimProducer(this.world.machine(name, { checked: true }), {
      name,
      address: { host: worker, port: DOOR },
      source: 'collecting/in',
      outboxBytes: 64 << 10,
      patienceMs: 500,
      overlapChance: 0,
      repeatChance: 0,
      record: (life, sequence) => Buffer.from(`${life} ${sequence}`),
    })
    producer.start()
    this.producers.push(producer)
  }

  /** Everybody sends for a while. */
  send(ms: number): void {
    for (let t = 0; t < ms; t += 100) {
      for (const producer of this.producers) producer.produce(5)
      this.run(100)
    }
  }

  private countOf(life: string): number {
    return this.rows().filter(({ id }) => id.startsWith(`${life} `)).length
  }

  /** Whatever was sent comes through; of those in `gone` at least what they know to be journaled. */
  expectAll(gone: ReadonlySet<SimProducer> = new Set()): void {
    this.until(() => this.producers.every((producer) => producer.settled || gone.has(producer)), 120_000)
    // Files get their names by the epoch's record, or in the next generation.
    this.epochs(2)
    this.run(2000)
    const ids = this.producers.flatMap((producer) => {
      const { name, made, journaled } = producer.life
      const count = gone.has(producer) ? this.countOf(name) : made
      ok(count >= journaled, `${name}: ${journaled} were journaled, and ${count} are there`)
      return Array.from({ length: count }, (_, i) => `${name} ${i + 1}`)
    })
    this.expectIds(ids)
    // Where a stream moves, its next home may begin before what was journaled: its producer has all of that still.
    for (const { complaints } of this.producers) deepEqual(complaints, [])
  }
}
