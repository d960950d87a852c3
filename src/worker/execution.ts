/**
 * One pipeline running on one worker within one generation: its tasks, its state, its doors, its checkpoints.
 *
 *     restoring ──► opening ──► running ──► drained
 *
 * E1. Sources are let in only when the state is back, every sink has been put into the state of the base, and the journal
 *     stands at the base's positions. Sinks come last: what they take back they cannot bring again, so an older base than
 *     the last epoch stands in the chain before.
 * E2. What an epoch's sources and sinks put into its snapshot is kept until the epoch is committed, and source rows until
 *     they lie below the floor.
 * E3. Going back to an older epoch than the last is exact only where the journal has what came after it: producers have
 *     been told to forget that. Where it does not, the pipeline refuses, unless a person accepts the loss (PROTOCOLS 3).
 */
import { assert } from '../base/assert.ts'
import { fail, PotorooError } from '../base/errors.ts'
import type { Json } from '../base/json.ts'
import type { Limits } from '../base/limits.ts'
import type { Purpose } from '../checkpoint/barrier.ts'
import type { ChainReader } from '../checkpoint/chain-reader.ts'
import type { ChainWriter } from '../checkpoint/chain-writer.ts'
import type { PipelineEntry } from '../checkpoint/cluster.ts'
import { describeDamage } from '../checkpoint/damage.ts'
import type { Run } from '../checkpoint/layout.ts'
import { decodeManifest, LETTERS_PART, type Manifest, type StepEntry } from '../checkpoint/manifest.ts'
import type { Restore } from '../checkpoint/resolve.ts'
import type { Store } from '../checkpoint/store.ts'
import type { Writer } from '../connectors/connector.ts'
import { sinkConnector } from '../connectors/registry.ts'
import type { Barrier } from '../dataflow/batch.ts'
import type { Failure } from '../dataflow/failure.ts'
import { Runtime, type TaskFigures } from '../dataflow/runtime.ts'
import type { Feed } from '../dataflow/source-task.ts'
import type { Env } from '../env/env.ts'
import type { Output } from '../env/output.ts'
import type { Door } from '../ingest/door.ts'
import type { StreamRow } from '../ingest/stream.ts'
import type { Plan, TaskPlan } from '../model/plan.ts'
import { KeyedStore } from '../state/keyed-store.ts'
import { Loading } from '../state/loading.ts'
import { Checkpointer, type CheckpointFigures } from './checkpointer.ts'
import { type DeadLetter, makeLetter } from './dead-letter.ts'
import { DeadLetters } from './dead-letters.ts'
import { EpochRequests } from './epoch-requests.ts'
import type { Loop, Work } from './loop.ts'
import { type Restored, restorePipeline } from './restorer.ts'
import { tryAgain } from './second-try.ts'
import { OpenSources, type SourceFigures } from './sources.ts'
import { SplitTable } from './split-table.ts'

/** What an execution has of its worker. */
export interface ExecutionSeams {
  readonly env: Env
  readonly limits: Limits
  readonly loop: Loop
  readonly store: Store
  readonly chain: ChainReader
  readonly appender: ChainWriter
  readonly door: Door
  readonly output: Output
  readonly member: { readonly worker: string; readonly incarnation: string }
  readonly acceptLoss: boolean
  readonly development: boolean
  readonly sourceToken: string | null
  /** Steps whose state is not taken over. */
  readonly drop: ReadonlySet<string>
  /** Makes `epoch`, an older one than the last, the base in the chain: the generation is a new one afterwards. */
  goBack(epoch: number, done: (error: PotorooError | null) => void): void
  /** Where a journaled source is found, for the operator. */
  listening(pipeline: string, step: string, address: string): void
}

export interface ExecutionEvents {
  /** The pipeline runs: it continues from `base`, or starts with nothing. */
  running(base: Manifest | null): void
  /** All sources have ended and everything has left: a last checkpoint follows by `drain`. */
  ended(): void
  failed(error: PotorooError): void
  /** Something for the operator that the pipeline itself has dealt with. */
  warned(error: PotorooError): void
  /** A record did not get through. */
  letter(failure: Failure, split: string): void
}

/** Who holds the sources back: late checkpoints, too many dead letters, the end that was asked for. */
type Holder = 'checkpoints' | 'deadLetters' | 'drain'

type KeyedTaskPlan = TaskPlan & { readonly kind: 'keyed' }
type SinkTaskPlan = TaskPlan & { readonly kind: 'sink' }
type SourceTaskPlan = TaskPlan & { readonly kind: 'source' }

