/**
 * Runs one pipeline on a simulated cluster, from scripts to collected rows: real workers on machines of their own, a
 * checkpoint store on a volume that all of them reach, joins, leaves and recoveries, in simulated time. What holds for
 * a run on one worker (`pipeline-run.ts`) holds here.
 *
 * K1. Faults with a time are counted from the moment when the pipeline first runs.
 * K2. A worker that ends is started again, unless it has left.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import { Prng } from '../base/prng.ts'
import type { Milliseconds } from '../base/time.ts'
import { guardPlan } from '../dataflow/guard.ts'
import type { Parameters } from '../model/graph.ts'
import type { Pipeline } from '../model/pipeline.ts'
import type { Plan } from '../model/plan.ts'
import type { Execution } from '../worker/execution/execution.ts'
import type { Resident } from '../worker/pipelines/resident.ts'
import { ClusterPlot } from './cluster-plot.ts'
import type { Faults } from './fault-plot.ts'
import { MemberStation, memberMachine } from './member-station.ts'
import { type Outcome, patienceOf, stuck, testLimits } from './pipeline-run.ts'
import type { Mark, WorkerHappening } from './script.ts'
import { Stage } from './stage.ts'
import type { Volume } from './volume.ts'
import { World } from './world.ts'

const RESTART_MS = 100
/** What sinks may take after the last epoch, in milliseconds. */
const SINK_END_MS = 5000
/** Between two looks at how far everything is, in milliseconds. */
const LOOK_MS = 10
/** What workers do for one another within calm weather, in milliseconds. */
const SETTLE_MS = 50
/** Last epochs that may fail one after another. */
const DRAINS = 10
const PORT = 7400
/** Workers that a run may have. */
export const MOST_WORKERS = 8

/** Something that happens at a time, from when the pipeline first runs (K1). */
export interface Timed {
  readonly at: Milliseconds
  readonly does: Mark
}

export interface ClusterOptions {
  readonly workers: number
  readonly seed: number
  readonly parameters: Parameters
  readonly inputs: Readonly<Record<string, Iterable<unknown>>>
  readonly faults: Faults | readonly Timed[]
  readonly limits: Partial<Limits>
  /** As for one worker (`pipeline-run.ts`). */
  readonly rewrite?: (plan: Plan) => Plan
}

/** A source that has ended, and what waits until all of it has been worked on. */
interface Wait {
  readonly epoch: number
  readonly fn: () => void
}

export class ClusterRun {
  private readonly pipeline: string
  private readonly options: ClusterOptions
  private readonly limits: Limits
  private readonly world: World
  private readonly volume: Volume
  private readonly stage: Stage
  private readonly plot: ClusterPlot
  private readonly stations: MemberStation[] = []
  /** Where the pipeline was submitted, until it is in the cluster. */
  private submitted: MemberStation['process'] = null
  private begun = false
  private waits: Wait[] = []
  private draining: Execution | null = null
  private drained = false
  /** When sinks have let go of everything, once all has drained. */
  private overMs = Infinity
  private failedDrains = 0
  private lookMs = 0
  private outcome: Outcome | null = null
  private error: PotorooError | null = null

  /** Throws where the pipeline has faults, and where the inputs and faults do not fit it. */
  constructor(pipeline: Pipeline, options: ClusterOptions) {
    const { parameters, inputs, seed, faults, workers, rewrite = guardPlan } = options
    this.pipeline = pipeline.name
    this.options = options
    this.limits = testLimits(options.limits)
    const { limits } = this
    const pace = (length: number) => this.plot.pace(length)
    this.stage = new Stage(
      pipeline,
      { parameters, inputs, limits, pace, settleMs: SETTLE_MS, rewrite },
      {
        abort: () => this.inTurn('run.abort', () => this.killAll()),
        happen: (what) => this.inTurn(`run.${what.kind}`, () => this.happen(what)),
        whenWorkedOn: (_, fn) => {
          this.waits.push({ epoch: this.epoch, fn })
        },
      },
    )
    this.checkWorkers([...this.stage.marks, ...this.timed.map(({ does }) => does)])
    const random = new Prng(seed)
    const drawn = typeof faults === 'string' ? faults : 'none'
    this.plot = new ClusterPlot(drawn, random, limits.checkpointIntervalMs, this.stations)
    this.world = new World(random.u32(), this.plot.weather)
    this.volume = this.world.volume('shared')
    for (let i = 0; i < workers; i++) this.add()
  }

