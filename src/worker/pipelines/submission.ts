/**
 * How programs come under the names of their pipelines, and into this process: what people submit is put into the
 * chain, and what the chain names is loaded. It owns the programs of this process, and says which of the chain's
 * pipelines run here.
 *
 * S1. A program is in the chain before it runs: what a restart finds is what ran.
 * S2. A worker alone runs what it was asked to run in this process; a member of a cluster runs what the chain names.
 * S3. What does not fit is refused before anything is stopped for it.
 * S4. A savepoint that is gone once the record stands by which a pipeline begins with it has been removed beside that
 *     (`savepoints.ts`, V2): the pipeline is taken out again.
 * S5. A program that another one has taken the place of is of no use to a worker alone: it goes from the store, where
 *     each change of a file under `dev` leaves one. In a cluster somebody may be about to submit it again.
 * S6. Who has submitted waits until that stands here, for as long as it takes, and nothing else is done to the pipeline
 *     meanwhile. Only who takes it out need not wait for that: it is overtaken.
 * S7. Of programs that come from the store at once, as when a worker comes back, each is loaded, and each is built, in
 *     a turn of its own: whatever else the loop has to do comes between two of them.
 * S8. Of pipelines that have been taken out nothing stays here for long: the next program that comes has it cleared.
 */
import { fail, PotorooError } from '../../base/errors.ts'
import type { Json } from '../../base/json.ts'
import type { Limits } from '../../base/limits.ts'
import type { PipelineEntry } from '../../checkpoint/cluster.ts'
import { bundle, savepointManifest } from '../../checkpoint/layout.ts'
import type { Clock } from '../../env/clock.ts'
import type { Parameters } from '../../model/graph.ts'
import type { Pipeline } from '../../model/pipeline.ts'
import type { Plan } from '../../model/plan.ts'
import { plan } from '../../model/planner.ts'
import { MOST_PIPELINES } from '../../protocol/messages.ts'
import { buildGraph } from '../loading/load.ts'
import { loadStored } from '../loading/load-stored.ts'
import { readOn, settle } from '../settle.ts'
import type { Program, Worker } from '../worker.ts'
import { requireChannelMemory } from './channel-memory.ts'
import { requireContinuation } from './continuation.ts'
import { faultOfHeld, requirePlaces, sinkPlaces } from './places.ts'
import { hasRoomFor } from './programs.ts'
import { isProgram, type Loaded, type Resident } from './resident.ts'
import { noSavepoint } from './savepoints.ts'

/** How a program is to begin. */
export interface SubmitOptions {
  /** The name of a savepoint of this pipeline to begin with. */
  readonly savepoint?: string | null
  /** Forget the state that is there and begin anew. */
  readonly fresh?: boolean
  /** Steps whose state is not taken over. */
  readonly drop?: readonly string[]
  /** Changes the plan that runs here, and nothing that is kept: where `run` puts standard input and output. */
  readonly rewrite?: (plan: Plan) => Plan
  /** In a cluster: the same program begins anew as well, for it has failed on another member. */
  readonly again?: boolean
  /**
   * Called once the program is found to fit, before anything is stopped for it, with what is worth a word about that.
   */
  readonly onFit?: (warnings: readonly PotorooError[]) => void
}

export interface SubmissionSeams {
  readonly clock: Clock
  readonly worker: Worker
  readonly limits: Limits
  /** Whether no other worker can ever be a member (S2). */
  readonly alone: boolean
  /** Runs `task` behind everything that was asked for the pipeline before. */
  inTurn<T>(name: string, task: () => Promise<T>): Promise<T>
  /** Throws `E_WORKER_ENDED` once the worker is about to end. */
  requireOpen(): void
  /** Ends what runs under `name`, so that another program can take its place. */
  stop(name: string): Promise<void>
  /** Resolves once `condition` holds; looked at after every change of the residents. */
  until(condition: () => boolean): Promise<void>
}

/** A program of this process, which the chain names or is to name. */
interface Prepared extends Loaded {
  readonly hash: string
  readonly parameters: Parameters
}

/** Somebody's wish for a program. */
interface Asked {
  readonly name: string
  cancelled: boolean
}

export class Submission {
  private readonly seams: SubmissionSeams
  /** Programs that need not be loaded from the store. */
  private readonly prepared = new Map<string, Prepared>()
  /**
   * Those that are being submitted, by pipeline: of two that do not go beside each other the second is refused (S3).
   */
  private readonly coming = new Map<string, Plan>()
  /** Those that have been asked for and not answered (S6). */
  private readonly asked = new Set<Asked>()
  /** When the last turn that has been given begins (S7). */
  private lastTurn: Promise<void> = Promise.resolve()
  /** S2, S8. */
  private readonly wanted = new Set<string>()

  constructor(seams: SubmissionSeams) {
    this.seams = seams
  }

  /** How many pipelines it holds a program of, or wants (S8). */
  get held(): number {
    return new Set([...this.prepared.keys(), ...this.wanted]).size
  }

  /** Whether the pipeline is to run here, where the chain names it. */
  wants(name: string): boolean {
    return !this.seams.alone || this.wanted.has(name)
  }

