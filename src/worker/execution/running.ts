/**
 * A pipeline that runs on this worker within one generation: its tasks and channels, its part in the epochs and, on one
 * of the members, the coordinator's. Made at `activate`, from what the way up has restored.
 *
 * E2. What an epoch's sources and sinks put into its snapshot is kept until the epoch is committed, and source rows
 *     until they lie below the floor.
 * E5. The coordinator's part runs on one member only; what it decides comes to every member by message, to its own
 *     worker too (`epoch-post.ts`).
 */
import type { ByteReader } from '../../base/bytes.ts'
import { FORMAT_EXACT } from '../../base/codec/format.ts'
import { fail, PotorooError } from '../../base/errors.ts'
import { type Fate, type Purpose, periodic } from '../../checkpoint/barrier.ts'
import type { PipelineEntry } from '../../checkpoint/cluster.ts'
import { LETTERS_PART, type ManifestFrame } from '../../checkpoint/manifest.ts'
import type { Barrier } from '../../dataflow/batch.ts'
import type { Failure } from '../../dataflow/failure.ts'
import { Runtime, type TaskFigures } from '../../dataflow/runtime.ts'
import { SpoiledState } from '../../dataflow/spoiled-state.ts'
import type { Plan } from '../../model/plan.ts'
import { valuesFormatOf } from '../../protocol/version.ts'
import type { ControlMessage } from '../../transport/wire.ts'
import { describeError } from '../letters/dead-letter.ts'
import type { LetterDesk } from '../letters/letter-desk.ts'
import { asProgram } from '../loading/load-mark.ts'
import type { Work } from '../loop.ts'
import { PatientSender } from '../patient-sender.ts'
import type { ExecutionSeams } from '../seams.ts'
import { type BarrierReports, barrierReports } from './epochs/barrier-reports.ts'
import { Coordinating } from './epochs/coordinating.ts'
import { EpochMemory } from './epochs/epoch-memory.ts'
import { EpochPost, type MembersMail } from './epochs/epoch-post.ts'
import type { Answered } from './epochs/epoch-requests.ts'
import { NextEpoch } from './epochs/next-epoch.ts'
import { type CheckpointFigures, Participating } from './epochs/participating.ts'
import { Passage } from './epochs/passage.ts'
import { FarChannels } from './far-channels.ts'
import type { Sent } from './far-outlet.ts'
import type { Care, Careful, ExecutionEvents, Generation, Links } from './generation.ts'
import { connectorsOf, stepsOf } from './restore/base-fit.ts'
import { ownedOf } from './restore/state-return.ts'
import type { AtBase } from './restore/way-up.ts'
import type { SourceHolds } from './sources/source-holds.ts'
import type { OpenSources } from './sources/sources.ts'
import type { SplitTable } from './sources/split-table.ts'

/** What a step has done so far, for metrics. */
export interface StepFigures extends TaskFigures {
  /** To other members of the cluster. */
  readonly sent: Readonly<Sent>
}

/** What an execution gives to what runs of it. */
export interface RunningParts {
  readonly plan: Plan
  readonly entry: PipelineEntry
  readonly generation: Generation
  readonly links: Links
  readonly seams: ExecutionSeams
  readonly events: ExecutionEvents
  readonly atBase: AtBase
  readonly splits: SplitTable
  readonly sources: OpenSources
  readonly holds: SourceHolds
  readonly desk: LetterDesk
  report(failure: Failure): void
  readonly careful: Careful
  /** It cannot go on. */
  failed(error: PotorooError): void
  /** It stands still: a state of `step` is wrong in memory, as `warning` says, and wants more care from now on. */
  spoiled(step: string, care: Care, warning: PotorooError): void
}

