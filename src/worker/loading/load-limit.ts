/**
 * The time that a user's file may take, whatever it does with it: what waits is given up, what computes is interrupted.
 *
 * W1. What waits is ended by the loop's own timer. What computes holds the loop, so a thread interrupts it, and then
 *     the timer ends it too.
 * W2. Nothing but the loading is interrupted. While the loop turns, be it slowly, its timer will end what waits: the
 *     thread interrupts where it has stood still for all of the time, look by look, for a process that is stopped has
 *     no time. One exchange decides whether the loop turned or the thread's patience ended; that a load has ended is a
 *     turn. Where it was the thread's, whoever would turn waits in its own frame, where it has done nothing yet that
 *     comes to no end by being interrupted.
 * W3. Whoever takes part in a debugger's session has all the time there is.
 * W4. Loads that run beside each other have one thread, which costs as much as many loads: a worker that starts loads
 *     all that its cluster runs. So have those that follow soon: the programs come from the store one behind the other.
 *     In between the thread rests, and watches nobody.
 * W5. What is interrupted is the loop, and with it all loads that have not ended: what was to come next in them may be
 *     gone, and their time is over without having been theirs. Which of several it was nobody knows here: each is tried
 *     once more, beside the loop, and loaded again where that ends.
 * W6. They are loaded again one behind another, and once more where another load that came meanwhile has interrupted
 *     them: so none is refused for what another does, also where that ends beside the loop and never on it.
 * W7. The thread goes on watching: behind a load that was interrupted the next one may compute for ever, in the same
 *     turn of the loop. What was interrupted is counted, and each load looks at what was counted since it began.
 * W8. What was not interrupted is given up for what this thread has computed and waited meanwhile, as in a trial
 *     (`load-trial.ts`, R1): a machine that lets it do neither makes no good program slow.
 * W9. Where the thread fails, as it may where another version was installed over this one, nobody watches: the loads
 *     that it was there for are refused, and the next ones have a thread of their own.
 */
import { url as debuggerUrl } from 'node:inspector'
import { performance } from 'node:perf_hooks'
import { createContext, Script } from 'node:vm'
import { isMainThread, Worker } from 'node:worker_threads'
import { fail, type PotorooError } from '../../base/errors.ts'
import { ownModule } from '../../base/own-files.ts'
import { reasonOf } from '../../base/reason.ts'
import { showDuration } from '../../base/time.ts'
import { LOOK_MS, PATIENCE } from './load-trial.ts'

/** How often the thread looks within the time whether the loop has turned; that says so twice as often. */
const LOOKS = 10

/** What the turns say in place of how often the loop has turned (W2): that nothing loads, or one of the others. */
const [RESTING, ENDED, INTERRUPTING] = [0, -1, -2]

/** How long the thread rests before it ends, in milliseconds (W4). */
const REST_MS = 2000

/**
 * What the thread begins with. `cells` are the turns, and how often it has interrupted the loop (W7). Where the same
 * turn stands there at `looks` times in a row, `ms` apart, the thread makes of it `interrupting`, interrupts, counts
 * that, and puts the turn back. Where `resting` stands there it waits for another one; it ends at `ended`.
 */
export interface LoadWatch {
  readonly cells: SharedArrayBuffer
  readonly looks: number
  readonly ms: number
  readonly resting: number
  readonly ended: number
  readonly interrupting: number
}

/** Loads that run beside each other, each with the same time, and the thread beside them (W4). */
class Watch {
  /** Those that others can join, by their time. */
  private static readonly open = new Map<number, Watch>()
  private readonly ms: number
  private readonly cells = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
  private turning: NodeJS.Timeout | undefined
  private ending: NodeJS.Timeout | undefined
  private loads = 0
  /** Of the interruptions, how many have been looked at, and how many of these met several loads (W5). */
  private seen = 0
  private shared = 0
  /** Who is told that the thread has failed (W9). */
  private readonly watched = new Set<(reason: string) => void>()

  private constructor(ms: number) {
    this.ms = ms
    if (!isMainThread || isDebugged()) return
    const [resting, ended, interrupting] = [RESTING, ENDED, INTERRUPTING]
    const data = { cells: this.cells.buffer, looks: LOOKS, ms: ms / LOOKS, resting, ended, interrupting }
    beginThread(data, (reason) => this.fail(reason))
  }

  /** The one that has one more load from now on; `failed` is called with the reason where its thread fails. */
  static join(ms: number, failed: (reason: string) => void): Watch {
    const joined = Watch.open.get(ms) ?? new Watch(ms)
    Watch.open.set(ms, joined)
    if (joined.loads === 0) joined.begin()
    else joined.turn()
    joined.loads++
    joined.watched.add(failed)
    return joined
  }

  /**
   * The loop has turned, and is not interrupted for `ms` from now on. Does not return where the thread interrupts it
   * (W2): whoever calls has to be called again, or to have left everything as it was.
   */
  turn(): void {
    this.move((before) => before + 1)
    const interrupted = Atomics.load(this.cells, 1)
    if (interrupted !== this.seen && this.loads > 1) this.shared++
    this.seen = interrupted
  }

  /** How often loads were interrupted up to the last turn, and how often of these several at once. */
  get interruptions(): { readonly all: number; readonly shared: number } {
    return { all: this.seen, shared: this.shared }
  }

  /** A load has ended, or is given up, in a turn of the loop that was said to be one. */
  leave(failed: (reason: string) => void): void {
    this.watched.delete(failed)
    if (--this.loads > 0) return
    clearTimeout(this.turning)
    this.ending = setTimeout(() => {
      this.close()
      this.move(() => ENDED)
    }, REST_MS)
    this.ending.unref()
    this.move(() => RESTING)
  }