export class Execution implements Work {
  readonly pipeline: string
  readonly plan: Plan
  readonly stores = new Map<string, KeyedStore>()
  readonly writers = new Map<string, Writer>()
  readonly deadLetters: DeadLetters
  /** Records that did not get through, since the start. */
  failures = 0
  /** Letters that are to be tried again. */
  private readonly secondTries: DeadLetter[] = []
  private readonly seams: ExecutionSeams
  private readonly entry: PipelineEntry
  private readonly events: ExecutionEvents
  private readonly splits = new SplitTable()
  private sources: OpenSources | null = null
  private runtime: Runtime | null = null
  private checkpointer: Checkpointer | null = null
  private base: Manifest | null = null
  /** Snapshots of sources and sinks by epoch (E2). */
  private readonly cuts = new Map<number, Map<string, Json>>()
  private readonly held = new Map<number, Map<string, Json>>()
  /** Why the sources are held, by who holds them. */
  private readonly holds = new Map<Holder, string>()
  private readonly requests = new EpochRequests()
  private closed = false

  constructor(plan: Plan, entry: PipelineEntry, seams: ExecutionSeams, events: ExecutionEvents) {
    this.plan = plan
    this.pipeline = plan.pipeline
    this.entry = entry
    this.seams = seams
    this.events = events
    const { store, limits, env, chain } = seams
    const own = { store, clock: env.clock, limits }
    this.deadLetters = new DeadLetters(own, this.run, chain.cluster.generation, plan.tasks.length, {
      full: (reason) => this.crowd(reason),
      damaged: (error) => events.warned(error),
    })
  }

  private get run(): Run {
    return { pipeline: this.pipeline, run: this.entry.run }
  }

  // ── The way up (E1) ──────────────────────────────────────────────────────────────────────────────────────────────

  start(): void {
    const { seams, entry, pipeline, splits } = this
    const { store, limits, env, acceptLoss } = seams
    const known = { pipeline, entry, bounds: [], acceptLoss }
    restorePipeline({ store, clock: env.clock, limits }, known, splits, (outcome) => {
      if (this.closed) return
      if (outcome.kind === 'failed') return this.events.failed(outcome.error)
      try {
        this.build(outcome.kind === 'restored' ? outcome.restored : null)
      } catch (error) {
        if (!(error instanceof PotorooError)) throw error
        this.events.failed(error)
      }
    })
  }

  private build(restored: Restored | null): void {
    const { plan, seams } = this
    this.base = restored === null ? null : this.withoutDropped(restored.restore.manifest)
    for (const damage of restored?.restore.damages ?? []) {
      this.events.warned(fail('E_STORE_DAMAGED', { path: damage.path, reason: damage.reason }))
    }
    this.checkSteps(this.base)
    for (const task of plan.tasks) if (task.kind === 'keyed') this.openStore(task)
    this.fillStores(restored)
    for (const task of plan.tasks) if (task.kind === 'sink') this.openWriter(task)
    this.sources = new OpenSources(plan, this.entry.run, seams, this.splits, {
      wake: (task) => this.runtime?.wake(task),
      failed: (error) => this.events.failed(error),
      warned: (error) => this.events.warned(error),
      report: this.report,
    })
    const rows = new Map(this.base?.sources.map((part) => [part.step, part.snapshot]))
    this.sources.restore(rows, (error) => {
      if (this.closed) return
      if (error !== null) return this.events.failed(error)
      this.settleBase(restored?.restore ?? null, () => this.restoreWriters(() => this.openLetters(restored)))
    })
  }

  private openLetters(restored: Restored | null): void {
    const letters = this.base?.sinks.find((part) => part.step === LETTERS_PART)?.snapshot ?? null
    this.deadLetters.open(letters, this.base?.epoch ?? 0, () => {
      if (!this.closed) this.begin(restored)
    })
  }

  /** Goes on once the chain names what was restored (E1), unless that would lose something (E3). */
  private settleBase(restore: Restore | null, next: () => void): void {
    if (restore === null || restore.instead === null) return next()
    const { epoch } = restore.manifest
    const { pipeline } = this
    const missing = this.sources!.missing
    if (missing.length > 0 && !this.seams.acceptLoss) {
      const damage = [...restore.damages.map(describeDamage), ...missing.map((error) => error.message)].join('; ')
      const remedy = `bring back the damaged files from a copy, or start with --accept-loss, which goes back to epoch ${epoch} and loses what the journal lacks`
      return this.events.failed(fail('E_RESTORE', { pipeline, epoch: restore.instead, damage, remedy }))
    }
    this.seams.goBack(epoch, (error) => {
      if (this.closed) return
      if (error === null) next()
      else this.events.failed(error)
    })
  }

