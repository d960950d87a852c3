/**
 * The pipelines of one worker: brings the programs that the chain names to life, and does to them by name what people ask
 * for. `run`, `worker` and the control API all come through here.
 *
 *     starting ──► running ──► ended ──► draining ──► drained
 *         │           │ ▲ hold, release                  │ submit
 *         └── failed ◄┘ └────────────── starting ◄───────┘
 *
 * P1. A pipeline that fails is closed and stays listed with its error; the others go on (PROTOCOLS 17).
 * P2. A program is in the chain before it runs: what a restart finds is what ran.
 * P3. Of what is asked for one pipeline, one thing is done at a time, in the order in which it was asked.
 */
import { fail, PotorooError } from '../base/errors.ts'
import type { Json } from '../base/json.ts'
import { nearest } from '../base/nearest.ts'
import type { Purpose } from '../checkpoint/barrier.ts'
import type { PipelineEntry } from '../checkpoint/cluster.ts'
import { savepointManifest } from '../checkpoint/layout.ts'
import type { Manifest } from '../checkpoint/manifest.ts'
import type { Failure } from '../dataflow/failure.ts'
import type { Env } from '../env/env.ts'
import type { Parameters } from '../model/graph.ts'
import type { Pipeline } from '../model/pipeline.ts'
import type { Plan } from '../model/plan.ts'
import { plan } from '../model/planner.ts'
import type { DeadLetter } from './dead-letter.ts'
import type { Execution } from './execution.ts'
import { buildGraph, loadBundle } from './load.ts'
import { settle, settleVoid } from './settle.ts'
import { type Program, Worker, type WorkerOptions } from './worker.ts'

export type PipelinePhase = 'starting' | 'running' | 'ended' | 'draining' | 'drained' | 'failed'

/** How long sinks may take to let go of what they hold once the last checkpoint stands, in milliseconds. */
const SINK_END_MS = 5000

/** How often letters that are tried again are looked after, in milliseconds. */
const REPLAY_LOOK_MS = 10

/** One pipeline, as this worker knows it. */
export interface Resident {
  readonly name: string
  readonly hash: string
  readonly parameters: Parameters
  readonly plan: Plan
  readonly execution: Execution
  phase: PipelinePhase
  /** Why it failed. */
  error: PotorooError | null
  /** The epoch that it continued from, `null` where it began with nothing. */
  base: Manifest | null
  /** Wall time at which it began to run, in milliseconds since 1970. */
  readonly startedMs: number
  /** Steps whose state was not taken over. */
  readonly drop: readonly string[]
  /** Where its sources listen, by step. */
  readonly addresses: Map<string, string>
}

export interface PipelinesEvents {
  /** The pipeline runs: from `resident.base`, or from nothing. */
  running(resident: Resident): void
  listening(resident: Resident, step: string, address: string): void
  /** All its sources have ended and everything has left. */
  ended(resident: Resident): void
  failed(resident: Resident, error: PotorooError): void
  /** Something for the operator that the pipeline itself has dealt with. */
  warned(resident: Resident, error: PotorooError): void
  /** The worker as a whole cannot go on. */
  lost(error: PotorooError): void
}

/** How a program is to begin. */
export interface SubmitOptions {
  /** The name of a savepoint of this pipeline to begin with. */
  readonly savepoint?: string | null
  /** Forget the state that is there and begin anew. */
  readonly fresh?: boolean
  /** Steps whose state is not taken over. */
  readonly drop?: readonly string[]
  /** Changes the plan that runs here, and nothing that is kept: where `run` puts standard input and output. */
  readonly rewrite?: (plan: Plan) => Plan
}

export class Pipelines {
  readonly worker: Worker
  readonly residents = new Map<string, Resident>()
  private readonly env: Env
  private readonly options: WorkerOptions
  private readonly events: PipelinesEvents
  /** What is being done to each pipeline (P3). */
  private readonly turns = new Map<string, Promise<unknown>>()

