/**
 * One worker: its data folder, its seat in the cluster, and the pipelines that it runs. One worker is a cluster of one: it
 * goes the same way, and nobody else comes.
 *
 *     closed ──open──► follows the chain ──seat──► restores ──► works in a generation ──close──► closed
 *
 * V1. The data folder is locked for as long as the process lives.
 * V2. The generation record stands before anything of an earlier one is read back (PROTOCOLS 1): what an older
 *     incarnation still appends no longer counts. The journal of an incarnation is opened behind its first record.
 * V3. Who reads a generation without itself drops everything and begins anew (`cluster/membership.ts`, M3).
 * V4. Where damage makes a pipeline go back to an older epoch than its last, a further generation record names that epoch
 *     before anything of the outside world is changed (PROTOCOLS 1): the epochs between are void for every reader, also
 *     when what was damaged can be read again some day.
 * V5. Key groups and eras of the chain are those that the store was made with, whatever the options say: by other eras the
 *     chain would seem to end where records have been removed.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import type { Json } from '../base/json.ts'
import type { Limits } from '../base/limits.ts'
import type { Appended, MakeRecord } from '../checkpoint/chain-writer.ts'
import { type Cluster, emptyCluster } from '../checkpoint/cluster.ts'
import { type FileStore, openFileStore } from '../checkpoint/file-store.ts'
import { openCluster } from '../checkpoint/identity.ts'
import type { ChainRecord, RecordBody } from '../checkpoint/record.ts'
import { placementFromJson } from '../cluster/splits.ts'
import type { Lock } from '../env/disk.ts'
import type { Env } from '../env/env.ts'
import type { Output } from '../env/output.ts'
import { Door } from '../ingest/door.ts'
import type { Plan } from '../model/plan.ts'
import type { ClusterSettings } from './cluster-settings.ts'
import { Execution, type ExecutionEvents, type ExecutionSeams } from './execution.ts'
import { Floors } from './floors.ts'
import type { Generation } from './generation.ts'
import { LocalLinks } from './local-links.ts'
import { Loop } from './loop.ts'
import { type Program, readProgram, storeProgram, submitRecord, withdrawRecord } from './programs.ts'
import { Seat, type SeatWork } from './seat.ts'
import { journalId } from './sources.ts'

export type { Program } from './programs.ts'

export interface WorkerOptions {
  /** The worker's name in its cluster. */
  readonly worker: string
  /** Its folder: lock, journal and, for a cluster of one, the store. */
  readonly data: string
  readonly limits: Limits
  readonly output: Output
  readonly acceptLoss: boolean
  /** Look after every call of a stateful step for what would go wrong later; slow. */
  readonly development?: boolean
  /** What producers of acked sources have to show; without one nothing is asked for. */
  readonly sourceToken?: string | null
  /** Without it the worker is a cluster of one, whose store lies in its own folder. */
  readonly cluster?: ClusterSettings | null
}

export interface WorkerEvents {
  /** The worker cannot go on; it has stopped what it could. */
  failed(error: PotorooError): void
  /** The worker owns nothing any more and is no member: it has left its cluster. */
  left(): void
  listening(pipeline: string, step: string, address: string): void
  /** This worker has taken a further generation (V4): every pipeline has to be run anew. */
  regenerated(): void
}

/** What whoever has a pipeline run hears of it. */
export type RunEvents = Pick<ExecutionEvents, 'running' | 'ended' | 'failed' | 'warned' | 'letter'>

type Done<T> = (error: PotorooError | null, value: T) => void

export class Worker {
  readonly loop: Loop
  readonly executions = new Map<string, Execution>()
  private readonly env: Env
  private readonly options: WorkerOptions
  private readonly events: WorkerEvents
  /** Those of the options, with what was fixed when the cluster was made (V5). */
  private limits: Limits
  private lock: Lock | null = null
  private store: FileStore | null = null
  private seat: Seat | null = null
  private floors: Floors | null = null
  private door: Door | null = null
  /** The generation that this worker works in; 0 while it works in none. */
  private generation = 0
  /** Who waits for that. */
  private waiting: (() => void)[] = []
  private closed = false

  constructor(env: Env, options: WorkerOptions, events: WorkerEvents) {
    this.env = env
    this.options = options
    this.events = events
    this.limits = options.limits
    this.loop = new Loop(env.clock, options.limits.turnRuns)
  }

  /** The cluster as this worker knows it. */
  get cluster(): Cluster {
    return this.seat?.cluster ?? emptyCluster
  }

  get name(): string {
    return this.options.worker
  }

  get incarnation(): string {
    return this.seat!.incarnation
  }

  /** How far the worker has come in its cluster. */
  get phase(): Seat['phase'] | 'closed' {
    return this.seat?.phase ?? 'closed'
  }