  /** The base as if the dropped steps had never been: they begin in the epoch that follows. */
  private withoutDropped(base: Manifest): Manifest {
    const { drop } = this.seams
    const steps = base.steps.map(({ step }) => step)
    const known = steps.length === 0 ? 'there is none' : `there is ${steps.join(', ')}`
    for (const step of drop) {
      if (steps.includes(step)) continue
      this.events.warned(fail('E_NO_STEP', { pipeline: this.pipeline, role: 'state of a step', step, known }))
    }
    return { ...base, steps: base.steps.filter(({ step }) => !drop.has(step)) }
  }

  /** State is found again by step name, kind and schema version; anything else is refused by name. */
  private checkSteps(base: Manifest | null): void {
    const now = new Map(this.steps().map((step) => [step.step, step]))
    for (const before of base?.steps ?? []) {
      const step = now.get(before.step)
      const { pipeline } = this
      if (step === undefined) throw fail('E_STEP_GONE', { pipeline, step: before.step })
      if (step.kind !== before.kind) {
        throw fail('E_STEP_CHANGED', { pipeline, step: step.step, before: before.kind, now: step.kind })
      }
      const keyed = this.plan.tasks.find((task) => task.kind === 'keyed' && task.step === step.step) as KeyedTaskPlan
      if (step.schema !== before.schema && keyed.keyed.schema.migrate === undefined) {
        throw fail('E_SCHEMA', { pipeline, step: step.step, before: before.schema, now: step.schema })
      }
    }
  }

  private steps(): Omit<StepEntry, 'since'>[] {
    return this.plan.tasks
      .filter((task) => task.kind === 'keyed')
      .map(({ step, keyed }) => ({ step, kind: keyed.kind, schema: keyed.schema.version }))
  }

  private openStore(task: KeyedTaskPlan): void {
    const keyGroups = this.seams.chain.cluster.owners.length
    const store = new KeyedStore({
      step: task.step,
      keyGroups,
      shift: Math.clz32(keyGroups) + 1,
      timed: task.keyed.ttlMs !== undefined,
      schemaVersion: task.keyed.schema.version,
      migrate: task.keyed.schema.migrate,
      limits: this.seams.limits,
    })
    this.stores.set(task.step, store)
  }

  private fillStores(restored: Restored | null): void {
    if (restored === null) return
    const loadings = new Map<string, Loading>()
    for (const task of this.plan.tasks) {
      if (task.kind !== 'keyed') continue
      const { ttlMs, schema } = task.keyed
      const options = { timed: ttlMs !== undefined, schemaVersion: schema.version, migrate: schema.migrate }
      loadings.set(task.step, new Loading(options))
    }
    for (const { step, keyGroup, bytes } of restored.chunks) {
      if (!this.seams.drop.has(step)) loadings.get(step)?.add(keyGroup, bytes)
    }
    for (const [step, loading] of loadings) this.stores.get(step)!.restore(loading)
  }

  private openWriter(task: SinkTaskPlan): void {
    const { env, limits, member, output } = this.seams
    const writer = sinkConnector(task.sink.kind, task.step).open(task.sink, {
      env,
      limits,
      step: task.step,
      writer: member.worker,
      standardOutput: output,
      maySpeak: () => !this.closed,
      wake: () => this.runtime?.wake(task.id),
      warn: (error) => this.events.warned(error),
      failed: (error) => this.events.failed(error),
    })
    this.writers.set(task.step, writer)
  }

  private restoreWriters(done: () => void): void {
    const { generation } = this.seams.chain.cluster
    let left = this.writers.size
    if (left === 0) done()
    for (const [step, writer] of this.writers) {
      const snapshots = this.base?.sinks.filter((part) => part.step === step).map((part) => part.snapshot) ?? []
      writer.restore({ generation, epoch: this.base?.epoch ?? 0, snapshots }, () => {
        if (--left === 0 && !this.closed) done()
      })
    }
  }

