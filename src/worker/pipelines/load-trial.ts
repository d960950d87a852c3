/**
 * Whether loading a pipeline ends, found out beside the worker's loop, which goes on meanwhile: one that computes for ever is
 * refused before the loop has begun with it. What else is wrong with it the loop finds itself, and says.
 */
import { Worker } from 'node:worker_threads'
import { fail } from '../../base/errors.ts'
import type { Limits } from '../../base/limits.ts'
import { showDuration } from '../../base/time.ts'
import type { Parameters } from '../../model/graph.ts'

/** What the thread loads and builds. */
export interface TrialData {
  readonly text: string
  readonly map: string
  readonly hash: string
  readonly parameters: Parameters
  readonly limits: Pick<Limits, 'loadTimeoutMs'>
}

/** Answers once `what` has been loaded and built, or has failed to; rejects with `E_PIPELINE_SLOW` where it does neither. */
export function tryLoading(what: TrialData): Promise<void> {
  const { loadTimeoutMs } = what.limits
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  // What a file prints as it is loaded it prints once, from the loop.
  const thread = new Worker(new URL(`./load-trial-thread.${ending}`, import.meta.url), {
    workerData: what,
    stdout: true,
    stderr: true,
    name: 'potoroo-trial',
  })
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const timeout = showDuration(loadTimeoutMs)
      reject(fail('E_PIPELINE_SLOW', { path: 'the pipeline', timeout, does: 'waits or computes' }))
      void thread.terminate()
    }, loadTimeoutMs)
    const ended = (): void => {
      clearTimeout(timer)
      resolve()
      void thread.terminate()
    }
    thread.once('message', ended)
    thread.once('error', ended)
    thread.once('exit', ended)
  })
}
