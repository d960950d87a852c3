/** `potoroo status`: how what runs is doing; with `--watch` again and again. */
import { Command } from 'commander'
import type { ClusterView } from '../admin/cluster-view.ts'
import type { PipelineView, WorkerView } from '../admin/view.ts'
import { PotorooError } from '../base/errors.ts'
import { clusterText } from './cluster-commands.ts'
import { addControlOptions, type ControlClient, type ControlFlags, findWorker, part } from './control-client.ts'
import { missingParts } from './missing-parts.ts'
import { livePipelineText, liveWorkerText } from './status-live.ts'
import { joined, pipelineText, workerText } from './status-text.ts'
import { print, printJson } from './terminal.ts'
import { watch } from './watch.ts'

interface StatusFlags extends ControlFlags {
  readonly watch?: true
}

/** How long a worker that is watched may take to answer, in milliseconds: one that stands still is passed over. */
const LOOK_MS = 5000

/** What is asked of a worker for one look. */
interface Look<T> {
  readonly view: T
  readonly cluster: ClusterView
}

export function statusCommand(): Command {
  const command = new Command('status')
    .description('show how the worker, or one pipeline, is doing')
    .argument('[pipeline]', 'its name')
    .option('--watch', 'again every second, with what has happened in between; with --json a line each')
  return addControlOptions(command).action(async (name: string | undefined, flags: StatusFlags) => {
    const worker = await findWorker(flags, { pipeline: name })
    if (name === undefined) await showWorker(worker, flags)
    else await showPipeline(worker, name, flags)
  })
}

async function showWorker(worker: ControlClient, flags: StatusFlags): Promise<void> {
  const look = (at: ControlClient) => lookAt<WorkerView>(at, '/v1/worker', flags)
  if (flags.watch) {
    const find = () => findWorker(flags)
    return watchLooks(flags, looksAgain(worker, find, look), ({ view, cluster }, before, seconds) =>
      joined([...clusterOf(cluster), liveWorkerText(view, before?.view ?? null, seconds)]),
    )
  }
  const { view, cluster } = await look(worker)
  if (flags.json) printJson({ ...view, cluster })
  else print(joined([...clusterOf(cluster), workerText(view, worker.address)]))
}

/** Behind the part of one worker. */
const ASK_OTHERS = '; `potoroo list` adds up all of them, and --data asks another one'

async function showPipeline(worker: ControlClient, name: string, flags: StatusFlags): Promise<void> {
  const look = (at: ControlClient) => lookAt<PipelineView>(at, `/v1/pipelines/${part(name)}`, flags)
  if (flags.watch) {
    const find = () => findWorker(flags, { pipeline: name })
    return watchLooks(flags, looksAgain(worker, find, look), ({ view, cluster }, before, seconds) =>
      joined([livePipelineText(view, before?.view ?? null, seconds), ...missingParts([cluster], ASK_OTHERS)]),
    )
  }
  const { view, cluster } = await look(worker)
  if (flags.json) printJson(view)
  else print(joined([pipelineText(view), ...missingParts([cluster], ASK_OTHERS)]))
}

async function lookAt<T>(worker: ControlClient, path: string, { watch }: StatusFlags): Promise<Look<T>> {
  const ms = watch ? LOOK_MS : undefined
  const [view, cluster] = await Promise.all([worker.get<T>(path, ms), worker.get<ClusterView>('/v1/cluster', ms)])
  return { view, cluster }
}

/**
 * Looks at `first`, and at whichever worker `find` finds once that does not answer: it has come back at another
 * address, or is gone and others of its cluster are there.
 */
export function looksAgain<T>(
  first: ControlClient,
  find: () => Promise<ControlClient>,
  look: (worker: ControlClient) => Promise<Look<T>>,
): () => Promise<Look<T>> {
  let worker = first
  return async () => {
    try {
      return await look(worker)
    } catch (error) {
      const silent = error instanceof PotorooError && (error.code === 'E_NO_WORKER' || error.code === 'E_CONTROL')
      if (!silent) throw error
      worker = await find()
      return look(worker)
    }
  }
}

/** Shows one look after another, each with the one before it, where that was of the same worker. */
function watchLooks<T>(
  { json }: StatusFlags,
  look: () => Promise<Look<T>>,
  text: (now: Look<T>, before: Look<T> | null, seconds: number) => string,
): Promise<void> {
  let before: Look<T> | null = null
  return watch(async (seconds) => {
    const now = await look()
    const earlier = before?.cluster.worker === now.cluster.worker ? before : null
    const shown = json ? JSON.stringify(now) : text(now, earlier, seconds)
    before = now
    return shown
  }, json === true)
}

function clusterOf(cluster: ClusterView): readonly string[] {
  return cluster.shared ? [clusterText(cluster), ''] : []
}
