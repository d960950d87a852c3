/**
 * One pipeline running on one worker within one generation: its tasks, its state, its doors, its part in the checkpoints.
 *
 *     restoring ──► restored ──► running ──► ended
 *         └─► damaged, failed       └─► failed
 *
 * E1, E3. The way up stands in `way-up.ts`.
 * E2. What an epoch's sources and sinks put into its snapshot is kept until the epoch is committed, and source rows until
 *     they lie below the floor.
 * E4. The coordinator's part runs on one member only; what it decides comes to every member by message, to its own worker
 *     too (`epoch-post.ts`).
 */
import { assert } from '../base/assert.ts'
import { ByteReader } from '../base/bytes.ts'
import { PotorooError } from '../base/errors.ts'
import type { Fate, Purpose } from '../checkpoint/barrier.ts'
import type { PipelineEntry } from '../checkpoint/cluster.ts'
import type { Run } from '../checkpoint/layout.ts'
import { decodeManifest, LETTERS_PART, type ManifestFrame, type Snapshot } from '../checkpoint/manifest.ts'
import type { Writer } from '../connectors/connector.ts'
import type { Barrier } from '../dataflow/batch.ts'
import type { Failure } from '../dataflow/failure.ts'
import { Runtime, type TaskFigures } from '../dataflow/runtime.ts'
import type { TaskReports } from '../dataflow/task.ts'
import type { StreamRow } from '../ingest/stream.ts'
import type { Plan } from '../model/plan.ts'
import type { KeyedStore } from '../state/keyed-store.ts'
import type { ControlMessage } from '../transport/wire.ts'
import { stepsOf } from './base-fit.ts'
import { Coordinating } from './coordinating.ts'
import type { DeadLetter } from './dead-letter.ts'
import type { DeadLetters } from './dead-letters.ts'
import { EpochMemory } from './epoch-memory.ts'
import { type CoordinatorsMail, EpochPost, type MembersMail } from './epoch-post.ts'
import type { Answered } from './epoch-requests.ts'
import { FarChannels } from './far-channels.ts'
import type { Executing, ExecutionEvents, Generation, Holdings, Links } from './generation.ts'
import { LetterDesk } from './letter-desk.ts'
import type { Work } from './loop.ts'
import { type CheckpointFigures, Participating } from './participating.ts'
import type { ExecutionSeams } from './seams.ts'
import { OpenSources, type SourceFigures } from './sources.ts'
import { SplitTable } from './split-table.ts'
import { ownedOf } from './state-return.ts'
import { type Standing, WayUp } from './way-up.ts'

export type { ExecutionEvents } from './generation.ts'
export type { ExecutionSeams } from './seams.ts'

/** Who holds the sources back: late checkpoints, too many dead letters, the end that was asked for, the worker. */
type Holder = 'checkpoints' | 'deadLetters' | 'drain' | 'worker'

/** A message that has come before `activate` (N3). */
interface Early {
  readonly worker: string
  readonly message: ControlMessage
  readonly body: Buffer
}

export class Execution implements Executing, Work, MembersMail, CoordinatorsMail {
  readonly pipeline: string
  readonly plan: Plan
  readonly generation: Generation
  private readonly seams: ExecutionSeams
  private readonly entry: PipelineEntry
  private readonly events: ExecutionEvents
  private readonly links: Links
  private readonly before: Holdings | null
  private readonly splits = new SplitTable()
  private readonly memory = new EpochMemory()
  private readonly desk: LetterDesk
  private readonly sources: OpenSources
  private readonly post: EpochPost
  private standing: Standing | null = null
  private runtime: Runtime | null = null
  private channels: FarChannels | null = null
  private participating: Participating | null = null
  private coordinating: Coordinating | null = null
  /** Why the sources are held, by who holds them. */
  private readonly holds = new Map<Holder, string>()
  /** Requests of this worker that wait for their answer. */
  private readonly asked = new Map<number, Answered>()
  private asks = 0
  private early: Early[] = []
  /** Members whose output has ended; asked on the coordinator. */
  private readonly endedOn = new Set<string>()
  /** The epoch under way drains the pipeline. */
  private drainsWith = 0
  private draining = false
  private closed = false

