/** The thread beside loads: interrupts the main thread where that stands still with one of them (`load-limit.ts`). */
import { Session } from 'node:inspector'
import { workerData } from 'node:worker_threads'
import type { LoadWatch } from './load-limit.ts'

const { cell, looks, ms, resting, interrupted, spent } = workerData as LoadWatch
const state = new Int32Array(cell)
let turn = Atomics.load(state, 0)
let still = 0
while (turn >= 0 && still < looks) {
  Atomics.wait(state, 0, turn, turn === resting ? Infinity : ms)
  const now = Atomics.load(state, 0)
  still = now === turn ? still + 1 : 0
  turn = now
}
if (turn >= 0 && Atomics.compareExchange(state, 0, turn, interrupted) === turn) {
  const session = new Session()
  session.connectToMainThread()
  const waiting = setInterval(() => {}, ms)
  session.post('Runtime.terminateExecution', () => {
    Atomics.store(state, 0, spent)
    Atomics.notify(state, 0)
    clearInterval(waiting)
  })
}
