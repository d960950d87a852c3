/**
 * The open sources of a pipeline: journaled ones behind the worker's door, and the others (`replayable-sources.ts`).
 *
 * S1. A source of either kind is restored to the base's rows before anything is read; journaled ones listen only after
 *     `release`.
 */
import type { PotorooError } from '../../../base/errors.ts'
import type { Json } from '../../../base/json.ts'
import { decodeManifest, type Manifest, type PartEntry } from '../../../checkpoint/manifest.ts'
import type { Split } from '../../../cluster/splits.ts'
import type { JournaledSource, SourceStatus } from '../../../connectors/connector.ts'
import { sourceConnector } from '../../../connectors/registry.ts'
import type { Feed } from '../../../dataflow/source-task.ts'
import type { Parked } from '../../../ingest/producers.ts'
import type { IngestSource } from '../../../ingest/source.ts'
import { type StreamRow, streamRowsOf } from '../../../ingest/stream.ts'
import type { Plan } from '../../../model/plan.ts'
import { addressOf } from '../../address.ts'
import type { ExecutionSeams } from '../../seams.ts'
import type { Generation } from '../generation.ts'
import { JournaledFeed } from './journaled-feed.ts'
import { type ListeningHost, ListeningSource } from './listening-source.ts'
import { ReplayableSources } from './replayable-sources.ts'
import { contextOf, type SourcePlan, type SourcesEvents } from './source-context.ts'
import { feedersFrom, journalId, journalIds, rowsOf, type SourceName, type SourceTimes } from './source-parts.ts'
import type { SplitTable } from './split-table.ts'

interface Journaled {
  readonly task: SourcePlan
  readonly connector: JournaledSource
  readonly source: IngestSource
  readonly feed: JournaledFeed
  listening: ListeningSource | null
}

const emptyStatus: SourceStatus = { connections: 0, accepted: 0, refused: 0, expelled: 0, bytes: 0, records: 0 }
const nothingJournaled = { repeats: 0, unjournaled: 0, unstable: 0, sessions: 0, waitingBytes: 0, blockedBy: null }

/** Journaled sources on their way to where `parts` say. */
interface Going {
  readonly parts: readonly PartEntry[]
  /** Sources that are not there yet. */
  left: number
  error: PotorooError | null
  /** Called once all are. */
  whenThere: (() => void) | null
}

/** What stands behind a source, for metrics and `status`. */
export interface SourceFigures extends SourceStatus {
  readonly step: string
  readonly connector: string
  /** Records that producers sent again and the door knew already. */
  readonly repeats: number
  /** Records of acked producers of which they have not been told that they are journaled, and stable. */
  readonly unjournaled: number
  readonly unstable: number
  /** Acked producers that are connected. */
  readonly sessions: number
  /** Bytes that have come in and have not entered the pipeline: how far it is behind. */
  readonly waitingBytes: number
  /** Why connections have to wait, or `null`. */
  readonly blockedBy: string | null
}

export interface OpenSourcesOptions {
  readonly plan: Plan
  readonly times: SourceTimes
  readonly generation: Generation
  readonly seams: ExecutionSeams
  readonly splits: SplitTable
  readonly events: SourcesEvents
  /** Sources that the execution before has left open, by step. */
  readonly before: ReadonlyMap<string, ListeningSource>
}

export class OpenSources {
  private readonly seams: ExecutionSeams
  readonly pipeline: string
  private readonly times: SourceTimes
  /** Some step may hold what sources have fed. */
  private readonly holds: boolean
  private readonly generation: Generation
  private readonly events: SourcesEvents
  /** All of them, in the order of the plan. */
  private readonly tasks: readonly SourcePlan[]
  private readonly journaled: Journaled[] = []
  private readonly replayable: ReplayableSources
  private going: Going | null = null
  private closed = false

  constructor({ plan, times, generation, seams, splits, events, before }: OpenSourcesOptions) {
    this.times = times
    this.generation = generation
    this.seams = seams
    this.events = events
    this.pipeline = plan.pipeline
    this.holds = plan.tasks.some(({ kind }) => kind === 'asyncMap')
    this.tasks = plan.tasks.filter((task) => task.kind === 'source')
    this.replayable = new ReplayableSources(plan.pipeline, generation, seams, splits, events)
    for (const task of this.tasks) {
      const connector = sourceConnector(task.source.kind, task.step)
      if (connector.family === 'replayable') this.replayable.add(task, connector)
      else this.journaled.push(this.journal(task, connector, splits))
    }
    const ids = new Set(this.journaled.map(({ source }) => source.source))
    seams.door.retain(journalIds(plan.pipeline, times.run), ids)
    for (const [step, listening] of before) if (!this.goOnWith(step, listening)) listening.close()
  }

