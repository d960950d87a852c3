/**
 * The time that a user's file may take, whatever it does with it: what waits is given up, what computes is interrupted.
 *
 * W1. What waits is ended by the loop's own timer. What computes holds the loop, so a thread interrupts it, and then
 *     the timer ends it too.
 * W2. Nothing but the loading is interrupted. While the loop turns, be it slowly, its timer will end what waits: the
 *     thread interrupts where it has stood still for all of the time, look by look, for a process that is stopped has
 *     no time. One exchange decides whether the loop turned or the thread's patience ended; that a load has ended is a
 *     turn. Where it was the thread's, what comes too late waits in its own frame until it is interrupted.
 * W3. Whoever takes part in a debugger's session has all the time there is.
 * W4. Loads that run beside each other have one thread, which costs as much as many loads: a worker that starts loads
 *     all that its cluster runs. So have those that follow soon: the programs come from the store one behind the other.
 *     In between the thread rests, and watches nobody.
 * W5. What is interrupted is the loop, and with it all loads that have not ended: what was to come next in them may be
 *     gone, and their time is over without having been theirs. Which of several it was nobody knows here: each is tried
 *     once more, beside the loop, and loaded again where that ends.
 * W6. They are loaded again one behind another, and once more where another load that came meanwhile has interrupted
 *     them: so none is refused for what another does, also where that ends beside the loop and never on it.
 */
import { url as debuggerUrl } from 'node:inspector'
import { createContext, Script } from 'node:vm'
import { isMainThread, Worker } from 'node:worker_threads'
import { fail, type PotorooError } from '../../base/errors.ts'
import { ownModule } from '../../base/own-files.ts'
import { showDuration } from '../../base/time.ts'

/** How often the thread looks within the time whether the loop has turned; that says so twice as often. */
const LOOKS = 10

/**
 * What the cell holds (W2): how often the loop has turned while loads run, or that none does, and in the end one of the
 * others.
 */
const [RESTING, ENDED, INTERRUPTED, SPENT] = [0, -1, -2, -3]

/** How long the thread rests before it ends, in milliseconds (W4). */
const REST_MS = 2000

/**
 * What the thread begins with. Where the same turn stands in `cell` at `looks` times in a row, `ms` apart, the thread
 * makes of it `interrupted`, interrupts, and makes of that `spent`. Where `resting` stands there it waits for another
 * one.
 */
export interface LoadWatch {
  readonly cell: SharedArrayBuffer
  readonly looks: number
  readonly ms: number
  readonly resting: number
  readonly interrupted: number
  readonly spent: number
}

/** Loads that run beside each other, each with the same time, and the thread beside them (W4). */
class Watch {
  /** Those that others can join, by their time. */
  private static readonly open = new Map<number, Watch>()
  private readonly ms: number
  private readonly cell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  private turning: NodeJS.Timeout | undefined
  private ending: NodeJS.Timeout | undefined
  /** What the cell has held last, of turns. */
  private turn = RESTING
  private loads = 0
  /** How many had not ended when the first of them saw that they were interrupted; 0 before. */
  private suspects = 0

  private constructor(ms: number) {
    this.ms = ms
    if (!isMainThread || isDebugged()) return
    const [resting, interrupted, spent] = [RESTING, INTERRUPTED, SPENT]
    beginThread({ cell: this.cell.buffer, looks: LOOKS, ms: ms / LOOKS, resting, interrupted, spent })
  }

  /** The one that has one more load from now on. */
  static join(ms: number): Watch {
    const joined = Watch.open.get(ms) ?? new Watch(ms)
    Watch.open.set(ms, joined)
    if (joined.loads++ === 0) joined.begin()
    return joined
  }

  /** One loads where none did. */
  private begin(): void {
    clearTimeout(this.ending)
    this.move(() => ++this.turn)
    this.turning = setInterval(() => this.move(() => ++this.turn), this.ms / LOOKS / 2)
  }

  /** None loads any more. */
  private rest(): void {
    clearInterval(this.turning)
    this.ending = setTimeout(() => {
      this.close()
      this.move(() => ENDED)
    }, REST_MS)
    this.ending.unref()
  }

  /** Nobody joins it from now on. */
  private close(): void {
    if (Watch.open.get(this.ms) === this) Watch.open.delete(this.ms)
  }

  /** A load has ended by itself. Does not return where the thread interrupts it (W2). */
  end(): void {
    // `Atomics.wait` is interrupted too. It was not this one where the interruption is spent.
    if (this.leave()) Atomics.wait(this.cell, 0, INTERRUPTED)
  }

  /** Whether one of several was interrupted (W5). */
  get hasSuspects(): boolean {
    return this.suspects > 1
  }

  /** A load has ended, or is given up. Answers whether the thread has interrupted the loop. */
  leave(): boolean {
    this.loads--
    const interrupted = this.move(() => (this.loads > 0 ? ++this.turn : RESTING)) <= INTERRUPTED
    if (interrupted && this.suspects === 0) this.suspects = this.loads + 1
    // The thread has one interruption to give.
    if (interrupted) this.close()
    if (this.loads === 0) this.rest()
    return interrupted
  }

  /** What stood in the cell; where that was a turn, or rest, what `next` answers stands there now. */
  private move(next: () => number): number {
    for (;;) {
      const before = Atomics.load(this.cell, 0)
      if (before < 0) return before
      if (Atomics.compareExchange(this.cell, 0, before, next()) !== before) continue
      Atomics.notify(this.cell, 0)
      return before
    }
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
  const watched = Watch.join(ms)
  return new Promise((resolve, reject) => {
    let late = false
    const timer = setTimeout(() => {
      late = true
      const interrupted = watched.leave()
      if (interrupted && watched.hasSuspects) reject(new Suspected())
      else reject(tooSlow(ms, path, interrupted ? 'computes' : 'waits'))
    }, ms)
    const end = (): void => {
      clearTimeout(timer)
      if (!late) watched.end()
    }
    load().finally(end).then(resolve, reject)
  })
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

function beginThread(workerData: LoadWatch): void {
  // Flags of the process, such as `--input-type`, are none of the thread's.
  new Worker(ownModule('worker/pipelines/load-watch'), { workerData, execArgv: [], name: 'potoroo-load' }).unref()
}
