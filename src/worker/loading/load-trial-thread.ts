/**
 * The thread of a trial (`load-trial.ts`): says that it begins, and when it is over: whatever came of it, but that it
 * has taken all of its time. Of one that computes as it is imported nothing is heard.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { PotorooError } from '../../base/errors.ts'
import { buildGraph, loadBundle } from './load.ts'
import type { TrialData, TrialWord } from './load-trial.ts'

const say = (word: TrialWord): void => parentPort!.postMessage(word)

/** What has taken all of its time. */
let slow: 'waits' | 'computes' | null = null
const { text, map, hash, parameters, limits } = workerData as TrialData
say('begins')
try {
  buildGraph(await loadBundle(text, map, hash, limits), parameters, limits)
} catch (error) {
  // Anything else the loop meets too, and says it.
  if (error instanceof PotorooError && error.code === 'E_PIPELINE_SLOW')
    slow = error.details.does as 'waits' | 'computes'
}
// What it has left for later, and nobody waits for, comes first.
setTimeout(() => say(slow ?? 'over'), 1)
