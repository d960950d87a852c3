/**
 * The pipelines on this worker: what the chain names, brought to life in each generation anew.
 *
 *     starting ──► running ──► ended ──► draining ──► drained
 *         │           │
 *         └── failed ◄┘                   every generation begins at `starting`
 *
 * R1. A pipeline that fails is closed and stays listed with its error; the others go on (PROTOCOLS 17). Its coordinator hears of
 *     it, for no epoch comes about without its part here (`execution/epoch-post.ts`, M3).
 * R2. This worker's part of a generation is restored when every pipeline's part is, or has failed here.
 * R3. A pipeline that the chain names for the first time begins in the generation that stands. Another program of one that is
 *     there begins with the next generation, which no epoch of the old program outlives; so does one that was drained and
 *     is submitted again. Only a worker alone, which has ended the old one before, takes the new one in its place. One whose
 *     program is still being loaded is there; who has passed over the record of the first program waits, too.
 * R4. What goes wrong counts only where the generation still stands, which the chain says: another one may have removed what
 *     this one looks for, while this worker was stopped or slow.
 * R5. What comes for a pipeline that is not up here yet waits for it.
 * R6. One that the chain says is drained runs in no generation. It stays listed where it ran.
 */
import type { ByteReader } from '../../base/bytes.ts'
import type { PotorooError } from '../../base/errors.ts'
import { type Cluster, lastEpoch, type PipelineEntry } from '../../checkpoint/cluster.ts'
import type { ChainRecord } from '../../checkpoint/record.ts'
import type { Heard } from '../../cluster/beats.ts'
import type { Clock } from '../../env/clock.ts'
import type { Parameters } from '../../model/graph.ts'
import type { ControlMessage } from '../../transport/wire.ts'
import { answerOfFailed, failedHere } from '../execution/epoch-post.ts'
import type { Execution } from '../execution/execution.ts'
import type { ExecutionEvents, Generation, Holdings } from '../execution/generation.ts'
import { EarlyMessages } from './early.ts'
import { type Loaded, type LoadPlan, type Resident, type ResidentEvents, SINK_END_MS } from './resident.ts'

export interface ResidentsSeams {
  readonly clock: Clock
  readonly load: LoadPlan
  cluster(): Cluster
  /** Whether no other worker can ever be a member. */
  readonly alone: boolean
  /** Which of the chain's pipelines are to run here. */
  wants(name: string): boolean
  /** Makes the execution of a program in a generation. */
  execute(
    loaded: Loaded,
    entry: PipelineEntry,
    generation: Generation,
    events: ExecutionEvents,
    before: Holdings | null,
  ): Execution
  /** The base cannot be restored, and that of `instead` can. */
  damaged(generation: number, run: number, instead: number): void
  /** Says something to a member of the generation that stands. */
  tell(worker: string, message: ControlMessage): void
  /** There is something new in the chain. */
  hint(): void
  /** Reads the chain to its end, then calls `then` (R4). */
  follow(then: () => void): void
}

export class Residents {
  readonly all = new Map<string, Resident>()
  /** Pipelines whose program cannot be loaded here. */
  readonly unloaded = new Map<string, { readonly entry: PipelineEntry; readonly error: PotorooError }>()
  private readonly seams: ResidentsSeams
  private readonly events: ResidentEvents
  private generation: Generation | null = null
  private begun = false
  /** Told when the part is restored (R2). */
  private restored: (() => void) | null = null
  /** Pipelines that are on their way up, by what they are brought up by. */
  private readonly pending = new Map<string, PipelineEntry>()
  /** Runs whose first program was passed over, in the generation that stands (R3). */
  private readonly missed = new Set<number>()
  /** Those whose part is restored, and which have not been activated. */
  private readonly ready = new Set<Resident>()
  /** What the executions of the generation before held, for the next ones. */
  private readonly held = new Map<string, Holdings>()
  /** Those that have an execution in the generation that stands, by the number of their run. */
  private readonly up = new Map<number, Resident>()
  private readonly early = new EarlyMessages()
  private readonly stops = new Set<string>()

  constructor(seams: ResidentsSeams, events: ResidentEvents) {
    this.seams = seams
    this.events = events
  }

  // ── Generations ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** What ran is over: restores every pipeline's part of `generation`, and answers when it is here (R2). */
  restore(generation: Generation, done: () => void): void {
    const { pipelines } = this.seams.cluster()
    this.generation = generation
    this.begun = false
    this.restored = done
    this.stops.clear()
    this.pending.clear()
    this.missed.clear()
    this.ready.clear()
    this.early.clear()
    this.held.clear()
    this.up.clear()
    for (const resident of [...this.all.values()]) {
      const entry = pipelines.get(resident.name)
      if (entry?.run !== resident.run) this.remove(resident)
      else if (!entry.drained) this.put(resident)
      else {
        // R6. It may not have heard that its last epoch is complete.
        resident.phase = 'drained'
        resident.execution.close()
        this.events.changed()
      }
    }
    for (const [name, entry] of pipelines) if (!entry.drained && this.seams.wants(name)) this.bring(name, entry)
    this.settle()
  }

