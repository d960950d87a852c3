/**
 * What a worker writes into the chain beside generations and epochs: which pipelines there are, and from which epoch on
 * each is kept.
 *
 * L1. What people ask for is asked again in the generation that stands until it is decided: a record that came too late
 *     for its own generation has said nothing. Where this incarnation ends before that is known, the next one asks, and
 *     finds the record that stands.
 * L2. Only who coordinates raises floors and removes what lies below them.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import type { Json } from '../base/json.ts'
import type { ChainWriter, MakeRecord } from '../checkpoint/chain-writer.ts'
import type { Cluster } from '../checkpoint/cluster.ts'
import { bundle } from '../checkpoint/layout.ts'
import type { ChainRecord } from '../checkpoint/record.ts'
import type { Env } from '../env/env.ts'
import type { Door } from '../ingest/door.ts'
import { isOpenable, journalIds } from './execution/sources/source-parts.ts'
import type { Foundation } from './foundation.ts'
import {
  type Program,
  readProgram,
  type Submitted,
  storeProgram,
  submitRecord,
  withdrawRecord,
} from './pipelines/programs.ts'
import { Floors } from './seat/floors.ts'

type Done<T> = (error: PotorooError | null, value: T) => void

export interface LedgerSeams {
  readonly env: Env
  /** The name of the worker. */
  readonly worker: string
  readonly foundation: Foundation
  /** The writer of the incarnation that lives. */
  appender(): ChainWriter
  cluster(): Cluster
  door(): Door | null
  /** Whether all hold, or are about to, for a change of owners. */
  holding(): boolean
}

export class Ledger {
  private readonly seams: LedgerSeams
  private readonly floors: Floors
  private closed = false

  /** The foundation is open. */
  constructor(seams: LedgerSeams) {
    const { store, limits, named } = seams.foundation
    this.seams = seams
    this.floors = new Floors({
      ...{ store, limits, named, cluster: () => seams.cluster() },
      append: (make, end) => this.append(make, () => end()),
      crowds: (pipeline, run) => seams.door()?.isCrowdedBy(journalIds(pipeline, run)) ?? false,
      holding: () => seams.holding(),
    })
  }

  /** Puts a program into the store: what `submit` then does with it fails no more for want of room. */
  keep(program: Program, done: Done<void>): void {
    const { env, foundation } = this.seams
    const { store, limits } = foundation
    storeProgram({ store, clock: env.clock, log: env.log, limits }, program, (error) => done(error, undefined))
  }

  /** Puts a program under the name of its pipeline, or leaves it as it is when the chain has it already. */
  submit(
    pipeline: string,
    program: Program,
    parameters: Json,
    options: Omit<Submitted, 'since'>,
    done: Done<void>,
  ): void {
    this.keep(program, (error) => {
      if (error !== null) return done(error, undefined)
      const since = this.seams.cluster().next
      this.append((cluster) => submitRecord(cluster, pipeline, program.hash, parameters, { ...options, since }), done)
    })
  }

  /** Takes a pipeline out of the cluster, with its state. */
  withdraw(pipeline: string, done: Done<void>): void {
    const run = this.seams.cluster().pipelines.get(pipeline)?.run
    this.append((cluster) => withdrawRecord(cluster, pipeline, run), done)
  }

  /** The program that the chain names for a pipeline. */
  program(hash: string, done: Done<Program>): void {
    const { env, foundation } = this.seams
    const { store, limits } = foundation
    readProgram({ store, clock: env.clock, limits }, hash, done)
  }

  /** Removes a program from the store, unless the chain names it; one that cannot be removed stays. */
  discard(hash: string, done: Done<void>): void {
    const { cluster, foundation } = this.seams
    const isNamed = [...cluster().pipelines.values()].some((entry) => entry.hash === hash)
    if (isNamed) done(null, undefined)
    else foundation.store.remove(bundle(hash), () => done(null, undefined))
  }

  /** Whether `id` is a source, as the journal calls it, that a run which the chain knows may open. */
  hasSource(id: string): boolean {
    const { pipelines } = this.seams.cluster()
    return [...pipelines].some(([pipeline, entry]) => isOpenable(id, pipeline, entry))
  }

  /** This worker, the coordinator, has read a record that counts (L2). */
  recorded(record: ChainRecord, cluster: Cluster): void {
    if (record.kind === 'epoch') this.floors.raise(record.pipeline)
    if (record.kind === 'floor') this.floors.sweep(record.pipeline, cluster)
    if (record.kind === 'submit' || record.kind === 'generation') this.floors.mayHaveEnded()
  }

  /** Removes what pipelines have left that are gone. */
  sweep(): void {
    this.seams.door()?.trim()
    this.floors.sweepRuns(this.seams.cluster())
  }

  close(): void {
    this.closed = true
  }

  /** Appends to the chain, in whichever generation stands (L1). */
  private append(make: MakeRecord, done: Done<void>): void {
    const { env, foundation } = this.seams
    if (this.closed) return done(fail('E_WORKER_ENDED', { worker: this.seams.worker }), undefined)
    this.seams.appender().append(make, (outcome) => {
      if (outcome.kind === 'failed') done(outcome.error, undefined)
      else if (outcome.kind === 'withdrawn' || (outcome.kind === 'appended' && outcome.counts)) done(null, undefined)
      else if (outcome.kind === 'undecided') {
        env.clock.after(foundation.limits.storeRetryMs, () => this.append(make, done))
      } else this.append(make, done)
    })
  }
}