  private begin(restored: Restored | null): void {
    const { plan, seams, sources } = this
    assert(sources !== null, 'sources are open')
    const { owners } = seams.chain.cluster
    this.checkpointer = this.makeCheckpointer()
    const { checkpointer } = this
    const stepOf = (task: number) => plan.tasks[task]!.step
    const pass = (barrier: Barrier, task: number): void =>
      this.deadLetters.pass(task, barrier.epoch, (failure, files) => checkpointer.letters(barrier, failure, files))
    this.runtime = new Runtime(plan, {
      limits: seams.limits,
      development: seams.development,
      ownership: { owners, shift: Math.clz32(owners.length) + 1 },
      feed: (task: SourceTaskPlan): Feed => sources.feed(task.step),
      writer: (task) => this.writers.get(task.step)!,
      store: (task) => this.stores.get(task.step)!,
      pending: (task) => (seams.drop.has(task.step) ? [] : (restored?.pending.get(task.step) ?? [])),
      report: this.report,
      reports: {
        cut: (barrier, task, position) => {
          remember(this.cuts, barrier.epoch, stepOf(task), position)
          checkpointer.cut(barrier, stepOf(task), position, (done) => sources.secure(stepOf(task), done))
          pass(barrier, task)
        },
        freeze: (barrier, task, store, pending) => {
          checkpointer.freeze(barrier, stepOf(task), store, pending)
          pass(barrier, task)
        },
        hold: (barrier, task, held) => {
          checkpointer.hold(barrier, stepOf(task), held)
          pass(barrier, task)
        },
        reached: pass,
        prepared: (barrier, task, held) => {
          remember(this.held, barrier.epoch, stepOf(task), held)
          checkpointer.prepared(barrier, stepOf(task), held)
        },
      },
      ended: () => this.events.ended(),
      wake: seams.loop.wake,
      stopwatch: () => seams.env.clock.monotonic(),
    })
    seams.loop.add(this)
    sources.release()
    checkpointer.start()
    this.events.running(this.base)
  }

  private makeCheckpointer(): Checkpointer {
    const { seams, entry, plan, base } = this
    const { cluster } = seams.chain
    const frame = {
      pipeline: this.pipeline,
      run: entry.run,
      hash: entry.hash,
      generation: cluster.generation,
      keyGroups: cluster.owners.length,
      rotation: seams.limits.horizonEpochs,
      steps: this.steps(),
    }
    const parts = new Set([...plan.tasks.map((task) => task.step), LETTERS_PART])
    // Also behind the epoch of a savepoint that it begins with: what one history writes has names of its own.
    const highest = Math.max(entry.highest, base?.epoch ?? 0)
    const { env, store, limits, loop, member, appender } = seams
    const { clock, log } = env
    const own = { store, clock, log, limits, loop, chain: appender, splits: this.splits }
    return new Checkpointer(own, frame, member, parts, this.stores, base, highest, {
      inject: (barrier: Barrier) => {
        this.requests.send(barrier.epoch)
        this.runtime!.inject(barrier)
      },
      commit: (epoch) => this.commit(epoch),
      hold: (reason) => this.hold('checkpoints', reason),
      release: () => this.release('checkpoints'),
      completed: (purpose, epoch) => this.requests.complete(purpose, epoch),
      refused: (purpose, reason) => this.requests.refuse(purpose, reason),
    })
  }

  // ── The loop ─────────────────────────────────────────────────────────────────────────────────────────────────────

  get due(): number {
    return this.runtime?.due ?? Infinity
  }

  step(now: number, budget: number): boolean {
    const { runtime } = this
    if (runtime === null) return false
    if (this.secondTries.length > 0) this.tryAgain(runtime)
    try {
      if (runtime.step(now, budget)) return true
      // Nothing to do: decode what is still bytes, a key group at a time.
      for (const store of this.stores.values()) if (store.loadNext()) return true
    } catch (error) {
      // State that cannot be read back, or taken on: this pipeline's end, and no other's. What is saved stays.
      if (!(error instanceof PotorooError)) throw error
      this.close()
      this.events.failed(error)
    }
    return false
  }

  elapse(now: number): void {
    this.runtime?.elapse(now)
  }

  // ── Epochs ───────────────────────────────────────────────────────────────────────────────────────────────────────

  private commit(epoch: number): void {
    for (const [step, held] of this.held.get(epoch) ?? []) this.writers.get(step)!.commit(epoch, held)
    forgetUpTo(this.held, epoch)
    this.sources!.complete(this.cuts.get(epoch) ?? new Map())
  }

