/**
 * The pipelines on this worker: what the chain names, brought to life in each generation anew (`arrivals.ts`), with
 * what members say to each other about them (`run-mail.ts`).
 *
 * R1. A pipeline that the chain names for the first time begins in the generation that stands. Another program of one
 *     that is there begins with the next generation, which no epoch of the old program outlives; so does one that was
 *     drained and is submitted again, whenever it was drained. Only a worker alone, which has ended the old one before,
 *     takes the new one in its place. One whose program is still being loaded is there; who has passed over records
 *     cannot tell which of them was the first.
 * R2. One that the chain says is drained runs in no generation. It stays listed where it ran, and what its sinks still
 *     have of its last epoch leaves there, whatever generation has begun: nobody restores them. Where it ran no more,
 *     others see to that (`last-output.ts`).
 */
import type { ByteReader } from '../../base/bytes.ts'
import type { PotorooError } from '../../base/errors.ts'
import { type Cluster, lastEpoch, type PipelineEntry } from '../../checkpoint/cluster.ts'
import type { ChainRecord } from '../../checkpoint/record.ts'
import type { Heard } from '../../cluster/beats.ts'
import type { Plan } from '../../model/plan.ts'
import type { ControlMessage } from '../../transport/wire.ts'
import type { Generation } from '../execution/generation.ts'
import { type ArrivalSeams, Arrivals } from './arrivals.ts'
import { LastOutput, type LastOutputSeams } from './last-output.ts'
import type { Resident, ResidentEvents } from './resident.ts'
import { Roster } from './roster.ts'
import { RunMail } from './run-mail.ts'

export interface ResidentsSeams extends ArrivalSeams, LastOutputSeams {
  /** Which of the chain's pipelines are to run here. */
  wants(name: string): boolean
}

export class Residents {
  private readonly seams: ResidentsSeams
  private readonly events: ResidentEvents
  private readonly roster = new Roster()
  private readonly mail: RunMail
  private readonly arrivals: Arrivals
  private readonly lastOutput: LastOutput
  private readonly stops = new Set<string>()
  private generation: Generation | null = null
  /** Runs of which nothing is here and that begin with the next generation (R1). */
  private readonly awaited = new Set<number>()

  constructor(seams: ResidentsSeams, events: ResidentEvents) {
    this.seams = seams
    this.events = events
    this.mail = new RunMail(seams, this.roster)
    this.arrivals = new Arrivals(seams, events, this.roster, this.mail, this.stops)
    this.lastOutput = new LastOutput(seams, this.roster)
  }

  get all(): ReadonlyMap<string, Resident> {
    return this.roster.all
  }

  /** Pipelines whose program cannot be loaded here. */
  get unloaded(): Roster['unloaded'] {
    return this.roster.unloaded
  }

  // ── Generations ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** What ran is over: restores every pipeline's part of `generation`, and answers when it is here. */
  restore(generation: Generation, done: () => void): void {
    const { arrivals, roster, mail } = this
    const { pipelines } = this.seams.cluster()
    this.lastOutput.close()
    this.generation = generation
    this.stops.clear()
    this.awaited.clear()
    arrivals.enter(generation, done)
    mail.enter(generation)
    roster.turn()
    for (const resident of [...roster.all.values()]) {
      const entry = pipelines.get(resident.name)
      if (entry?.run !== resident.run) this.remove(resident)
      else if (!entry.drained) arrivals.put(resident, entry)
      else arrivals.finish(resident, lastEpoch(entry)?.epoch ?? 0) // R2
    }
    for (const [name, entry] of pipelines) if (!entry.drained && this.seams.wants(name)) arrivals.bring(name, entry)
    arrivals.settle()
    this.events.changed()
  }

  /** Every member is ready. */
  begin(): void {
    this.arrivals.begin()
    this.lastOutput.begin(this.generation!)
  }

  /** This worker's state is nobody's any more. */
  forget(): void {
    this.close()
    this.roster.clear()
    this.events.changed()
  }

  close(): void {
    this.arrivals.leave()
    this.lastOutput.close()
    this.mail.enter(null)
    for (const { execution } of this.all.values()) execution.close()
  }

  /** Sources and sinks stop, for this reason among others perhaps. */
  stopWork(reason: string): void {
    this.stops.add(reason)
    for (const { execution } of this.all.values()) execution.stopWork(reason)
  }

  /** Why no pipeline may read or write here now, or `null`. */
  get stopped(): string | null {
    return this.stops.values().next().value ?? null
  }

  resumeWork(reason: string): void {
    if (!this.stops.delete(reason) || this.stops.size > 0) return
    for (const { execution } of this.all.values()) execution.resumeWork()
  }