export class Running implements Work, MembersMail {
  readonly runtime: Runtime
  private readonly parts: RunningParts
  /** How far its barriers have come, for readers. */
  readonly passage: Passage
  /** Readers that wait for an epoch. */
  readonly nextEpoch = new NextEpoch((done) => this.request(periodic, done))
  private readonly memory = new EpochMemory()
  private readonly post: EpochPost
  private readonly channels: FarChannels | null
  private readonly participating: Participating
  private readonly coordinating: Coordinating | null
  /** Requests of this worker that wait for their answer. */
  private readonly asked = new Map<number, Answered>()
  /** Who waits until `epoch`, or a later one, is committed here. */
  private waiting: { readonly epoch: number; readonly done: () => void }[] = []
  private asks = 0
  /** The last epoch whose barrier has come, where it drains the pipeline, or 0. */
  private drainsWith = 0
  private format = FORMAT_EXACT
  /** When it began to run, by the monotonic clock. */
  startedMs = 0

  constructor(parts: RunningParts) {
    const { plan, entry, generation, links, seams, splits, report, failed, atBase } = parts
    const { limits } = seams
    this.parts = parts
    this.passage = new Passage(atBase.base)
    const sender = new PatientSender(seams.env.clock, limits, (worker) => links.backlog(worker))
    this.post = new EpochPost(generation, links, entry.run, limits.frameBytes, sender)
    this.channels =
      generation.members.length === 1
        ? null
        : new FarChannels({
            plan,
            run: entry.run,
            generation,
            links,
            limits,
            clock: seams.env.clock,
            splits,
            report,
            failed,
          })
    this.participating = this.makeParticipating(atBase)
    this.coordinating = generation.coordinator === seams.member.worker ? this.makeCoordinating(atBase) : null
    this.runtime = this.makeRuntime(atBase)
    atBase.held.clear()
  }

  start(): void {
    const { seams, holds, atBase } = this.parts
    this.startedMs = seams.env.clock.monotonic()
    for (const store of atBase.stores.values()) store.load.reset()
    seams.loop.add(this)
    holds.begin(this.runtime)
    this.coordinating?.start()
  }

  /** Its tasks run no more, and no barrier passes them. What they have passed goes on: it is right. */
  private halt(): void {
    this.parts.seams.loop.remove(this)
    this.runtime.close()
  }

  private spoil(step: string, care: Care, warning: PotorooError): void {
    this.halt()
    this.parts.spoiled(step, care, warning)
  }

  /**
   * No checkpoint can hold a state of `step`: what goes back meets the record again, and finds it out then. A step that
   * is looked at already has its state from elsewhere, and would go back for ever.
   */
  private tooDeep(step: string, { message: cause }: PotorooError): void {
    if (this.parts.careful.get(step) !== 'lookedAt') this.spoil(step, 'lookedAt', fail('E_STATE_UNSAVED', { cause }))
  }

  close(): void {
    this.halt()
    for (const done of this.asked.values()) done('the pipeline has ended')
    this.asked.clear()
    this.tellCommitted(Infinity)
    this.coordinating?.stop()
    this.participating.stop()
    this.post.close()
    this.channels?.close()
    this.passage.close()
  }

  private makeRuntime({ writers, stores, held }: AtBase): Runtime {
    const { plan, seams, sources, generation, splits, report, careful } = this.parts
    const { owners } = generation
    return new Runtime(plan, {
      limits: seams.limits,
      development: seams.development,
      ownership: { owners, shift: Math.clz32(owners.length) + 1 },
      crossings: this.channels,
      feed: (task) => sources.feed(task.step),
      writer: (task) => writers.get(task.step)!,
      store: (task) => stores.get(task.step)!,
      undoBytes: (step) => (careful.has(step) ? Infinity : seams.limits.undoBytes),
      looksForDepth: (step) => careful.get(step) === 'lookedAt',
      pending: (task) => held.get(task.step) ?? [],
      splitName: (number) => splits.nameOf(number),
      report,
      reports: this.barrierReports(),
      ended: () => this.post.outputEnded(),
      wake: seams.loop.wake,
      stopwatch: () => seams.env.clock.monotonic(),
    })
  }