  /** The other workers that it is linked with. */
  get peers(): Seat['peers'] {
    return this.seat?.peers ?? []
  }

  /** The checkpoint store. */
  get storage(): FileStore {
    return this.store!
  }

  /** What the journal has done and holds. */
  get journal(): Door['status'] {
    return this.door!.status
  }

  // ── Boot ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes the data folder and follows the chain; `seated` says when the worker works. */
  open(done: (error: PotorooError | null) => void): void {
    const { data } = this.options
    const { disk } = this.env
    disk.makeDirectory(data, (error) => {
      if (error !== null) return done(fail('E_DISK', { operation: 'making', path: data, reason: error.message }, error))
      disk.lock(`${data}/lock`, (error, lock) => {
        if (error?.code === 'locked') return done(fail('E_DATA_LOCKED', { path: data }))
        if (error !== null)
          return done(fail('E_DISK', { operation: 'locking', path: data, reason: error.message }, error))
        this.lock = lock
        this.openStore(done)
      })
    })
  }

  /** Calls `done` once this worker works in a generation: at once where it does. */
  seated(done: () => void): void {
    if (this.generation > 0) done()
    else this.waiting.push(done)
  }

  private openStore(done: (error: PotorooError | null) => void): void {
    const { env, options } = this
    const { worker, cluster = null } = options
    const lost = (error: PotorooError): void => this.events.failed(error)
    const opened = (error: PotorooError | null, store: FileStore): void => {
      if (error !== null) return done(error)
      this.store = store
      openCluster({ store, clock: env.clock, limits: this.limits }, (error, identity) => {
        if (error !== null) return done(error)
        this.limits = { ...this.limits, ...identity }
        const { limits } = this
        this.floors = new Floors({
          ...{ store, limits },
          append: (make, end) => this.append(make, () => end()),
          crowds: (pipeline, run) => this.door?.isCrowdedBy(journalId(pipeline, run)) ?? false,
        })
        this.seat = new Seat({ env, limits, store, worker, cluster }, this.work())
        this.seat.open(done)
      })
    }
    // Names temporary files apart; a later incarnation of this process goes on under it.
    const incarnation = env.random.id()
    openFileStore(env, cluster?.store ?? `${options.data}/store`, { worker, incarnation }, opened, lost)
  }

