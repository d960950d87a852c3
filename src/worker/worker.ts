/**
 * One worker: its data folder, its place in the cluster, and the pipelines that it runs. One worker is a cluster of one:
 * it reads the chain, takes a generation of its own, and runs what the chain says.
 *
 *     closed ──open──► follows the chain ──► leads a generation ──► runs pipelines ──close──► closed
 *
 * V1. The data folder is locked for as long as the process lives; its incarnation is drawn anew at every boot.
 * V2. The generation record stands before anything of an earlier one is read back (PROTOCOLS 1): what an older
 *     incarnation still appends no longer counts.
 * V3. Whoever reads that another worker's generation stands stops.
 * V4. Where damage makes a pipeline go back to an older epoch than its last, a further generation record names that epoch
 *     before anything of the outside world is changed (PROTOCOLS 1): the epochs between are void for every reader, also
 *     when what was damaged can be read again some day.
 * V5. Key groups and eras of the chain are those that the store was made with, whatever the options say: by other eras the
 *     chain would seem to end where records have been removed.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import type { Json } from '../base/json.ts'
import type { Limits } from '../base/limits.ts'
import { ChainReader } from '../checkpoint/chain-reader.ts'
import { type Appended, ChainWriter, type MakeRecord } from '../checkpoint/chain-writer.ts'
import type { Cluster, PipelineEntry } from '../checkpoint/cluster.ts'
import { type FileStore, openFileStore } from '../checkpoint/file-store.ts'
import { openCluster } from '../checkpoint/identity.ts'
import { bundle as bundlePath } from '../checkpoint/layout.ts'
import type { ChainRecord, RecordBody } from '../checkpoint/record.ts'
import { nextFloor } from '../checkpoint/removal.ts'
import { sweepChain, sweepPipeline, sweepRuns } from '../checkpoint/sweeper.ts'
import { writeOnce } from '../checkpoint/write-once.ts'
import type { Lock } from '../env/disk.ts'
import type { Env } from '../env/env.ts'
import type { Output } from '../env/output.ts'
import { Door } from '../ingest/door.ts'
import type { Plan } from '../model/plan.ts'
import { Execution, type ExecutionEvents, type ExecutionSeams } from './execution.ts'
import { Loop } from './loop.ts'
import { journalId } from './sources.ts'

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
}

export interface WorkerEvents {
  /** The worker cannot go on; it has stopped what it could. */
  failed(error: PotorooError): void
  listening(pipeline: string, step: string, address: string): void
  /** This worker has taken a further generation for `pipeline` (V4): every other pipeline has to be run anew. */
  regenerated(pipeline: string): void
}

/** A program, as every worker keeps it: the bundle's text and its source map. */
export interface Program {
  readonly hash: string
  readonly text: string
  readonly map: string
}

/** A program as the store has it; `null` where `bytes` are none. Its hash is for the loader to check. */
function decodeProgram(hash: string, bytes: Buffer): Program | null {
  try {
    const { text, map } = JSON.parse(bytes.toString()) as Partial<Program>
    return typeof text === 'string' && typeof map === 'string' ? { hash, text, map } : null
  } catch {
    return null
  }
}

type Done<T> = (error: PotorooError | null, value: T) => void

const none = undefined as never

export class Worker {
  readonly incarnation: string
  readonly loop: Loop
  readonly executions = new Map<string, Execution>()
  private readonly env: Env
  private readonly options: WorkerOptions
  private readonly events: WorkerEvents
  /** Those of the options, with what was fixed when the cluster was made (V5). */
  private limits: Limits
  private lock: Lock | null = null
  private store: FileStore | null = null
  private reader: ChainReader | null = null
  private appender: ChainWriter | null = null
  private door: Door | null = null
  private generation = 0
  private raising = false
  /** The era of the chain in which its old records were last removed. */
  private sweptEra = -1
  private closed = false

  constructor(env: Env, options: WorkerOptions, events: WorkerEvents) {
    this.env = env
    this.options = options
    this.events = events
    this.limits = options.limits
    this.incarnation = env.random.id()
    this.loop = new Loop(env.clock, options.limits.turnRuns)
  }

  /** The cluster as this worker knows it. */
  get cluster(): Cluster {
    return this.reader!.cluster
  }

