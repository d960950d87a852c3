/**
 * Whether loading a pipeline ends, found out beside the worker's loop, which goes on meanwhile: one that computes for
 * ever is refused before the loop has begun with it. So is one that would end the process: by a throw where nobody
 * waits for it, in a promise or a timer, or by asking for that. What else is wrong with it the loop finds itself, and
 * says.
 */
import { Worker } from 'node:worker_threads'
import { fail } from '../../base/errors.ts'
import type { Limits } from '../../base/limits.ts'
import { ownModule } from '../../base/own-files.ts'
import { showDuration } from '../../base/time.ts'
import type { Parameters } from '../../model/graph.ts'
import { explainThrow } from './load-errors.ts'

/** What the thread loads and builds. */
export interface TrialData {
  readonly text: string
  readonly map: string
  readonly hash: string
  readonly parameters: Parameters
  readonly limits: Pick<Limits, 'loadTimeoutMs'>
}

/** What the thread says. */
export type TrialWord = 'begins' | 'over' | 'waits' | 'computes'

/** How soon the thread says that the time is over, where it does not compute, in milliseconds. */
const ANSWER_MS = 500

/**
 * Answers once `what` has been loaded and built, or has failed to; rejects with `E_PIPELINE_SLOW` where it does
 * neither, and with `E_PIPELINE_THREW` where it would end the process. `path` names it.
 */
export function tryLoading(what: TrialData, path = 'the pipeline'): Promise<void> {
  const { loadTimeoutMs } = what.limits
  // What a file prints as it is loaded it prints once, from the loop.
  const thread = new Worker(ownModule('worker/loading/load-trial-thread'), {
    workerData: what,
    // Flags of the process, such as `--input-type`, are none of the thread's.
    execArgv: [],
    stdout: true,
    stderr: true,
    name: 'potoroo-trial',
  })
  return new Promise((resolve, reject) => {
    const refuse = (does: 'waits' | 'computes'): void => {
      reject(fail('E_PIPELINE_SLOW', { path, timeout: showDuration(loadTimeoutMs), does }))
      void thread.terminate()
    }
    const late = (): void => refuse('computes')
    let timer = setTimeout(late, loadTimeoutMs + ANSWER_MS)
    thread.on('message', (word: TrialWord) => {
      clearTimeout(timer)
      if (word === 'waits' || word === 'computes') return refuse(word)
      // That the thread has come up is none of the pipeline's time.
      if (word === 'begins') timer = setTimeout(late, loadTimeoutMs + ANSWER_MS)
      else {
        resolve()
        void thread.terminate()
      }
    })
    const ends = (error: unknown): void => {
      clearTimeout(timer)
      reject(explainThrow(error, path, 'loaded'))
    }
    thread.once('error', ends)
    thread.once('exit', () => ends('it ends the process'))
  })
}
