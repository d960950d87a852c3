/**
 * Brings pipelines up in the generation that stands, and hears what becomes of them there.
 *
 *     starting ──► running ──► ended ──► draining ──► drained
 *         │           │
 *         └── failed ◄┘                   every generation begins at `starting`
 *
 * V1. A pipeline that fails is closed and stays listed with its error; the others go on (PROTOCOLS 17).
 * V2. This worker's part of a generation is restored when every pipeline's part is, or has failed here.
 * V3. What goes wrong counts only where the generation still stands, which the chain says: another one may have removed
 *     what this one looks for, while this worker was stopped or slow.
 * V4. What an execution says counts as long as it is the one of its pipeline here.
 * V5. Of one that has failed, or was drained for good, no state stays in memory: its last epoch has it for whoever
 *     asks, and for whoever runs it next.
 * V6. Of two pipelines whose sinks write to one place, or whose sources listen at one, the one whose run began first
 *     has it, on every worker, whatever program it has been given since: who submits looks at what he knows of, and
 *     somebody else may submit to another worker just then. What was drained keeps its files, and no port: another
 *     one's first restore would remove what it has shown. Of sinks no two with one place come into the chain
 *     (`programs.ts`, G3), but where an earlier release, which did not say so, had one of them submitted: of such a one
 *     that was drained is known what ran here.
 */
import type { PotorooError } from '../../base/errors.ts'
import type { PipelineEntry } from '../../checkpoint/cluster.ts'
import { LAST_EPOCH } from '../../cluster/generation.ts'
import type { Clock } from '../../env/clock.ts'
import type { Parameters } from '../../model/graph.ts'
import type { Plan } from '../../model/plan.ts'
import type { Execution } from '../execution/execution.ts'
import { type ExecutionEvents, type Generation, type Holdings, letGo } from '../execution/generation.ts'
import { faultOfHeld, faultOfPlaces, sinkPlaces } from './places.ts'
import { type Loaded, type LoadPlan, type Resident, type ResidentEvents, SINK_END_MS } from './resident.ts'
import type { Roster } from './roster.ts'
import type { MailSeams, RunMail } from './run-mail.ts'

export interface ArrivalSeams extends MailSeams {
  readonly clock: Clock
  readonly load: LoadPlan
  /** Makes the execution of a program in a generation. */
  execute(
    loaded: Loaded,
    entry: PipelineEntry,
    generation: Generation,
    events: ExecutionEvents,
    before: Holdings | null,
  ): Execution
  /** The base cannot be restored, and that of `instead` can; `LAST_EPOCH`: it has to be restored once more. */
  damaged(generation: number, run: number, instead: number): void
  /** Reads the chain to its end, then calls `then` (V3). */
  follow(then: () => void): void
}

export class Arrivals {
  private readonly seams: ArrivalSeams
  private readonly events: ResidentEvents
  private readonly roster: Roster
  private readonly mail: RunMail
  /** Why no pipeline may read or write here now. */
  private readonly stops: ReadonlySet<string>
  private generation: Generation | null = null
  private begun = false
  /** Told when the part is restored (V2). */
  private restored: (() => void) | null = null
  /** Pipelines that are on their way up, by what they are brought up by. */
  private readonly pending = new Map<string, PipelineEntry>()
  /** Those whose part is restored, and which have not been activated. */
  private readonly ready = new Set<Resident>()
  /** What the executions of the generation before held, for the next ones. */
  private readonly held = new Map<string, Holdings>()

  constructor(seams: ArrivalSeams, events: ResidentEvents, roster: Roster, mail: RunMail, stops: ReadonlySet<string>) {
    this.seams = seams
    this.events = events
    this.roster = roster
    this.mail = mail
    this.stops = stops
  }

  // ── Generations ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** From now on pipelines are brought up in `generation`; `done` hears when its part is here (V2). */
  enter(generation: Generation, done: () => void): void {
    this.generation = generation
    this.begun = false
    this.restored = done
    this.pending.clear()
    this.ready.clear()
    this.letGoOfAll()
  }

  /** No generation stands here any more. */
  leave(): void {
    this.generation = null
    this.restored = null
    this.letGoOfAll()
  }

  private letGoOfAll(): void {
    for (const name of [...this.held.keys()]) this.letGoOf(name)
  }

  /** Nobody goes on with what the pipeline `name` held. */
  private letGoOf(name: string): void {
    letGo(this.held.get(name) ?? null)
    this.held.delete(name)
  }

  /** Every member is ready. */
  begin(): void {
    this.begun = true
    for (const { execution } of this.ready) execution.activate()
    this.ready.clear()
  }

  /** The pipelines that are on their way up. */
  get names(): Iterable<string> {
    return this.pending.keys()
  }

  isPending(name: string): boolean {
    return this.pending.has(name)
  }

  /** Answers that the part is restored, where it is (V2). */
  settle(): void {
    const { restored } = this
    if (this.pending.size > 0 || restored === null) return
    this.restored = null
    restored()
  }

  // ── One pipeline ─────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Ends what ran, and keeps what it held where `entry` names the same program: state of another would be in memory
   * beside its own.
   */
  put({ name, phase, submitted, execution }: Resident, entry: PipelineEntry): void {
    if (phase === 'failed' || submitted !== entry.submitted) return execution.release()
    this.held.set(name, { ...execution.holdings(), open: execution.leaveOpen() })
    execution.close()
  }

