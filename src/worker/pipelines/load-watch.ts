/** The thread beside a load: interrupts the main thread where that stands still with it (`load-limit.ts`). */
import { Session } from 'node:inspector'
import { workerData } from 'node:worker_threads'
import type { LoadWatch } from './load-limit.ts'

const { cell, looks, ms, runs, interrupted } = workerData as LoadWatch
const state = new Int32Array(cell)
let turns = 0
let still = 0
while (still < looks && Atomics.wait(state, 0, runs, ms) === 'timed-out') {
  const now = Atomics.load(state, 1)
  still = now === turns ? still + 1 : 0
  turns = now
}
if (still === looks && Atomics.compareExchange(state, 0, runs, interrupted) === runs) {
  const session = new Session()
  session.connectToMainThread()
  session.post('Runtime.terminateExecution')
}