  /** Takes over a source that the execution before this one has left open; false where it has none such. */
  private goOnWith(step: string, listening: ListeningSource): boolean {
    const one = this.journaledAt(step)
    if (one === null || !listening.serve(one.task.source, one.source, this.hostOf(one))) return false
    one.listening = listening
    return true
  }

  /** Gives away the sources that listen and can go on with another generation: they take nothing in before that. */
  leaveOpen(): Map<string, ListeningSource> {
    const open = new Map<string, ListeningSource>()
    if (this.closed) return open
    for (const one of this.journaled) {
      if (one.listening === null || !one.listening.stand()) continue
      open.set(one.task.step, one.listening)
      one.listening = null
    }
    return open
  }

  feed(step: string): Feed {
    return this.replayable.feed(step) ?? this.journaledAt(step)!.feed
  }

  /**
   * Journaled sources begin to go to where `parts` of all workers say, which takes a look at the journals: so that it
   * is done beside other reading. `restore` with the same parts waits for it; with others it begins anew, and this
   * counts no more.
   */
  prepare(parts: readonly PartEntry[]): void {
    const { journaled } = this
    const going: Going = { parts, left: journaled.length, error: null, whenThere: null }
    this.going = going
    for (const { task, source } of journaled) {
      // Every worker knows the rows of all streams, and feeds those whose home it is.
      source.reset(rowsOf(parts, task.step), (error) => {
        going.error ??= error
        if (--going.left === 0) going.whenThere?.()
      })
    }
  }

  /** Puts every source to where `parts` of all workers say; sources without a part begin at their beginning. */
  restore(parts: readonly PartEntry[], done: (error: PotorooError | null) => void): void {
    if (this.going?.parts !== parts) this.prepare(parts)
    const going = this.going!
    let left = 2
    let failed: PotorooError | null = null
    const one = (error: PotorooError | null) => {
      failed ??= error
      if (--left === 0) done(failed)
    }
    this.replayable.restore(parts, one)
    if (going.left === 0) one(going.error)
    else going.whenThere = () => one(going.error)
  }

  /** Damage in journals that may have taken records behind the rows that were restored. */
  get damages(): readonly PotorooError[] {
    return this.journaled.flatMap(({ source }) => source.damages)
  }

  /** What journals lack in the middle of streams: producers may have it, other members, or nobody. */
  get holes(): readonly PotorooError[] {
    return this.journaled.flatMap(({ source }) => source.holes)
  }

  /** Lets records in: at first, and again after `hold`. */
  release(): void {
    for (const one of this.journaled) {
      one.source.release()
      one.listening ??= this.listen(one)
    }
  }

  /** Takes nothing more in on this worker; what has come in is fed. */
  shut(reason: string): void {
    for (const { source } of this.journaled) source.shut(reason)
  }

  hold(reason: string): void {
    for (const { source } of this.journaled) source.hold(reason)
  }

  /** The splits of all sources, and who reads them: the next generation leaves them there where it can. */
  splits(): readonly Split[] {
    return this.replayable.placed()
  }

  /** Which member feeds a split from `base` on (`source-parts.ts`). */
  feeders(base: Manifest): (name: string) => number {
    const sources = this.tasks.map(({ step }): SourceName => {
      return { family: this.replayable.has(step) ? 'replayable' : 'journaled', step }
    })
    return feedersFrom(base, this.generation, this.pipeline, this.times, sources)
  }

  /** Answers when everything that the source `step` has fed so far survives a loss of power. */
  secure(step: string, done: () => void): void {
    const found = this.journaledAt(step)
    if (found === null) done()
    else found.source.secure(done)
  }

  /**
   * The epoch of these rows is complete (`checkpoint/participant.ts`, D4), in which steps held records of the splits
   * `held`.
   */
  complete(rows: ReadonlyMap<string, Json>, held: ReadonlySet<string>): void {
    this.eachJournaled(rows, (source, streams) => source.coverage.complete(streams, held))
  }

  /** Nothing below these rows is needed any more. */
  floor(rows: ReadonlyMap<string, Json>): void {
    this.eachJournaled(rows, (source, streams) => source.coverage.floor(streams))
    this.seams.door.trim()
  }

  /** Whether a journal keeps something that only the rows of all workers let go (`floorByManifest`). */
  get keepsForOthers(): boolean {
    return this.journaled.some(({ source }) => source.coverage.keepsForOthers)
  }

  /**
   * The floor is `epoch`, of an earlier run, or what is kept is of streams that others answer for: the rows stand in
   * its manifest, which names every producer. Without them a worker that often falls never trims.
   */
  floorByManifest(epoch: number): void {
    const { store, chain } = this.seams
    const path = chain.cluster.pipelines.get(this.pipeline)?.epochs.find((one) => one.epoch === epoch)?.manifest
    if (path === undefined) return
    store.read(path, (error, bytes) => {
      // Nothing depends on it: the next floor covers what this one does.
      if (error !== null || this.closed) return
      const examined = decodeManifest(path, bytes)
      if (examined.kind === 'intact') this.floorTo(examined.value.sources)
    })
  }