  /** From now on it is. */
  want(name: string): void {
    this.wanted.add(name)
  }

  /**
   * Puts a program under the name of its pipeline, on all members. Where another one runs, the new one continues from
   * its last checkpoint; where the same one does, a cluster lets it run on, unless it has failed. Rejects where the
   * pipeline has faults or its state does not fit; then nothing has changed. So it does where somebody else is quicker.
   */
  async submit(
    pipeline: Pipeline,
    program: Program,
    parameters: Parameters = {},
    options: SubmitOptions = {},
  ): Promise<Resident> {
    const { name } = pipeline
    const { limits, inTurn } = this.seams
    const planned = plan(buildGraph(pipeline, parameters, limits))
    const prepared = { plan: options.rewrite?.(planned) ?? planned, hash: program.hash, parameters }
    const asked: Asked = { name, cancelled: false }
    this.asked.add(asked)
    const answered = inTurn(name, async () => {
      this.seams.requireOpen()
      await this.takeRoom(prepared.plan)
      try {
        return await this.put(asked, program, prepared, options)
      } finally {
        this.coming.delete(name)
      }
    })
    return answered.finally(() => this.asked.delete(asked))
  }

  /** Somebody is about to take the pipeline out: who waits until it stands here waits no longer (S6). */
  cancelled(name: string): void {
    for (const one of this.asked) if (one.name === name) one.cancelled = true
  }

  /**
   * From now on `planned` is about to run here. Throws where there is no room for it; what is in its way may have been
   * taken out by another worker just now.
   */
  private async takeRoom(planned: Plan): Promise<void> {
    const { worker, clock, limits } = this.seams
    try {
      this.requireRoom(planned)
    } catch {
      await readOn(worker, clock, limits.storeTimeoutMs)
      this.requireRoom(planned)
    }
    this.coming.set(planned.pipeline, planned)
  }

  /** Throws where what runs here, or is about to, leaves no room for `planned` beside it (S3). */
  private requireRoom(planned: Plan): void {
    const { worker, limits } = this.seams
    const { pipeline: name } = planned
    if (!hasRoomFor(worker.cluster, name)) throw fail('E_PIPELINES_FULL', { pipeline: name, limit: MOST_PIPELINES })
    this.requireHeld(planned)
    const { all, plans } = worker.residents
    const beside = (those: readonly Plan[]): readonly Plan[] =>
      [...those, ...this.coming.values()].filter(({ pipeline }) => pipeline !== name)
    // What was drained keeps its files, and no port.
    requirePlaces(planned, beside(Array.from(all.values(), ({ plan }) => plan)), beside(plans))
    requireChannelMemory(planned, beside(plans), worker.cluster.members.length, limits)
  }

  /** Throws where what the chain has, drained or not, has a place of `planned`. */
  private requireHeld(planned: Plan): void {
    const fault = faultOfHeld(this.seams.worker.cluster, planned.pipeline, sinkPlaces(planned))
    if (fault !== null) throw fault
  }

  private async put(asking: Asked, program: Program, prepared: Prepared, options: SubmitOptions): Promise<Resident> {
    const { name } = asking
    const { worker, clock, limits, until } = this.seams
    const { drop = [], fresh, again = false } = options
    const from = await this.manifestOf(name, options)
    const asked = { worker, clock, timeoutMs: limits.drainTimeoutMs, until, again }
    // Asked also where nobody hears it: what stands in a call that is left out is left out with it.
    const warnings = await requireContinuation(asked, prepared.plan, { from, fresh: fresh === true, drop })
    // S3. A store that takes nothing more is in the way, too.
    await settle<void>((done) => worker.ledger.keep(program, done))
    this.seams.requireOpen()
    options.onFit?.(warnings)
    const replaced = worker.cluster.pipelines.get(name)?.hash
    if (this.seams.alone) await this.seams.stop(name)
    if (fresh === true) await settle<void>((done) => worker.ledger.withdraw(name, done))
    this.remember(name, prepared)
    this.wanted.add(name)
    const before = worker.residents.all.get(name)
    const failed = before?.phase === 'failed' || worker.residents.unloaded.has(name)
    const places = sinkPlaces(prepared.plan)
    const how = { from, drop, places, again: !this.seams.alone && (again || failed) }
    await settle<void>((done) => worker.ledger.submit(name, program, prepared.parameters as Json, how, done))
    // Where somebody was quicker no record was made (`programs.ts`, G3).
    this.requireHeld(prepared.plan)
    if (from !== null) await this.requireBegun(name, from, options)
    worker.ledger.sweep()
    if (this.seams.alone && replaced !== undefined) await settle<void>((done) => worker.ledger.discard(replaced, done))
    const goesOn = before !== undefined && worker.cluster.pipelines.get(name)?.submitted === before.submitted
    if (goesOn && !this.seams.alone) return before
    // The chain has it already: it is brought up once more, with what is asked for now.
    if (this.seams.alone && worker.residents.all.get(name) === before) worker.residents.again(name)
    return this.standing(asking, prepared)
  }