  get name(): string {
    return this.options.worker
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

  /** Takes the data folder and a generation; nothing runs yet. */
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

  private openStore(done: (error: PotorooError | null) => void): void {
    const { env, options, incarnation } = this
    const { worker } = options
    const lost = (error: PotorooError): void => this.events.failed(error)
    const opened = (error: PotorooError | null, store: FileStore): void => {
      if (error !== null) return done(error)
      this.store = store
      openCluster({ store, clock: env.clock, limits: this.limits }, (error, identity) => {
        if (error !== null) return done(error)
        this.limits = { ...this.limits, ...identity }
        this.followChain(store, done)
      })
    }
    openFileStore(env, `${options.data}/store`, { worker, incarnation }, opened, lost)
  }

  private followChain(store: FileStore, done: (error: PotorooError | null) => void): void {
    const { env, options, incarnation, limits } = this
    const { worker } = options
    const reader = new ChainReader(store, limits, {
      onRecord: (record, counts, cluster) => this.onRecord(record, counts, cluster),
      onJump: () => {},
    })
    this.reader = reader
    this.appender = new ChainWriter(reader, env, { worker, incarnation }, (error) => this.events.failed(error))
    reader.followWhole((error) => (error === null ? this.lead(done) : done(error)))
  }

  /** Takes the next generation (V2). */
  private lead(done: (error: PotorooError | null) => void): void {
    const { options, incarnation, env, limits } = this
    const { worker } = options
    const members = [{ worker, incarnation, address: '' }]
    const owners = new Uint16Array(limits.keyGroups)
    const make = ({ generation }: Cluster): RecordBody => ({
      ...{ kind: 'generation', generation: generation + 1, coordinator: worker },
      ...{ members, owners, splits: null, bases: [] },
    })
    this.append(make, (error) => {
      if (error !== null) return done(error)
      const directory = `${options.data}/journal`
      const isKept = (id: string): boolean => this.hasSource(id)
      Door.open({ env, limits, directory, worker, incarnation, isKept }, (error, door) => {
        if (error !== null) return done(error)
        this.door = door
        done(null)
      })
    })
  }

  /** Whether `id` is a source of a run that the chain knows. */
  private hasSource(id: string): boolean {
    for (const [pipeline, { run }] of this.cluster.pipelines) if (id.startsWith(journalId(pipeline, run))) return true
    return false
  }

  /** Takes a further generation, whose base for `pipeline` is `epoch` (V4). */
  private goBack(pipeline: string, epoch: number, done: (error: PotorooError | null) => void): void {
    const make = ({ generation, coordinator, members, owners, splits }: Cluster): RecordBody => ({
      ...{ kind: 'generation', generation: generation + 1, coordinator },
      ...{ members, owners, splits, bases: [[pipeline, epoch]] },
    })
    this.append(make, (error) => {
      done(error)
      if (error === null) this.events.regenerated(pipeline)
    })
  }

  /** Appends to the chain; another worker's generation is an error (V3). */
  private append(make: MakeRecord, done: (error: PotorooError | null, outcome: Appended) => void): void {
    this.appender!.append(make, (outcome) => {
      const mine = outcome.kind === 'superseded' && outcome.generation === this.generation
      if (mine) return this.append(make, done)
      if (outcome.kind === 'superseded') return done(fail('E_SUPERSEDED', { generation: outcome.generation }), outcome)
      if (outcome.kind === 'failed') return done(outcome.error, outcome)
      if (outcome.kind === 'appended' && !outcome.counts) {
        return done(fail('E_SUPERSEDED', { generation: this.cluster.generation }), outcome)
      }
      done(null, outcome)
    })
  }

  private onRecord(record: ChainRecord, counts: boolean, cluster: Cluster): void {
    if (!counts) return
    if (record.kind === 'generation') this.onGeneration(record.generation, record.incarnation)
    // What was decided before this worker led calls for nothing of it.
    if (this.generation === 0) return
    if (record.kind === 'epoch') this.raiseFloor(record.pipeline)
    if (record.kind === 'floor') this.onFloor(record.pipeline, record.floor, cluster)
  }

  private onGeneration(generation: number, incarnation: string): void {
    if (incarnation === this.incarnation) this.generation = generation
    else if (this.generation > 0) this.events.failed(fail('E_SUPERSEDED', { generation }))
  }

  // ── Pipelines ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Puts a program under the name of its pipeline, or leaves it as it is when the chain has it already. */
  submit(pipeline: string, program: Program, parameters: Json, from: string | null, done: Done<void>): void {
    const { env, store } = this
    const { hash, text, map } = program
    const path = bundlePath(hash)
    const bytes = Buffer.from(JSON.stringify({ text, map }))
    const seams = { store: store!, clock: env.clock, limits: this.limits }
    const stored = (error: PotorooError | null): void => {
      if (error !== null) return done(error, none)
      this.append(
        ({ pipelines, generation }) => {
          const known = pipelines.get(pipeline)
          const same = known?.hash === hash && JSON.stringify(known.parameters) === JSON.stringify(parameters)
          return same ? null : { kind: 'submit', generation, pipeline, hash, parameters, from }
        },
        (failed) => done(failed, undefined),
      )
    }
    writeOnce(seams, path, bytes, this.limits.storeReads, (error) => {
      if (error?.code === 'E_STORE_TAKEN') this.mendBundle(path, program, bytes, stored)
      else stored(error)
    })
  }

  /** What stands at `path` is the same program, with another map perhaps, or it is damaged and put right. */
  private mendBundle(
    path: string,
    { hash, text }: Program,
    bytes: Buffer,
    done: (e: PotorooError | null) => void,
  ): void {
    this.store!.read(path, (error, found) => {
      if (error !== null || (found !== null && decodeProgram(hash, found)?.text === text)) return done(error)
      this.env.log.warn('bundle.mended', { path })
      this.store!.put(path, bytes, done)
    })
  }

  /** Takes a pipeline out of the cluster, with its state. */
  withdraw(pipeline: string, done: Done<void>): void {
    this.append(
      ({ pipelines, generation }) =>
        pipelines.has(pipeline)
          ? { kind: 'submit', generation, pipeline, hash: null, parameters: null, from: null }
          : null,
      (failed) => done(failed, undefined),
    )
  }

  /** The program that the chain names for `pipeline`. */
  program(hash: string, done: Done<Program>): void {
    this.store!.read(bundlePath(hash), (error, bytes) => {
      if (error !== null) return done(error, none)
      if (bytes === null) return done(fail('E_STORE_DAMAGED', { path: bundlePath(hash), reason: 'it is absent' }), none)
      const program = decodeProgram(hash, bytes)
      if (program === null) done(fail('E_BUNDLE_DAMAGED', { hash: hash.slice(0, 12) }), none)
      else done(null, program)
    })
  }

  /**
   * Runs `plan`, which is the program that the chain names for its pipeline. The state of the steps in `drop` is not
   * taken over. Events come on their own turns.
   */
  run(plan: Plan, events: ExecutionEvents, drop: ReadonlySet<string> = new Set()): Execution {
    const { env, options, limits, loop, store, reader, appender, door, incarnation } = this
    const { output, acceptLoss, worker } = options
    const seams: ExecutionSeams = {
      env,
      limits,
      loop,
      store: store!,
      chain: reader!,
      appender: appender!,
      door: door!,
      output,
      member: { worker, incarnation },
      acceptLoss,
      development: options.development === true,
      sourceToken: options.sourceToken ?? null,
      drop,
      listening: (pipeline, step, address) => this.events.listening(pipeline, step, address),
      goBack: (epoch, done) => this.goBack(plan.pipeline, epoch, done),
    }
    const entry = this.cluster.pipelines.get(plan.pipeline)!
    const execution = new Execution(plan, entry, seams, events)
    this.executions.set(plan.pipeline, execution)
    execution.start()
    return execution
  }

  // ── The floor ────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Asks for the floor that the horizon allows (PROTOCOLS 3, 12), one at a time; for the highest that there may be where
   * the pipeline crowds a journal that is near its limit.
   */
  private raiseFloor(pipeline: string): void {
    const { horizonEpochs } = this.limits
    const entry = this.cluster.pipelines.get(pipeline)
    if (this.raising || this.closed || entry === undefined) return
    const crowds = this.door?.isCrowdedBy(journalId(pipeline, entry.run)) ?? false
    const floorOf = (now: PipelineEntry): number | null =>
      nextFloor(now, horizonEpochs, Infinity, crowds ? Infinity : 0)
    if (floorOf(entry) === null) return
    this.raising = true
    this.append(
      ({ pipelines, generation }) => {
        const now = pipelines.get(pipeline)
        const floor = now === undefined ? null : floorOf(now)
        return floor === null ? null : { kind: 'floor', generation, pipeline, floor }
      },
      () => {
        this.raising = false
      },
    )
  }

  private onFloor(pipeline: string, floor: number, cluster: Cluster): void {
    this.executions.get(pipeline)?.floor(floor)
    const entry = cluster.pipelines.get(pipeline)
    if (entry === undefined || this.store === null || this.closed) return
    const seams = { store: this.store, limits: this.limits }
    // Nothing depends on a sweep: the next floor's goes over the same ground.
    const ignore = () => {}
    sweepPipeline(seams, pipeline, entry, ignore)
    const era = Math.floor(cluster.next / this.limits.chainEra)
    if (era === this.sweptEra) return
    this.sweptEra = era
    sweepChain(seams, cluster, ignore)
  }

  /** Removes what pipelines have left that are gone. */
  sweep(): void {
    this.door?.trim()
    if (this.store !== null) sweepRuns({ store: this.store, limits: this.limits }, this.cluster, () => {})
  }

  // ── Close ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Ends in order: pipelines are closed as they are (drain them before), the journal is brought to the disk. */
  close(done: () => void): void {
    this.closed = true
    for (const execution of this.executions.values()) execution.close()
    this.loop.stop()
    this.appender?.close()
    const unlock = () => {
      this.lock?.release()
      done()
    }
    if (this.door === null) unlock()
    else this.door.close(unlock)
  }
}
