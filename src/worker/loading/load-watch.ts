/** The thread beside loads: interrupts the main thread where that stands still with one of them (`load-limit.ts`). */
import { Session } from 'node:inspector'
import { workerData } from 'node:worker_threads'
import type { LoadWatch } from './load-limit.ts'

const { cells, looks, ms, resting, ended, interrupting } = workerData as LoadWatch
const state = new Int32Array(cells)
let turn = Atomics.load(state, 0)
let still = 0
while (turn !== ended) {
  Atomics.wait(state, 0, turn, turn === resting ? Infinity : ms)
  const now = Atomics.load(state, 0)
  still = now === turn ? still + 1 : 0
  turn = now
  if (still < looks) continue
  still = 0
  if (Atomics.compareExchange(state, 0, turn, interrupting) !== turn) continue
  try {
    await interrupt()
    Atomics.add(state, 1, 1)
  } finally {
    // Whatever comes of it: whoever would turn stands still until then.
    Atomics.store(state, 0, turn)
    Atomics.notify(state, 0)
  }
}

/** Ends what the main thread does now, or does next. Settles once that has ended. */
async function interrupt(): Promise<void> {
  const session = new Session()
  session.connectToMainThread()
  // What is asked of another thread keeps none up.
  const waiting = setInterval(() => {}, ms)
  await new Promise((resolve) => session.post('Runtime.terminateExecution', resolve))
  clearInterval(waiting)
  session.disconnect()
}