  /** W9. */
  private fail(reason: string): void {
    if (Atomics.exchange(this.cells, 0, ENDED) === ENDED) return
    this.close()
    for (const tell of [...this.watched]) tell(reason)
  }

  /** Nobody joins it any more. */
  private close(): void {
    if (Watch.open.get(this.ms) === this) Watch.open.delete(this.ms)
  }

  /** One loads where none did. */
  private begin(): void {
    clearTimeout(this.ending)
    this.move(() => RESTING + 1)
    this.keepTurning()
  }

  private keepTurning(): void {
    // A timer that is interrupted does not come again.
    this.turning = setTimeout(() => this.keepTurning(), this.ms / LOOKS / 2)
    this.turn()
  }

  /** In place of the turn that stands there comes what `next` makes of it. */
  private move(next: (before: number) => number): void {
    for (;;) {
      const before = Atomics.load(this.cells, 0)
      if (before === ENDED) return
      // Is interrupted here, or was already.
      if (before === INTERRUPTING) Atomics.wait(this.cells, 0, INTERRUPTING)
      else if (Atomics.compareExchange(this.cells, 0, before, next(before)) === before) break
    }
    Atomics.notify(this.cells, 0)
  }
}

/**
 * Settles as `load` does, or rejects with `E_PIPELINE_SLOW` after `ms`; `path` names the file. Where it was interrupted
 * beside others, `load` is called once more as soon as `beside` has seen, beside the loop, that it ends (W5).
 */
export async function loadWithin<T>(
  ms: number,
  path: string,
  load: () => Promise<T>,
  beside: () => Promise<void>,
): Promise<T> {
  try {
    return await loadOnce(ms, path, load)
  } catch (error) {
    if (!(error instanceof Suspected)) throw error
  }
  await beside()
  const again = suspects.then(() => loadAgain(ms, path, load))
  suspects = again.catch(() => {})
  return again
}

/** The last of those that are loaded again has ended (W6). */
let suspects: Promise<unknown> = Promise.resolve()

/** A load that is interrupted beside others so often is believed to compute: others come and go. */
const TRIES = 8

async function loadAgain<T>(ms: number, path: string, load: () => Promise<T>): Promise<T> {
  for (let tried = 0; tried < TRIES; tried++) {
    try {
      return await loadOnce(ms, path, load)
    } catch (error) {
      if (!(error instanceof Suspected)) throw error
    }
  }
  throw tooSlow(ms, path, 'computes')
}

/** It was interrupted, and so were others (W5). */
class Suspected extends Error {}

function loadOnce<T>(ms: number, path: string, load: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let late = false
    const unwatched = (reason: string): void => {
      clearTimeout(timer)
      late = true
      watched.leave(unwatched)
      reject(fail('E_LOAD_THREAD', { path, reason }))
    }
    const watched = Watch.join(ms, unwatched)
    const before = watched.interruptions
    const [beganMs, spentBefore] = [performance.now(), spentMs()]
    const giveUp = (): void => {
      timer = setTimeout(giveUp, 0)
      watched.turn()
      clearTimeout(timer)
      const { all, shared } = watched.interruptions
      const computes = all > before.all
      // W8
      const leftMs = ms - (spentMs() - spentBefore)
      if (!computes && leftMs > LOOK_MS && performance.now() - beganMs < PATIENCE * ms) {
        timer = setTimeout(giveUp, leftMs)
        return
      }
      late = true
      watched.leave(unwatched)
      if (shared > before.shared) reject(new Suspected())
      else reject(tooSlow(ms, path, computes ? 'computes' : 'waits'))
    }
    let timer = setTimeout(giveUp, ms)
    const end = (): void => {
      if (late) return
      watched.turn()
      clearTimeout(timer)
      watched.leave(unwatched)
    }
    load().finally(end).then(resolve, reject)
  })
}

/** What this thread has computed and waited: time in which the machine lets it do neither is not in it. */
function spentMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000 + performance.eventLoopUtilization().idle
}

/** What `call` answers, or `E_PIPELINE_SLOW` where it computes for longer than `ms`. */
export function callWithin<T>(ms: number, path: string, call: () => T): T {
  if (isDebugged()) return call()
  const before = timed.call
  timed.call = call
  try {
    return CALL.runInContext(timed, { timeout: ms }) as T
  } catch (error) {
    if ((error as NodeJS.ErrnoException | null)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    throw tooSlow(ms, path, 'computes')
  } finally {
    timed.call = before
  }
}

/** A script of its own, for whose run Node keeps a time, and the context that it runs in. */
const CALL = new Script('call()')
const timed = createContext({ call: null })

function tooSlow(ms: number, path: string, does: 'waits' | 'computes'): PotorooError {
  return fail('E_PIPELINE_SLOW', { path, timeout: showDuration(ms), does })
}

function isDebugged(): boolean {
  return debuggerUrl() !== undefined
}

/** Calls `failed` with the reason where the thread throws, ends or says anything; it may have been told to end. */
function beginThread(workerData: LoadWatch, failed: (reason: string) => void): void {
  // Flags of the process, such as `--input-type`, are none of the thread's.
  const options = { workerData, execArgv: [], name: 'potoroo-load' }
  const thread = new Worker(ownModule('worker/loading/load-watch'), options)
  thread.unref()
  thread.once('error', (error) => failed(reasonOf(error)))
  thread.once('exit', () => failed('it has ended'))
  thread.once('message', () => failed('it says what is not known'))
}
