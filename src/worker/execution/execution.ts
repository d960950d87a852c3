/**
 * One pipeline on one worker within one generation, as its driver knows it (`generation.ts`): the way up, what runs,
 * the end, and what there is to see of it.
 *
 *     restoring ──► restored ──► running ──► ended
 *         └─► damaged, failed       └─► failed, spoiled
 *
 * The way up and its invariants stand in `way-up.ts`, what runs in `running.ts`.
 */
import { assert } from '../../base/assert.ts'
import type { ByteReader } from '../../base/bytes.ts'
import type { PotorooError } from '../../base/errors.ts'
import { type Purpose, periodic } from '../../checkpoint/barrier.ts'
import type { PipelineEntry } from '../../checkpoint/cluster.ts'
import type { Split } from '../../cluster/splits.ts'
import type { Writer } from '../../connectors/connector.ts'
import type { Failure } from '../../dataflow/failure.ts'
import type { Parked } from '../../ingest/producers.ts'
import type { Plan } from '../../model/plan.ts'
import type { KeyedStore } from '../../state/keyed-store.ts'
import type { ControlMessage } from '../../transport/wire.ts'
import type { DeadLetter } from '../letters/dead-letter.ts'
import type { DeadLetters } from '../letters/dead-letters.ts'
import { LetterDesk } from '../letters/letter-desk.ts'
import type { ExecutionSeams } from '../seams.ts'
import { Ending } from './ending.ts'
import type { Answered } from './epochs/epoch-requests.ts'
import { ExecutionStatus } from './execution-status.ts'
import type { Care, Executing, ExecutionEvents, Generation, Holdings, Links } from './generation.ts'
import { Progress } from './progress.ts'
import { Opening } from './restore/opening.ts'
import { ownedOf } from './restore/state-return.ts'
import { type AtBase, WayUp } from './restore/way-up.ts'
import { Running } from './running.ts'
import type { ListeningSource } from './sources/listening-source.ts'
import { SourceHolds } from './sources/source-holds.ts'
import { OpenSources } from './sources/sources.ts'
import { SplitTable } from './sources/split-table.ts'

export type { ExecutionSeams } from '../seams.ts'
export type { ExecutionEvents } from './generation.ts'

/** What is executed, in which generation. */
export interface ExecutionOrder {
  readonly plan: Plan
  readonly entry: PipelineEntry
  readonly generation: Generation
  /** Names this run of the program in this generation, on all members alike: epochs of another have other meanings. */
  readonly term: string
  readonly links: Links
}

export class Execution implements Executing {
  readonly pipeline: string
  readonly plan: Plan
  readonly generation: Generation
  readonly term: string
  /** For who waits to read what was acknowledged to him. */
  readonly progress: Progress
  /** What there is to see of it. */
  readonly status: ExecutionStatus
  private readonly seams: ExecutionSeams
  private readonly entry: PipelineEntry
  private readonly events: ExecutionEvents
  private readonly links: Links
  /** What the execution before this one held, until this one has begun to come up (`state-return.ts`, Y5). */
  private before: Holdings | null
  private readonly splits = new SplitTable()
  private readonly desk: LetterDesk
  private readonly sources: OpenSources
  private readonly holds: SourceHolds
  private readonly ending: Ending
  private way: WayUp | null = null
  private atBase: AtBase | null = null
  private opening: Opening | null = null
  private active: Running | null = null
  /** What it wrote with before it was released. */
  private former: ReadonlyMap<string, Writer> = new Map()
  /** What it has learned of steps, here or before. */
  private readonly careful: Map<string, Care>
  /** A state is wrong in memory: nobody may see it, and the next generation goes back to the last epoch. */
  private isSpoiled = false
  private closed = false

