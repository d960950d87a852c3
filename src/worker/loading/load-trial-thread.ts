/**
 * The thread of a trial (`load-trial.ts`): says that it begins, and when it is over, whatever came of it. Of one that
 * computes as it is imported nothing is heard.
 */
import { performance } from 'node:perf_hooks'
import { parentPort, workerData } from 'node:worker_threads'
import { buildGraph, loadBundle } from './load.ts'
import type { TrialData, TrialWord } from './load-trial.ts'

const say = (word: TrialWord): void => parentPort!.postMessage(word)

const { text, map, hash, parameters, limits } = workerData as TrialData
const { user, system } = process.threadCpuUsage()
say({ begins: { computedMs: (user + system) / 1000, waitedMs: performance.eventLoopUtilization().idle } })
try {
  buildGraph(await loadBundle(text, map, hash, limits), parameters, limits)
} catch {
  // The loop meets it too, and says it.
}
// What it has left for later, and nobody waits for, comes first.
setTimeout(() => say('over'), 1)