  private barrierReports(): BarrierReports {
    const { memory, participating, passage } = this
    const { plan, sources, desk, splits } = this.parts
    return barrierReports({
      ...{ memory, participating, passage, plan, sources, splits, letters: desk.letters },
      heldSince: (step) => this.runtime.heldSince(step),
    })
  }

  private makeParticipating({ base, stores, lostPacks }: AtBase): Participating {
    const { post } = this
    const { seams, plan, splits, generation, events } = this.parts
    const { store, limits, loop, member, env } = seams
    const parts = new Set([...plan.tasks.map((task) => task.step), LETTERS_PART])
    const self = { ...member, parts, stores, owned: ownedOf(generation), lostPacks }
    const indexes = generation.members.length === 1 ? null : seams.indexes
    const valuesFormat = () => this.valuesFormat()
    const more = { valuesFormat, clock: env.clock, limits, loop, splits, indexes }
    return new Participating({ store, ...more }, this.frame, self, base, {
      inject: (barrier) => this.inject(barrier),
      commit: (epoch) => this.commit(epoch),
      completed: (epoch) => events.behind(epoch),
      release: () => this.release(),
      saved: (epoch, snapshot) => post.saved(epoch, snapshot),
      refused: (epoch, reason) => post.refused(epoch, reason),
      passed: (epoch) => post.passed(epoch),
      tooDeep: (step, error) => this.tooDeep(step, error),
    })
  }

  /** The newest format of values that every member reads; what has been heard of one that is lost by now counts. */
  private valuesFormat(): number {
    const { generation, links } = this.parts
    for (const { worker } of generation.members) {
      const version = links.version(worker)
      if (version > 0) this.format = Math.min(this.format, valuesFormatOf(version))
    }
    return this.format
  }

  private makeCoordinating({ base }: AtBase): Coordinating {
    const { seams, entry, generation, events } = this.parts
    const { store, limits, env, appender, named } = seams
    const { clock, log } = env
    const members = new Map(generation.members.map(({ worker, incarnation }) => [worker, incarnation]))
    // Also behind the epoch of a savepoint that it begins with: what one history writes has names of its own.
    const highest = Math.max(entry.highest, base?.epoch ?? 0)
    const own = { store, clock, log, limits, named, chain: appender }
    return new Coordinating(own, { frame: this.frame, members, base, highest }, this.post, () => events.ended())
  }

  private get frame(): ManifestFrame {
    const { entry, generation, seams, plan } = this.parts
    return {
      pipeline: plan.pipeline,
      run: entry.run,
      hash: entry.hash,
      generation: generation.number,
      keyGroups: generation.owners.length,
      rotation: seams.limits.horizonEpochs,
      steps: stepsOf(plan),
      connectors: connectorsOf(plan),
    }
  }

  // ── The loop ─────────────────────────────────────────────────────────────────────────────────────────────────────

  get due(): number {
    return this.runtime.due
  }

  step(now: number, budget: number): boolean {
    return asProgram(this.parts.entry.hash, () => this.run(now, budget))
  }

  private run(now: number, budget: number): boolean {
    const { runtime, parts } = this
    const { limits, env } = parts.seams
    const { letters } = parts.desk
    parts.desk.tryAgain(runtime, limits.batchRecords)
    try {
      const until = env.clock.monotonic() + limits.workMs
      const runs = runtime.runs + budget
      const goesOn = (): boolean => runtime.runs < runs && letters.flooded === null && env.clock.monotonic() < until
      let more = runtime.step(now, 1)
      // Runs of tasks may take a hundred times as long as usual: while the heap is marked, whoever allocates pays for
      // it.
      while (more && goesOn()) more = runtime.step(now, 1)
      if (letters.flooded !== null) throw letters.flooded
      if (more) return true
      // Nothing to do: decode what is still bytes, a key group at a time.
      for (const store of parts.atBase.stores.values()) if (store.loadNext()) return true
    } catch (error) {
      if (SpoiledState.is(error)) {
        const cause = describeError(error.cause).message
        this.spoil(error.step, 'copied', fail('E_STATE_SPOILED', { step: error.step, limit: limits.undoBytes, cause }))
        return false
      }
      // State that cannot be read back, or taken on: this pipeline's end, and no other's. What is saved stays.
      if (!(error instanceof PotorooError)) throw error
      parts.failed(error)
    }
    return false
  }