  constructor(env: Env, options: WorkerOptions, events: PipelinesEvents) {
    this.env = env
    this.options = options
    this.events = events
    this.worker = new Worker(env, options, {
      failed: (error) => events.lost(error),
      left: () => {},
      listening: (pipeline, step, address) => {
        const resident = this.residents.get(pipeline)
        resident?.addresses.set(step, address)
        if (resident !== undefined) events.listening(resident, step, address)
      },
      regenerated: () => {
        for (const resident of this.residents.values()) this.runAnew(resident)
      },
    })
  }

  /** Takes the data folder and a seat in a generation. Rejects with an error of the table; nothing runs yet. */
  async open(): Promise<void> {
    await settleVoid((done) => this.worker.open(done))
    await new Promise<void>((resolve) => this.worker.seated(resolve))
  }

  /** Brings up what the chain names. One that cannot be loaded or planned is answered, and the others go on (P1). */
  async resume(): Promise<readonly { readonly pipeline: string; readonly error: PotorooError }[]> {
    const failures: { pipeline: string; error: PotorooError }[] = []
    for (const [name, entry] of this.worker.cluster.pipelines) {
      try {
        await this.inTurn(name, () => this.bringUp(name, entry))
      } catch (error) {
        if (!(error instanceof PotorooError)) throw error
        failures.push({ pipeline: name, error })
      }
    }
    return failures
  }

  /**
   * Puts a program under the name of its pipeline and runs it. Where another one runs, that one is drained first and the
   * new one continues from its last checkpoint. Rejects where the pipeline has faults; then nothing has changed.
   */
  async submit(
    pipeline: Pipeline,
    program: Program,
    parameters: Parameters = {},
    options: SubmitOptions = {},
  ): Promise<Resident> {
    const { name } = pipeline
    const planned = plan(buildGraph(pipeline, parameters))
    return this.inTurn(name, async () => {
      const from = await this.manifestOf(name, options)
      await this.stopForAnother(name)
      if (options.fresh === true) await this.withdraw(name)
      await settle<void>((done) => this.worker.submit(name, program, parameters as Json, from, done))
      this.worker.sweep()
      return this.launch(planned, program.hash, parameters, options)
    })
  }

  /** Ends what runs under `name` and takes it out of the cluster. */
  private async withdraw(name: string): Promise<void> {
    this.residents.get(name)?.execution.forget()
    await settle<void>((done) => this.worker.withdraw(name, done))
  }

  /** The path of the savepoint's manifest, with which only a pipeline can begin that is not there, or not any more. */
  private async manifestOf(name: string, { savepoint = null, fresh }: SubmitOptions): Promise<string | null> {
    if (savepoint === null) return null
    const there = this.worker.cluster.pipelines.has(name)
    if (there && fresh !== true) throw fail('E_PIPELINE_THERE', { pipeline: name })
    const path = savepointManifest(name, savepoint)
    const found = await settle<Buffer | null>((done) => this.worker.storage.read(path, done))
    if (found === null) throw fail('E_NO_SAVEPOINT', { pipeline: name, savepoint })
    return path
  }

  /** Stops the input, makes a last checkpoint and ends the pipeline; it stays in the cluster and runs again with it. */
  async drain(name: string): Promise<Resident> {
    return this.inTurn(name, async () => {
      const resident = this.running(name)
      await this.drainNow(resident)
      return resident
    })
  }

  /** Takes the pipeline out of the cluster, with its state. Its savepoints stay. */
  async cancel(name: string): Promise<void> {
    await this.inTurn(name, async () => {
      this.find(name)
      await this.withdraw(name)
      this.residents.delete(name)
      this.worker.executions.delete(name)
      this.worker.sweep()
    })
  }

  /** Makes a checkpoint now; answers its epoch. */
  async checkpoint(name: string): Promise<number> {
    const { execution } = this.running(name)
    await this.request(execution, { kind: 'periodic' })
    return execution.figures?.epoch ?? 0
  }

  /** Makes a checkpoint and keeps it as the savepoint `savepoint`; answers its epoch. */
  async savepoint(name: string, savepoint: string): Promise<number> {
    const { execution } = this.running(name)
    await this.request(execution, { kind: 'savepoint', name: savepoint })
    return execution.figures?.epoch ?? 0
  }

