/**
 * How an execution comes to stand at the base of its generation: this worker's key groups, sources, sinks and dead
 * letters.
 *
 *     state read, beside it the journal ──► sources ──► sinks ──► dead letters ──► restored
 *                                              │ an older base is needed
 *                                              └─► damaged
 *
 * E1. Sources are let in only when the state is back, every sink has been put into the state of the base, and the
 *     journal stands at the base's positions. Sinks come last: what they take back they cannot bring again, so an older
 *     base than the last epoch stands in the chain before.
 * E3. Going back to an older epoch than the last is exact only where journals have what came after it: producers have
 *     been told to forget that. Where they do not, the pipeline refuses, unless a person accepts the loss (PROTOCOLS
 *     3). What is missing in the middle of a stream is no loss where there are other members: the one whose journal has
 *     it brings it, and until then the stream is parked (PROTOCOLS 2, S6). Who is alone has nobody to wait for.
 * E4. A sink is open from the moment when it is put back, long before anything runs: one whose execution is closed on
 *     the way is closed with it, and lets go of its port and its files.
 */
import { fail, PotorooError } from '../../../base/errors.ts'
import type { PipelineEntry } from '../../../checkpoint/cluster.ts'
import { describeDamage, inBrief } from '../../../checkpoint/damage.ts'
import { LETTERS_PART, letterFilesOf, type Manifest } from '../../../checkpoint/manifest.ts'
import type { Restore } from '../../../checkpoint/resolve.ts'
import type { Writer } from '../../../connectors/connector.ts'
import { sinkConnector } from '../../../connectors/registry.ts'
import type { Failure } from '../../../dataflow/failure.ts'
import type { HeldRecords } from '../../../dataflow/held-records.ts'
import { originOf } from '../../../dataflow/lineage.ts'
import type { Plan, TaskPlan } from '../../../model/plan.ts'
import type { KeyedStore } from '../../../state/keyed-store.ts'
import type { DeadLetters } from '../../letters/dead-letters.ts'
import type { ExecutionSeams } from '../../seams.ts'
import type { Careful, Generation, Holdings } from '../generation.ts'
import type { OpenSources } from '../sources/sources.ts'
import type { SplitTable } from '../sources/split-table.ts'
import { fitBase, keptOf } from './base-fit.ts'
import { idleWriter } from './idle-writer.ts'
import { lookForFields } from './missing-fields.ts'
import { type HeldPart, type Restored, restorePipeline, type Taker } from './restorer.ts'
import { StateReturn } from './state-return.ts'
import { heldFor, partsFor, SOLE_WRITER, takerOf } from './takers.ts'

type SinkTaskPlan = TaskPlan & { readonly kind: 'sink' }

/** What an execution runs with, once it stands at the base of its generation. */
export interface AtBase {
  /** The manifest that was restored, `null` where there is none. */
  readonly base: Manifest | null
  readonly stores: ReadonlyMap<string, KeyedStore>
  readonly writers: ReadonlyMap<string, Writer>
  /** What tasks held, by step: gone from here once they have it. */
  readonly held: Map<string, readonly HeldRecords[]>
  /** Packs of the base that are lost: a person has accepted that. */
  readonly lostPacks: readonly string[]
}

export type WayUpOutcome =
  | { readonly kind: 'restored'; readonly atBase: AtBase }
  /** The older epoch `instead` can be restored: the chain has to name it first. */
  | { readonly kind: 'damaged'; readonly instead: number }
  | { readonly kind: 'failed'; readonly error: PotorooError }

export interface WayUpOptions {
  readonly plan: Plan
  readonly entry: PipelineEntry
  readonly generation: Generation
  readonly seams: ExecutionSeams
  readonly splits: SplitTable
  readonly sources: OpenSources
  readonly letters: DeadLetters
  readonly careful: Careful
  /** False once the execution is closed: nothing more happens. */
  readonly open: () => boolean
  wake(task: number): void
  /** Whether sinks may write to what cannot be fenced. */
  maySpeak(): boolean
  warned(error: PotorooError): void
  failed(error: PotorooError): void
  /** State of some key groups has come back, as bytes. */
  returned(): void
  /** A record did not get through `task`. */
  report(task: number, failure: Failure): void
}

export class WayUp {
  private readonly options: WayUpOptions
  private readonly state: StateReturn
  private readonly writers = new Map<string, Writer>()
  private readonly done: (outcome: WayUpOutcome) => void

