/** The thread of a trial (`load-trial.ts`): says when it is over, whatever came of it. */
import { parentPort, workerData } from 'node:worker_threads'
import { buildGraph, loadBundle } from './load.ts'
import type { TrialData } from './load-trial.ts'

const { text, map, hash, parameters, limits } = workerData as TrialData
try {
  buildGraph(await loadBundle(text, map, hash, limits), parameters, limits)
} catch {
  // The loop meets the same, and says it.
}
// What it has left for later, and nobody waits for, comes first.
setTimeout(() => parentPort!.postMessage('over'), 1)