  // ── The seat ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private work(): SeatWork {
    return {
      restore: (generation) => this.restore(generation),
      begin: (generation) => this.begin(generation),
      stopWork: () => {},
      resumeWork: () => {},
      recorded: (record, cluster) => this.recorded(record, cluster),
      control: () => {},
      forget: (done) => this.forget(done),
      isEmpty: () => true,
      world: () => ({ keyGroups: this.limits.keyGroups, splits: [], journals: [] }),
      requestEpoch: (pipeline, holds, done) => {
        const execution = this.executions.get(pipeline)
        if (execution === undefined) done('the pipeline does not run here')
        else execution.request({ kind: holds ? 'rescale' : 'periodic' }, done)
      },
      ended: (error) => {
        if (error === null) this.events.left()
        else this.events.failed(error)
      },
    }
  }

  private restore({ number }: Generation): void {
    this.openDoor(() => this.seat?.restored(number))
  }

  /** Opens the journal of this incarnation (V2). */
  private openDoor(done: () => void): void {
    if (this.door !== null) return done()
    const { env, limits, options, incarnation } = this
    const { worker, data } = options
    const directory = `${data}/journal`
    const isKept = (id: string): boolean => this.hasSource(id)
    Door.open({ env, limits, directory, worker, incarnation, isKept }, (error, door) => {
      if (this.closed || incarnation !== this.incarnation) return door?.close(() => {})
      if (error !== null) return this.events.failed(error)
      this.door = door
      done()
    })
  }

  private begin(generation: number): void {
    this.generation = generation
    const { waiting } = this
    this.waiting = []
    for (const done of waiting) done()
  }

  private forget(done: () => void): void {
    const { door } = this
    this.generation = 0
    this.door = null
    for (const execution of this.executions.values()) execution.close()
    this.executions.clear()
    if (door === null) done()
    else door.close(done)
  }

  /** Whether `id` is a source of a run that the chain knows. */
  private hasSource(id: string): boolean {
    for (const [pipeline, { run }] of this.cluster.pipelines) if (id.startsWith(journalId(pipeline, run))) return true
    return false
  }

  /** Takes a further generation, whose base for `pipeline` is `epoch` (V4); what runs in the one before is over. */
  private goBack(pipeline: string, epoch: number, failed: (error: PotorooError) => void): void {
    const make = ({ generation, coordinator, members, owners, splits }: Cluster): RecordBody => ({
      ...{ kind: 'generation', generation: generation + 1, coordinator },
      ...{ members, owners, splits, bases: [[pipeline, epoch]] },
    })
    this.append(make, (error) => {
      if (error !== null) return failed(error)
      for (const execution of this.executions.values()) execution.close()
      this.events.regenerated()
    })
  }

  /** Appends to the chain, in whichever generation stands. */
  private append(make: MakeRecord, done: (error: PotorooError | null, outcome: Appended) => void): void {
    this.seat!.appender.append(make, (outcome) => {
      const passed = outcome.kind === 'superseded' || (outcome.kind === 'appended' && !outcome.counts)
      if (passed && !this.closed) this.append(make, done)
      else if (outcome.kind === 'failed') done(outcome.error, outcome)
      else done(null, outcome)
    })
  }

  private recorded(record: ChainRecord, cluster: Cluster): void {
    if (this.closed) return
    const coordinates = this.seat?.coordinates === true
    if (record.kind === 'epoch') this.executions.get(record.pipeline)?.recorded(record.epoch)
    if (record.kind === 'epoch' && coordinates) this.floors?.raise(record.pipeline, cluster)
    if (record.kind !== 'floor') return
    this.executions.get(record.pipeline)?.floor(record.floor)
    if (coordinates) this.floors?.sweep(record.pipeline, cluster)
  }

  // ── Pipelines ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Puts a program under the name of its pipeline, or leaves it as it is when the chain has it already. */
  submit(pipeline: string, program: Program, parameters: Json, from: string | null, done: Done<void>): void {
    const { env, store, limits } = this
    storeProgram({ store: store!, clock: env.clock, log: env.log, limits }, program, (error) => {
      if (error !== null) return done(error, undefined)
      this.append(
        (cluster) => submitRecord(cluster, pipeline, program.hash, parameters, from),
        (failed) => done(failed, undefined),
      )
    })
  }

  /** Takes a pipeline out of the cluster, with its state. */
  withdraw(pipeline: string, done: Done<void>): void {
    this.append(
      (cluster) => withdrawRecord(cluster, pipeline),
      (failed) => done(failed, undefined),
    )
  }

  /** The program that the chain names for a pipeline. */
  program(hash: string, done: Done<Program>): void {
    readProgram(this.store!, hash, done)
  }

  /**
   * Runs `plan`, which is the program that the chain names for its pipeline. The state of the steps in `drop` is not
   * taken over. Events come on their own turns.
   */
  run(plan: Plan, events: RunEvents, drop: ReadonlySet<string> = new Set()): Execution {
    const { env, options, limits, loop, store, seat, door, incarnation } = this
    const { output, acceptLoss, worker } = options
    const { pipeline } = plan
    const seams: ExecutionSeams = {
      env,
      limits,
      loop,
      store: store!,
      chain: seat!.reader,
      appender: seat!.appender,
      door: door!,
      output,
      member: { worker, incarnation },
      acceptLoss,
      development: options.development === true,
      sourceToken: options.sourceToken ?? null,
      drop,
      listening: (pipeline, step, address) => this.events.listening(pipeline, step, address),
    }
    const entry = this.cluster.pipelines.get(pipeline)!
    const links = new LocalLinks(env.clock, (message, body) => execution.control(worker, message, body))
    const own: ExecutionEvents = {
      running: (base) => events.running(base),
      ended: () => events.ended(),
      failed: (error) => events.failed(error),
      warned: (error) => events.warned(error),
      letter: (failure, split) => events.letter(failure, split),
      restored: () => execution.activate(),
      damaged: (instead) => this.goBack(pipeline, instead, (error) => events.failed(error)),
      drained: () => {},
      // This worker's own append has read the record (A2).
      behind: () => {},
    }
    const execution = new Execution(plan, entry, this.alone(), links, seams, own, null)
    this.executions.set(pipeline, execution)
    execution.start()
    return execution
  }

  /** The generation as its only member sees it. */
  private alone(): Generation {
    const { generation, coordinator, members, owners, splits } = this.cluster
    return { number: generation, coordinator, members, self: 0, owners, placement: placementFromJson(splits) }
  }

  /** Removes what pipelines have left that are gone. */
  sweep(): void {
    this.door?.trim()
    this.floors?.sweepRuns(this.cluster)
  }

  // ── Close ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Hands everything over and leaves the cluster; `left` follows. */
  leave(): void {
    this.seat?.leave()
  }

  /** Ends in order: pipelines are closed as they are (drain them before), the journal is brought to the disk. */
  close(done: () => void): void {
    this.closed = true
    for (const execution of this.executions.values()) execution.close()
    this.loop.stop()
    this.seat?.close()
    const unlock = () => {
      this.lock?.release()
      done()
    }
    if (this.door === null) unlock()
    else this.door.close(unlock)
  }
}