  /** `before`: what the execution before held. */
  constructor(options: WayUpOptions, before: Holdings | null, done: (outcome: WayUpOutcome) => void) {
    const { plan, generation, seams, entry } = options
    this.options = options
    this.done = done
    const held = before?.submitted === entry.submitted ? before : null
    this.state = new StateReturn(plan, generation, seams.limits, seams.drop, held)
  }

  start(): void {
    const { plan, entry, seams, splits, sources, open } = this.options
    const { store, limits, env, acceptLoss, ahead, indexes } = seams
    const known = { pipeline: plan.pipeline, entry, acceptLoss }
    const taker: Taker = {
      begin: ({ manifest, instead }) => {
        const look = manifest.hash === entry.hash ? null : lookForFields(plan.pipeline, this.options.warned)
        // A savepoint stems from elsewhere: nothing that is held here stands at it.
        this.state.begin(entry.epochs.length > 0 ? manifest.epoch : 0, instead === null && open(), look)
        // The state of this base may still turn out to be damaged, and another one follows. A source belongs to whoever
        // runs.
        if (open()) sources.prepare(keptOf(manifest, seams.drop).sources)
        return (step, keyGroup) => this.state.wants(step, keyGroup)
      },
      take: (step, keyGroup, table, chunks) => {
        if (!open()) return
        if (table !== null) ahead.give(entry.submitted, step, keyGroup)
        this.state.take(step, keyGroup, table, chunks)
        this.options.returned()
      },
    }
    restorePipeline({ store, clock: env.clock, limits, ahead, indexes }, known, taker, splits, (outcome) => {
      if (!this.options.open()) return
      if (outcome.kind === 'failed') return this.done(outcome)
      try {
        this.restoreSources(outcome.kind === 'restored' ? outcome.restored : null)
      } catch (error) {
        if (!(error instanceof PotorooError)) throw error
        this.done({ kind: 'failed', error })
      }
    })
  }

  /** Where the state comes to be. */
  get stores(): readonly KeyedStore[] {
    return this.state.stores
  }

  /** The execution is closed, and will not come to stand (E4). */
  close(): void {
    for (const writer of this.writers.values()) writer.close()
  }

  /** First: the sources, whose journal has to reach back to the base. */
  private restoreSources(restored: Restored | null): void {
    const { plan, generation, sources, seams, warned, open } = this.options
    const keyGroups = generation.owners.length
    for (const damage of restored?.restore.damages ?? []) {
      warned(fail('E_STORE_DAMAGED', { path: damage.path, reason: damage.reason }))
    }
    const heldBy = new Set(restored?.held.map(({ step }) => step))
    const base = restored && fitBase(plan, restored.restore.manifest, keyGroups, heldBy, seams.drop, warned)
    sources.restore(base?.sources ?? [], (error) => {
      if (!open()) return
      if (error !== null) return this.done({ kind: 'failed', error })
      if (this.acceptBase(restored?.restore ?? null)) this.restoreOutputs(restored, base)
    })
  }

  /**
   * Second: whether the base is the one that the chain names (E1), and losing nothing (E3). Where it is not, this way
   * up is over, and has said so.
   */
  private acceptBase(restore: Restore | null): boolean {
    if (restore === null) return true
    const { plan, entry, generation, sources, seams } = this.options
    const { epoch } = restore.manifest
    const last = restore.instead ?? entry.highest
    const missing = generation.members.length > 1 ? sources.damages : [...sources.damages, ...sources.holes]
    if (entry.epochs.length > 0 && epoch < last && missing.length > 0 && !seams.acceptLoss) {
      const damage = inBrief([...restore.damages.map(describeDamage), ...missing.map((error) => error.message)])
      const remedy = `bring back the damaged files from a copy, or start with --accept-loss, which goes back to epoch ${epoch} and loses what the journal lacks`
      this.done({ kind: 'failed', error: fail('E_RESTORE', { pipeline: plan.pipeline, epoch: last, damage, remedy }) })
      return false
    }
    if (restore.instead === null) return true
    this.done({ kind: 'damaged', instead: epoch })
    return false
  }

