/**
 * One worker of a cluster on a simulated machine, with somebody who starts it again whenever it has ended: the real
 * worker and all that it stands on, over the simulated seams. The store lies on a volume that every machine has
 * mounted.
 *
 * S1. Whatever the worker answers (it failed, it could not start) ends its process, and another one follows, unless it
 *     has left its cluster: what a supervisor does in earnest.
 * S2. Somebody may end the process as SIGTERM does: it comes to rest, and another one follows.
 */
import { PotorooError } from '../base/errors.ts'
import type { Json } from '../base/json.ts'
import type { Limits } from '../base/limits.ts'
import type { Env } from '../env/env.ts'
import type { Plan } from '../model/plan.ts'
import { requireContinuation } from '../worker/pipelines/continuation.ts'
import { Endings } from '../worker/pipelines/endings.ts'
import { sinkPlaces } from '../worker/pipelines/places.ts'
import { Worker, type WorkerHost, type WorkerOptions } from '../worker/worker.ts'
import { DATA, loading, type MakePlan, submitTo } from './station.ts'
import type { Volume } from './volume.ts'
import type { Machine, SimProcess, World } from './world.ts'

/** Where the shared volume is mounted on every machine. */
export const SHARED = '/shared'

export type MakeWorker = (env: Env, options: WorkerOptions, host: WorkerHost) => Worker

export interface MemberOptions {
  readonly limits: Limits
  /** Where it takes the others' connections; 0: at a port that is another one for each incarnation. */
  readonly port: number
  /** The name of the pipeline that it runs. */
  readonly pipeline: string
  /** What it runs: made anew for each life, as a process would load it anew. Throws what keeps it from being loaded. */
  readonly plan: MakePlan
  /** Whether its journal lies on the shared volume. */
  readonly journals?: boolean
  /** How long it takes at most to load a program, in milliseconds; at once where nothing is said. */
  readonly loadMs?: number
  /** Workers that the new cluster waits for. */
  readonly expected: number
  /**
   * Hears why the program `hash` cannot run, or be loaded; whether that is for somebody to put right, and the process
   * goes on.
   */
  readonly stopped?: (hash: string, error: PotorooError) => boolean
  /** Hears why a life has ended; whether the next one accepts a loss. */
  readonly fell?: (error: PotorooError) => boolean
  /** Longest pause before it is started again, in milliseconds. */
  readonly restartMs: number
  /** Makes the worker, where that is more than one. */
  readonly make?: MakeWorker
  /** Ends in peace what was made there, and closes it (S2); `null`: nothing more was made. */
  readonly close?: (worker: Worker) => Promise<unknown> | null
  /** The worker's name, where it is not the machine's: a second process of that name. */
  readonly worker?: string
  /** It is a worker alone, whose folder is the shared volume, and member of no cluster. */
  readonly alone?: boolean
}

/** A program that is to take the place of another one. */
export interface Upgrade {
  readonly hash: string
  readonly plan: Plan
  /** Steps whose state is not taken over. */
  readonly drop: readonly string[]
}

/** The machine of one member: its name is the worker's, unless the options say otherwise. */
export function memberMachine(world: World, name: string, volume: Volume): Machine {
  return world.machine(name, { checked: true, mounts: [{ at: SHARED, volume }] })
}

export class MemberStation {
  readonly machine: Machine
  readonly name: string
  /** Processes so far. */
  lives = 0
  process: SimProcess | null = null
  worker: Worker | null = null
  /** Why lives have ended. */
  readonly fell: PotorooError[] = []
  /** The last life that was started with a loss accepted. */
  accepted = 0
  left = false
  /** Its machine is gone for good. */
  burned = false
  /** All input of its pipeline has ended and left; said to the coordinator alone. */
  ended = false
  /** Its process is on its way to its end (S2). */
  resting = false
  private readonly options: MemberOptions
  /** Who waits for something to change. */
  private waiting: (() => void)[] = []

  constructor(machine: Machine, options: MemberOptions) {
    this.machine = machine
    this.name = options.worker ?? machine.name
    this.options = options
  }