  /**
   * The pipeline once it is here with that program, unless somebody has asked another worker for something else
   * meanwhile.
   */
  private async standing(asking: Asked, program: Prepared): Promise<Resident> {
    const { name } = asking
    const { residents } = this.seams.worker
    const overtaken = (): boolean => {
      if (asking.cancelled) return true
      const entry = this.seams.worker.cluster.pipelines.get(name)
      return entry === undefined || entry.drained || !isProgram(program, entry)
    }
    const here = (): Resident | null => {
      const resident = residents.all.get(name) ?? null
      // In a cluster others may have had it loaded here: it is the one that the record names.
      const record = this.seams.worker.cluster.pipelines.get(name)?.submitted
      const isIt = this.seams.alone ? resident?.plan === program.plan : resident?.submitted === record
      return isIt && !overtaken() ? resident : null
    }
    // An earlier program may not have been loaded: that says nothing of this one.
    const unloaded = (): PotorooError | null => {
      const one = residents.unloaded.get(name)
      return one?.entry.submitted === this.seams.worker.cluster.pipelines.get(name)?.submitted ? one!.error : null
    }
    await this.seams.until(() => here() !== null || overtaken() || unloaded() !== null)
    const resident = here()
    if (resident !== null) return resident
    throw overtaken() ? fail('E_SUBMIT_OVERTAKEN', { pipeline: name }) : unloaded()!
  }

  /** As `LoadPlan`. */
  load(name: string, entry: PipelineEntry, done: (error: PotorooError | null, loaded: Loaded | null) => void): void {
    this.read(name, entry).then(
      (loaded) => done(null, loaded),
      (error: unknown) => {
        // Any other is a fault of this program.
        if (!(error instanceof PotorooError)) throw error
        done(error, null)
      },
    )
  }

  /** The program that the chain names for `name`: that of this process, or loaded from the store. */
  private async read(name: string, entry: PipelineEntry): Promise<Loaded> {
    const known = this.prepared.get(name)
    if (known !== undefined && isProgram(known, entry)) return known
    const program = await settle<Program>((done) => this.seams.worker.ledger.program(entry.hash, done))
    const { limits } = this.seams
    const parameters = entry.parameters as Parameters
    const planned = plan(await loadStored(program, parameters, limits, () => this.turn()))
    if (planned.pipeline !== name) throw fail('E_BUNDLE_DAMAGED', { path: bundle(entry.hash) })
    const loaded = { plan: planned, hash: entry.hash, parameters }
    // Somebody may have asked for one here meanwhile: for this one, which he waits for, or for another.
    const now = this.prepared.get(name)
    if (now === known) this.remember(name, loaded)
    return now !== undefined && isProgram(now, entry) ? now : loaded
  }

  /** The program need not be loaded from the store; those that the chain names no more, and nobody awaits, go (S8). */
  private remember(name: string, program: Prepared): void {
    const { pipelines } = this.seams.worker.cluster
    const awaited = new Set(Array.from(this.asked, (one) => one.name))
    for (const held of new Set([...this.prepared.keys(), ...this.wanted])) {
      if (held === name || pipelines.has(held) || awaited.has(held)) continue
      this.prepared.delete(held)
      this.wanted.delete(held)
    }
    this.prepared.set(name, program)
  }

  /** S7. */
  private turn(): Promise<void> {
    this.lastTurn = this.lastTurn.then(() => new Promise((resolve) => this.seams.clock.soon(resolve)))
    return this.lastTurn
  }

  /** The path of the savepoint's manifest, with which only a pipeline can begin that is not there, or not any more. */
  private async manifestOf(name: string, { savepoint = null, fresh }: SubmitOptions): Promise<string | null> {
    if (savepoint === null) return null
    const there = this.seams.worker.cluster.pipelines.has(name)
    if (there && fresh !== true) throw fail('E_PIPELINE_THERE', { pipeline: name })
    const path = savepointManifest(name, savepoint)
    if (!(await this.isThere(path))) throw await this.noSavepoint(name, savepoint)
    return path
  }

  /** It has begun with its savepoint, where nobody else was quicker, and that is still there (S4). */
  private async requireBegun(name: string, from: string, { savepoint }: SubmitOptions): Promise<void> {
    const entry = this.seams.worker.cluster.pipelines.get(name)
    if (entry === undefined) throw fail('E_SUBMIT_OVERTAKEN', { pipeline: name })
    if (entry.from !== from) throw fail('E_PIPELINE_THERE', { pipeline: name })
    if (await this.isThere(from)) return
    await settle<void>((done) => this.seams.worker.ledger.withdraw(name, done))
    throw await this.noSavepoint(name, savepoint!)
  }

  private noSavepoint(name: string, savepoint: string): Promise<PotorooError> {
    const { worker, clock, limits } = this.seams
    return noSavepoint({ store: worker.storage, clock, limits, hurried: true }, name, savepoint)
  }

  private async isThere(path: string): Promise<boolean> {
    const found = await settle<Buffer | null>((done) => this.seams.worker.storage.read(path, done))
    return found !== null
  }
}