  /** Takes dead letters out of the list, for good; all of them where `ids` is `null`. Answers how many. */
  async purge(name: string, ids: readonly string[] | null): Promise<number> {
    const { execution } = this.running(name)
    const removed = execution.deadLetters.remove(new Set(this.letters(name, ids).map(({ id }) => id)))
    await this.request(execution, { kind: 'periodic' })
    return removed
  }

  /**
   * Gives dead letters back to the steps that they failed in; all of them where `ids` is `null`. What fails again is a
   * dead letter again. Answers how many were tried and how many cannot be.
   */
  async replay(
    name: string,
    ids: readonly string[] | null,
  ): Promise<{ readonly tried: number; readonly left: number }> {
    const { execution } = this.running(name)
    const letters = this.letters(name, ids)
    const { clock } = this.env
    execution.replay(letters)
    while (execution.replaying > 0 && this.residents.get(name)?.phase === 'running') {
      await new Promise<void>((resolve) => clock.after(REPLAY_LOOK_MS, resolve))
    }
    const standing = new Set(this.letters(name, null))
    const left = letters.filter((letter) => standing.has(letter)).length
    await this.request(execution, { kind: 'periodic' })
    return { tried: letters.length - left, left }
  }

  private letters(name: string, ids: readonly string[] | null): readonly DeadLetter[] {
    const { deadLetters } = this.find(name).execution
    if (ids === null) return deadLetters.list(0, deadLetters.count)
    return ids.map((id) => {
      const letter = deadLetters.find(id)
      if (letter === null) throw fail('E_NO_LETTER', { pipeline: name, id })
      return letter
    })
  }

  /** The pipeline `name`; throws `E_NO_PIPELINE`. */
  find(name: string): Resident {
    const found = this.residents.get(name)
    if (found !== undefined) return found
    const names = [...this.residents.keys()]
    const meant = nearest(name, names)
    const known = names.length === 0 ? 'none runs here' : `there is ${names.join(', ')}`
    throw fail('E_NO_PIPELINE', { pipeline: name, known: meant === null ? known : `did you mean ${meant}?` })
  }

  /** Drains every pipeline that runs and ends the worker. Answers what could not be drained, by pipeline. */
  async close(): Promise<ReadonlyMap<string, Error>> {
    const failures = new Map<string, Error>()
    const drain = async (resident: Resident) => {
      if (resident.phase !== 'running' && resident.phase !== 'ended') return
      await this.inTurn(resident.name, () => this.drainNow(resident)).catch((error) =>
        failures.set(resident.name, error as Error),
      )
    }
    await Promise.all([...this.residents.values()].map(drain))
    await new Promise<void>((resolve) => this.worker.close(resolve))
    return failures
  }

  /** Runs `task` behind everything that was asked for `name` before (P3). */
  private inTurn<T>(name: string, task: () => Promise<T>): Promise<T> {
    const before = this.turns.get(name) ?? Promise.resolve()
    const turn = before.then(task, task)
    this.turns.set(
      name,
      turn.catch(() => {}),
    )
    return turn
  }

  private async bringUp(name: string, entry: PipelineEntry): Promise<Resident> {
    const program = await settle<Program>((done) => this.worker.program(entry.hash, done))
    const pipeline = await loadBundle(program.text, program.map, program.hash)
    const parameters = entry.parameters as Parameters
    const planned = plan(buildGraph(pipeline, parameters))
    if (planned.pipeline !== name) throw fail('E_BUNDLE_DAMAGED', { hash: entry.hash.slice(0, 12) })
    return this.launch(planned, entry.hash, parameters, {})
  }

