/**
 * Runs one pipeline on one simulated machine, from scripts to collected rows: the real worker, checkpoints and recovery,
 * in simulated time.
 *
 * P1. A run is a function of the pipeline, its scripts, the seed and the limits. What the user's functions take from
 *     elsewhere (a clock, chance) is the only thing that can make two runs differ.
 * P2. A run ends when every script has been read to its end, everything has left and a last epoch holds it all. Lives that
 *     end before that are followed by others.
 * P3. What goes wrong in the worker ends the run with that error: no fault that is drawn here can make it fail.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import { type Limits, makeLimits } from '../base/limits.ts'
import { nearest } from '../base/nearest.ts'
import { Prng } from '../base/prng.ts'
import { showDuration } from '../base/time.ts'
import { scriptedSink, scriptedSource } from '../connectors/scripted/connector.ts'
import type { Parameters } from '../model/graph.ts'
import type { Pipeline } from '../model/pipeline.ts'
import type { Plan, TaskPlan } from '../model/plan.ts'
import { plan } from '../model/planner.ts'
import { refuseFaults } from '../model/validate.ts'
import type { Execution } from '../worker/execution/execution.ts'
import { AsyncCalls } from './async-calls.ts'
import { Collector } from './collector.ts'
import { FaultPlot, type Faults } from './fault-plot.ts'
import { Mark, type Script, writeScript } from './script.ts'
import { type Scene, ScriptReader } from './script-reader.ts'
import { Station } from './station.ts'
import { World } from './world.ts'

const WORKER = 'worker'
const RESTART_MS = 100
/** What sinks may take after the last epoch, in milliseconds. */
const SINK_END_MS = 5000
/** Simulated time beyond what the scripts pause for. */
const PATIENCE_MS = 600_000
/** Last epochs that may fail one after another. */
const DRAINS = 3
/** Fewer than a worker in earnest has: a short run should not be spent on empty ones. */
const KEY_GROUPS = 64

export interface RunOptions {
  readonly seed: number
  readonly parameters: Parameters
  readonly inputs: Readonly<Record<string, Iterable<unknown>>>
  readonly faults: Faults
  readonly limits: Partial<Limits>
  /** Puts another plan in place of each life's, with the same tasks. */
  readonly rewrite: (plan: Plan) => Plan
}

/** What a run leaves behind. */
export interface Outcome {
  readonly plan: Plan
  readonly sinks: ReadonlyMap<string, Collector>
  /** The pipeline as its last life left it. */
  readonly execution: Execution
  readonly lives: number
  readonly log: readonly string[]
}

export class PipelineRun {
  private readonly pipeline: Pipeline
  private readonly options: RunOptions
  private readonly limits: Limits
  private readonly world: World
  private readonly station: Station
  private readonly plot: FaultPlot
  private readonly calls = new AsyncCalls()
  private readonly scripts = new Map<string, Script>()
  private readonly sinks = new Map<string, Collector>()
  /** Marks that have ended a life and are done. */
  private readonly done = new Set<string>()
  /** Where the scripts of this life stand that have come to an end. */
  private ends = new Map<string, number>()
  private draining = false
  private failedDrains = 0
  private outcome: Outcome | null = null
  private error: PotorooError | null = null

  /** Throws where the pipeline has faults, and where the inputs do not fit it. */
  constructor(pipeline: Pipeline, options: RunOptions) {
    this.pipeline = pipeline
    this.options = options
    this.limits = makeLimits({ keyGroups: KEY_GROUPS, ...options.limits })
    const planned = this.planAnew()
    this.readInputs(planned)
    const random = new Prng(options.seed)
    this.plot = new FaultPlot(options.faults, random, this.limits.checkpointIntervalMs)
    this.world = new World(random.u32(), this.plot.weather)
    this.station = new Station(
      this.world.machine(WORKER),
      {
        ...{ worker: WORKER, limits: this.limits, restartMs: RESTART_MS, pipeline: pipeline.name },
        plan: () => this.stage(),
      },
      {
        running: () => {
          this.draining = false
        },
        failed: (error) => {
          this.error = error
        },
      },
    )
  }

  /** Runs to the end. Rejects with what went wrong, and with whatever comes out of the engine. */
  async run(): Promise<Outcome> {
    const { world, station, calls } = this
    const endMs = this.patienceMs()
    station.start()
    this.plot.begin(world, station)
    while (this.outcome === null) {
      if (!world.step() || world.now > endMs) throw this.stuck()
      if (this.error !== null) throw this.error
      if (calls.expected) await calls.settle()
      if (station.ended && station.execution !== null && !this.draining) this.drain(station.execution)
    }
    return this.outcome
  }

  // ── The stage ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A pipeline's function runs once per life, as in a process of its own. */
  private planAnew(): Plan {
    const graph = this.pipeline.build(this.options.parameters)
    refuseFaults(graph)
    return plan(graph)
  }

