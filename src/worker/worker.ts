/**
 * One worker: its data folder, its seat in the cluster, and the pipelines that it runs. One worker is a cluster of one: it
 * goes the same way, and nobody else comes.
 *
 *     closed ──open──► follows the chain ──seat──► restores ──► works in a generation ──close──► closed
 *
 * V1. The data folder is locked for as long as the process lives.
 * V2. The generation record stands before anything of an earlier one is read back (PROTOCOLS 1): what an older
 *     incarnation still appends no longer counts. An incarnation has a journal of its own before anybody hears of it.
 * V3. Who reads a generation without itself drops everything and begins anew (`cluster/membership.ts`, M3).
 * V4. Where damage makes a pipeline go back to an older epoch than its last, a further generation record names that epoch
 *     before anything of the outside world is changed (PROTOCOLS 1; `cluster/recovery.ts`, K4): the epochs between are void
 *     for every reader, also when what was damaged can be read again some day.
 * V5. Key groups and eras of the chain are those that the store was made with, whatever the options say: by other eras the
 *     chain would seem to end where records have been removed.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import type { Json } from '../base/json.ts'
import type { Limits } from '../base/limits.ts'
import type { Appended, MakeRecord } from '../checkpoint/chain-writer.ts'
import type { PipelineEntry } from '../checkpoint/cluster.ts'
import { type Cluster, droppedSteps, emptyCluster } from '../checkpoint/cluster.ts'
import { type FileStore, openFileStore } from '../checkpoint/file-store.ts'
import { openCluster } from '../checkpoint/identity.ts'
import type { ChainRecord } from '../checkpoint/record.ts'
import { type BalancePlan, planByLoad } from '../cluster/balance-plan.ts'
import { homeOf, placementFromJson, type Split } from '../cluster/splits.ts'
import type { Lock } from '../env/disk.ts'
import type { Env } from '../env/env.ts'
import type { Input } from '../env/input.ts'
import type { Output } from '../env/output.ts'
import { Door } from '../ingest/door.ts'
import type { DoorGeneration } from '../ingest/generation.ts'
import type { Seals } from '../ingest/sealed.ts'
import type { Plan } from '../model/plan.ts'
import { Ahead } from './ahead.ts'
import { Execution } from './execution/execution.ts'
import type { ExecutionEvents, Generation, Holdings } from './execution/generation.ts'
import { journalId } from './execution/sources.ts'
import { takerOf } from './execution/takers.ts'
import { Loop } from './loop.ts'
import { roomForWorkers } from './pipelines/channel-memory.ts'
import { type OwnLoad, ownLoad } from './pipelines/key-group-load.ts'
import { type Program, readProgram, storeProgram, submitRecord, withdrawRecord } from './pipelines/programs.ts'
import { type Loaded, type LoadPlan, type ResidentEvents, Residents } from './pipelines/residents.ts'
import { isQuestion, Questions } from './questions.ts'
import type { ExecutionSeams } from './seams.ts'
import { Clearance } from './seat/clearance.ts'
import type { ClusterSettings } from './seat/cluster-settings.ts'
import { Floors } from './seat/floors.ts'
import { Journals, sealsOf } from './seat/journals.ts'
import type { RebalanceHeard } from './seat/rebalances.ts'
import type { Change } from './seat/rescale-driver.ts'
import { Seat } from './seat/seat.ts'
import type { SeatWork, StopReason } from './seat/work.ts'

export type { BalancePlan } from '../cluster/balance-plan.ts'
export type { Program } from './pipelines/programs.ts'
export type { Change } from './seat/rescale-driver.ts'

export interface WorkerOptions {
  /** The worker's name in its cluster. */
  readonly worker: string
  /** Its folder: lock, journal and, for a cluster of one, the store. */
  readonly data: string
  readonly limits: Limits
  /** Key groups that the operator asked for: a store with another number is refused. `null`: those that it has. */
  readonly keyGroups?: number | null
  readonly output: Output
  /** Standard input, where a source may read it. */
  readonly input?: Input | null
  readonly acceptLoss: boolean
  /** Look after every call of a stateful step for what would go wrong later; slow. */
  readonly development?: boolean
  /** What producers of acked sources have to show; without one nothing is asked for. */
  readonly sourceToken?: string | null
  /** Sources listen on their ports together with other workers of this machine. */
  readonly sharePorts?: boolean
  /** Without it the worker is a cluster of one, whose store lies in its own folder. */
  readonly cluster?: ClusterSettings | null
}

