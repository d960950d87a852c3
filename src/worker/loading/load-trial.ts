/**
 * Whether loading a pipeline ends, found out beside the worker's loop, which goes on meanwhile: one that computes for
 * ever is refused before the loop has begun with it. So is one that would end the process: by a throw where nobody
 * waits for it, in a promise or a timer, or by asking for that. What else is wrong with it the loop finds itself, and
 * says.
 *
 * R1. The time of a load is what it has computed and what it has waited. A machine with much else to do lets it do
 *     neither: such time counts only against a limit some times as long.
 * R2. Until the thread has begun with the program, whatever goes wrong is none of the program's: another version of our
 *     own files may have been put in the place of those that run here.
 */
import { Worker } from 'node:worker_threads'
import { fail, type PotorooError } from '../../base/errors.ts'
import type { Limits } from '../../base/limits.ts'
import { ownModule } from '../../base/own-files.ts'
import { reasonOf } from '../../base/reason.ts'
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

/** What a thread has done with its time, in milliseconds: time in which it could do neither is in none of them. */
export interface Spent {
  readonly computedMs: number
  readonly waitedMs: number
}

/** What the thread says: that it begins, and what it has spent by then; and that it is over. */
export type TrialWord = { readonly begins: Spent } | 'over'

/** How many times its time a load may take where the machine does not let it compute (R1). */
export const PATIENCE = 6

/** How soon one that has nearly taken all of its time is looked at again, in milliseconds. */
export const LOOK_MS = 20

/** The longest time that a timer takes, in milliseconds. */
const MOST_MS = 2 ** 31 - 1

/**
 * Answers once `what` has been loaded and built, or has failed to; rejects with `E_PIPELINE_SLOW` where it does
 * neither, and with `E_PIPELINE_THREW` where it would end the process. `path` names it. Where the machine or the thread
 * is to blame it rejects with `E_PIPELINE_STARVED` or `E_LOAD_THREAD`, after `patience` times its time at the latest.
 */
export function tryLoading(what: TrialData, path = 'the pipeline', patience = PATIENCE): Promise<void> {
  const { loadTimeoutMs } = what.limits
  const mostMs = Math.min(patience * loadTimeoutMs, MOST_MS)
  const thread = new Worker(ownModule('worker/loading/load-trial-thread'), {
    // The time is kept here, and not in the thread.
    workerData: { ...what, limits: { loadTimeoutMs: MOST_MS } } satisfies TrialData,
    // Flags of the process, such as `--input-type`, are none of the thread's.
    execArgv: [],
    // What a file prints as it is loaded it prints once, from the loop.
    stdout: true,
    stderr: true,
    name: 'potoroo-trial',
  })
  return new Promise((resolve, reject) => {
    let begun: Spent | null = null
    let spent: Spent = { computedMs: 0, waitedMs: 0 }
    let timer: NodeJS.Timeout | undefined
    const end = (error: Error | null): void => {
      clearTimeout(timer)
      clearTimeout(last)
      if (error === null) resolve()
      else reject(error)
      void thread.terminate()
    }
    const broken = (reason: string): PotorooError => fail('E_LOAD_THREAD', { path, reason })
    const giveUp = (): void => {
      const timeout = showDuration(mostMs)
      if (begun === null) end(broken(`it has not begun after ${timeout}`))
      else end(fail('E_PIPELINE_STARVED', { path, timeout, computed: showDuration(Math.round(spent.computedMs)) }))
    }
    let last = setTimeout(giveUp, mostMs)
    const look = async (before: Spent): Promise<void> => {
      const now = await spentBy(thread)
      spent = { computedMs: now.computedMs - before.computedMs, waitedMs: now.waitedMs - before.waitedMs }
      const { computedMs, waitedMs } = spent
      const left = loadTimeoutMs - computedMs - waitedMs
      if (left > 0) timer = setTimeout(lookAgain, Math.max(left, LOOK_MS), before)
      else {
        const does = waitedMs > computedMs ? 'waits' : 'computes'
        end(fail('E_PIPELINE_SLOW', { path, timeout: showDuration(loadTimeoutMs), does }))
      }
    }
    // Of a thread that has ended its `exit` tells.
    const lookAgain = (before: Spent): void => void look(before).catch(() => {})
    thread.on('message', (word: TrialWord) => {
      if (word === 'over') return end(null)
      if (begun !== null || typeof word?.begins?.computedMs !== 'number')
        return end(broken('it says what is not known'))
      begun = word.begins
      // That the thread has come up is none of the pipeline's time.
      clearTimeout(last)
      last = setTimeout(giveUp, mostMs)
      timer = setTimeout(lookAgain, loadTimeoutMs, begun)
    })
    thread.once('error', (error) => end(begun === null ? broken(reasonOf(error)) : explainThrow(error, path, 'loaded')))
    thread.once('exit', () =>
      end(begun === null ? broken('it has ended') : explainThrow('it ends the process', path, 'loaded')),
    )
  })
}

/** Rejects where the thread has ended, and settles never where it stands still in a call. */
async function spentBy(thread: Worker): Promise<Spent> {
  const { user, system } = await thread.cpuUsage()
  return { computedMs: (user + system) / 1000, waitedMs: thread.performance.eventLoopUtilization().idle }
}