  constructor(
    plan: Plan,
    entry: PipelineEntry,
    generation: Generation,
    links: Links,
    seams: ExecutionSeams,
    events: ExecutionEvents,
    before: Holdings | null,
  ) {
    this.plan = plan
    this.pipeline = plan.pipeline
    this.entry = entry
    this.generation = generation
    this.links = links
    this.seams = seams
    this.events = events
    this.before = before
    const { store, limits, env } = seams
    const { worker } = seams.member
    this.desk = new LetterDesk(
      { store, clock: env.clock, limits },
      { run: this.run, generation: generation.number, worker },
      plan,
      this.splits,
      {
        letter: (failure, split) => events.letter(failure, split),
        warned: (error) => events.warned(error),
        crowded: (reason) => this.crowd(reason),
      },
    )
    this.sources = new OpenSources(plan, entry.run, generation, seams, this.splits, {
      wake: (task) => this.runtime?.wake(task),
      failed: (error) => events.failed(error),
      warned: (error) => events.warned(error),
      report: this.report,
    })
    this.post = new EpochPost(generation, links, entry.run)
  }

  private get run(): Run {
    return { pipeline: this.pipeline, run: this.entry.run }
  }

  // ── The way up ───────────────────────────────────────────────────────────────────────────────────────────────────

  start(): void {
    const { plan, entry, generation, seams, before, splits, sources, events, desk } = this
    const way = new WayUp(
      {
        ...{ plan, entry, generation, seams, before, splits, sources, letters: desk.letters },
        open: () => !this.closed,
        wake: (task) => this.runtime?.wake(task),
        maySpeak: () => !this.closed && !this.holds.has('worker') && seams.maySpeak(),
        warned: (error) => events.warned(error),
        failed: (error) => events.failed(error),
      },
      (outcome) => {
        if (outcome.kind === 'failed') return events.failed(outcome.error)
        if (outcome.kind === 'damaged') return events.damaged(outcome.instead)
        this.standing = outcome.standing
        events.restored()
      },
    )
    way.start()
  }

  activate(): void {
    const { seams, generation, plan, entry, links, splits, standing, events } = this
    if (this.closed) return
    assert(standing !== null, 'N2: what is activated was restored')
    const { limits } = seams
    if (generation.members.length > 1) {
      const failed = (error: PotorooError) => this.fail(error)
      const { report } = this
      this.channels = new FarChannels({ plan, run: entry.run, generation, links, limits, splits, report, failed })
    }
    this.participating = this.makeParticipating(standing)
    if (generation.coordinator === seams.member.worker) this.coordinating = this.makeCoordinating(standing)
    this.runtime = this.makeRuntime(standing, this.participating)
    seams.loop.add(this)
    if (this.holds.size === 0) this.sources.release()
    else this.runtime.hold()
    this.coordinating?.start()
    const { early } = this
    this.early = []
    events.running(standing.base)
    for (const { worker, message, body } of early) this.control(worker, message, new ByteReader(body))
  }

  private makeRuntime({ writers, stores, held }: Standing, participating: Participating): Runtime {
    const { plan, seams, sources, generation } = this
    const { owners } = generation
    return new Runtime(plan, {
      limits: seams.limits,
      development: seams.development,
      ownership: { owners, shift: Math.clz32(owners.length) + 1 },
      crossings: this.channels,
      feed: (task) => sources.feed(task.step),
      writer: (task) => writers.get(task.step)!,
      store: (task) => stores.get(task.step)!,
      pending: (task) => held.get(task.step) ?? [],
      report: this.report,
      reports: this.reportsTo(participating),
      ended: () => this.post.outputEnded(),
      wake: seams.loop.wake,
      stopwatch: () => seams.env.clock.monotonic(),
    })
  }

