/**
 * What a worker does before owners change: it reads and decodes the key groups that it is about to get, and loads their
 * programs, while everything runs. Nothing depends on what comes of it: the way up finds what is there, and reads the
 * rest.
 *
 * W1. Tables are made a chunk at a time, between the runs of what else the worker does.
 * W2. Once another generation has been read no more tables are made, not even of what is still being read: all that
 *     there is belongs to the way up, which gives the tables away.
 * W3. What arrives after all of it has become useless is dropped on arrival.
 */
import { PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Cluster, PipelineEntry } from '../checkpoint/cluster.ts'
import type { PackIndexes } from '../checkpoint/pack-indexes.ts'
import { ReadAhead, readAhead, restOf } from '../checkpoint/read-ahead.ts'
import type { GroupChain } from '../checkpoint/resolve.ts'
import type { Store } from '../checkpoint/store.ts'
import type { Clock } from '../env/clock.ts'
import type { Plan } from '../model/plan.ts'
import { Fold, foldOnto, type Schema } from '../state/fold.ts'
import { KeyTable } from '../state/key-table.ts'
import { keyedTasks } from './execution/restore/base-fit.ts'
import type { Loop, Work } from './loop.ts'
import type { LoadPlan } from './pipelines/resident.ts'

export interface AheadSeams {
  readonly clock: Clock
  readonly limits: Limits
  readonly loop: Loop
  readonly acceptLoss: boolean
  readonly load: LoadPlan
  readonly indexes: PackIndexes
  store(): Store
  cluster(): Cluster
  /** Which of the chain's pipelines are to run here. */
  wants(pipeline: string): boolean
  /** Reads the chain to its end, then calls `then`. */
  follow(then: () => void): void
}

/** A pipeline of which something is read ahead. */
interface Reading {
  readonly entry: PipelineEntry
  plan: Plan | null
  chains: readonly GroupChain[]
}

export class Ahead {
  readonly kept: ReadAhead
  private readonly seams: AheadSeams
  private making: Making | null = null
  /** Counts what was begun and stopped: what comes of a reading counts as long as it is the last of these (W2). */
  private turn = 0
  /** The turn in which nothing is of use (W3). */
  private emptied = -1

  constructor(seams: AheadSeams) {
    this.seams = seams
    this.kept = new ReadAhead(seams.limits)
  }

  /**
   * Reads what the worker would restore if it owned `keyGroups`, behind everything that the chain says now, and makes
   * tables of it. `done` is called when these are made, or, for the `last` time before owners change, when everything
   * has been read.
   */
  read(keyGroups: ReadonlySet<number>, last: boolean, done: () => void): void {
    const { seams } = this
    const turn = ++this.turn
    seams.follow(() => {
      const named = [...seams.cluster().pipelines].filter(([name, { drained }]) => !drained && seams.wants(name))
      let left = 2 * named.length
      const readings: Reading[] = []
      const one = () => {
        if (--left > 0) return
        if (turn === this.turn) return this.make(readings, last, done)
        if (this.emptied === this.turn) this.kept.clear()
        done()
      }
      if (left === 0) return done()
      for (const [pipeline, entry] of named) {
        const reading: Reading = { entry, plan: null, chains: [] }
        readings.push(reading)
        seams.load(pipeline, entry, (_, loaded) => {
          reading.plan = loaded?.plan ?? null
          one()
        })
        const { clock, limits, acceptLoss, indexes } = seams
        const known = { pipeline, entry, acceptLoss }
        const own = { store: seams.store(), clock, limits, hurried: true, ahead: this.kept, indexes }
        readAhead(
          own,
          known,
          (keyGroup) => keyGroups.has(keyGroup),
          (chains) => {
            reading.chains = chains
            one()
          },
        )
      }
    })
  }

  /** Nothing more is made (W2). */
  stop(): void {
    this.turn++
    this.halt()
  }

  private halt(): void {
    if (this.making !== null) this.seams.loop.remove(this.making)
    this.making = null
  }

  /** What there is is of no use any more. */
  clear(): void {
    this.stop()
    this.emptied = this.turn
    this.kept.clear()
  }

  private make(readings: readonly Reading[], last: boolean, done: () => void): void {
    this.halt()
    const making = new Making(this.kept, readings, () => {
      if (this.making === making) this.halt()
      if (!last) done()
    })
    this.making = making
    this.seams.loop.add(making)
    if (last) done()
  }
}

interface StepSchema extends Schema {
  /** Keys of the step are forgotten after a time. */
  readonly timed: boolean
}

/** By step. */
function schemasOf(plan: Plan): ReadonlyMap<string, StepSchema> {
  return new Map(
    keyedTasks(plan).map(({ step, keyed }) => {
      const { version, migrate } = keyed.schema
      return [step, { step, version, migrate, timed: keyed.ttlMs !== undefined }]
    }),
  )
}

/** Makes tables of chains, one after the other (W1). */
class Making implements Work {
  readonly due = Infinity
  private readonly ahead: ReadAhead
  private readonly steps: Iterator<void>
  private readonly done: () => void

  constructor(ahead: ReadAhead, readings: readonly Reading[], done: () => void) {
    this.ahead = ahead
    this.done = done
    this.steps = this.makeAll(readings)
  }

  step(): boolean {
    if (this.steps.next().done !== true) return true
    this.done()
    return false
  }

  elapse(): void {}

  private *makeAll(readings: readonly Reading[]): Generator<void> {
    for (const { plan, entry, chains } of readings) {
      if (plan === null) continue
      const schemas = schemasOf(plan)
      for (const chain of chains) {
        const schema = schemas.get(chain.step)
        if (schema !== undefined) yield* this.makeOrForget(entry.submitted, chain, schema)
      }
    }
  }

  private *makeOrForget(submitted: number, chain: GroupChain, schema: StepSchema): Generator<void> {
    try {
      yield* this.makeOne(submitted, chain, schema)
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      // Whoever needs it finds out, and says so.
      this.ahead.give(submitted, chain.step, chain.keyGroup)
    }
  }

  private *makeOne(submitted: number, chain: GroupChain, schema: StepSchema): Generator<void> {
    const { ahead } = this
    const made = ahead.made(submitted, chain)
    const rest = restOf(chain, made)
    const chunks = rest.flatMap(({ pack, chunk }) => ahead.chunk(pack.path, chunk) ?? [])
    if (chunks.length < rest.length || rest.length === 0) return
    if (made !== undefined) {
      const { table, of } = made
      for (const [i, bytes] of chunks.entries()) {
        table.inDeltas += foldOnto(table, bytes, schema)
        ahead.make(submitted, chain, { table, of: chain.chunks.slice(0, of.length + i + 1) })
        yield
      }
      return
    }
    const table = new KeyTable(chain.keyGroup, schema.timed)
    const fold = new Fold(table, chunks, schema)
    while (fold.next()) yield
    table.inDeltas = Math.max(0, fold.entries - table.size)
    ahead.make(submitted, chain, { table, of: chain.chunks })
  }
}
