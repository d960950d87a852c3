/**
 * What people ask of the pipelines of a worker, by name: `run`, `worker` and the control API all come through here. The
 * pipelines themselves come and go with the chain (`residents.ts`).
 *
 * P1. Any worker of a cluster may be asked: what it has not heard of may stand in the chain by now.
 * P2. Of what is asked for one pipeline, one thing is done at a time, in the order in which it was asked.
 * P3. Whoever waits when it is closed is told so, whatever he has asked for.
 * P4. Once it is about to end nothing new begins: who submits is refused, and alone it brings nothing up any more. That
 *     would be ended without a last checkpoint, while others come to theirs.
 */
import { fail, PotorooError } from '../../base/errors.ts'
import { nearest } from '../../base/nearest.ts'
import { reasonOf } from '../../base/reason.ts'
import type { Purpose } from '../../checkpoint/barrier.ts'
import { savepointManifest } from '../../checkpoint/layout.ts'
import type { Failure } from '../../dataflow/failure.ts'
import type { Env } from '../../env/env.ts'
import type { Parked } from '../../ingest/producers.ts'
import type { Parameters } from '../../model/graph.ts'
import type { Pipeline } from '../../model/pipeline.ts'
import type { Plan } from '../../model/plan.ts'
import type { Execution } from '../execution/execution.ts'
import type { DeadLetter } from '../letters/dead-letter.ts'
import { readOn, settle } from '../settle.ts'
import { type Program, Worker, type WorkerHost, type WorkerOptions } from '../worker.ts'
import { Changes } from './changes.ts'
import { Endings, isUp } from './endings.ts'
import { Milestones } from './milestones.ts'
import type { Loaded, Resident, ResidentEvents } from './resident.ts'
import { Submission, type SubmitOptions } from './submission.ts'
import { TurnsByName } from './turns-by-name.ts'

/** How often letters that are tried again are looked after, in milliseconds. */
const REPLAY_LOOK_MS = 10

export interface PipelinesEvents extends Omit<ResidentEvents, 'letter' | 'unloaded' | 'changed'> {
  /** The program that the chain names cannot be loaded here. */
  unloaded?(pipeline: string, error: PotorooError): void
  /**
   * Somebody has asked this worker to drain or cancel it, and that is done: it runs again only when it is submitted.
   */
  over?(pipeline: string, how: 'drained' | 'cancelled'): void
  /** The worker as a whole cannot go on. */
  lost(error: PotorooError): void
  /** The worker has left its cluster. */
  left?(): void
}

export type { PipelinePhase, Resident } from './resident.ts'
export type { SubmitOptions } from './submission.ts'

/** What has become of dead letters that were to be tried again: how many were, and how many cannot be. */
export interface Replayed {
  readonly tried: number
  readonly left: number
}

export class Pipelines {
  readonly worker: Worker
  private readonly env: Env
  private readonly options: WorkerOptions
  private readonly events: PipelinesEvents
  private readonly endings: Endings
  private readonly submission: Submission
  /** What is being done to each pipeline (P2). */
  private readonly turns = new TurnsByName()
  /** Records of each pipeline that did not get through, since it runs here. */
  private readonly failures = new Milestones<Resident>()
  /** Who waits for a change of the residents, or for the end (P3). */
  private readonly changes = new Changes(() => this.ended())
  /** It is about to end (P4). */
  private closing = false