  private reportsTo(participating: Participating): Omit<TaskReports, 'ended'> {
    const { plan, memory, sources, desk } = this
    const stepOf = (task: number) => plan.tasks[task]!.step
    const pass = (barrier: Barrier, task: number): void =>
      desk.letters.pass(task, barrier.epoch, (failure, files) => participating.letters(barrier, failure, files))
    return {
      cut: (barrier, task, position) => {
        const step = stepOf(task)
        memory.source(barrier.epoch, step, position)
        participating.cut(barrier, step, position, (done) => sources.secure(step, done))
        pass(barrier, task)
      },
      freeze: (barrier, task, store, pending) => {
        participating.freeze(barrier, stepOf(task), store, pending)
        pass(barrier, task)
      },
      hold: (barrier, task, held) => {
        participating.hold(barrier, stepOf(task), held)
        pass(barrier, task)
      },
      reached: pass,
      prepared: (barrier, task, held) => {
        memory.sink(barrier.epoch, stepOf(task), held)
        participating.prepared(barrier, stepOf(task), held)
      },
    }
  }

  private makeParticipating({ base, stores }: Standing): Participating {
    const { seams, plan, splits, generation, post } = this
    const { store, limits, loop, member, env } = seams
    const parts = new Set([...plan.tasks.map((task) => task.step), LETTERS_PART])
    const self = { ...member, parts, stores, owned: ownedOf(generation) }
    return new Participating({ store, clock: env.clock, limits, loop, splits }, this.frame, self, base, {
      inject: (barrier) => this.inject(barrier),
      commit: (epoch) => this.commit(epoch),
      completed: (epoch) => this.events.behind(epoch),
      release: () => this.goOn(),
      saved: (epoch, snapshot) => post.saved(epoch, snapshot),
      refused: (epoch, reason) => post.refused(epoch, reason),
      passed: (epoch) => post.passed(epoch),
    })
  }

  private makeCoordinating({ base }: Standing): Coordinating {
    const { seams, entry, generation, post } = this
    const { store, limits, env, appender } = seams
    const { clock, log } = env
    const members = new Map(generation.members.map(({ worker, incarnation }) => [worker, incarnation]))
    // Also behind the epoch of a savepoint that it begins with: what one history writes has names of its own.
    const highest = Math.max(entry.highest, base?.epoch ?? 0)
    return new Coordinating({ store, clock, log, limits, chain: appender }, this.frame, members, base, highest, post)
  }

  private get frame(): ManifestFrame {
    const { entry, generation, seams, plan } = this
    return {
      ...this.run,
      hash: entry.hash,
      generation: generation.number,
      keyGroups: generation.owners.length,
      rotation: seams.limits.horizonEpochs,
      steps: stepsOf(plan),
    }
  }

  // ── The loop ─────────────────────────────────────────────────────────────────────────────────────────────────────

  get due(): number {
    return this.runtime?.due ?? Infinity
  }

  step(now: number, budget: number): boolean {
    const { runtime, desk } = this
    if (runtime === null) return false
    desk.tryAgain(runtime, this.seams.limits.batchRecords)
    try {
      if (runtime.step(now, budget)) return true
      // Nothing to do: decode what is still bytes, a key group at a time.
      for (const store of this.stores.values()) if (store.loadNext()) return true
    } catch (error) {
      // State that cannot be read back, or taken on: this pipeline's end, and no other's. What is saved stays.
      if (!(error instanceof PotorooError)) throw error
      this.fail(error)
    }
    return false
  }

  elapse(now: number): void {
    this.runtime?.elapse(now)
  }

  private fail(error: PotorooError): void {
    if (this.closed) return
    this.close()
    this.events.failed(error)
  }