  private readInputs(planned: Plan): void {
    const { inputs } = this.options
    const names = planned.tasks.filter(({ kind }) => kind === 'source').map(({ step }) => step)
    for (const name of Object.keys(inputs)) {
      if (names.includes(name)) continue
      const meant = nearest(name, names)
      const hint = meant === null ? `it has ${names.join(', ')}` : `did you mean ${meant}?`
      throw fail('E_TEST_INPUT', { reason: `pipeline "${planned.pipeline}" has no source "${name}"; ${hint}` })
    }
    for (const task of planned.tasks) {
      if (task.kind === 'sink') this.sinks.set(task.step, new Collector())
      if (task.kind !== 'source') continue
      const script = writeScript(task.step, inputs[task.step] ?? [], task.source.framing, this.limits.recordBytes)
      for (const item of script) {
        if (!(item instanceof Mark) || item.what.kind !== 'after' || names.includes(item.what.step)) continue
        throw fail('E_TEST_INPUT', { reason: `AFTER("${item.what.step}") in "${task.step}": there is no such source` })
      }
      this.scripts.set(task.step, script)
    }
  }

  /** The plan of one life: the pipeline's own, between scripts and collectors. */
  private stage(): Plan {
    const planned = this.options.rewrite(this.planAnew())
    const scene = this.scene()
    return this.calls.watch({ ...planned, tasks: planned.tasks.map((task) => this.stageTask(task, scene)) })
  }

  private stageTask(task: TaskPlan, scene: Scene): TaskPlan {
    const { step } = task
    if (task.kind === 'source') {
      const script = this.scripts.get(step)!
      const { decoder } = task.source
      const pace = this.plot.pace(script.length)
      const options = { step, script, decoder, scene, pace }
      return {
        ...task,
        source: scriptedSource(task.source, (place, context) => new ScriptReader(options, place, context)),
      }
    }
    if (task.kind !== 'sink') return task
    const collector = this.sinks.get(step)!
    const sink = { ...task.sink, encode: collector.encoder(task.sink) }
    return { ...task, sink: scriptedSink(sink, (context) => collector.open(context)) }
  }

  private scene(): Scene {
    const ends = new Map<string, number>()
    const waiting = new Map<string, (() => void)[]>()
    this.ends = ends
    return {
      isDone: (step, position) => this.done.has(`${step} ${position}`),
      abort: (step, position) => this.abort(step, position),
      ended: (step, position) => {
        ends.set(step, position)
        for (const fn of waiting.get(step) ?? []) fn()
        waiting.delete(step)
      },
      whenEnded: (step, fn) => {
        if (ends.has(step)) fn()
        else waiting.set(step, [...(waiting.get(step) ?? []), fn])
      },
    }
  }

  // ── The end of a life ────────────────────────────────────────────────────────────────────────────────────────────

  private abort(step: string, position: number): void {
    const { world, station } = this
    const { process } = station
    // In a turn of its own, and not inside one of the process that dies.
    world.at(world.now, () => {
      if (station.process !== process) return
      this.done.add(`${step} ${position}`)
      world.log.info('run.abort', { step, position })
      station.kill()
      station.startLater()
    })
  }

  private drain(execution: Execution): void {
    this.draining = true
    execution.drain(SINK_END_MS, false, (failure) => {
      if (failure === null) return this.finish(execution)
      this.draining = false
      if (++this.failedDrains < DRAINS) return
      this.error = fail('E_NOT_DRAINED', { pipeline: this.pipeline.name, reason: failure })
    })
  }

  /** Every script of this life has ended and is saved: the run is over, or goes on behind its `END`s. */
  private finish(execution: Execution): void {
    this.failedDrains = 0
    const { station, world } = this
    const open = [...this.ends].filter(([step, position]) => position < this.scripts.get(step)!.length)
    if (open.length === 0) {
      const { lives } = station
      const planned = execution.plan
      this.outcome = { plan: planned, sinks: this.sinks, execution, lives, log: world.drainLog() }
      return
    }
    for (const [step, position] of open) this.done.add(`${step} ${position}`)
    world.at(world.now, () => {
      station.kill()
      station.startLater()
    })
  }

  // ── The bound ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Pauses are made again where a life begins in front of them. */
  private patienceMs(): number {
    let pausesMs = 0
    let ends = 1
    for (const script of this.scripts.values()) {
      for (const item of script) {
        if (!(item instanceof Mark)) continue
        if (item.what.kind === 'pause') pausesMs += item.what.ms
        else if (item.what.kind !== 'after') ends++
      }
    }
    return PATIENCE_MS + pausesMs * (ends + this.plot.kills)
  }

  private stuck(): Error {
    const { world, scripts, ends } = this
    const { pipeline, station } = this
    const open = [...scripts.keys()].filter((step) => !ends.has(step))
    const held = station.execution?.heldBy ?? null
    const where =
      open.length === 0 ? 'its input has ended, its last checkpoint is missing' : `waits at ${open.join(', ')}`
    const reason = held === null ? where : `${where}; ${held}`
    return fail('E_TEST_STUCK', { pipeline: pipeline.name, time: showDuration(world.now), reason }, world.drainLog())
  }
}