  private launch(planned: Plan, hash: string, parameters: Parameters, options: SubmitOptions): Resident {
    const { events, worker } = this
    const own = options.rewrite?.(planned) ?? planned
    const { drop = [] } = options
    const name = own.pipeline
    const settled = (then: (resident: Resident) => void) => {
      const resident = this.residents.get(name)
      if (resident !== undefined) then(resident)
    }
    const execution = worker.run(
      own,
      {
        running: (base) =>
          settled((resident) => {
            resident.phase = 'running'
            resident.base = base
            events.running(resident)
          }),
        ended: () =>
          settled((resident) => {
            if (resident.phase === 'running') resident.phase = 'ended'
            events.ended(resident)
          }),
        failed: (error) =>
          settled((resident) => {
            resident.phase = 'failed'
            resident.error = error
            resident.execution.close()
            events.failed(resident, error)
          }),
        warned: (error) => settled((resident) => events.warned(resident, error)),
        letter: (failure) => settled((resident) => this.tellFailure(resident, failure)),
      },
      new Set(drop),
    )
    const resident: Resident = {
      ...{ name, hash, parameters, plan: own, execution, phase: 'starting', error: null, base: null, drop },
      startedMs: this.env.clock.now(),
      addresses: new Map(),
    }
    this.residents.set(name, resident)
    return resident
  }

  /** Runs `resident` from its last epoch again: what it does now belongs to a generation that is over. */
  private runAnew(resident: Resident): void {
    const { name, plan: planned, hash, parameters, execution } = resident
    const live = (): boolean => ['starting', 'running', 'ended'].includes(resident.phase)
    void this.inTurn(name, async () => {
      if (this.residents.get(name) !== resident || !live()) return
      execution.close()
      // Once an epoch has been made without the dropped steps, what they have is new.
      const drop = (execution.figures?.completed ?? 0) === 0 ? resident.drop : []
      this.launch(planned, hash, parameters, { drop })
    })
  }

  /** Tells of the first record that did not get through, the tenth, the hundredth …; `status` counts them all. */
  private tellFailure(resident: Resident, { step, error }: Failure): void {
    const { failures } = resident.execution
    if (!Number.isInteger(Math.log10(failures))) return
    const count = failures === 1 ? 'a record' : `${failures} records`
    const reason = error instanceof Error ? error.message : String(error)
    const hint = error instanceof PotorooError ? `${error.remedy}; ` : ''
    this.events.warned(resident, fail('E_RECORD_FAILED', { pipeline: resident.name, count, step, reason, hint }))
  }

  /** Drains what runs under `name`, so that another program can take its place. */
  private async stopForAnother(name: string): Promise<void> {
    const resident = this.residents.get(name)
    if (resident === undefined) return
    if (resident.phase === 'running' || resident.phase === 'ended') await this.drainNow(resident)
    else resident.execution.close()
  }

  private async drainNow(resident: Resident): Promise<void> {
    const { name, execution } = resident
    const before = resident.phase
    resident.phase = 'draining'
    const late = Promise.withResolvers<string>()
    const timer = this.env.clock.after(this.options.limits.drainTimeoutMs, () => late.resolve(whyLate(resident)))
    const drained = new Promise<string | null>((resolve) => {
      execution.drain(SINK_END_MS, (reason) => {
        timer.cancel()
        // Also where nobody waits for it any more: the pipeline has come to its end.
        if (reason === null) {
          resident.phase = 'drained'
          execution.close()
        } else if (resident.phase === 'draining') resident.phase = before
        resolve(reason)
      })
    })
    const failure = await Promise.race([drained, late.promise])
    if (failure !== null) throw fail('E_NOT_DRAINED', { pipeline: name, reason: failure })
  }

  private running(name: string): Resident {
    const resident = this.find(name)
    if (resident.phase === 'running' || resident.phase === 'ended') return resident
    throw fail('E_NOT_RUNNING', { pipeline: name, phase: resident.phase })
  }

  private request(execution: Execution, purpose: Purpose): Promise<void> {
    const { pipeline } = execution
    return new Promise((resolve, reject) => {
      execution.request(purpose, (reason) => {
        if (reason === null) resolve()
        else reject(fail('E_CHECKPOINT', { pipeline, reason }))
      })
    })
  }
}

/** Why a pipeline has not come to its end in time. */
function whyLate({ execution }: Resident): string {
  const stuck = execution.stuckSinks
  return stuck.length === 0 ? 'it takes too long' : `nobody takes the output of ${stuck.join(', ')}`
}
