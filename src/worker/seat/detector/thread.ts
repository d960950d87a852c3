/**
 * The thread beside a worker's loop: runs the heartbeats and watches that the loop goes on. It never waits for the
 * loop.
 *
 * T1. A loop that stands still is asked once what it is doing (`inspect.ts`); the other workers and the log are told at
 *     once, the worker itself when it goes on.
 * T2. Whoever takes part in a debugger's session is not asked: the answer would let it go on.
 * T3. The beat is written by a further thread, which waits for the store and may wait for ever: heartbeats do not wait
 *     with it, nor the beat for Node's pool of threads, which a user's functions may fill.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { RealClock } from '../../../env/real/clock.ts'
import { Guests, openFilesLimit } from '../../../env/real/guests.ts'
import { RealLog } from '../../../env/real/log.ts'
import { RealNetwork } from '../../../env/real/tcp.ts'
import { Heartbeats } from '../heartbeats.ts'
import type { Stuck } from '../watch.ts'
import { askMainThread, nowhere } from './inspect.ts'
import { look, type Pulse, startPulse } from './pulse.ts'
import type { FromThread, Heard, ThreadData, ToThread } from './threaded.ts'
import { ThreadedStore } from './threaded-store.ts'

/** How long the main thread may take to say what it is doing. */
const ANSWER_MS = 1000

const { options, watcher, pulse: shared } = workerData as ThreadData
const { limits, cluster, token, host, reach } = options
const port = parentPort!
const pulse = new Int32Array(shared)
const log = new RealLog(options.log)
const clock = new RealClock()
const debugged = process.execArgv.some((flag) => flag.startsWith('--inspect'))

const env = { clock, log, network: new RealNetwork(log, new Guests(log, openFilesLimit())) }
const store = new ThreadedStore(
  { root: options.store, writer: watcher },
  {
    lost: () => {},
    ended: (error) => {
      throw error
    },
  },
)
const heartbeats = new Heartbeats({ env, store, limits, cluster, token, host, reach }, watcher, {
  changed: () => tell({ kind: 'changed', ...heard() }),
  found: (found, stood) => tell({ kind: 'found', found, stood }),
})
heartbeats.listen((error) => {
  if (error !== null) return tell({ kind: 'refused', code: error.code, details: error.details })
  port.on('message', take)
  tell({ kind: 'opened', ...heard() })
  watchLoop()
})

function heard(): Heard {
  const { beat, gone, stuck } = heartbeats
  return { beat, gone, stuck }
}

function tell(message: FromThread): void {
  port.postMessage(message)
}

function take(message: ToThread): void {
  if (message.kind === 'follow') heartbeats.follow(message.others)
  else heartbeats.tell(message.evidence)
}

/** Looks at the loop's counter as often as heartbeats leave. */
function watchLoop(): void {
  const { heartbeatMs, stuckMs } = limits
  const settings = { stuckMs, lookMs: 1.5 * heartbeatMs }
  let state: Pulse = startPulse(pulse[0]!, clock.monotonic())
  let at: Stuck | null = null
  const found = (where: Stuck): void => {
    at = where
    const { stillMs } = state
    if (stillMs >= stuckMs) log.warn('worker.stuck', { ...where, ms: Math.round(stillMs) })
  }
  setInterval(() => {
    const before = state
    const looked = look(state, pulse[0]!, clock.monotonic(), settings)
    state = looked.next
    switch (looked.found) {
      case 'beats':
        break
      case 'stops': {
        const { count } = state
        if (debugged) found(nowhere)
        else askMainThread(ANSWER_MS, () => pulse[0] !== count, found)
        break
      }
      case 'stands':
        if (at !== null) heartbeats.say({ ...at, ms: state.stillMs })
        break
      case 'returns':
        heartbeats.say(null)
        tell({ kind: 'wasStuck', stuck: at ?? nowhere, ms: before.stillMs })
        at = null
    }
  }, heartbeatMs)
}