  // ── Mail ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  control(worker: string, message: ControlMessage, body: ByteReader): void {
    if (this.closed) return
    if (this.participating === null) {
      this.early.push({ worker, message, body: Buffer.from(body.bytes(body.remaining)) })
      return
    }
    this.post.take(worker, message, body, this, this.coordinating === null ? null : this)
  }

  startEpoch(epoch: number, purpose: Purpose, previous: Fate | null): void {
    this.participating?.barrier({ epoch, purpose, previous })
  }

  endEpoch(fate: Fate): void {
    this.participating?.fate(fate)
  }

  holdSources(reason: string): void {
    this.hold('checkpoints', reason)
  }

  releaseSources(): void {
    this.release('checkpoints')
  }

  answered(number: number, failure: string | null): void {
    const done = this.asked.get(number)
    this.asked.delete(number)
    done?.(failure)
  }

  saved(worker: string, epoch: number, snapshot: Snapshot): void {
    this.coordinating?.saved(worker, epoch, snapshot)
  }

  refused(worker: string, epoch: number, reason: string): void {
    this.coordinating?.refused(worker, epoch, reason)
  }

  passed(worker: string, epoch: number): void {
    this.coordinating?.passed(worker, epoch)
  }

  wanted(worker: string, number: number, purpose: Purpose): void {
    this.coordinating?.request(purpose, (failure) => this.post.answer(worker, number, failure))
  }

  outputEnded(worker: string): void {
    this.endedOn.add(worker)
    if (this.endedOn.size === this.generation.members.length) this.events.ended()
  }

  // ── Epochs ───────────────────────────────────────────────────────────────────────────────────────────────────────

  private inject(barrier: Barrier): void {
    this.drainsWith = barrier.purpose === 'drain' ? barrier.epoch : 0
    if (barrier.purpose === 'drain') this.hold('drain', 'the pipeline drains')
    // In front of a barrier that has come over a link already (G3).
    this.runtime!.inject(barrier)
    this.channels?.begin(barrier.epoch)
  }

  recorded(epoch: number): void {
    this.participating?.recorded(epoch)
  }

  private commit(epoch: number): void {
    const { sources, sinks } = this.memory.commit(epoch)
    for (const [step, held] of sinks) this.writers.get(step)!.commit(epoch, held)
    this.sources.complete(sources)
    if (epoch === this.drainsWith && !this.draining) this.events.drained()
  }

  floor(epoch: number): void {
    const rows = this.memory.floor(epoch)
    // What this worker alone has seen says nothing of streams that others answer for now.
    if (rows !== null && this.generation.members.length === 1) this.sources.floor(rows)
    else this.floorByManifest(epoch)
    for (const writer of this.writers.values()) writer.floor(epoch)
    this.deadLetters.floor(epoch)
  }

  /** An earlier run has made `epoch`: its rows stand in its manifest. Without them a worker that often falls never trims. */
  private floorByManifest(epoch: number): void {
    const { store, chain } = this.seams
    const path = chain.cluster.pipelines.get(this.pipeline)?.epochs.find((one) => one.epoch === epoch)?.manifest
    if (path === undefined) return
    store.read(path, (error, bytes) => {
      // Nothing depends on it: the next floor covers what this one does.
      if (error !== null || this.closed) return
      const examined = decodeManifest(path, bytes)
      if (examined.kind === 'intact') this.sources.floorTo(examined.value.sources)
    })
  }

  private hold(holder: Holder, reason: string): void {
    this.holds.set(holder, reason)
    this.runtime?.hold()
    this.sources.hold(reason)
  }

  private release(holder: Holder): void {
    if (!this.holds.delete(holder) || this.holds.size > 0 || this.runtime === null) return
    this.runtime.release()
    this.sources.release()
  }

  stopWork(reason: string): void {
    this.hold('worker', reason)
  }

  resumeWork(): void {
    this.release('worker')
  }

  resume(): void {
    this.goOn()
    this.coordinating?.resume()
  }

  /** Tasks that hold behind a barrier go on. */
  private goOn(): void {
    this.holds.delete('drain')
    this.runtime?.release()
    if (this.holds.size > 0) this.runtime?.hold()
    else if (this.runtime !== null) this.sources.release()
  }

  request(purpose: Purpose, done: Answered): void {
    if (this.participating === null || this.closed) return done('the pipeline is not running')
    this.asked.set(++this.asks, done)
    this.post.ask(this.asks, purpose)
  }

  drain(endMs: number, done: (failure: string | null) => void): void {
    this.draining = true
    this.hold('drain', 'the pipeline drains')
    this.request({ kind: 'drain' }, (failure) => {
      if (failure === null) return this.end(endMs, () => done(null))
      this.draining = false
      this.release('drain')
      done(failure)
    })
  }

  end(endMs: number, done: () => void): void {
    // What a sink without a peer holds stands in the epoch already.
    const writers = [...this.writers.values()].filter(({ status }) => status.state !== 'no-peer')
    let left = writers.length
    if (left === 0) return done()
    const late = this.seams.env.clock.after(endMs, () => {
      left = 0
      done()
    })
    const one = () => {
      if (--left !== 0) return
      late.cancel()
      done()
    }
    for (const writer of writers) writer.end(one)
  }

  // ── The end ──────────────────────────────────────────────────────────────────────────────────────────────────────

  holdings(): Holdings {
    const { generation, entry, participating, stores } = this
    const base = participating?.figures.epoch ?? this.standing?.base?.epoch ?? 0
    const owned = new Set(stores.size === 0 ? [] : ownedOf(generation))
    return { stores, base, undecided: participating?.undecided ?? 0, owned, hash: entry.hash }
  }

  /** Ends at once and for good: the pipeline is about to be taken out of the cluster. */
  forget(): void {
    this.close()
    this.sources.forget()
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.seams.loop.remove(this)
    for (const done of this.asked.values()) done('the pipeline has ended')
    this.asked.clear()
    this.coordinating?.stop()
    this.participating?.stop()
    this.channels?.close()
    this.sources.close()
    for (const writer of this.writers.values()) writer.close()
  }

  // ── What there is to see ─────────────────────────────────────────────────────────────────────────────────────────

  get stores(): ReadonlyMap<string, KeyedStore> {
    return this.standing?.stores ?? new Map()
  }

  get writers(): ReadonlyMap<string, Writer> {
    return this.standing?.writers ?? new Map()
  }

  get deadLetters(): DeadLetters {
    return this.desk.letters
  }

  /** Records that did not get through, since the start. */
  get failures(): number {
    return this.desk.failures
  }

  /** Whether the journaled source `step` has no sender any more, and everything that came has entered the pipeline. */
  tookAll(step: string): boolean {
    return this.sources.tookAll(step)
  }

  /** Keys of all steps together, on this worker. */
  get keys(): number {
    let keys = 0
    for (const store of this.stores.values()) keys += store.keys
    return keys
  }

  /** What each task has done so far. */
  get tasks(): readonly TaskFigures[] {
    return this.runtime?.figures() ?? []
  }

  /** What stands behind each source. */
  get sourceFigures(): readonly SourceFigures[] {
    return this.sources.figures()
  }

  /** The producers that each journaled source remembers, and how far it has taken them. */
  get streams(): ReadonlyMap<string, readonly StreamRow[]> {
    return this.sources.streams()
  }

  /** Sinks that nobody takes anything from, and which have stopped their tasks. */
  get stuckSinks(): readonly string[] {
    return [...this.writers].filter(([, { status, room }]) => status.state === 'no-peer' && !room).map(([step]) => step)
  }

  /** Why no records are let in, or `null`. */
  get heldBy(): string | null {
    return this.holds.values().next().value ?? null
  }

  get figures(): CheckpointFigures | null {
    return this.participating?.figures ?? null
  }

  /** The step that runs, or ran last. */
  get running(): string {
    return this.runtime?.running ?? ''
  }

  // ── Dead letters ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Tasks report while they run, and at no other time. */
  private readonly report = (failure: Failure): void => this.desk.report(this.runtime?.current ?? 0, failure)

  /** Gives letters back to the steps that they failed in, in their order, as there is room. */
  replay(letters: readonly DeadLetter[]): void {
    this.desk.replay(letters)
    this.seams.loop.wake()
  }

  /** Letters that wait to be tried again. */
  get replaying(): number {
    return this.desk.replaying
  }

  private crowd(reason: PotorooError | null): void {
    if (reason === null) return this.release('deadLetters')
    this.hold('deadLetters', reason.message)
    this.events.warned(reason)
  }
}
