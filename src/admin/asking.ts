/** How one worker asks another for what it shows, on behalf of somebody who has asked it. */
import { type ErrorCode, errorTable, fail, PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Clock } from '../env/clock.ts'
import type { Pipelines, Resident } from '../worker/pipelines/pipelines.ts'
import { pause } from '../worker/settle.ts'
import type { PipelineSummary } from './view.ts'

export interface AcrossSeams {
  readonly pipelines: Pick<Pipelines, 'worker' | 'find' | 'planOf'>
  readonly limits: Limits
  readonly clock: Clock
}

/**
 * The pipeline on this worker. Throws `E_NOT_RUNNING` where it was drained for good, or has failed here: nothing of it
 * is in memory (`worker/pipelines/arrivals.ts`, V5); and what `find` throws.
 */
export function findWithState({ pipelines }: Pick<AcrossSeams, 'pipelines'>, pipeline: string): Resident {
  const resident = pipelines.find(pipeline)
  const isDrained = pipelines.worker.cluster.pipelines.get(pipeline)?.drained === true
  const phase = isDrained ? 'drained' : resident.phase
  if (isDrained || phase === 'failed') throw fail('E_NOT_RUNNING', { pipeline, phase })
  return resident
}

/** How long the first try may take, in milliseconds. */
const FIRST_TRY_MS = 500

/** Until when an answer is waited for, in tries: a question may be lost between two generations, and is asked again. */
export class Deadline {
  readonly ms: number
  private readonly clock: Clock
  private readonly atMs: number
  private tryMs = FIRST_TRY_MS

  constructor(clock: Clock, ms: number) {
    this.clock = clock
    this.ms = ms
    this.atMs = clock.monotonic() + ms
  }

  get left(): number {
    return Math.max(0, this.atMs - this.clock.monotonic())
  }

  /**
   * How long the next try may take: each twice as long as the one before, so that what is slow comes to its end, too.
   */
  next(): number {
    const ms = Math.min(this.tryMs, this.left)
    this.tryMs *= 2
    return ms
  }
}

/** What `worker` shows under `path` of its control API; `null` where it does not answer within `ms`. */
export function ask({ pipelines }: AcrossSeams, worker: string, path: string, ms: number): Promise<unknown> {
  if (ms <= 0) return Promise.resolve(null)
  return new Promise((resolve, reject) =>
    pipelines.worker.questions.ask(worker, path, ms, (answer) => {
      if (answer === null) return resolve(null)
      const json: unknown = JSON.parse(answer.text)
      if (answer.status === 200) return resolve(json)
      const error = errorFrom(json, worker)
      // It has not brought the pipeline to life, or cannot, which is as good as silence.
      if (error instanceof PotorooError && isAbsent(error.code)) resolve(null)
      else reject(error)
    }),
  )
}

function isAbsent(code: ErrorCode): boolean {
  return code === 'E_NO_PIPELINE' || code === 'E_PIPELINE_NOT_UP' || code === 'E_PIPELINE_UNLOADED'
}

/** How long other members may take to say whether a pipeline runs there, in milliseconds. */
const PHASE_MS = 1000

/** Whether the pipeline has failed on another member, as far as they answer. */
export async function hasFailedElsewhere(seams: AcrossSeams, pipeline: string): Promise<boolean> {
  const { worker } = seams.pipelines
  if (!worker.cluster.pipelines.has(pipeline)) return false
  const others = worker.cluster.members.filter((member) => member.worker !== worker.name)
  const asked = others.map((other) => ask(seams, other.worker, '/v1/pipelines', PHASE_MS).catch(() => null))
  const shown = (await Promise.all(asked)) as (readonly PipelineSummary[] | null)[]
  return shown.some((views) => views?.some((one) => one.pipeline === pipeline && one.phase === 'failed') ?? false)
}

/** How often it is looked whether owners have changed while an answer is waited for, in milliseconds. */
const LOOK_MS = 50

/** What `asked` answers, or `null` as soon as the cluster is in another generation: an answer may never come then. */
export async function withinGeneration<T>(seams: AcrossSeams, asked: Promise<T | null>): Promise<T | null> {
  const { pipelines, clock } = seams
  const { generation } = pipelines.worker.cluster
  let over = false
  const changed = async (): Promise<null> => {
    while (!over && pipelines.worker.cluster.generation === generation) await pause(clock, LOOK_MS)
    return null
  }
  try {
    return await Promise.race([asked, changed()])
  } finally {
    over = true
  }
}

/** The error that another worker answered, as if it had been thrown here. */
function errorFrom(json: unknown, worker: string): Error {
  const { error } = json as { error?: { code: string | null; message: string; details?: Record<string, string> } }
  if (error?.code != null && error.code in errorTable)
    return new PotorooError(error.code as ErrorCode, error.details ?? {})
  return fail('E_CONTROL', { address: `worker ${worker}`, reason: error?.message ?? 'its answer cannot be read' })
}