  constructor(order: ExecutionOrder, seams: ExecutionSeams, events: ExecutionEvents, before: Holdings | null) {
    const { plan, entry, generation, term, links } = order
    this.plan = plan
    this.term = term
    this.pipeline = plan.pipeline
    this.entry = entry
    this.generation = generation
    this.links = links
    this.seams = seams
    this.events = events
    this.before = before
    this.careful = new Map(before?.careful)
    const { store, limits, env, member } = seams
    const run = { pipeline: plan.pipeline, run: entry.run }
    this.desk = new LetterDesk(
      { store, clock: env.clock, limits },
      { run, generation: generation.number, worker: member.worker },
      plan,
      this.splits,
      {
        letter: (failure, split) => events.letter(failure, split),
        warned: (error) => events.warned(error),
        crowded: (reason) => this.crowd(reason),
      },
    )
    this.sources = new OpenSources({
      ...{ plan, times: entry, generation, seams, splits: this.splits, before: before?.open ?? new Map() },
      events: {
        wake: (task) => this.wake(task),
        wantEpoch: () => this.request(periodic, () => {}),
        failed: (error) => events.failed(error),
        warned: (error) => events.warned(error),
        report: this.report,
      },
    })
    this.holds = new SourceHolds(this.sources)
    this.progress = new Progress(this.sources, () => this.active)
    this.status = new ExecutionStatus({
      ...{ clock: env.clock, sources: this.sources, holds: this.holds, desk: this.desk },
      active: () => this.active,
      stores: () => this.stores,
      writers: () => this.writers,
    })
    this.ending = new Ending({
      ...{ clock: env.clock, holds: this.holds, endTogetherMs: limits.endTogetherMs },
      active: () => (this.closed ? null : this.active),
      writers: () => this.writers.values(),
    })
  }

  // ── The way up ───────────────────────────────────────────────────────────────────────────────────────────────────

  start(): void {
    const { plan, entry, generation, seams, before, splits, sources, events, desk, careful } = this
    this.before = null
    this.way = new WayUp(
      {
        ...{ plan, entry, generation, seams, splits, sources, careful, letters: desk.letters },
        open: () => !this.closed,
        wake: (task) => this.wake(task),
        maySpeak: () => !this.closed && !this.holds.has('worker') && seams.maySpeak(),
        warned: (error) => events.warned(error),
        failed: (error) => events.failed(error),
        returned: () => seams.loop.wake(),
        report: (task, failure) => desk.report(task, failure),
      },
      before,
      (outcome) => {
        if (outcome.kind === 'failed') return events.failed(outcome.error)
        if (outcome.kind === 'damaged') return events.damaged(outcome.instead)
        const { atBase } = outcome
        this.atBase = atBase
        seams.loop.wake()
        events.restored()
      },
    )
    const { way } = this
    this.opening = new Opening(() => way.stores)
    seams.loop.add(this.opening)
    way.start()
  }

  activate(): void {
    const { plan, entry, generation, links, seams, events, atBase, splits, sources, holds, desk, report, careful } =
      this
    if (this.closed) return
    assert(atBase !== null, 'N2: what is activated was restored')
    this.stopOpening()
    this.active = new Running({
      ...{ plan, entry, generation, links, seams, events, atBase, splits, sources, holds, desk, report, careful },
      failed: (error) => this.fail(error),
      spoiled: (step, care, warning) => this.spoil(step, care, warning),
    })
    this.active.start()
    events.running(atBase.base)
  }

  private stopOpening(): void {
    if (this.opening !== null) this.seams.loop.remove(this.opening)
    this.opening = null
  }

  private wake(task: number): void {
    this.active?.runtime.wake(task)
  }

  /** Ends with `error`: nothing of it goes on before it is brought up anew. */
  fail(error: PotorooError): void {
    if (this.closed) return
    this.close()
    this.events.failed(error)
  }

  private spoil(step: string, care: Care, warning: PotorooError): void {
    const { events, careful } = this
    this.isSpoiled = true
    if (careful.get(step) !== 'lookedAt') careful.set(step, care)
    events.warned(warning)
    events.spoiled()
  }

  // ── While it runs ────────────────────────────────────────────────────────────────────────────────────────────────

  control(worker: string, message: ControlMessage, body: ByteReader): void {
    // `generation.ts`, N3
    if (!this.closed || message.kind === 'epochAsked') this.active?.control(worker, message, body)
  }

  recorded(epoch: number): void {
    this.active?.recorded(epoch)
  }

  drained(epoch: number): void {
    this.recorded(epoch)
    this.holds.hold('drain', 'the pipeline is drained')
    this.holds.release('worker')
  }

  floor(epoch: number): void {
    const rows = this.active?.floorRows(epoch) ?? null
    if (rows !== null) this.sources.floor(rows)
    if (rows === null || this.sources.keepsForOthers) this.sources.floorByManifest(epoch)
    for (const writer of this.writers.values()) writer.floor(epoch)
    this.deadLetters.floor(epoch)
  }

  stopWork(reason: string): void {
    this.holds.hold('worker', reason)
  }

  resumeWork(): void {
    this.holds.release('worker')
  }

  closeDoors(reason: string): void {
    this.sources.shut(reason)
  }

  /** Whether everything that has come in by journaled sources has entered the pipeline. */
  get caughtUp(): boolean {
    return this.sources.caughtUp
  }