  elapse(now: number): void {
    this.runtime.elapse(now)
  }

  // ── Mail ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  control(worker: string, message: ControlMessage, body: ByteReader): void {
    this.post.take(worker, message, body, this, this.coordinating)
  }

  startEpoch(epoch: number, purpose: Purpose, previous: Fate | null): void {
    this.participating.barrier({ epoch, purpose, previous })
  }

  endEpoch(fate: Fate): void {
    this.participating.fate(fate)
  }

  holdSources(reason: string): void {
    this.parts.holds.hold('checkpoints', reason)
  }

  releaseSources(): void {
    this.parts.holds.release('checkpoints')
  }

  answered(number: number, failure: string | null): void {
    const done = this.asked.get(number)
    this.asked.delete(number)
    done?.(failure)
  }

  // ── Epochs ───────────────────────────────────────────────────────────────────────────────────────────────────────

  private inject(barrier: Barrier): void {
    const drains = barrier.purpose === 'drain'
    this.nextEpoch.barrier()
    this.drainsWith = drains ? barrier.epoch : 0
    if (drains) this.parts.holds.hold('drain', 'the pipeline drains')
    this.runtime.inject(barrier)
  }

  recorded(epoch: number): void {
    this.participating.recorded(epoch)
  }

  private commit(epoch: number): void {
    const { sources, atBase, events } = this.parts
    const committed = this.memory.commit(epoch)
    for (const [step, held] of committed.sinks) atBase.writers.get(step)!.commit(epoch, held)
    sources.complete(committed.sources, committed.held)
    if (epoch === this.drainsWith) events.drained()
    this.tellCommitted(epoch)
  }

  /** What this worker has reported at the floor; `null` where that lies in an earlier run. */
  floorRows(epoch: number): ReturnType<EpochMemory['floor']> {
    return this.memory.floor(epoch)
  }

  request(purpose: Purpose, done: Answered): void {
    this.asked.set(++this.asks, done)
    this.post.ask(this.asks, purpose)
  }

  private tellCommitted(epoch: number): void {
    const waiting = this.waiting
    this.waiting = waiting.filter((one) => one.epoch > epoch)
    for (const one of waiting) if (one.epoch <= epoch) one.done()
  }

  /** Calls `done` when what is complete or under way here is committed: at once, or later, or once this is closed. */
  whenCommitted(done: () => void): void {
    const epoch = this.participating.uncommitted
    if (epoch === 0) done()
    else this.waiting.push({ epoch, done })
  }

  /** The epoch does not come about behind whose barrier tasks hold. */
  private release(): void {
    this.runtime.release()
    if (this.drainsWith !== 0) this.parts.holds.release('drain')
  }

  /** The change of owners that tasks held for does not come about. One that drains holds for none. */
  resume(): void {
    if (this.drainsWith !== 0) return
    this.runtime.release()
    this.coordinating?.resume()
  }

  // ── What there is to see ─────────────────────────────────────────────────────────────────────────────────────────

  get figures(): CheckpointFigures {
    return this.participating.figures
  }

  /** Whether it is known here to have failed on a member (`checkpoint/coordinator.ts`, C7). */
  get broken(): boolean {
    return this.coordinating?.broken ?? false
  }

  /** Whether the output of all members has ended, as far as the coordinator knows; elsewhere nobody does. */
  get hasEnded(): boolean {
    return this.coordinating?.hasEnded ?? false
  }

  /** An epoch that was saved here and whose end is not known, 0 for none. */
  get undecided(): number {
    return this.participating.undecided
  }

  get tasks(): readonly StepFigures[] {
    const none = { records: 0, encodeMs: 0 }
    return this.runtime.figures().map((task) => ({ ...task, sent: this.channels?.sentBy(task.step) ?? none }))
  }
}