  start(acceptLoss = false): void {
    const { name } = this
    const { limits, port, expected, make = (...parts) => new Worker(...parts) } = this.options
    const process = this.machine.start(name)
    this.process = process
    this.resting = false
    this.lives++
    if (acceptLoss) this.accepted = this.lives
    this.ended = false
    this.waiting = []
    const { env } = process
    const live = (): boolean => this.process === process && process.state !== 'dead'
    const fall = (error: PotorooError): void => {
      if (!live()) return
      env.log.warn('station.fell', { code: error.code, message: error.message })
      this.fell.push(error)
      this.kill()
      this.mount()
      this.startLater(this.options.fell?.(error))
    }
    const left = (): void => {
      if (!live()) return
      this.left = true
      this.tellChange()
      this.kill()
    }
    const output = { write: (_: Uint8Array, done: (error: Error | null) => void) => env.clock.soon(() => done(null)) }
    const { alone = false } = this.options
    const cluster = alone
      ? null
      : {
          ...{ name: 'cluster', token: 'secret', store: `${SHARED}/store`, expected },
          journals: this.options.journals === false ? null : `${SHARED}/journals`,
          listen: { host: this.machine.name, port },
        }
    const worker = make(
      env,
      { worker: name, data: alone ? SHARED : DATA, limits, output, acceptLoss, cluster },
      {
        ...loading(env, this.options.plan, this.options.loadMs),
        ...{ listening: () => {}, letter: () => {}, changed: () => this.tellChange() },
        running: ({ base }) => {
          this.ended = false
          env.log.info('station.running', { epoch: base?.epoch ?? 0 })
        },
        ended: () => {
          this.ended = true
        },
        failed: ({ hash }, error) => {
          if (this.options.stopped?.(hash, error) !== true) fall(error)
        },
        warned: (_, warning) => env.log.warn('station.warned', { code: warning.code, message: warning.message }),
        unloaded: (name, error) => {
          const hash = worker.residents.unloaded.get(name)!.entry.hash
          if (this.options.stopped?.(hash, error) !== true) fall(error)
        },
        lost: fall,
        left,
      },
    )
    this.worker = worker
    worker.open((error) => {
      if (error !== null) fall(error)
    })
  }

  /** Puts the pipeline into the cluster, or another version of it, once this worker has a seat. */
  submit(hash?: string, parameters?: Json, answered?: () => void): void {
    const { worker } = this
    const refused = ({ code, message }: PotorooError): void => {
      this.process?.env.log.warn('station.refused', { code, message })
    }
    worker?.seated(() => submitTo(worker, this.options.pipeline, refused, hash, parameters, answered))
  }

  /**
   * Asks for another program in the place of the one that runs, which goes on with what that has but for what it is to
   * `drop`. One that does not fit is refused before anything is stopped for it, as `worker/pipelines/submission.ts`
   * does. What the answer is, nobody hears from a process that is dead.
   */
  upgrade(to: Upgrade, answered: (error: PotorooError | null) => void): void {
    const { worker, process } = this
    const { pipeline, limits } = this.options
    const live = (): boolean => this.process === process
    worker?.seated(() => {
      const { hash, plan, drop } = to
      const submit = (): void => {
        const program = { hash, text: '', map: '' }
        if (live())
          worker.ledger.submit(pipeline, program, null, { from: null, drop, places: sinkPlaces(plan) }, answered)
      }
      const refused = (error: unknown): void => {
        if (!(error instanceof PotorooError)) throw error
        if (live()) answered(error)
      }
      const until = (condition: () => boolean): Promise<void> => this.until(condition)
      const asked = { worker, clock: process!.env.clock, timeoutMs: limits.drainTimeoutMs, until }
      requireContinuation(asked, plan, { from: null, fresh: false, drop }).then(submit, refused)
    })
  }

  kill(): void {
    this.process?.kill()
    this.process = null
    this.worker = null
    this.resting = false
  }

  /** S2. */
  async rest(): Promise<void> {
    const { worker, process } = this
    if (worker === null || this.resting) return
    this.resting = true
    await (this.options.close?.(worker) ?? this.close(worker, process!))
    if (this.process !== process) return
    this.kill()
    this.startLater()
  }

  private async close(worker: Worker, process: SimProcess): Promise<void> {
    const endings = new Endings(process.env.clock, worker, this.options.limits.drainTimeoutMs, (condition) =>
      this.until(condition),
    )
    await endings.rest()
    if (this.process === process) await new Promise<void>((resolve) => worker.close(resolve))
  }

  /** Resolves once `condition` holds; looked at after every change of this life, and never after its end. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.waiting.push(resolve))
  }

  private tellChange(): void {
    const { waiting } = this
    this.waiting = []
    for (const look of waiting) look()
  }

  /** Its machine burns: nobody comes back. What it wrote on the shared volume is there. */
  lose(): void {
    this.kill()
    this.left = true
    this.burned = true
  }

  /** The machine loses its power, and has it again at once. */
  losePower(): void {
    this.machine.powerOff()
    this.machine.powerOn()
    this.process = null
    this.worker = null
    this.resting = false
  }

  /** Mounts its own volume anew where that takes no change any more. */
  mount(): void {
    if (this.machine.volume.readOnly) this.losePower()
  }

  /** Starts another life after a pause. */
  startLater(acceptLoss = false): void {
    const { restartMs } = this.options
    const waiting = this.machine.start('supervisor')
    waiting.env.clock.after(1 + waiting.env.random.below(restartMs), () => {
      waiting.kill()
      if (this.process === null && !this.left) this.start(acceptLoss)
    })
  }
}
