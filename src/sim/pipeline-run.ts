/**
 * Runs one pipeline on one simulated machine, from scripts to collected rows: the real worker, checkpoints and
 * recovery, in simulated time.
 *
 * P1. A run is a function of the pipeline, its scripts, the seed and the limits. What the user's functions take from
 *     elsewhere (a clock, chance) is the only thing that can make two runs differ.
 * P2. A run ends when every script has been read to its end, everything has left and a last epoch holds it all. Lives
 *     that end before that are followed by others.
 * P3. What goes wrong in the worker ends the run with that error: no fault that is drawn here can make it fail.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import { type Limits, makeLimits } from '../base/limits.ts'
import { Prng } from '../base/prng.ts'
import { showDuration } from '../base/time.ts'
import { guardPlan } from '../dataflow/guard.ts'
import type { Parameters } from '../model/graph.ts'
import type { Pipeline } from '../model/pipeline.ts'
import type { Plan } from '../model/plan.ts'
import type { Execution } from '../worker/execution/execution.ts'
import type { Collector } from './collector.ts'
import { FaultPlot, type Faults } from './fault-plot.ts'
import { happensToWorkers, type Mark, pausesOf } from './script.ts'
import { Stage } from './stage.ts'
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
  /**
   * Puts another plan in place of each life's, with the same tasks: when left out, one that looks after every call for
   * what would go wrong later (`dataflow/guard.ts`).
   */
  readonly rewrite?: (plan: Plan) => Plan
}

/** What a run leaves behind. */
export interface Outcome {
  readonly plan: Plan
  readonly sinks: ReadonlyMap<string, Collector>
  /** The pipeline as its last lives left it, on each worker. */
  readonly executions: readonly Execution[]
  /** Times that a worker came back. */
  readonly restarts: number
  readonly log: readonly string[]
}

export class PipelineRun {
  private readonly pipeline: Pipeline
  private readonly world: World
  private readonly station: Station
  private readonly plot: FaultPlot
  private readonly stage: Stage
  private draining = false
  private failedDrains = 0
  private outcome: Outcome | null = null
  private error: PotorooError | null = null

  /** Throws where the pipeline has faults, and where the inputs do not fit it. */
  constructor(pipeline: Pipeline, options: RunOptions) {
    this.pipeline = pipeline
    const { parameters, inputs, rewrite = guardPlan } = options
    const limits = testLimits(options.limits)
    const pace = (length: number) => this.plot.pace(length)
    this.stage = new Stage(
      pipeline,
      { parameters, inputs, rewrite, limits, pace, settleMs: 0 },
      {
        abort: () => this.abort(),
        happen: () => {}, // Refused below.
        whenWorkedOn: (_, fn) => fn(),
      },
    )
    const [mark] = this.stage.marks.filter((one) => happensToWorkers([one]))
    if (mark !== undefined) throw manyNeeded(mark)
    const random = new Prng(options.seed)
    this.plot = new FaultPlot(options.faults, random, limits.checkpointIntervalMs)
    this.world = new World(random.u32(), this.plot.weather)
    this.station = new Station(
      this.world.machine(WORKER),
      {
        ...{ worker: WORKER, limits, restartMs: RESTART_MS, pipeline: pipeline.name },
        plan: () => this.stage.plan(),
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
    const { world, station, stage } = this
    const { calls } = stage
    const endMs = patienceOf(stage.marks, this.plot.kills)
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

  // ── The end of a life ────────────────────────────────────────────────────────────────────────────────────────────

  private abort(): void {
    const { world, station } = this
    const { process } = station
    // In a turn of its own, and not inside one of the process that dies.
    world.at(world.now, () => {
      if (station.process !== process) return
      world.log.info('run.abort')
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
    const { station, world, stage } = this
    if (!stage.goOn()) {
      const restarts = station.lives - 1
      this.outcome = {
        plan: execution.plan,
        sinks: stage.sinks,
        executions: [execution],
        restarts,
        log: world.drainLog(),
      }
      return
    }
    world.at(world.now, () => {
      station.kill()
      station.startLater()
    })
  }

  private stuck(): Error {
    return stuck(this.pipeline.name, this.world, this.stage, this.station.execution?.status.heldBy ?? null)
  }
}

/** Limits of a run in a test. */
export function testLimits(limits: Partial<Limits>): Limits {
  return makeLimits({ keyGroups: KEY_GROUPS, ...limits })
}

/** How long a run may take, in simulated milliseconds: pauses are made again where a life begins in front of them. */
export function patienceOf(marks: readonly Mark[], kills: number): number {
  const ends = marks.filter(({ what }) => what.kind !== 'pause' && what.kind !== 'after').length
  return PATIENCE_MS + pausesOf(marks) * (1 + ends + kills)
}

/** The error of a run that does not come to its end. */
export function stuck(pipeline: string, world: World, { open }: Stage, held: string | null): Error {
  const where =
    open.length === 0 ? 'its input has ended, its last checkpoint is missing' : `waits at ${open.join(', ')}`
  const reason = held === null ? where : `${where}; ${held}`
  return fail('E_TEST_STUCK', { pipeline, time: showDuration(world.now), reason }, world.drainLog())
}

function manyNeeded({ what }: Mark): PotorooError {
  return fail('E_TEST_INPUT', { reason: `${what.kind.toUpperCase()} is for runPipeline(), on several workers` })
}
