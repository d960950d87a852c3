/** What `up` asks of its workers over their control API. A worker that does not answer in time is passed over. */
import type { ClusterView } from '../admin/cluster-view.ts'
import { readControlFile } from '../admin/control-file.ts'
import type { WorkerView } from '../admin/view.ts'
import type { Parameters } from '../model/graph.ts'
import type { Program } from '../worker/worker.ts'
import { findWorker } from './control-client.ts'

/** How long a worker may take, in milliseconds. */
const ANSWER_MS = 1000

/**
 * How long one may take to load a pipeline and to have it in the chain, in milliseconds. Whoever asks again is answered
 * the same.
 */
const SUBMIT_MS = 60_000

/** The cluster as one of its workers sees it, and what each of them does. */
export interface ClusterNow extends ClusterView {
  /** The data folder of the worker that says so. */
  readonly data: string
  readonly each: readonly WorkerView[]
}

/** Asks the worker of the folder `data`; `null` where there is no answer. */
export async function ask<T>(data: string, method: 'GET' | 'POST', path: string, body?: unknown): Promise<T | null> {
  if (readControlFile(data) === null) return null
  try {
    const worker = await findWorker({ data })
    return await (method === 'GET' ? worker.get<T>(path, ANSWER_MS) : worker.post<T>(path, body, ANSWER_MS))
  } catch {
    return null
  }
}

/**
 * What the workers of these folders say; of several views of the cluster, one that belongs to the newest generation.
 */
export async function lookAt(folders: readonly string[]): Promise<ClusterNow | null> {
  const answers = await Promise.all(
    folders.map(async (data) => {
      const [view, worker] = await Promise.all([
        ask<ClusterView>(data, 'GET', '/v1/cluster'),
        ask<WorkerView>(data, 'GET', '/v1/worker'),
      ])
      return { data, view, worker }
    }),
  )
  const each = answers.flatMap(({ worker }) => (worker === null ? [] : [worker]))
  const views = answers.flatMap(({ data, view }) => (view === null ? [] : [{ ...view, data, each }]))
  return views.toSorted((a, b) => rank(b) - rank(a))[0] ?? null
}

/** The newest generation first; in it the coordinator, who alone knows of a change of owners. */
function rank({ generation, coordinator, worker }: ClusterView): number {
  return 2 * generation + (coordinator === worker ? 1 : 0)
}

/** Submits a program to the worker of the folder `data`. Rejects with why it was not taken. */
export async function submitTo(data: string, program: Program, parameters: Parameters): Promise<void> {
  const { text, map, hash } = program
  await (await findWorker({ data })).post('/v1/pipelines', { text, map, hash, parameters }, SUBMIT_MS, null)
}
