/**
 * One worker: what it stands on, its seat in the cluster, and the pipelines that it runs. One worker is a cluster of
 * one: it goes the same way, and nobody else comes.
 *
 *     closed ──open──► follows the chain ──seat──► restores ──► works in a generation ──close──► closed
 *
 * V1. Its folder is locked and its store is open before it does anything else (`foundation.ts`).
 * V2. The generation record stands before anything of an earlier one is read back (PROTOCOLS 1): what an older
 *     incarnation still appends no longer counts. An incarnation has a journal of its own before anybody hears of it.
 * V3. Who reads a generation without itself drops everything and begins anew (`cluster/membership.ts`, M3).
 * V4. Where damage makes a pipeline go back to an older epoch than its last, a further generation record names that
 *     epoch before anything of the outside world is changed (PROTOCOLS 1; `cluster/recovery.ts`, K4): the epochs
 *     between are void for every reader, also when what was damaged can be read again some day.
 */
import type { PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import { type Cluster, emptyCluster } from '../checkpoint/cluster.ts'
import type { FileStore } from '../checkpoint/file-store.ts'
import { IndexFollower } from '../checkpoint/index-follower.ts'
import type { ChainRecord } from '../checkpoint/record.ts'
import { type BalancePlan, planByLoad } from '../cluster/balance-plan.ts'
import type { Split } from '../cluster/splits.ts'
import type { Env } from '../env/env.ts'
import type { Door } from '../ingest/door.ts'
import type { ControlMessage } from '../transport/wire.ts'
import { Ahead } from './ahead.ts'
import { Doorway } from './doorway.ts'
import type { Generation } from './execution/generation.ts'
import { Executions } from './executions.ts'
import { Foundation } from './foundation.ts'
import { Leaving } from './leaving.ts'
import { Ledger } from './ledger.ts'
import { Loop } from './loop.ts'
import type { WorkerHost, WorkerOptions } from './options.ts'
import { roomForWorkers } from './pipelines/channel-memory.ts'
import { type OwnLoad, ownLoad } from './pipelines/key-group-load.ts'
import { Residents } from './pipelines/residents.ts'
import { isQuestion, Questions } from './questions.ts'
import type { RebalanceHeard } from './seat/rebalances.ts'
import { Seat } from './seat/seat.ts'
import { noSeat, type SeatStatus } from './seat/seat-status.ts'
import type { SeatWork, StopReason } from './seat/work.ts'

export type { BalancePlan } from '../cluster/balance-plan.ts'
export type { WorkerHost, WorkerOptions } from './options.ts'
export type { Program } from './pipelines/programs.ts'
export type { Change } from './seat/rescale-driver.ts'

/** Why a worker may neither read nor write, for people. */
const stopReasons = {
  minority: 'this worker does not hear enough of the others',
  generation: 'another generation begins',
  fenced: 'the others go on without this worker',
  lease: 'the coordinator has granted no lease',
} as const satisfies Record<StopReason, string>

export class Worker {
  readonly loop: Loop
  readonly residents: Residents
  /** Asks other workers what they show, and answers them. */
  readonly questions: Questions
  private readonly env: Env
  private readonly options: WorkerOptions
  private readonly host: WorkerHost
  private readonly foundation: Foundation
  private readonly doorway: Doorway
  private seat: Seat | null = null
  private opened: Ledger | null = null
  private readonly ahead: Ahead
  private readonly follower: IndexFollower
  private readonly executions: Executions
  /** What it waits for while it leaves. */
  readonly leaving: Leaving
  /** The generation that this worker works in; 0 while it works in none. */
  private generation = 0
  /** Who waits for that. */
  private waiting: (() => void)[] = []
  private closed = false

  constructor(env: Env, options: WorkerOptions, host: WorkerHost) {
    this.env = env
    this.options = options
    this.host = host
    this.foundation = new Foundation(env, options, (error) => host.lost(error))
    this.doorway = new Doorway({
      env,
      options,
      limits: () => this.limits,
      store: () => this.storage,
      isKept: (id) => this.ledger.hasSource(id),
      sealed: () => this.seat?.sealed(),
    })
    this.loop = new Loop(env.clock, options.limits.turnRuns)
    const seams = {
      env,
      clock: env.clock,
      store: () => this.storage,
      limits: () => this.limits,
      alone: (options.cluster ?? null) === null,
      load: host.load,
      cluster: () => this.cluster,
      wants: (name: string) => host.wants(name),
      execute: (...args: Parameters<Executions['make']>) => this.executions.make(...args),
      damaged: (generation: number, run: number, instead: number) => this.seat?.damaged(generation, run, instead),
      tell: (worker: string, message: ControlMessage) => this.seat?.links?.send(worker, message),
      hint: () => this.seat?.hint(),
      follow: (then: () => void) => this.seat?.follow(then),
    }
    this.questions = new Questions(env.clock, options.limits, () => this.incarnation, {
      send: (to, message, body) => this.seat?.links?.send(to, message, body),
      backlog: (to) => this.seat?.links?.backlog(to) ?? 0,
    })
    this.residents = new Residents(seams, host)
    const { residents, doorway } = this
    const reached = options.cluster?.journals != null
    this.leaving = new Leaving({ residents, doorway, reached, store: () => this.storage, cluster: seams.cluster })
    const { loop, foundation, leaving } = this
    this.executions = new Executions({
      ...{ env, options, foundation, loop, leaving },
      ahead: () => this.ahead.kept,
      seat: () => this.seat!,
      door: () => this.door!,
      listening: (pipeline, step, address) => {
        const resident = residents.all.get(pipeline)
        if (resident === undefined) return
        resident.addresses.set(step, address)
        host.listening(resident, step, address)
      },
    })
    const { limits, acceptLoss } = options
    const { indexes } = foundation
    this.ahead = new Ahead({ ...seams, limits, acceptLoss, loop, indexes })
    this.follower = new IndexFollower({ clock: env.clock, indexes, store: seams.store })
  }

  /** The cluster as this worker knows it. */
  get cluster(): Cluster {
    return this.seat?.cluster ?? emptyCluster
  }

  get name(): string {
    return this.options.worker
  }

  /** Whether it may go on with what can be read of what is damaged. */
  get acceptsLoss(): boolean {
    return this.options.acceptLoss
  }

  get incarnation(): string {
    return this.seat!.incarnation
  }

  /** Its place in the cluster, for people. */
  get status(): SeatStatus {
    return this.seat?.status ?? noSeat
  }

  get phase(): SeatStatus['phase'] {
    return this.status.phase
  }

  /** Whether its store is one that other workers may share. */
  get shared(): boolean {
    return this.options.cluster != null
  }

  /** The process of another worker has ended, as its supervisor says. */
  exited(worker: string): void {
    this.seat?.exited(worker)
  }

  /** The checkpoint store. */
  get storage(): FileStore {
    return this.foundation.store
  }

  /** What it writes into the chain; there is one once the worker is open. */
  get ledger(): Ledger {
    return this.opened!
  }

  /** Key groups of the store. */
  get keyGroups(): number {
    return this.limits.keyGroups
  }

  private get limits(): Limits {
    return this.foundation.limits
  }

  private get door(): Door | null {
    return this.doorway.door
  }

  /** What the journal has done and holds. */
  get journal(): Door['status'] | null {
    return this.door?.status ?? null
  }

  /** What it keeps of the indexes of packs, in bytes. */
  get indexBytes(): number {
    return this.foundation.indexes.bytes
  }

  // ── Who owns what ────────────────────────────────────────────────────────────────────────────────────────────────

  /** What its key groups cost it. */
  get load(): OwnLoad {
    const executions = Array.from(this.residents.all.values(), ({ execution }) => execution)
    return ownLoad(this.cluster.generation, executions)
  }

  /** What `rebalance` would do in the generation that stands. */
  planByLoad(load: Float64Array, budget: number): BalancePlan {
    return planByLoad(this.cluster, load, budget)
  }

  /** Reads the chain to its end, then calls `then`. */
  follow(then: () => void): void {
    this.seat!.follow(then)
  }

  /** Asks for a change of owners by `load`; `heard` hears what becomes of it, until the answer is called. */
  rebalance(load: Float64Array, budget: number, heard: RebalanceHeard): () => void {
    return this.seat!.rebalance(load, budget, heard)
  }

  // ── Boot ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes the data folder and follows the chain; `seated` says when the worker works. Nothing is answered after
   * `close`.
   */
  open(done: (error: PotorooError | null) => void): void {
    this.foundation.open((error) => {
      if (this.closed) return
      if (error !== null) return done(error)
      const { env, limits } = this
      const { records: store } = this.foundation
      const { worker, cluster = null } = this.options
      this.opened = new Ledger({
        env,
        worker,
        foundation: this.foundation,
        appender: () => this.seat!.appender,
        cluster: () => this.cluster,
        door: () => this.door,
        holding: () => this.seat?.holding ?? false,
      })
      this.seat = new Seat({ env, limits, store, worker, cluster }, this.work())
      this.seat.open(done)
    })
  }

  /** Calls `done` once this worker works in a generation: at once where it does. */
  seated(done: () => void): void {
    if (this.generation > 0) done()
    else this.waiting.push(done)
  }

  // ── The seat ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private work(): SeatWork {
    const { worker } = this.options
    return {
      mayGoOn: (chain, done) => this.foundation.highWater.check(chain, done),
      arrive: (incarnation, done) => this.doorway.open(incarnation, this.cluster.generation + 1, done),
      restore: (generation) => this.restore(generation),
      begin: (generation) => this.begin(generation),
      stopWork: (reason) => this.residents.stopWork(stopReasons[reason]),
      resumeWork: (reason) => this.residents.resumeWork(stopReasons[reason]),
      recorded: (record, cluster) => this.recorded(record, cluster),
      jumped: (cluster) => {
        if (this.closed) return
        this.residents.jumped(cluster)
        this.follower.jumped(cluster)
      },
      control: (from, message, body) => {
        if (isQuestion(message)) this.questions.take(from.worker, message, body)
        else this.residents.control(from, message, body)
      },
      isSealed: (done) => this.doorway.isSealed(done),
      atDoor: (from, message) => this.door?.onMessage(from.worker, message),
      forget: (done) => this.forget(done),
      isEmpty: () => this.leaving.advance(),
      world: () => ({
        keyGroups: this.limits.keyGroups,
        splits: this.splits(),
        journals: this.doorway.workers,
        seen: this.foundation.highWater.generation,
      }),
      requestEpoch: (pipeline, holds, done) => {
        const resident = this.residents.all.get(pipeline)
        if (resident === undefined) done('the pipeline does not run here')
        else resident.execution.request({ kind: holds ? 'rescale' : 'fresh' }, done)
      },
      readAhead: (keyGroups, last, done) => this.ahead.read(new Set(keyGroups), last, done),
      forgetAhead: () => this.ahead.clear(),
      room: () => roomForWorkers(this.residents.plans, this.limits, worker),
      running: () => this.residents.running,
      outdated: () => this.residents.outdated,
      ended: (error) => {
        if (error === null) this.host.left()
        else this.host.lost(error)
      },
    }
  }

  /** The splits of all pipelines; of too many for a record none: then their names choose who reads them. */
  private splits(): readonly Split[] {
    const all = Array.from(this.residents.all.values(), ({ execution }) => execution.sourceSplits).flat()
    return all.length > this.limits.placedSplits ? [] : all
  }

  private restore(generation: Generation): void {
    const seat = this.seat!
    this.ahead.stop()
    this.follower.stop()
    this.doorway.enter(generation, seat.links!, seat.formers)
    this.residents.restore(generation, () => seat.restored(generation.number))
  }

  private begin(generation: number): void {
    this.generation = generation
    this.leaving.begin()
    this.ahead.clear()
    // Who is alone goes back with its process, to which nothing is known.
    if (this.cluster.members.length > 1) this.follower.begin()
    else this.foundation.indexes.forgetOthers([])
    this.residents.begin()
    const { waiting } = this
    this.waiting = []
    for (const done of waiting) done()
  }

  private forget(done: () => void): void {
    this.generation = 0
    this.ahead.clear()
    this.follower.stop()
    this.residents.forget()
    this.doorway.shut(done)
  }

  private recorded(record: ChainRecord, cluster: Cluster): void {
    if (this.closed) return
    this.foundation.highWater.read(record, cluster)
    this.residents.recorded(record, cluster)
    if (record.kind === 'epoch' || record.kind === 'submit') this.follower.recorded(record.pipeline, cluster)
    if (this.seat?.coordinates === true) this.ledger.recorded(record, cluster)
  }

  // ── Close ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Hands everything over and leaves the cluster; `left` follows. */
  leave(): void {
    this.seat?.leave()
  }

  /** Ends in order: pipelines are closed as they are (drain them before), the journal is brought to the disk. */
  close(done: () => void): void {
    this.closed = true
    this.opened?.close()
    this.residents.close()
    this.questions.close()
    this.loop.stop()
    this.follower.stop()
    this.seat?.close()
    this.doorway.close(() => this.foundation.close(done))
  }
}