  /** Third: sinks and dead letters, beside the state that has come back; nothing can refuse the base any more. */
  private restoreOutputs(restored: Restored | null, base: Manifest | null): void {
    if (restored === null) this.state.begin(0, true)
    const lost = restored?.restore.lost ?? []
    const stores = this.state.finish(lost)
    const lostPacks = lost.flatMap(({ path, part }) => (part === null ? [path] : []))
    for (const step of this.options.careful.keys()) stores.get(step)?.copier.guardAll()
    const held = this.heldByStep(restored?.held ?? [], base)
    for (const task of this.options.plan.tasks) if (task.kind === 'sink') this.openWriter(task)
    this.restoreWriters(base, () => {
      this.openLetters(base, () => {
        this.done({ kind: 'restored', atBase: { base, stores, writers: this.writers, held, lostPacks } })
      })
    })
  }

  private heldByStep(parts: readonly HeldPart[], base: Manifest | null): AtBase['held'] {
    const { plan, generation, seams, sources, splits } = this.options
    const held = new Map<string, HeldRecords[]>()
    if (base === null) return held
    let feeders: ((name: string) => number) | null = null
    // Asked for by what has no key alone: of a hundred thousand streams it takes a quarter of a second to know.
    const feederOf = (split: number): number => (feeders ??= sources.feeders(base))(splits.nameOf(split))
    for (const task of plan.tasks) {
      if (seams.drop.has(task.step)) continue
      const own = parts.filter(({ step }) => step === task.step)
      held.set(task.step, heldFor(generation, own, feederOf))
    }
    return held
  }

  private openWriter(task: SinkTaskPlan): void {
    const { plan, entry, generation, seams, wake, maySpeak, warned, failed } = this.options
    const { env, limits, member, output, storeId } = seams
    const connector = sinkConnector(task.sink.kind, task.step)
    const idle = !connector.parallel(task.sink) && SOLE_WRITER !== generation.self
    const writer = idle
      ? idleWriter(env.clock)
      : connector.open(task.sink, {
          env,
          limits,
          step: task.step,
          writer: member.worker,
          pipeline: plan.pipeline,
          store: storeId,
          history: `${storeId}.${entry.run}`,
          standardOutput: output,
          listening: (address) => seams.listening(plan.pipeline, task.step, address),
          maySpeak,
          refused: (id, bytes, error) => this.refused(task, id, bytes, error),
          wake: () => wake(task.id),
          warn: warned,
          failed,
        })
    this.writers.set(task.step, writer)
  }

  /** A sink has given up a record: its dead letter shows the bytes, which no step could be given again. */
  private refused({ id: task, step }: SinkTaskPlan, id: string, given: Buffer, error: PotorooError): void {
    const { splits, seams, report } = this.options
    const { split, position, ordinal } = originOf(id)
    const time = seams.env.clock.now()
    const record = { step, split: splits.numberOf(split), position, ordinal, time, key: undefined }
    report(task, { ...record, given, error, again: false })
  }

  private restoreWriters(base: Manifest | null, done: () => void): void {
    const { generation, open, plan, entry } = this.options
    // A savepoint stems from a run that may have gone on.
    const back = base !== null && (entry.epochs.length === 0 || base.epoch < entry.highest)
    let left = this.writers.size
    if (left === 0) done()
    for (const task of plan.tasks) {
      if (task.kind !== 'sink') continue
      const parallel = sinkConnector(task.sink.kind, task.step).parallel(task.sink)
      const parts = parallel
        ? partsFor(generation, base?.sinks ?? [], task.step)
        : soleParts(generation, base, task.step)
      // One that holds nothing may be of another connector.
      const snapshots = parts.map(({ snapshot }) => snapshot).filter((snapshot) => snapshot !== null)
      this.writers
        .get(task.step)!
        .restore({ generation: generation.number, epoch: base?.epoch ?? 0, back, snapshots }, () => {
          if (--left === 0 && open()) done()
        })
    }
  }

  private openLetters(base: Manifest | null, done: () => void): void {
    const { generation, letters, open } = this.options
    const parts = base?.sinks ?? []
    const own = partsFor(generation, parts, LETTERS_PART).flatMap(letterFilesOf)
    const isOurs = (worker: string) => takerOf(generation, worker) === generation.self
    letters.open(own, new Set(parts.flatMap(letterFilesOf)), isOurs, base?.epoch ?? 0, () => {
      if (open()) done()
    })
  }
}

/**
 * Where one worker writes a sink, that one takes over what whoever wrote it before has left; the others have left
 * nothing.
 */
function soleParts(generation: Generation, base: Manifest | null, step: string): Manifest['sinks'] {
  if (SOLE_WRITER !== generation.self) return []
  return base?.sinks.filter((part) => part.step === step) ?? []
}