/** What the worker has of whoever runs it. */
export interface WorkerHost extends ResidentEvents {
  readonly load: LoadPlan
  /** Which of the chain's pipelines are to run here. */
  wants(pipeline: string): boolean
  /** The worker cannot go on; it has stopped what it could. */
  lost(error: PotorooError): void
  /** The worker owns nothing any more and is no member: it has left its cluster. */
  left(): void
}

type Done<T> = (error: PotorooError | null, value: T) => void

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
  /** Those of the options, with what was fixed when the cluster was made (V5). */
  private limits: Limits
  private lock: Lock | null = null
  private store: FileStore | null = null
  private storeId = ''
  private seat: Seat | null = null
  private floors: Floors | null = null
  private readonly journals: Journals
  private readonly ahead: Ahead
  /** The seals on journals, as this incarnation makes and sees them; `null` where nobody else could make one. */
  private seals: Seals | null = null
  private door: Door | null = null
  /** While it leaves. */
  private clearance: Clearance | null = null
  /** Executions that this worker has made. */
  private executions = 0
  /** The generation that this worker works in; 0 while it works in none. */
  private generation = 0
  /** Who waits for that. */
  private waiting: (() => void)[] = []
  private closed = false

  constructor(env: Env, options: WorkerOptions, host: WorkerHost) {
    this.env = env
    this.options = options
    this.host = host
    this.limits = options.limits
    this.loop = new Loop(env.clock, options.limits.turnRuns)
    const seams = {
      clock: env.clock,
      load: host.load,
      cluster: () => this.cluster,
      wants: (name: string) => host.wants(name),
      execute: this.execute.bind(this),
      damaged: (generation: number, run: number, instead: number) => this.seat?.damaged(generation, run, instead),
      hint: () => this.seat?.hint(),
      follow: (then: () => void) => this.seat?.follow(then),
    }
    this.questions = new Questions(env.clock, options.limits.frameBytes, (to, message, body) =>
      this.seat?.links.send(to, message, body),
    )
    this.residents = new Residents(seams, host)
    const { limits, acceptLoss } = options
    this.ahead = new Ahead({ ...seams, limits, acceptLoss, loop: this.loop, store: () => this.store! })
    const { worker, data, cluster } = options
    this.journals = new Journals({ disk: env.disk, worker, data, shared: cluster?.journals ?? null })
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

  get rescaling(): boolean {
    return this.seat?.rescaling ?? false
  }

  /** How far a change of owners has come, as the coordinator knows it. */
  get change(): Change {
    return this.seat?.change ?? { phase: 'stopped', waits: [] }
  }

  get heard(): Seat['heard'] {
    return this.seat?.heard ?? null
  }

  get damagedFrames(): number {
    return this.seat!.damagedFrames
  }

  get standstills(): Seat['standstills'] {
    return this.seat!.standstills
  }

  /** The process of another worker has ended, as its supervisor says. */
  exited(worker: string): void {
    this.seat?.exited(worker)
  }

  /** The checkpoint store. */
  get storage(): FileStore {
    return this.store!
  }

  /** What the journal has done and holds. */
  get journal(): Door['status'] | null {
    return this.door?.status ?? null
  }

  // ── Who owns what ────────────────────────────────────────────────────────────────────────────────────────────────

  /** What its key groups cost it. */
  get load(): OwnLoad {
    const executions = Array.from(this.residents.all.values(), ({ execution }) => execution)
    return ownLoad(this.cluster.generation, executions)
  }

  /** What `rebalance` would do in the generation that stands. */
  planByLoad(load: Float64Array, budget: number): BalancePlan {
    const { members, owners, splits } = this.cluster
    return planByLoad({ members, owners, leaving: placementFromJson(splits).leaving }, load, budget)
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

  /** Takes the data folder and follows the chain; `seated` says when the worker works. */
  open(done: (error: PotorooError | null) => void): void {
    const { data } = this.options
    const { disk } = this.env
    disk.makeDirectory(data, (error) => {
      if (error !== null) return done(fail('E_DISK', { operation: 'making', path: data, reason: error.reason }, error))
      disk.lock(`${data}/lock`, (error, lock) => {
        if (error?.code === 'locked') return done(fail('E_DATA_LOCKED', { path: data }))
        if (error !== null)
          return done(fail('E_DISK', { operation: 'locking', path: data, reason: error.reason }, error))
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
    const lost = (error: PotorooError): void => this.host.lost(error)
    // Names temporary files apart; a later incarnation of this process goes on under it.
    const incarnation = env.random.id()
    const opened = (error: PotorooError | null, store: FileStore): void => {
      if (error !== null) return done(error)
      this.store = store
      const expected = { id: incarnation, name: cluster?.name ?? '', keyGroups: options.keyGroups ?? null }
      openCluster({ store, clock: env.clock, limits: this.limits }, expected, (error, identity) => {
        if (error !== null) return done(error)
        const { keyGroups, chainEra } = identity
        this.storeId = identity.id
        this.limits = { ...this.limits, keyGroups, chainEra }
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
    openFileStore(env, cluster?.store ?? `${options.data}/store`, { worker, incarnation }, opened, lost)
  }

  // ── The seat ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private work(): SeatWork {
    const { worker } = this.options
    return {
      arrive: (incarnation, done) => this.openDoor(incarnation, done),
      restore: (generation) => this.restore(generation),
      begin: (generation) => this.begin(generation),
      stopWork: (reason) => this.residents.stopWork(stopReasons[reason]),
      resumeWork: (reason) => this.residents.resumeWork(stopReasons[reason]),
      recorded: (record, cluster) => this.recorded(record, cluster),
      control: (from, message, body) => {
        if (isQuestion(message)) this.questions.take(from.worker, message, body)
        else this.residents.control(from, message, body)
      },
      isSealed: (done) => {
        if (this.seals === null) done(false)
        else this.seals.isSealed((error, sealed) => error === null && done(sealed))
      },
      atDoor: (from, message) => this.door?.onMessage(from.worker, message),
      forget: (done) => this.forget(done),
      isEmpty: () => this.isEmpty(),
      world: () => ({ keyGroups: this.limits.keyGroups, splits: this.splits(), journals: this.journals.workers }),
      requestEpoch: (pipeline, holds, done) => {
        const resident = this.residents.all.get(pipeline)
        if (resident === undefined) done('the pipeline does not run here')
        else resident.execution.request({ kind: holds ? 'rescale' : 'fresh' }, done)
      },
      readAhead: (keyGroups, last, done) => this.ahead.read(new Set(keyGroups), last, done),
      forgetAhead: () => this.ahead.clear(),
      room: () => roomForWorkers(this.plans, this.limits, worker),
      running: () => this.residents.running,
      outdated: () => this.residents.outdated,
      ended: (error) => {
        if (error === null) this.host.left()
        else this.host.lost(error)
      },
    }
  }

  private get plans(): readonly Plan[] {
    return Array.from(this.residents.all.values(), ({ plan }) => plan)
  }

  /** The splits of all pipelines; of too many for a record none: then their names choose who reads them. */
  private splits(): readonly Split[] {
    const all = Array.from(this.residents.all.values(), ({ execution }) => execution.sourceSplits).flat()
    return all.length > this.limits.placedSplits ? [] : all
  }

  /** Opens the journal of an incarnation (V2). */
  private openDoor(incarnation: string, done: (error: PotorooError | null) => void): void {
    const { env, limits, options, store, journals } = this
    const { worker, cluster = null } = options
    const { directory } = journals
    const isKept = (id: string): boolean => this.hasSource(id)
    const first = this.cluster.generation + 1
    this.seals = cluster === null ? null : sealsOf({ store: store!, clock: env.clock, limits }, worker, incarnation)
    const seals = this.seals === null ? {} : { seals: this.seals }
    const onSealed = (): void => this.seat?.sealed()
    Door.open({ env, limits, directory, worker, incarnation, first, isKept, onSealed, ...seals }, (error, door) => {
      if (this.closed) return door?.close(() => {})
      this.door = door
      journals.list(() => done(error))
    })
  }

  private restore(generation: Generation): void {
    const { number, coordinator, members, placement } = generation
    const seat = this.seat!
    const { links } = seat
    this.ahead.stop()
    const own: DoorGeneration = {
      ...{ number, coordinator, members: members.map(({ worker }) => worker) },
      homeOf: (home, stream) => homeOf(placement, members, home, { pipeline: '', ...stream }),
      takerOf: (worker) => members[takerOf(generation, worker)]!.worker,
      send: (worker, message) => links.send(worker, message),
    }
    this.door!.enter(own, this.journals.reach(seat.formers))
    this.journals.list(() => {})
    this.residents.restore(generation, () => seat.restored(number))
  }

  /** Whether nothing is left here of a worker that leaves, beside what moves with its key groups. */
  private isEmpty(): boolean {
    const residents = [...this.residents.all.values()]
    // The doors of one that is on its way up are still to open.
    if (residents.some(({ phase }) => phase === 'starting')) return false
    this.clearance ??= new Clearance(residents.filter(({ phase }) => phase === 'running'))
    return this.clearance.advance()
  }

  private begin(generation: number): void {
    this.generation = generation
    this.clearance = null
    this.ahead.clear()
    this.residents.begin()
    const { waiting } = this
    this.waiting = []
    for (const done of waiting) done()
  }

  private forget(done: () => void): void {
    const { door } = this
    this.generation = 0
    this.door = null
    this.ahead.clear()
    this.residents.forget()
    if (door === null) done()
    else door.close(done)
  }

  /** Whether `id` is a source of a run that the chain knows. */
  private hasSource(id: string): boolean {
    for (const [pipeline, { run }] of this.cluster.pipelines) if (id.startsWith(journalId(pipeline, run))) return true
    return false
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
    this.residents.recorded(record, cluster)
    if (this.seat?.coordinates !== true) return
    if (record.kind === 'epoch') this.floors?.raise(record.pipeline, cluster)
    if (record.kind === 'floor') this.floors?.sweep(record.pipeline, cluster)
  }

  /** Makes the execution of a program in a generation. */
  private execute(
    { plan }: Loaded,
    entry: PipelineEntry,
    generation: Generation,
    events: ExecutionEvents,
    before: Holdings | null,
  ): Execution {
    const { env, options, limits, loop, store, seat, door, incarnation, host, residents } = this
    const { output, input = null, acceptLoss, worker } = options
    const seams: ExecutionSeams = {
      env,
      limits,
      loop,
      store: store!,
      storeId: this.storeId,
      ahead: this.ahead.kept,
      chain: seat!.reader,
      appender: seat!.appender,
      door: door!,
      output,
      input,
      member: { worker, incarnation },
      acceptLoss,
      development: options.development === true,
      sourceToken: options.sourceToken ?? null,
      sharePorts: options.sharePorts === true,
      drop: droppedSteps(entry),
      maySpeak: () => this.seat?.maySpeak === true,
      listening: (pipeline, step, address) => {
        const resident = residents.all.get(pipeline)
        if (resident === undefined) return
        resident.addresses.set(step, address)
        host.listening(resident, step, address)
      },
    }
    // Members make one of each run in a generation (`generation.ts`, N5); a worker alone may make several.
    const alone = generation.members.length === 1
    const term = `${generation.number}.${entry.run}${alone ? `.${++this.executions}` : ''}`
    return new Execution(plan, entry, generation, term, seat!.links, seams, events, before)
  }

  // ── Pipelines ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Puts a program under the name of its pipeline, or leaves it as it is when the chain has it already. */
  submit(
    pipeline: string,
    program: Program,
    parameters: Json,
    options: { readonly from: string | null; readonly drop: readonly string[] },
    done: Done<void>,
  ): void {
    const { env, store, limits } = this
    storeProgram({ store: store!, clock: env.clock, log: env.log, limits }, program, (error) => {
      if (error !== null) return done(error, undefined)
      this.append(
        (cluster) => submitRecord(cluster, pipeline, program.hash, parameters, options),
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
    this.residents.close()
    this.questions.close()
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
