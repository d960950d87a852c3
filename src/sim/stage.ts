/**
 * What stands around a pipeline in a simulated run: scripts in place of its sources, collectors in place of its sinks.
 * It outlives every worker.
 *
 * G1. A script has one reader at a time, the one that was opened last: what another one says, of a worker that is cut
 *     off or stopped, does not count.
 * G2. A mark that happens once in a run is done when a reader comes to it, whatever is read again.
 */
import { fail } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import { nearest } from '../base/nearest.ts'
import { scriptedSink, scriptedSource } from '../connectors/scripted/connector.ts'
import type { Parameters } from '../model/graph.ts'
import type { Pipeline } from '../model/pipeline.ts'
import type { Plan, TaskPlan } from '../model/plan.ts'
import { plan } from '../model/planner.ts'
import { refuseFaults } from '../model/validate.ts'
import { AsyncCalls } from './async-calls.ts'
import { Collector } from './collector.ts'
import { Mark, type Script, type WorkerHappening, writeScript } from './script.ts'
import { type Pace, ScriptReader } from './script-reader.ts'

export interface StageOptions {
  readonly parameters: Parameters
  readonly inputs: Readonly<Record<string, Iterable<unknown>>>
  readonly limits: Limits
  /** Puts another plan in place of each life's, with the same tasks. */
  readonly rewrite: (plan: Plan) => Plan
  /** How a script of so many items is handed over. */
  readonly pace: (length: number) => Pace | null
  /** What a reader waits for at an `ABORT`, in milliseconds, beside all that its own worker has to do. */
  readonly settleMs: number
}

/** What a stage asks of those who run the workers. */
export interface Director {
  /** An `ABORT` has come. */
  abort(): void
  /** Something happens to a worker. */
  happen(what: WorkerHappening): void
  /** Calls `fn` when all of `step` has been worked on, which has come to its end. */
  whenWorkedOn(step: string, fn: () => void): void
}

export class Stage {
  readonly sinks = new Map<string, Collector>()
  readonly scripts = new Map<string, Script>()
  readonly calls = new AsyncCalls()
  /** Where the scripts stand that have come to an end. */
  readonly ends = new Map<string, number>()
  private readonly pipeline: Pipeline
  private readonly options: StageOptions
  private readonly director: Director
  /** Marks that are done (G2). */
  private readonly done = new Set<string>()
  /** By step (G1). */
  private readonly readers = new Map<string, object>()
  private readonly waiting = new Map<string, (() => void)[]>()

  /** Throws where the pipeline has faults, and where the inputs do not fit it. */
  constructor(pipeline: Pipeline, options: StageOptions, director: Director) {
    this.pipeline = pipeline
    this.options = options
    this.director = director
    this.readInputs(this.planAnew())
  }

  /** The plan of one life: the pipeline's own, between scripts and collectors. */
  plan(): Plan {
    const planned = this.options.rewrite(this.planAnew())
    return this.calls.watch({ ...planned, tasks: planned.tasks.map((task) => this.task(task)) })
  }

  /** All marks of all scripts. */
  get marks(): readonly Mark[] {
    return [...this.scripts.values()].flatMap((script) => script.filter((item) => item instanceof Mark))
  }

  /** Scripts that have come to an `END` and go on behind it: from now on it is done. */
  goOn(): boolean {
    const open = [...this.ends].filter(([step, position]) => position < this.scripts.get(step)!.length)
    for (const [step, position] of open) this.done.add(`${step} ${position}`)
    return open.length > 0
  }

  /** The sources whose scripts have not come to an end. */
  get open(): readonly string[] {
    return [...this.scripts.keys()].filter((step) => !this.ends.has(step))
  }

  /** A pipeline's function runs once per life, as in a process of its own. */
  private planAnew(): Plan {
    const graph = this.pipeline.build(this.options.parameters)
    refuseFaults(graph)
    return plan(graph)
  }

  private readInputs(planned: Plan): void {
    const { inputs, limits } = this.options
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
      const script = writeScript(task.step, inputs[task.step] ?? [], task.source.framing, limits.recordBytes)
      for (const item of script) {
        if (!(item instanceof Mark) || item.what.kind !== 'after' || names.includes(item.what.step)) continue
        throw fail('E_TEST_INPUT', { reason: `AFTER("${item.what.step}") in "${task.step}": there is no such source` })
      }
      this.scripts.set(task.step, script)
    }
  }

  private task(task: TaskPlan): TaskPlan {
    const { step } = task
    if (task.kind === 'source') {
      const { decoder } = task.source
      const script = this.scripts.get(step)!
      const pace = this.options.pace(script.length)
      const open = scriptedSource(task.source, (place, context) => {
        const { settleMs } = this.options
        return new ScriptReader({ step, script, decoder, scene: this.scene(step), pace, settleMs }, place, context)
      })
      return { ...task, source: open }
    }
    if (task.kind !== 'sink') return task
    const life = this.sinks.get(step)!.life(task.sink, step)
    return { ...task, sink: scriptedSink({ ...task.sink, encode: life.encode }, life.open) }
  }

  /** The scene of a reader of `step` that is opened now (G1). */
  private scene(step: string) {
    const reader = {}
    this.readers.set(step, reader)
    this.ends.delete(step)
    const counts = (): boolean => this.readers.get(step) === reader
    const once = (position: number, fn: () => void): void => {
      if (!counts() || this.done.has(`${step} ${position}`)) return
      this.done.add(`${step} ${position}`)
      fn()
    }
    return {
      isDone: (position: number) => this.done.has(`${step} ${position}`),
      abort: (position: number) => once(position, () => this.director.abort()),
      happen: (what: WorkerHappening, position: number) => once(position, () => this.director.happen(what)),
      ended: (position: number) => {
        if (counts()) this.onEnd(step, position)
      },
      whenEnded: (other: string, fn: () => void) => {
        if (this.ends.has(other)) this.director.whenWorkedOn(other, fn)
        else this.waiting.set(other, [...(this.waiting.get(other) ?? []), fn])
      },
    }
  }

  private onEnd(step: string, position: number): void {
    this.ends.set(step, position)
    const waiting = this.waiting.get(step) ?? []
    this.waiting.delete(step)
    for (const fn of waiting) this.director.whenWorkedOn(step, fn)
  }
}