  resume(): void {
    this.active?.resume()
  }

  request(purpose: Purpose, done: Answered): void {
    if (this.active === null || this.closed) done('the pipeline is not running')
    else this.active.request(purpose, done)
  }

  /** `done` hears of the next epoch that begins after this call, or why none does; what is answered ends the wait. */
  whenNextEpoch(done: Answered): () => void {
    if (this.active !== null && !this.closed) return this.active.nextEpoch.wait(done)
    done('the pipeline is not running')
    return () => {}
  }

  drain(endMs: number, stays: boolean, done: (failure: string | null) => void): void {
    this.ending.drain(endMs, stays, done)
  }

  rest(endMs: number, done: (failure: string | null) => void): void {
    this.ending.rest(endMs, done)
  }

  /** Ends its sinks: the pipeline is drained. */
  end(endMs: number, done: () => void): void {
    this.ending.end(endMs, done)
  }

  /** Ends its sinks: this worker has left. */
  letGo(endMs: number, done: () => void): void {
    this.ending.letGo(endMs, done)
  }

  // ── The end ──────────────────────────────────────────────────────────────────────────────────────────────────────

  holdings(): Holdings {
    const { generation, entry, active, atBase, careful } = this
    const stores = atBase?.stores ?? new Map<string, KeyedStore>()
    const base = active?.figures.epoch ?? this.atBase?.base?.epoch ?? 0
    const owned = new Set(stores.size === 0 ? [] : ownedOf(generation))
    return { stores, base, undecided: active?.undecided ?? 0, owned, submitted: entry.submitted, careful }
  }

  leaveOpen(): ReadonlyMap<string, ListeningSource> {
    return this.sources.leaveOpen()
  }

  /** Ends at once and for good: the pipeline is about to be taken out of the cluster. */
  forget(): void {
    this.close()
    this.sources.forget()
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.stopOpening()
    this.holds.close()
    this.active?.close()
    this.sources.close()
    this.way?.close()
  }

  release(): void {
    this.close()
    this.status.keep()
    this.former = this.writers
    this.way = null
    this.atBase = null
    this.active = null
  }

  // ── What it is ───────────────────────────────────────────────────────────────────────────────────────────────────

  get isOpen(): boolean {
    return !this.closed
  }

  /**
   * Whether this worker, the coordinator, knows that it has failed on a member: no epoch follows in this generation.
   */
  get broken(): boolean {
    return this.active?.broken ?? false
  }

  /**
   * Whether this worker, the coordinator, knows that all sources have ended and everything has left, on all members.
   */
  get hasEnded(): boolean {
    return this.active?.hasEnded ?? false
  }

  /** When something of it comes due by itself; `Infinity`: nothing does. */
  get due(): number {
    return this.active?.due ?? Infinity
  }

  get stores(): ReadonlyMap<string, KeyedStore> {
    return (this.isSpoiled ? null : this.atBase?.stores) ?? new Map()
  }

  get writers(): ReadonlyMap<string, Writer> {
    return this.atBase?.writers ?? this.former
  }

  get deadLetters(): DeadLetters {
    return this.desk.letters
  }

  /** Whether the journaled source `step` has no sender any more, and everything that came has entered the pipeline. */
  tookAll(step: string): boolean {
    return this.sources.tookAll(step)
  }

  /** The splits of its sources, as far as they have been found. */
  get sourceSplits(): readonly Split[] {
    return this.sources.splits()
  }

  /** Gives up what the streams of `producer` to source `step` wait for; answers what is lost. */
  abandonStream(step: string, producer: string): readonly Parked[] {
    return this.sources.abandon(step, producer)
  }

  // ── Dead letters ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Tasks report while they run, and at no other time. */
  private readonly report = (failure: Failure): void => this.desk.report(this.active?.runtime.current ?? 0, failure)

  /** Gives letters back to the steps that they failed in, in their order, as there is room. */
  replay(letters: readonly DeadLetter[]): void {
    this.desk.replay(letters)
    this.seams.loop.wake()
  }

  /** Takes letters out of the list, for good; answers how many. */
  purge(letters: readonly DeadLetter[]): number {
    return this.desk.purge(letters)
  }

  /** Letters that wait to be tried again. */
  get replaying(): number {
    return this.desk.replaying
  }

  private crowd(reason: PotorooError | null): void {
    if (reason === null) return this.holds.release('deadLetters')
    this.holds.hold('deadLetters', reason.message)
    this.events.warned(reason)
  }
}
