/** The thread beside a load: interrupts the main thread where that has not ended in time (`load-limit.ts`). */
import { Session } from 'node:inspector'
import { workerData } from 'node:worker_threads'
import type { LoadWatch } from './load-limit.ts'

const { cell, ms, runs, interrupted } = workerData as LoadWatch
const state = new Int32Array(cell)
Atomics.wait(state, 0, runs, ms)
if (Atomics.compareExchange(state, 0, runs, interrupted) === runs) {
  const session = new Session()
  session.connectToMainThread()
  session.post('Runtime.terminateExecution')
}