  /**
   * It has been drained with the epoch `last`, and perhaps not heard so: what its sinks have is let go, and it ends.
   */
  finish(resident: Resident, last: number): void {
    const { execution, phase } = resident
    if (execution.isOpen && phase !== 'starting') {
      execution.drained(last)
      this.endDrained(resident)
    } else {
      resident.phase = 'drained'
      execution.release()
    }
    this.events.changed()
  }

  /** Where a generation stands: brings up the program that `entry` names, in the place of what ran before. */
  bring(name: string, entry: PipelineEntry): void {
    const { generation, roster } = this
    if (generation === null) return
    const known = roster.all.has(name)
    this.pending.set(name, entry)
    roster.unloaded.delete(name)
    this.seams.load(name, entry, (error, loaded) => {
      if (this.generation !== generation || this.seams.cluster().pipelines.get(name)?.run !== entry.run) return
      if (this.isOvertaken(name, entry)) return
      const fault = loaded === null ? error! : this.takePlaces(name, entry, loaded)
      if (fault === null) return this.launch(name, entry, loaded!, generation)
      roster.unloaded.set(name, { entry, error: fault })
      this.letGoOf(name)
      if (known) roster.all.delete(name)
      this.mail.tellFailed(entry.run, fault)
      this.events.unloaded(name, fault)
      this.arrive(name)
    })
  }

  /** V6. Fails those whose run began later and have a place of this one's; answers why it cannot run itself. */
  private takePlaces(name: string, { run }: PipelineEntry, { plan }: Loaded): PotorooError | null {
    const { pipelines } = this.seams.cluster()
    const { launched, all } = this.roster
    const isOther = (one: Resident, drained: boolean): boolean =>
      one.name !== name && pipelines.get(one.name)?.drained === drained
    const working = launched.filter((one) => isOther(one, false))
    const drained = [...all.values()].filter((one) => isOther(one, true))
    const earlier = working.filter((one) => one.run < run)
    const held = faultOfHeld(this.seams.cluster(), name, sinkPlaces(plan), (entry) => entry.drained)
    const fault = held ?? faultOfPlaces(plan, plansOf([...earlier, ...drained]), plansOf(earlier))
    if (fault !== null) return fault
    for (const one of working) {
      const late = one.run > run ? faultOfPlaces(one.plan, [plan]) : null
      if (late !== null) one.execution.fail(late)
    }
    return null
  }

  /** Takes what is on its way up under `name`, unless that is `run`. */
  drop(name: string, run: number | undefined): void {
    if (this.pending.get(name)?.run !== run) this.pending.delete(name)
  }

  /** It is gone: it will not be activated, and what it held is nobody's. */
  forget(resident: Resident): void {
    this.ready.delete(resident)
    this.letGoOf(resident.name)
  }

  /** Whether a worker alone has been asked for another program meanwhile, which may have been loaded in less time. */
  private isOvertaken(name: string, { run, submitted }: PipelineEntry): boolean {
    const others = [this.pending.get(name), this.roster.of(run)]
    return others.some((other) => (other?.submitted ?? 0) > submitted)
  }

  private launch(name: string, entry: PipelineEntry, loaded: Loaded, generation: Generation): void {
    const { seams, roster } = this
    const known = roster.all.get(name)
    const events: ExecutionEvents = this.eventsOf(() => {
      const now = roster.all.get(name)
      return this.generation === generation && now?.execution === execution ? now : null
    })
    const again = known !== undefined && known.plan === loaded.plan
    const before = this.held.get(name) ?? null
    this.held.delete(name)
    known?.execution.close()
    const execution = seams.execute(loaded, entry, generation, events, before)
    const { run, hash, submitted } = entry
    const startedMs = seams.clock.now()
    const fresh = { execution, phase: 'starting', error: null, base: null, startedMs, submitted } as const
    const { plan } = loaded
    const parameters = entry.parameters as Parameters
    const anew = { name, run, hash, parameters, plan, addresses: new Map(), ...fresh }
    const resident: Resident = again ? Object.assign(known, fresh) : anew
    roster.add(resident)
    for (const reason of this.stops) execution.stopWork(reason)
    execution.start()
    this.events.changed()
  }

  /** What an execution says, as long as `current` answers its pipeline (V4). */
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
      spoiled: () => {
        told((resident) => {
          resident.phase = 'starting'
        })
        this.seams.follow(() => told(({ run }) => this.seams.damaged(this.generation!.number, run, LAST_EPOCH)))
      },
      running: (base) =>
        told((resident) => {
          resident.phase = 'running'
          resident.base = base
          events.running(resident)
          this.mail.deliver(resident)
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
    resident.execution.release()
    this.ready.delete(resident)
    this.mail.tellFailed(resident.run, error)
    this.events.failed(resident, error)
    this.arrive(resident.name)
  }

  /** It has been drained, by another member perhaps. */
  private endDrained(resident: Resident): void {
    const { execution } = resident
    resident.phase = 'draining'
    execution.end(SINK_END_MS, () => {
      if (resident.execution !== execution) return
      resident.phase = 'drained'
      if (this.seams.cluster().pipelines.get(resident.name)?.drained === true) execution.release()
      else execution.close()
      this.events.changed()
    })
  }

  private arrive(name: string): void {
    this.pending.delete(name)
    this.settle()
    this.events.changed()
  }
}

function plansOf(residents: readonly Resident[]): readonly Plan[] {
  return residents.map(({ plan }) => plan)
}
