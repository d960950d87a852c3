/** A worker's door on a simulated machine, and what a pipeline takes from it. */
import { expect } from 'vitest'
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import type { IngestBatch } from '../../src/ingest/batch.ts'
import { Door } from '../../src/ingest/door.ts'
import type { IngestSource } from '../../src/ingest/source.ts'
import type { StreamRow } from '../../src/ingest/stream.ts'
import { Cuts } from '../../src/model/connector.ts'
import type { Machine, SimProcess, World } from '../../src/sim/world.ts'

export const SOURCE = 'words/lines'

export const smallLimits: Limits = makeLimits({
  recordBytes: 256,
  frameBytes: 1024,
  journalSegmentBytes: 1024,
  journalBytes: 64 << 10,
  journalBlockBytes: 512,
  journalWriteBytes: 2048,
  ingestBytes: 4096,
  producers: 4,
  producerCreditBytes: 1024,
})

/** What a pipeline took: the stream's producer, the sequence, and the record's text. */
export interface Taken {
  readonly producer: string
  readonly incarnation: string
  readonly sequence: number
  readonly text: string
}

export class Rig {
  readonly world: World
  readonly machine: Machine
  readonly process: SimProcess
  readonly incarnation: string
  readonly limits: Limits
  readonly reports: string[] = []
  door: Door | null = null
  source: IngestSource | null = null
  ready = false
  /** The batch that the pipeline has in its hands. */
  protected batch: IngestBatch | null = null

  constructor(world: World, machine: Machine, incarnation: string, limits: Limits = smallLimits) {
    this.world = world
    this.machine = machine
    this.process = machine.start('worker')
    this.incarnation = incarnation
    this.limits = limits
  }

  /** Opens the door and the source at `rows`. */
  start(rows: readonly StreamRow[] = [], failed: (error: Error) => void = raise): void {
    const { env } = this.process
    const { incarnation, limits } = this
    Door.open({ env, limits, directory: '/journal', worker: 'w1', incarnation }, (error, door) => {
      if (error !== null) {
        failed(error)
        return
      }
      this.door = door
      const source = door!.source({
        id: SOURCE,
        token: null,
        onLeaving: () => {},
        onReady: () => {},
        report: (error) => this.reports.push(error.message),
      })
      this.source = source
      source.reset(rows, (error) => {
        if (error !== null) {
          failed(error)
          return
        }
        source.release()
        this.ready = true
      })
    })
  }

  started(rows: readonly StreamRow[] = []): this {
    this.start(rows)
    expect(this.world.runUntil(() => this.ready, this.world.now + 60_000)).toBe(true)
    return this
  }

  /** Goes back to `rows` while the process lives on. */
  reset(rows: readonly StreamRow[], done: (error: Error | null) => void = () => {}): void {
    this.batch = null
    this.source!.reset(rows, done)
  }

  settle(ms = 200): void {
    this.world.run(this.world.now + ms)
  }

  /** Takes up to `max` records; stops within a batch where that is reached. */
  take(max = Infinity): Taken[] {
    const taken: Taken[] = []
    for (;;) {
      const held = this.batch !== null && this.batch.taken < this.batch.count && !this.batch.released
      const batch = held ? this.batch : this.source!.poll()
      this.batch = batch
      if (batch === null) return taken
      const { producer, incarnation } = batch.stream
      while (batch.taken < batch.count) {
        if (taken.length === max) return taken
        const i = batch.cutFrom + batch.taken
        const text = batch.bytes.toString('utf8', batch.cuts.starts[i]!, batch.cuts.ends[i]!)
        taken.push({ producer, incarnation, sequence: batch.first + batch.taken, text })
        batch.taken++
      }
    }
  }

  /** Takes everything that comes, until nothing has come for a while. */
  drain(): Taken[] {
    const all: Taken[] = []
    for (let quiet = 0; quiet < 3; ) {
      const taken = this.take()
      quiet = taken.length === 0 ? quiet + 1 : 0
      all.push(...taken)
      this.settle(50)
    }
    return all
  }
}

/** Bytes with a newline behind each record, and where the records stand. */
export function linesOf(records: readonly string[]): { bytes: Buffer; cuts: Cuts } {
  const bytes = Buffer.from(records.map((record) => `${record}\n`).join(''))
  const cuts = new Cuts()
  let at = 0
  for (const record of records) {
    const length = Buffer.byteLength(record)
    cuts.add(at, at + length)
    at += length + 1
  }
  return { bytes, cuts }
}

export function push(source: IngestSource, ...records: readonly string[]): void {
  const { bytes, cuts } = linesOf(records)
  source.lane('test').push(bytes, cuts)
}

export function texts(taken: readonly Taken[]): string[] {
  return taken.map(({ text }) => text)
}

function raise(error: Error): void {
  throw error
}

/** Who waits from now on until `source` has room. */
export function waitersOf(source: IngestSource): ReadonlySet<() => void> {
  const waiting = new Set<() => void>()
  const { room } = source
  const { when, forget } = room
  room.when = (fn) => {
    waiting.add(fn)
    when.call(room, fn)
  }
  room.forget = (fn) => {
    waiting.delete(fn)
    forget.call(room, fn)
  }
  return waiting
}