  /** `host`: what of the worker's host is not of here, but of whoever makes this. */
  constructor(
    env: Env,
    options: WorkerOptions,
    events: PipelinesEvents,
    host: Partial<Pick<WorkerHost, 'load' | 'changed'>> = {},
  ) {
    this.env = env
    this.options = options
    this.events = events
    this.worker = new Worker(env, options, {
      load: (name, entry, done) => {
        const load: WorkerHost['load'] = host.load ?? ((...args) => this.submission.load(...args))
        load(name, entry, (...loaded) => {
          if (!this.closing || !this.alone || this.residents.has(name)) done(...loaded)
        })
      },
      wants: (name) => this.submission.wants(name),
      running: (resident) => events.running(resident),
      listening: (...args) => events.listening(...args),
      ended: (resident) => events.ended(resident),
      failed: (...args) => events.failed(...args),
      warned: (...args) => events.warned(...args),
      letter: (resident, failure) => this.tellFailure(resident, failure),
      unloaded: (...args) => events.unloaded?.(...args),
      changed: () => {
        this.changes.tell()
        host.changed?.()
      },
      lost: (error) => events.lost(error),
      left: () => {
        this.changes.tell()
        events.left?.()
      },
    })
    const until = (condition: () => boolean) => this.changes.until(condition)
    const { worker, alone } = this
    const { limits } = options
    this.endings = new Endings(env.clock, worker, limits.drainTimeoutMs, until)
    this.submission = new Submission({
      ...{ clock: env.clock, worker, limits, alone, until },
      inTurn: (name, task) => this.inTurn(name, task),
      requireOpen: () => this.requireOpen(),
      stop: (name) => this.stopForAnother(name),
    })
  }

  get residents(): ReadonlyMap<string, Resident> {
    return this.worker.residents.all
  }

  private get alone(): boolean {
    return (this.options.cluster ?? null) === null
  }

  /** Takes the data folder and follows the chain. Rejects with an error of the table. */
  async follow(): Promise<void> {
    await this.changes.answered((done) => this.worker.open(done))
  }

  /** Resolves once this worker works in a generation: at once where it does. */
  seated(): Promise<void> {
    return this.changes.answered((done) => this.worker.seated(() => done(null)))
  }

  /** Both: a worker alone has its seat at once, a member of a cluster may wait for the others. */
  async open(): Promise<void> {
    await this.follow()
    await this.seated()
  }

  /**
   * Brings up what the chain names. One that cannot be loaded or planned is told of (`events.unloaded`), and the others
   * go on.
   */
  async resume(): Promise<void> {
    const { worker } = this
    const { residents } = worker
    const isHere = (name: string) => residents.all.has(name) || residents.unloaded.has(name)
    const named = () => [...worker.cluster.pipelines].flatMap(([name, { drained }]) => (drained ? [] : [name]))
    for (const name of named()) {
      this.submission.want(name)
      if (this.alone && !residents.all.has(name)) residents.again(name)
    }
    await this.changes.until(() => named().every(isHere))
  }

  /** Puts a program under the name of its pipeline (`submission.ts`). */
  submit(pipeline: Pipeline, program: Program, parameters?: Parameters, options?: SubmitOptions): Promise<Resident> {
    return this.submission.submit(pipeline, program, parameters, options)
  }

  /** Resolves once `resident` is on its way up no more: it runs, or has failed. */
  settled(resident: Resident): Promise<void> {
    return this.changes.until(() => resident.phase !== 'starting')
  }

  /**
   * Stops the input, makes a last checkpoint and ends the pipeline. It stays in the cluster with its state, and runs
   * again when it is submitted anew.
   */
  async drain(name: string): Promise<Resident> {
    const drained = await this.inTurn(name, async () => {
      const resident = await this.running(name)
      await this.endings.drain(resident, true)
      return resident
    })
    this.events.over?.(name, 'drained')
    return drained
  }

  /** Takes the pipeline out of the cluster, with its state. Its savepoints stay. */
  async cancel(name: string): Promise<void> {
    this.submission.cancelled(name)
    this.changes.tell()
    await this.inTurn(name, async () => {
      // The run that stands is taken out, and not one that somebody has taken out before it.
      await this.readOn()
      // What was drained before this worker came, or cannot be loaded here, can be taken out as well.
      if (!this.worker.cluster.pipelines.has(name)) this.find(name)
      await settle<void>((done) => this.worker.ledger.withdraw(name, done))
      this.worker.ledger.sweep()
    })
    // Who hears that may end the worker, which leaves nobody an answer that is still to come (P3).
    this.events.over?.(name, 'cancelled')
  }

  /** Makes a checkpoint now; answers its epoch. */
  async checkpoint(name: string): Promise<number> {
    const { execution } = await this.running(name)
    await this.request(execution, { kind: 'periodic' })
    return execution.status.figures?.epoch ?? 0
  }