  /** The floor has been read in the chain: what lies below it goes. */
  floor(epoch: number): void {
    const rows = this.cuts.get(epoch)
    if (rows !== undefined) this.sources?.floor(rows)
    else this.floorByManifest(epoch)
    forgetUpTo(this.cuts, epoch - 1)
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
      if (examined.kind !== 'intact') return
      this.sources?.floor(new Map(examined.value.sources.map(({ step, snapshot }) => [step, snapshot])))
    })
  }

  private hold(holder: Holder, reason: string): void {
    this.holds.set(holder, reason)
    this.runtime?.hold()
    this.sources?.hold(reason)
  }

  private release(holder: Holder): void {
    this.holds.delete(holder)
    if (this.holds.size > 0) return
    this.runtime?.release()
    this.sources?.release()
  }

  /** Makes an epoch with `purpose`; `done` hears why it did not come about, or `null`. */
  request(purpose: Purpose, done: (failure: string | null) => void): void {
    if (this.checkpointer === null) return done('the pipeline is not running')
    if (this.requests.add(purpose, done)) this.checkpointer.request(purpose)
  }

  /**
   * Stops the input, makes a last epoch and ends every sink in order. What a sink has not let go of after `endMs`
   * stands in that epoch.
   */
  drain(endMs: number, done: (failure: string | null) => void): void {
    this.hold('drain', 'the pipeline drains')
    this.request({ kind: 'drain' }, (failure) => {
      if (failure !== null) {
        this.release('drain')
        return done(failure)
      }
      // What a sink without a peer holds stands in the epoch already.
      const writers = [...this.writers.values()].filter(({ status }) => status.state !== 'no-peer')
      let left = writers.length
      if (left === 0) return done(null)
      const { clock } = this.seams.env
      const late = clock.after(endMs, () => {
        left = 0
        done(null)
      })
      const one = () => {
        if (--left !== 0) return
        late.cancel()
        done(null)
      }
      for (const writer of writers) writer.end(one)
    })
  }

  /** Whether the journaled source `step` has no sender any more, and everything that came has entered the pipeline. */
  tookAll(step: string): boolean {
    return this.sources?.tookAll(step) ?? false
  }

  /** Keys of all steps together. */
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
    return this.sources?.figures() ?? []
  }

  /** The producers that each journaled source remembers, and how far it has taken them. */
  get streams(): ReadonlyMap<string, readonly StreamRow[]> {
    return this.sources?.streams() ?? new Map()
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
    return this.checkpointer?.figures ?? null
  }

  /** The step that runs, or ran last. */
  get running(): string {
    return this.runtime?.running ?? ''
  }

  /** Ends at once and for good: the pipeline is about to be taken out of the cluster. */
  forget(): void {
    this.close()
    this.sources?.forget()
  }

  close(): void {
    this.closed = true
    this.requests.end()
    this.seams.loop.remove(this)
    this.checkpointer?.stop()
    this.sources?.close()
    for (const writer of this.writers.values()) writer.close()
  }

  // ── Dead letters ─────────────────────────────────────────────────────────────────────────────────────────────────

  private readonly report = (failure: Failure): void => {
    const { runtime, splits } = this
    // Tasks report while they run, and at no other time.
    const task = runtime?.current ?? 0
    const split = splits.nameOf(failure.split)
    this.failures++
    this.deadLetters.add(task, makeLetter(failure, this.plan.tasks[task]!.step, split))
    this.events.letter(failure, split)
  }

  /** Gives letters back to the steps that they failed in, in their order, as there is room. */
  replay(letters: readonly DeadLetter[]): void {
    this.secondTries.push(...letters)
    this.seams.loop.wake()
  }

  /** Letters that wait to be tried again. */
  get replaying(): number {
    return this.secondTries.length
  }

  private tryAgain(runtime: Runtime): void {
    const { deadLetters, secondTries, seams } = this
    if (!deadLetters.quiet) return
    const { settled, taken } = tryAgain(secondTries, this.plan, runtime, this.splits, seams.limits.batchRecords)
    secondTries.splice(0, settled)
    deadLetters.remove(new Set(taken.map(({ id }) => id)))
  }

  private crowd(reason: PotorooError | null): void {
    if (reason === null) return this.release('deadLetters')
    this.hold('deadLetters', reason.message)
    this.events.warned(reason)
  }
}

function remember(map: Map<number, Map<string, Json>>, epoch: number, step: string, value: Json): void {
  const steps = map.get(epoch)
  if (steps === undefined) map.set(epoch, new Map([[step, value]]))
  else steps.set(step, value)
}

function forgetUpTo(map: Map<number, unknown>, epoch: number): void {
  for (const known of map.keys()) if (known <= epoch) map.delete(known)
}
