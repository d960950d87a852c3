/**
 * Makes the executions of a worker: what each of them stands on, and the term that names it.
 *
 * T1. A term names one run of a program in one generation, on all members alike: each of them makes one execution of it
 *     (`execution/generation.ts`, N5). A worker alone may make several, so it counts them.
 */
import { droppedSteps, type PipelineEntry } from '../checkpoint/cluster.ts'
import type { ReadAhead } from '../checkpoint/read-ahead.ts'
import type { Env } from '../env/env.ts'
import type { Door } from '../ingest/door.ts'
import { Execution } from './execution/execution.ts'
import type { ExecutionEvents, Generation, Holdings } from './execution/generation.ts'
import type { Foundation } from './foundation.ts'
import type { Leaving } from './leaving.ts'
import type { Loop } from './loop.ts'
import type { WorkerOptions } from './options.ts'
import type { Loaded } from './pipelines/resident.ts'
import type { ExecutionSeams } from './seams.ts'
import type { Seat } from './seat/seat.ts'

export interface ExecutionsSeams {
  readonly env: Env
  readonly options: WorkerOptions
  readonly foundation: Foundation
  readonly loop: Loop
  readonly leaving: Leaving
  ahead(): ReadAhead
  /** There is one when executions are made, and so is a door. */
  seat(): Seat
  door(): Door
  listening: ExecutionSeams['listening']
}

export class Executions {
  private readonly seams: ExecutionsSeams
  /** Those that were made. */
  private count = 0

  constructor(seams: ExecutionsSeams) {
    this.seams = seams
  }

  /** Makes the execution of a program in a generation. */
  make(
    { plan }: Loaded,
    entry: PipelineEntry,
    generation: Generation,
    events: ExecutionEvents,
    before: Holdings | null,
  ): Execution {
    const { leaving } = this.seams
    const seat = this.seams.seat()
    const running: ExecutionEvents['running'] = (base) => {
      leaving.runs(execution)
      events.running(base)
    }
    const order = { plan, entry, generation, term: this.termOf(entry, generation), links: seat.links! }
    const execution = new Execution(order, this.seamsOf(seat, entry), { ...events, running }, before)
    return execution
  }

  /** T1. */
  private termOf({ run }: PipelineEntry, { number, members }: Generation): string {
    return members.length === 1 ? `${number}.${run}.${++this.count}` : `${number}.${run}`
  }

  private seamsOf(seat: Seat, entry: PipelineEntry): ExecutionSeams {
    const { env, options, foundation, loop, listening } = this.seams
    const { limits, store, storeId, named, indexes } = foundation
    const { output, input = null, acceptLoss, worker } = options
    return {
      ...{ env, limits, loop, store, storeId, named, indexes, output, input, acceptLoss, listening },
      ahead: this.seams.ahead(),
      chain: seat.reader,
      appender: seat.appender,
      door: this.seams.door(),
      member: { worker, incarnation: seat.incarnation },
      development: options.development === true,
      sourceToken: options.sourceToken ?? null,
      sharePorts: options.sharePorts === true,
      drop: droppedSteps(entry),
      maySpeak: () => seat.maySpeak,
    }
  }
}
