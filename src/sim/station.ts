/**
 * A worker on a simulated machine, with somebody who starts it again whenever it has ended: the real worker and all
 * that it stands on, over the simulated seams.
 *
 * S1. Whatever the worker answers (it failed, it could not start) ends its process, and another one follows: what a
 *     supervisor does in earnest.
 * S2. A worker that falls because its volume has become read-only finds it mounted anew: what somebody in charge does.
 */
import { PotorooError } from '../base/errors.ts'
import type { Json } from '../base/json.ts'
import type { Limits } from '../base/limits.ts'
import type { PipelineEntry } from '../checkpoint/cluster.ts'
import type { Manifest } from '../checkpoint/manifest.ts'
import type { Env } from '../env/env.ts'
import type { Plan } from '../model/plan.ts'
import type { Execution } from '../worker/execution/execution.ts'
import { Worker, type WorkerHost } from '../worker/worker.ts'
import type { Machine, SimProcess } from './world.ts'

/** What a process runs of the program with this hash, and these parameters. */
export type MakePlan = (env: Env, hash: string, parameters: Json) => Plan

/** The folder of the worker on its machine. */
export const DATA = '/data'

export interface StationOptions {
  readonly worker: string
  readonly limits: Limits
  /** The name of the pipeline that it runs. */
  readonly pipeline: string
  /** What it runs: made anew for each life, as a process would load it anew. */
  readonly plan: (env: Env) => Plan
  /** Longest pause before it is started again, in milliseconds. */
  readonly restartMs: number
}

export interface StationEvents {
  /** A life has begun to run the pipeline: from `base`, or from nothing. */
  running(base: Manifest | null): void
  /** A life ends because of this. */
  failed(error: PotorooError): void
}

export class Station {
  readonly machine: Machine
  /** Processes so far. */
  lives = 0
  process: SimProcess | null = null
  worker: Worker | null = null
  /** The pipeline, once it runs. */
  execution: Execution | null = null
  /** All its sources have ended and everything has left. */
  ended = false
  private readonly options: StationOptions
  private readonly events: StationEvents

  constructor(machine: Machine, options: StationOptions, events: StationEvents) {
    this.machine = machine
    this.options = options
    this.events = events
  }

  start(): void {
    const { worker: name, limits, pipeline, plan } = this.options
    const process = this.machine.start(name)
    this.process = process
    this.lives++
    this.ended = false
    const { env } = process
    const fall = (error: PotorooError): void => {
      // A process that is dead already has nothing more to say (`life.ts`, L3).
      if (this.process !== process || process.state === 'dead') return
      env.log.warn('station.fell', { code: error.code, message: error.message })
      this.events.failed(error)
      this.kill()
      this.mount()
      this.startLater()
    }
    const output = { write: (_: Uint8Array, done: (error: Error | null) => void) => env.clock.soon(() => done(null)) }
    const worker = new Worker(
      env,
      { worker: name, data: DATA, limits, output, acceptLoss: false },
      {
        ...loading(env, plan),
        running: ({ base, execution }) => {
          this.execution = execution
          env.log.info('station.running', { epoch: base?.epoch ?? 0 })
          this.events.running(base)
        },
        listening: () => {},
        ended: () => {
          this.ended = true
        },
        failed: (_, error) => fall(error),
        warned: (_, warning) => env.log.warn('station.warned', { code: warning.code, message: warning.message }),
        letter: () => {},
        unloaded: (_, error) => fall(error),
        changed: () => {},
        lost: fall,
        left: () => {},
      },
    )
    this.worker = worker
    worker.open((error) => {
      if (error !== null) return fall(error)
      worker.seated(() => submitTo(worker, pipeline, fall))
    })
  }

  kill(): void {
    this.process?.kill()
    this.forget()
  }

  /** The machine loses its power, and has it again at once. */
  losePower(): void {
    this.machine.powerOff()
    this.machine.powerOn()
    this.forget()
  }

  /** Mounts the volume anew where it takes no change any more (S2). */
  mount(): void {
    if (this.machine.volume.readOnly) this.losePower()
  }

  /** Starts another life after a pause. */
  startLater(): void {
    const { restartMs } = this.options
    const waiting = this.machine.start('supervisor')
    waiting.env.clock.after(1 + waiting.env.random.below(restartMs), () => {
      waiting.kill()
      if (this.process === null) this.start()
    })
  }

  private forget(): void {
    this.process = null
    this.worker = null
    this.execution = null
  }
}

/**
 * Loads plans as a process does: it keeps the last program of each pipeline (`worker/pipelines/submission.ts`), so one
 * that goes on in the next generation is the same plan, and is there at once; any other takes up to `longestMs`. All of
 * them run here.
 */
export function loading(env: Env, plan: MakePlan, longestMs = 0): Pick<WorkerHost, 'load' | 'wants'> {
  const kept = new Map<string, { readonly submitted: number; readonly plan: Plan }>()
  const find = (name: string, { submitted, hash, parameters }: PipelineEntry): Plan => {
    const known = kept.get(name)
    if (known?.submitted === submitted) return known.plan
    const loaded = plan(env, hash, parameters)
    kept.set(name, { submitted, plan: loaded })
    return loaded
  }
  return {
    load: (name, entry, done) => {
      const load = (): void => {
        const loaded = planOr(() => find(name, entry))
        if (loaded instanceof PotorooError) done(loaded, null)
        else done(null, { plan: loaded })
      }
      if (longestMs === 0 || kept.get(name)?.submitted === entry.submitted) env.clock.soon(load)
      else env.clock.after(env.random.below(longestMs), load)
    },
    wants: () => true,
  }
}

/** The plan, or what keeps it from being loaded. */
function planOr(plan: () => Plan): Plan | PotorooError {
  try {
    return plan()
  } catch (error) {
    if (error instanceof PotorooError) return error
    throw error
  }
}

/**
 * Puts a program that stands for a plan under the name of its pipeline; `hash` and `parameters` tell its versions
 * apart.
 */
export function submitTo(
  worker: Worker,
  pipeline: string,
  failed: (error: PotorooError) => void,
  hash = 'program',
  parameters: Json = null,
  answered: () => void = () => {},
): void {
  const program = { hash, text: '', map: '' }
  worker.ledger.submit(pipeline, program, parameters, { from: null, drop: [], places: [] }, (error) => {
    if (error !== null) failed(error)
    answered()
  })
}