  /** Runs to the end. Rejects with what went wrong, and with whatever comes out of the engine. */
  async run(): Promise<Outcome> {
    const { world, stage } = this
    const { calls } = stage
    const endMs = patienceOf(stage.marks, this.plot.kills)
    for (const station of this.stations) station.start()
    while (this.outcome === null) {
      if (!world.step() || world.now > endMs) throw this.stuck()
      if (this.error !== null) throw this.error
      if (calls.expected) await calls.settle()
      if (world.now >= this.lookMs) this.look()
    }
    return this.outcome
  }

  // ── The workers ──────────────────────────────────────────────────────────────────────────────────────────────────

  private get timed(): readonly Timed[] {
    const { faults } = this.options
    return typeof faults === 'string' ? [] : faults
  }

  private checkWorkers(marks: readonly Mark[]): void {
    const joins = marks.filter(({ what }) => what.kind === 'join').length
    const most = this.options.workers + joins
    if (most > MOST_WORKERS) throw fail('E_TEST_WORKERS', { most: MOST_WORKERS, workers: most })
    for (const { what } of marks) {
      if (!('worker' in what) || what.worker <= most) continue
      const reason = `${what.kind.toUpperCase()}(${what.worker}): there are ${most} workers, with those that join`
      throw fail('E_TEST_INPUT', { reason })
    }
    for (const { does } of this.timed) {
      if ('worker' in does.what || does.what.kind === 'join' || does.what.kind === 'abort') continue
      const reason = `"${does.what.kind}" stands in an input and is no fault that happens at a time`
      throw fail('E_TEST_INPUT', { reason })
    }
  }

  private add(): MemberStation {
    const { world, volume, limits, pipeline, stage } = this
    const machine = memberMachine(world, `worker${this.stations.length + 1}`, volume)
    const { workers: expected } = this.options
    const options = { limits, port: PORT, expected, restartMs: RESTART_MS, pipeline, plan: () => stage.plan() }
    const station = new MemberStation(machine, options)
    this.stations.push(station)
    return station
  }

  private get staying(): MemberStation[] {
    return this.stations.filter(({ left }) => !left)
  }

  private residentOf({ worker }: MemberStation): Resident | null {
    return worker?.residents.all.get(this.pipeline) ?? null
  }

  /** The last epoch that somebody knows to be complete. */
  private get epoch(): number {
    return Math.max(
      0,
      ...this.stations.map((station) => this.residentOf(station)?.execution.status.figures?.epoch ?? 0),
    )
  }

  // ── What happens ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Does something on a turn of its own, and not inside one of a process that dies of it. */
  private inTurn(code: string, fn: () => void): void {
    this.world.log.info(code)
    this.world.at(this.world.now, fn)
  }

  private happen(what: WorkerHappening): void {
    const { world, stations } = this
    if (what.kind === 'join') return this.add().start()
    const station = stations[what.worker - 1]
    if (station === undefined) {
      this.error = fail('E_TEST_INPUT', { reason: `${what.kind.toUpperCase()}(${what.worker}): it has not joined yet` })
      return
    }
    const others = stations.filter((other) => other !== station)
    switch (what.kind) {
      case 'kill':
        station.kill()
        return station.startLater()
      case 'cut':
        for (const other of others) world.network.cut(station.name, other.name)
        return
      case 'heal':
        for (const other of others) world.network.heal(station.name, other.name)
        return
      case 'leave':
        return this.leave(station)
    }
  }