  /** Nothing below what `parts` of all workers say is needed any more. */
  private floorTo(parts: readonly PartEntry[]): void {
    const saved = new Set(parts.map(({ step }) => step))
    for (const { task, source } of this.journaled) {
      if (saved.has(task.step)) source.coverage.floor(rowsOf(parts, task.step))
    }
    this.seams.door.trim()
  }

  /** Whether everything that has come in has entered the pipeline. */
  get caughtUp(): boolean {
    return this.journaled.every(({ source }) => source.caughtUp)
  }

  /** Whether the journaled source `step` has no connection, and everything that came by one has been taken. */
  tookAll(step: string): boolean {
    const found = this.journaledAt(step)
    return found?.listening?.status.connections === 0 && found.source.caughtUp
  }

  /** The streams that journaled sources remember, by step. */
  streams(): ReadonlyMap<string, readonly StreamRow[]> {
    return new Map(this.journaled.map(({ task, source }) => [task.step, source.cut()]))
  }

  /** Streams of journaled sources that wait for records which are missing, by step. */
  parked(): ReadonlyMap<string, readonly Parked[]> {
    return new Map(this.journaled.map(({ task, source }) => [task.step, source.producers.parked]))
  }

  /** Gives up what the streams of `producer` to source `step` wait for; answers what is lost. */
  abandon(step: string, producer: string): readonly Parked[] {
    return this.journaledAt(step)?.source.producers.abandon(producer) ?? []
  }

  /** How far a stream to the source `step` has been fed here; `null` where this worker does not answer for it. */
  takenOf(step: string, producer: string, incarnation: string): number | null {
    return this.journaledAt(step)?.source.takenOf(producer, incarnation) ?? null
  }

  /** The run of the pipeline is over for good: its records are of no use to anyone. */
  forget(): void {
    for (const { source } of this.journaled) this.seams.door.forget(source.source)
  }

  figures(): readonly SourceFigures[] {
    return this.tasks.map(({ step, source: { kind } }) => {
      const found = this.journaledAt(step)
      if (found === null) return { step, connector: kind, ...nothingJournaled, ...this.replayable.statusOf(step) }
      const { counters, room, blockedBy, producers } = found.source
      const { records, repeats, sessions } = counters
      const status = found.listening?.status ?? emptyStatus
      const come = { records, repeats, ...producers.unacknowledged, sessions, waitingBytes: room.buffered, blockedBy }
      return { step, connector: kind, ...status, ...come }
    })
  }

  close(): void {
    this.closed = true
    this.going = null
    for (const { listening } of this.journaled) listening?.close()
    this.replayable.close()
  }

  private journaledAt(step: string): Journaled | null {
    return this.journaled.find(({ task }) => task.step === step) ?? null
  }

  private eachJournaled(
    rows: ReadonlyMap<string, Json>,
    act: (source: IngestSource, streams: readonly StreamRow[]) => void,
  ): void {
    for (const { task, source } of this.journaled) {
      const row = rows.get(task.step)
      if (row !== undefined) act(source, streamRowsOf(row))
    }
  }

  private journal(task: SourcePlan, connector: JournaledSource, splits: SplitTable): Journaled {
    const { events } = this
    const source = this.seams.door.source({
      id: journalId(this.pipeline, this.times, task.step),
      name: `${this.pipeline}/${task.step}`,
      token: this.seams.sourceToken,
      appoints: this.holds,
      onReady: () => events.wake(task.id),
      onLeaving: () => events.wantEpoch(),
      report: (error) => events.warned(error),
    })
    const feed = new JournaledFeed(task.step, source, task.source.decoder, splits, events.report)
    return { task, connector, source, feed, listening: null }
  }

  private listen(one: Journaled): ListeningSource {
    const { task, connector, source } = one
    return new ListeningSource(task.source, source, this.hostOf(one), (host) =>
      connector.open(task.source, source, {
        ...contextOf(task, this.seams, this.events),
        ...host,
        sharePort: this.seams.sharePorts === true,
        ownPort: source.address?.port ?? 0,
        standardInput: this.seams.input,
      }),
    )
  }

  private hostOf({ task, source }: Journaled): ListeningHost {
    const { events, seams, pipeline } = this
    return {
      warned: (error) => events.warned(error),
      failed: (error) => events.failed(error),
      listening: (address) => seams.listening(pipeline, task.step, address),
      reached: (address) => this.tellOthers(source, address),
    }
  }

  /** Producers reach the source at this worker's own host, by the port of `address`. */
  private tellOthers(source: IngestSource, address: string): void {
    const { members, self } = this.generation
    const [own, at] = [addressOf(members[self]!.address), addressOf(address)]
    if (members.length > 1 && own !== null && at !== null) source.listensAt({ host: own.host, port: at.port })
  }
}
