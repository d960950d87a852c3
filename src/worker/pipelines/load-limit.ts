/**
 * The time that a user's file may take, whatever it does with it: what waits is given up, what computes is interrupted.
 *
 * W1. What waits is ended by the loop's own timer. What computes holds the loop, so a thread interrupts it, and then the timer
 *     ends it too.
 * W2. Nothing but the loading is interrupted. While the loop turns, be it slowly, its timer will end what waits: the thread
 *     interrupts where it has stood still for all of the time, look by look, for a process that is stopped has no time. One
 *     exchange decides whether the loading ended or the thread's patience did. Where it was the thread's, what comes too late
 *     waits in its own frame until it is interrupted.
 * W3. Whoever takes part in a debugger's session has all the time there is.
 */
import { url as debuggerUrl } from 'node:inspector'
import { createContext, Script } from 'node:vm'
import { isMainThread, Worker } from 'node:worker_threads'
import { fail, type PotorooError } from '../../base/errors.ts'
import { showDuration } from '../../base/time.ts'

/** How often the thread looks within the time whether the loop has turned; that says so twice as often. */
const LOOKS = 10

/** What the exchange holds (W2). */
const [RUNS, ENDED, INTERRUPTED] = [0, 1, 2]

/**
 * What the thread begins with. In front in `cell` stands how far the loading is, behind it how often the loop has turned: where that
 * is the same `looks` times in a row, `ms` apart, the thread makes of `runs` `interrupted`, and interrupts.
 */
export interface LoadWatch {
  readonly cell: SharedArrayBuffer
  readonly looks: number
  readonly ms: number
  readonly runs: number
  readonly interrupted: number
}

/** Settles as `load` does, or rejects with `E_PIPELINE_SLOW` after `ms`; `path` names the file. */
export function loadWithin<T>(ms: number, path: string, load: () => Promise<T>): Promise<T> {
  const shared = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)
  const cell = new Int32Array(shared)
  if (isMainThread && !isDebugged()) {
    watch({ cell: shared, looks: LOOKS, ms: ms / LOOKS, runs: RUNS, interrupted: INTERRUPTED })
  }
  const turning = setInterval(() => Atomics.add(cell, 1, 1), ms / LOOKS / 2)
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      clearInterval(turning)
      const computed = Atomics.exchange(cell, 0, ENDED) === INTERRUPTED
      Atomics.notify(cell, 0)
      reject(tooSlow(ms, path, computed ? 'computes' : 'waits'))
    }, ms)
    const end = (): void => {
      // W2. `Atomics.wait` is interrupted too.
      if (Atomics.compareExchange(cell, 0, RUNS, ENDED) === INTERRUPTED) Atomics.wait(cell, 0, INTERRUPTED)
      Atomics.notify(cell, 0)
      clearInterval(turning)
      clearTimeout(timer)
    }
    load().finally(end).then(resolve, reject)
  })
}

/** What `call` answers, or `E_PIPELINE_SLOW` where it computes for longer than `ms`. */
export function callWithin<T>(ms: number, path: string, call: () => T): T {
  if (isDebugged()) return call()
  const context = createContext({ call })
  try {
    return CALL.runInContext(context, { timeout: ms }) as T
  } catch (error) {
    if ((error as NodeJS.ErrnoException | null)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    throw tooSlow(ms, path, 'computes')
  }
}

/** A script of its own, for whose run Node keeps a time. */
const CALL = new Script('call()')

function tooSlow(ms: number, path: string, does: 'waits' | 'computes'): PotorooError {
  return fail('E_PIPELINE_SLOW', { path, timeout: showDuration(ms), does })
}

function isDebugged(): boolean {
  return debuggerUrl() !== undefined
}

function watch(workerData: LoadWatch): void {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const file = new URL(`./load-watch.${ending}`, import.meta.url)
  // Flags of the process, such as `--input-type`, are none of the thread's.
  new Worker(file, { workerData, execArgv: [], name: 'potoroo-load' }).unref()
}