  /**
   * Makes a checkpoint and keeps it as the savepoint `savepoint`; answers its epoch. Rejects with `E_STORE_NAME`, and
   * `E_SAVEPOINT_THERE`.
   */
  async savepoint(name: string, savepoint: string): Promise<number> {
    const { execution } = await this.running(name)
    // Throws where no folder can have that name. Who makes the savepoint hears of that, and of one that is there,
    // behind an epoch only.
    const path = savepointManifest(name, savepoint)
    const there = await settle<Buffer | null>((done) => this.worker.storage.read(path, done))
    if (there !== null) throw fail('E_SAVEPOINT_THERE', { pipeline: name, savepoint })
    await this.request(execution, { kind: 'savepoint', name: savepoint })
    return execution.status.figures?.epoch ?? 0
  }

  /**
   * Gives up the records that streams of `producer` to the source `step` wait for, which only the journal of an absent
   * worker has: they go on behind them, for good with the checkpoint that is made of it. Answers what is lost.
   */
  async abandonStream(name: string, step: string, producer: string): Promise<readonly Parked[]> {
    const { execution } = await this.running(name)
    const lost = execution.abandonStream(step, producer)
    if (lost.length === 0) throw fail('E_STREAM_NOT_PARKED', { producer, source: step })
    await this.request(execution, { kind: 'periodic' })
    return lost
  }

  /** Takes dead letters out of the list, for good; all of them where `ids` is `null`. Answers how many. */
  async purge(name: string, ids: readonly string[] | null): Promise<number> {
    const { execution } = await this.running(name)
    const removed = execution.purge(this.letters(name, ids))
    await this.request(execution, { kind: 'periodic' })
    return removed
  }

  /**
   * Gives dead letters back to the steps that they failed in; all of them where `ids` is `null`. What fails again is a
   * dead letter again.
   */
  async replay(name: string, ids: readonly string[] | null): Promise<Replayed> {
    const { execution } = await this.running(name)
    const letters = this.letters(name, ids)
    const { clock } = this.env
    execution.replay(letters)
    const isCurrent = (one: Resident | undefined) =>
      one !== undefined && isUp(one) && one.execution === execution && execution.isOpen
    while (execution.replaying > 0 && isCurrent(this.residents.get(name))) {
      await new Promise<void>((resolve) => clock.after(REPLAY_LOOK_MS, resolve))
    }
    const standing = new Set(this.letters(name, null))
    const left = letters.filter((letter) => standing.has(letter)).length
    await this.request(execution, { kind: 'periodic' })
    return { tried: letters.length - left, left }
  }

  private letters(name: string, ids: readonly string[] | null): readonly DeadLetter[] {
    const { deadLetters } = this.find(name).execution
    if (ids === null) return deadLetters.list(0, deadLetters.count)
    return Array.from(new Set(ids), (id) => {
      const letter = deadLetters.find(id)
      if (letter === null) throw fail('E_NO_LETTER', { pipeline: name, id })
      return letter
    })
  }

  /**
   * The pipeline `name`; throws `E_NO_PIPELINE`, `E_PIPELINE_NOT_UP` where this worker has not come to it yet, and
   * `E_PIPELINE_UNLOADED` where it cannot.
   */
  find(name: string): Resident {
    const found = this.residents.get(name)
    if (found !== undefined) return found
    const entry = this.worker.cluster.pipelines.get(name)
    if (entry?.drained === true) throw fail('E_NOT_RUNNING', { pipeline: name, phase: 'drained' })
    const worker = this.worker.name
    const unloaded = this.worker.residents.unloaded.get(name)
    if (unloaded !== undefined) {
      const { error } = unloaded
      throw fail('E_PIPELINE_UNLOADED', { pipeline: name, worker, reason: error.message }, error)
    }
    if (entry !== undefined) throw fail('E_PIPELINE_NOT_UP', { pipeline: name, worker })
    const names = [...this.residents.keys()]
    const meant = nearest(name, names)
    const known = names.length === 0 ? 'none runs here' : `there is ${names.join(', ')}`
    throw fail('E_NO_PIPELINE', { pipeline: name, known: meant === null ? known : `did you mean ${meant}?` })
  }