  /** Every member is ready. */
  begin(): void {
    this.begun = true
    for (const resident of this.ready) resident.execution.activate()
    this.ready.clear()
  }

  /** This worker's state is nobody's any more. */
  forget(): void {
    this.generation = null
    this.restored = null
    for (const { execution } of this.all.values()) execution.close()
    this.all.clear()
    this.up.clear()
    this.unloaded.clear()
    this.events.changed()
  }

  close(): void {
    this.generation = null
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

  /** Whether the chain names another program for a pipeline than the one that is here, to begin with a generation (R3). */
  get outdated(): boolean {
    if (this.seams.alone) return false
    for (const [name, entry] of this.seams.cluster().pipelines) {
      const known = this.all.get(name) ?? this.unloaded.get(name)?.entry
      if (known?.run === entry.run ? known.submitted !== entry.submitted : this.missed.has(entry.run)) return true
    }
    return false
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
    for (const name of this.pending.keys()) late.set(name, 'starting')
    return late
  }

  // ── The chain ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A record that counts has been read. */
  recorded(record: ChainRecord, cluster: Cluster): void {
    if (record.kind === 'generation') return
    const known = this.all.get(record.pipeline)
    if (record.kind === 'epoch') known?.execution.recorded(record.epoch)
    else if (record.kind === 'floor') known?.execution.floor(record.floor)
    else this.submitted(record.pipeline, cluster.pipelines.get(record.pipeline) ?? null)
  }

  /** Records have been passed over, none of a generation among them: whatever they said, `cluster` is what came of it. */
  jumped({ pipelines }: Cluster): void {
    for (const name of new Set([...this.all.keys(), ...this.pending.keys(), ...pipelines.keys()])) {
      const entry = pipelines.get(name)
      const known = this.all.get(name)
      this.clear(name, entry)
      if (entry === undefined) continue
      if (known?.run !== entry.run) {
        if (!entry.drained) this.met(name, entry)
        continue
      }
      const last = lastEpoch(entry)
      if (last !== null) known.execution.recorded(last.epoch)
      known.execution.floor(entry.floor)
    }
    this.settle()
  }

  private submitted(name: string, entry: PipelineEntry | null): void {
    this.clear(name, entry)
    if (entry !== null && this.generation !== null && this.seams.wants(name)) {
      // R3.
      const others = this.up.has(entry.run) || this.pending.has(name) || this.unloaded.has(name)
      if (!others || this.seams.alone) this.bring(name, entry)
    }
    this.settle()
    this.events.changed()
  }

  /** There is a run that was not there before the records that were passed over; others may be at an earlier program of it (R3). */
  private met(name: string, entry: PipelineEntry): void {
    if (entry.submitted === entry.run || this.seams.alone) this.submitted(name, entry)
    else if (!this.pending.has(name) && this.seams.wants(name)) this.missed.add(entry.run)
  }

  /** What is here of `name`, or on its way, and is not the run that counts now, goes. */
  private clear(name: string, entry: PipelineEntry | null | undefined): void {
    const known = this.all.get(name)
    if (known !== undefined && known.run !== entry?.run) this.remove(known)
    if (this.pending.get(name)?.run !== entry?.run) this.pending.delete(name)
    if (this.unloaded.get(name)?.entry.run !== entry?.run) this.unloaded.delete(name)
  }

  /** Brings a pipeline up in the generation that stands (R3), in the place of what ran before, where it is not on its way. */
  again(name: string): void {
    const entry = this.seams.cluster().pipelines.get(name)
    if (entry !== undefined && this.generation !== null && !this.pending.has(name)) this.bring(name, entry)
  }

  /** Takes a pipeline from here, with its state. */
  private remove(resident: Resident): void {
    resident.execution.forget()
    this.all.delete(resident.name)
    this.ready.delete(resident)
    this.up.delete(resident.run)
    this.events.changed()
  }

  // ── The way up ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Ends what ran, and keeps what it held. */
  private put(resident: Resident): void {
    if (resident.phase !== 'failed') this.held.set(resident.name, resident.execution.holdings())
    resident.execution.close()
  }

  private bring(name: string, entry: PipelineEntry): void {
    const known = this.all.get(name)
    const { generation } = this
    this.pending.set(name, entry)
    this.unloaded.delete(name)
    this.seams.load(name, entry, (error, loaded) => {
      if (this.generation !== generation || this.seams.cluster().pipelines.get(name)?.run !== entry.run) return
      if (this.isOvertaken(name, entry)) return
      if (loaded !== null) return this.launch(name, entry, loaded)
      this.unloaded.set(name, { entry, error: error! })
      if (known !== undefined) this.all.delete(name)
      this.tellFailed(entry.run, error!)
      this.events.unloaded(name, error!)
      this.arrive(name)
    })
  }

  /** Whether a worker alone has been asked for another program meanwhile, which may have been loaded in less time (R3). */
  private isOvertaken(name: string, { run, submitted }: PipelineEntry): boolean {
    return [this.pending.get(name), this.up.get(run)].some(
      (other) => other !== undefined && other.submitted > submitted,
    )
  }

  private launch(name: string, entry: PipelineEntry, loaded: Loaded): void {
    const { seams, generation } = this
    const known = this.all.get(name)
    const events: ExecutionEvents = this.eventsOf(() => {
      const now = this.all.get(name)
      return this.generation === generation && now?.execution === execution ? now : null
    })
    const again = known !== undefined && known.plan === loaded.plan
    const before = this.held.get(name) ?? null
    this.held.delete(name)
    known?.execution.close()
    const execution = seams.execute(loaded, entry, generation!, events, before)
    const { run, hash, submitted } = entry
    const startedMs = seams.clock.now()
    const fresh = { execution, phase: 'starting', error: null, base: null, startedMs, submitted } as const
    const { plan } = loaded
    const parameters = entry.parameters as Parameters
    const anew = { name, run, hash, parameters, plan, addresses: new Map(), ...fresh }
    const resident: Resident = again ? Object.assign(known, fresh) : anew
    this.all.set(name, resident)
    this.up.set(run, resident)
    for (const reason of this.stops) execution.stopWork(reason)
    execution.start()
    this.early.deliver(run, (from, message, body) => execution.control(from, message, body))
    this.events.changed()
  }

  /** What an execution says, as long as it is the one that counts. */
  private eventsOf(current: () => Resident | null): ExecutionEvents {
    const { events } = this
    const told = (then: (resident: Resident) => void): void => {
      const resident = current()
      if (resident === null) return
      then(resident)
      events.changed()
    }
    return {
      restored: () =>
        told((resident) => {
          if (this.begun) resident.execution.activate()
          else this.ready.add(resident)
          this.arrive(resident.name)
        }),
      damaged: (instead) =>
        this.seams.follow(() => told(({ run }) => this.seams.damaged(this.generation!.number, run, instead))),
      running: (base) =>
        told((resident) => {
          resident.phase = 'running'
          resident.base = base
          events.running(resident)
        }),
      ended: () =>
        told((resident) => {
          if (resident.phase === 'running') resident.phase = 'ended'
          events.ended(resident)
        }),
      drained: () => told((resident) => this.endDrained(resident)),
      failed: (error) => this.seams.follow(() => told((resident) => this.fail(resident, error))),
      warned: (error) => told((resident) => events.warned(resident, error)),
      letter: (failure) => told((resident) => events.letter(resident, failure)),
      behind: () => this.seams.hint(),
    }
  }

  private fail(resident: Resident, error: PotorooError): void {
    resident.phase = 'failed'
    resident.error = error
    resident.execution.close()
    this.ready.delete(resident)
    this.tellFailed(resident.run, error)
    this.events.failed(resident, error)
    this.arrive(resident.name)
  }

  /** A worker alone may bring it up again within the generation: what is said would meet that one. */
  private tellFailed(run: number, { message }: PotorooError): void {
    const { generation, seams } = this
    if (generation !== null && !seams.alone) seams.tell(generation.coordinator, failedHere(run, message))
  }

  /** Another member has drained the pipeline. */
  private endDrained(resident: Resident): void {
    const { execution } = resident
    resident.phase = 'draining'
    execution.end(SINK_END_MS, () => {
      if (resident.execution !== execution) return
      resident.phase = 'drained'
      execution.close()
      this.events.changed()
    })
  }

  private arrive(name: string): void {
    this.pending.delete(name)
    this.settle()
    this.events.changed()
  }

  /** Whether pipelines are on their way up. */
  get rising(): boolean {
    return this.pending.size > 0
  }

  private settle(): void {
    const { restored } = this
    if (this.pending.size > 0 || restored === null) return
    this.restored = null
    restored()
  }

  // ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

  control(from: Heard, message: ControlMessage, body: ByteReader): void {
    if (message.kind === 'released') {
      for (const run of message.pipelines) this.up.get(run)?.execution.resume()
    } else if ('pipeline' in message) {
      const resident = this.up.get(message.pipeline)
      const error = this.errorOf(message.pipeline)
      if (error !== null) this.answerFailed(from.worker, message.pipeline, error, message)
      else if (resident === undefined) this.keep(message.pipeline, from.worker, message, body)
      else resident.execution.control(from.worker, message, body)
    }
  }

  /** Why a pipeline does not run here in this generation, or `null`. */
  private errorOf(run: number): PotorooError | null {
    const resident = this.up.get(run)
    if (resident !== undefined) return resident.phase === 'failed' ? resident.error : null
    for (const { entry, error } of this.unloaded.values()) if (entry.run === run) return error
    return null
  }

  private answerFailed(from: string, run: number, error: PotorooError, message: ControlMessage): void {
    const answer = answerOfFailed(run, error.message, message)
    if (answer !== null && !this.seams.alone) this.seams.tell(from, answer)
  }

  /** R5. */
  private keep(run: number, from: string, message: ControlMessage, body: ByteReader): void {
    if (this.generation === null || !this.early.keep(run, from, message, body)) return
    // The record that names the pipeline may not have been read here.
    this.seams.hint()
  }
}