  /**
   * Whether the chain names another program for a pipeline than the one that is here, to begin with a generation (R1).
   */
  get outdated(): boolean {
    if (this.seams.alone) return false
    for (const [name, { run, submitted, drained }] of this.seams.cluster().pipelines) {
      // Drained before it took its place, it takes none.
      if (drained) continue
      const known = this.roster.submitted(name, run)
      if (known === null ? this.awaited.has(run) : known !== submitted) return true
    }
    return false
  }

  /** The plans of those that have channels, or get some with the next generation: what is drained for good has none. */
  get plans(): readonly Plan[] {
    const { pipelines } = this.seams.cluster()
    return [...this.all.values()].flatMap(({ name, plan }) => (pipelines.get(name)?.drained === true ? [] : plan))
  }

  /** Pipelines that run here and, as far as is known, on all members. */
  get running(): readonly string[] {
    return [...this.all.values()]
      .filter(({ phase, execution }) => (phase === 'running' || phase === 'ended') && !execution.broken)
      .map(({ name }) => name)
  }

  /** Pipelines that are to run here and do not: on their way up, or failed. */
  get late(): ReadonlyMap<string, 'starting' | 'failed'> {
    const late = new Map<string, 'starting' | 'failed'>()
    for (const name of this.unloaded.keys()) late.set(name, 'failed')
    for (const { name, phase } of this.all.values())
      if (phase === 'starting' || phase === 'failed') late.set(name, phase)
    for (const name of this.arrivals.names) late.set(name, 'starting')
    return late
  }

  /** What the program whose hash begins with `program` has left behind went wrong; answers whether it runs here. */
  failProgram(program: string, error: PotorooError): boolean {
    const runners = [...this.all.values()].filter(({ hash }) => hash.startsWith(program))
    for (const { execution } of runners) execution.fail(error)
    return runners.length > 0
  }

  /** Somebody says something about a pipeline. */
  control(from: Heard, message: ControlMessage, body: ByteReader): void {
    this.mail.take(from, message, body)
  }

  // ── The chain ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A record that counts has been read. */
  recorded(record: ChainRecord, cluster: Cluster): void {
    if (record.kind === 'generation') return
    const known = this.all.get(record.pipeline)
    if (record.kind === 'epoch') known?.execution.recorded(record.epoch)
    else if (record.kind === 'floor') known?.execution.floor(record.floor)
    else this.submitted(record.pipeline, cluster.pipelines.get(record.pipeline) ?? null)
    // Also where nothing of it is here: who waits for it to come hears that it does not.
    if (record.kind === 'epoch' && record.drained) this.events.changed()
  }

  /**
   * Records have been passed over, none of a generation among them: whatever they said, `cluster` is what came of it.
   */
  jumped({ pipelines }: Cluster): void {
    for (const name of new Set([...this.all.keys(), ...this.arrivals.names, ...pipelines.keys()])) {
      const entry = pipelines.get(name)
      const known = this.all.get(name)
      this.clear(name, entry)
      if (entry === undefined) continue
      if (known?.run !== entry.run) {
        if (!entry.drained) this.submitted(name, entry)
        continue
      }
      const last = lastEpoch(entry)
      if (last !== null) known.execution.recorded(last.epoch)
      known.execution.floor(entry.floor)
    }
    this.arrivals.settle()
    this.events.changed()
  }

  private submitted(name: string, entry: PipelineEntry | null): void {
    this.clear(name, entry)
    if (entry !== null && this.seams.wants(name)) {
      // R1.
      const there = this.roster.of(entry.run) !== null || this.arrivals.isPending(name) || this.unloaded.has(name)
      const isFirst = entry.submitted === entry.run
      if (this.seams.alone || (isFirst && !there)) this.arrivals.bring(name, entry)
      else if (!there) this.awaited.add(entry.run)
    }
    this.arrivals.settle()
    this.events.changed()
  }

  /** What is here of `name`, or on its way, and is not the run that counts now, goes. */
  private clear(name: string, entry: PipelineEntry | null | undefined): void {
    const known = this.all.get(name)
    if (entry?.drained !== true) this.lastOutput.drop(name)
    if (known !== undefined && known.run !== entry?.run) this.remove(known)
    this.arrivals.drop(name, entry?.run)
    if (this.unloaded.get(name)?.entry.run !== entry?.run) this.roster.unloaded.delete(name)
    this.mail.sort()
  }

  /**
   * Brings a pipeline up in the generation that stands (R1), in the place of what ran before, where it is not on its
   * way.
   */
  again(name: string): void {
    const entry = this.seams.cluster().pipelines.get(name)
    if (entry !== undefined && !this.arrivals.isPending(name)) this.arrivals.bring(name, entry)
  }

  /** Takes a pipeline from here, with its state. */
  private remove(resident: Resident): void {
    resident.execution.forget()
    this.roster.remove(resident)
    this.arrivals.forget(resident)
    this.events.changed()
  }
}