  /**
   * What the pipeline is made of, also where it was drained before this worker came, which has nothing else of it.
   * Rejects with what `find` throws, and where its program cannot be loaded.
   */
  async planOf(name: string): Promise<Plan> {
    const entry = this.worker.cluster.pipelines.get(name)
    if (entry?.drained !== true || this.residents.has(name)) return this.find(name).plan
    return (await settle<Loaded | null>((done) => this.submission.load(name, entry, done)))!.plan
  }

  /**
   * Ends the worker. Alone it drains every pipeline that runs, and answers what could not be drained, by pipeline; in a
   * cluster it comes to rest behind a last checkpoint, and the others, where some stay, go on from there.
   */
  async close(): Promise<ReadonlyMap<string, Error>> {
    const failures = new Map<string, Error>()
    this.closing = true
    const drain = async (name: string) => {
      // One that somebody drains already comes to its end before its turn is over, or goes on; and so does one that
      // another program takes the place of.
      const turn = this.inTurn(name, () => this.drainLast(name))
      await turn.catch((error) => failures.set(name, error as Error))
    }
    if (this.alone) await Promise.all([...this.residents.keys()].map(drain))
    else if (this.worker.phase === 'gone') await this.endings.letGo()
    else await this.endings.rest()
    const closed = new Promise<void>((resolve) => this.worker.close(resolve))
    this.changes.close()
    await closed
    return failures
  }

  /** What runs under `name` comes to its end with its worker; what is on its way up has taken nothing in yet. */
  private async drainLast(name: string): Promise<void> {
    const resident = this.residents.get(name)
    if (resident === undefined) return
    if (isUp(resident)) await this.endings.drain(resident, false)
    else if (resident.phase === 'starting') resident.execution.close()
  }

  /** P4. */
  private requireOpen(): void {
    if (this.closing) throw this.ended()
  }

  private ended(): PotorooError {
    return fail('E_WORKER_ENDED', { worker: this.worker.name })
  }

  /** P2, P3. */
  private inTurn<T>(name: string, task: () => Promise<T>): Promise<T> {
    return this.changes.orEnd(this.turns.take(name, task))
  }

  /**
   * Tells of some of the records that did not get through, whichever generation they failed in; `status` counts them
   * all.
   */
  private tellFailure(resident: Resident, { step, error }: Failure): void {
    const failures = this.failures.next(resident)
    if (failures === null) return
    const count = failures === 1 ? 'a record' : `${failures} records`
    const reason = reasonOf(error)
    const hint = error instanceof PotorooError ? `${error.remedy}; ` : ''
    this.events.warned(resident, fail('E_RECORD_FAILED', { pipeline: resident.name, count, step, reason, hint }))
  }

  /**
   * Drains what runs under `name`, so that another program can take its place. One that comes to no last checkpoint,
   * for instance since its state cannot be written, goes as if it had been killed: what came after the checkpoint
   * before is done again by the other.
   */
  private async stopForAnother(name: string): Promise<void> {
    const resident = this.residents.get(name)
    if (resident === undefined) return
    try {
      if (isUp(resident)) return await this.endings.drain(resident, false)
    } catch (error) {
      if (!(error instanceof PotorooError && error.code === 'E_NOT_DRAINED')) throw error
      this.events.warned(resident, error)
    }
    resident.execution.close()
  }

  /** P1. */
  private readOn(): Promise<boolean> {
    const { env, options, worker } = this
    return readOn(worker, env.clock, options.limits.storeTimeoutMs)
  }

  private async running(name: string): Promise<Resident> {
    if (!this.worker.cluster.pipelines.has(name)) await this.readOn()
    const resident = this.find(name)
    if (isUp(resident)) return resident
    throw fail('E_NOT_RUNNING', { pipeline: name, phase: resident.phase })
  }

  private request(execution: Execution, purpose: Purpose): Promise<void> {
    const { pipeline } = execution
    const made = new Promise<void>((resolve, reject) => {
      execution.request(purpose, (reason) => {
        if (reason === null) resolve()
        else reject(fail('E_CHECKPOINT', { pipeline, reason }))
      })
    })
    return this.changes.orEnd(made)
  }
}