  /** A worker that is not at work leaves once it is. */
  private leave(station: MemberStation): void {
    if (station.left) return
    const { worker } = station
    if (worker?.phase === 'active') worker.leave()
    this.world.at(this.world.now + 1000, () => this.leave(station))
  }

  private killAll(): void {
    for (const station of this.staying) {
      station.kill()
      station.startLater()
    }
  }

  // ── How far it is ────────────────────────────────────────────────────────────────────────────────────────────────

  private look(): void {
    const { world, stations } = this
    this.lookMs = world.now + LOOK_MS
    for (const { fell } of stations) this.error ??= fell[0] ?? null
    if (!this.begun) this.submit()
    const { epoch } = this
    // What ended before an epoch began is in it, and the next one to complete may have begun before.
    const due = this.waits.filter((wait) => wait.epoch + 2 <= epoch)
    this.waits = this.waits.filter((wait) => wait.epoch + 2 > epoch)
    for (const { fn } of due) fn()
    this.drain()
  }

  /** Puts the pipeline into the cluster, again where the worker that was asked has died of it. */
  private submit(): void {
    const { world, stations, plot } = this
    if (stations.some((station) => this.residentOf(station)?.phase === 'running')) {
      this.begun = true
      plot.begin(world)
      for (const { at, does } of this.timed) {
        const { what } = does
        world.at(world.now + at, () => (what.kind === 'abort' ? this.killAll() : this.happen(what as WorkerHappening)))
      }
      return
    }
    if (stations.some(({ worker }) => (worker?.cluster.pipelines.size ?? 0) > 0)) return
    if (stations.some(({ process }) => process !== null && process === this.submitted)) return
    const station = stations.find(({ worker }) => worker?.phase === 'active')
    this.submitted = station?.process ?? null
    station?.submit()
  }

  private drain(): void {
    const { world, staying } = this
    const residents = staying.map((station) => this.residentOf(station)).filter((one) => one !== null)
    const { draining } = this
    if (draining !== null && residents.some(({ execution }) => execution === draining)) {
      // Everybody learns of the last epoch in a time of its own.
      const over = residents.filter(({ execution, phase }) => execution === draining || phase === 'drained')
      // Who waits to be taken in has no part of it; who has died has one.
      if (this.drained && over.length === draining.generation.members.length)
        this.overMs = Math.min(this.overMs, world.now + SETTLE_MS)
      if (world.now >= this.overMs) this.finish(residents.map(({ execution }) => execution))
      return
    }
    this.draining = null
    const station = staying.find(({ ended, worker }) => ended && worker !== null)
    const execution = station === undefined ? null : (this.residentOf(station)?.execution ?? null)
    if (execution === null) return
    this.draining = execution
    this.drained = false
    this.overMs = Infinity
    execution.drain(SINK_END_MS, false, (failure) => {
      if (this.draining !== execution) return
      this.drained = failure === null
      if (this.drained) return
      this.draining = null
      if (++this.failedDrains < DRAINS) return
      this.error = fail('E_NOT_DRAINED', { pipeline: this.pipeline, reason: failure! })
    })
  }

  /** Every script has ended and is saved: the run is over, or goes on behind its `END`s. */
  private finish(executions: readonly Execution[]): void {
    const { world, stage } = this
    this.failedDrains = 0
    this.draining = null
    if (stage.goOn()) return this.inTurn('run.end', () => this.killAll())
    const restarts = this.stations.reduce((sum, { lives }) => sum + lives - 1, 0)
    this.outcome = { plan: executions[0]!.plan, sinks: stage.sinks, executions, restarts, log: world.drainLog() }
  }

  private stuck(): Error {
    const held = this.stations.map((station) => this.residentOf(station)?.execution.status.heldBy ?? null)
    return stuck(this.pipeline, this.world, this.stage, held.find((reason) => reason !== null) ?? null)
  }
}
