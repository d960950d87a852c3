/**
 * Loading a program that the store has, and that nobody has just tried: another worker may have found it good, on
 * another machine, where it had what it waits for.
 *
 * D1. What may wait is tried beside the loop first (`load-trial.ts`): given up on the loop it would go on there, and
 *     what computes then has nobody to interrupt it. The trial costs a thread, so what cannot wait does without.
 * D2. So is what has once held the loop until its time was over: it comes again with each generation, and links
 *     between workers would not outlast that.
 * D3. A trial refuses what the program is to blame for. Where the machine is, or the thread, it is loaded untried.
 */
import { type ErrorCode, PotorooError } from '../../base/errors.ts'
import type { Limits } from '../../base/limits.ts'
import type { Graph, Parameters } from '../../model/graph.ts'
import { buildGraph, loadBundle, nameOfStored } from './load.ts'
import type { Bundle } from './load-bundle.ts'
import { tryLoading } from './load-trial.ts'

/** What a module has that waits as it is imported; others have it as well. */
const MAY_WAIT = /\bawait\b/

/** The hashes of those that have held the loop (D2). */
const slow = new Set<string>()

/**
 * Loads and builds a program on the loop, each in a turn of its own, for which `turn` waits. Rejects as `loadBundle`,
 * `buildGraph` and `tryLoading` do.
 */
export async function loadStored(
  { text, map, hash }: Pick<Bundle, 'text' | 'map' | 'hash'>,
  parameters: Parameters,
  { loadTimeoutMs }: Pick<Limits, 'loadTimeoutMs'>,
  turn: () => Promise<void>,
): Promise<Graph> {
  const limits = { loadTimeoutMs }
  if (MAY_WAIT.test(text) || slow.has(hash)) {
    await besideOthers(() => tryLoading({ text, map, hash, parameters, limits }, nameOfStored(hash))).catch((error) => {
      if (!hasCode(error, 'E_PIPELINE_STARVED', 'E_LOAD_THREAD')) throw error
    })
  }
  try {
    await turn()
    const pipeline = await loadBundle(text, map, hash, limits)
    await turn()
    return buildGraph(pipeline, parameters, limits)
  } catch (error) {
    if (hasCode(error, 'E_PIPELINE_SLOW')) slow.add(hash)
    throw error
  }
}

/** Trials that run at once: each has a thread, and a worker that comes back has all pipelines to load. */
const AT_ONCE = 4
let running = 0
const waiting: (() => void)[] = []

async function besideOthers(task: () => Promise<void>): Promise<void> {
  if (running < AT_ONCE) running++
  else await new Promise<void>((resolve) => waiting.push(resolve))
  try {
    await task()
  } finally {
    const next = waiting.shift()
    if (next === undefined) running--
    else next()
  }
}

function hasCode(error: unknown, ...codes: readonly ErrorCode[]): boolean {
  return error instanceof PotorooError && codes.includes(error.code)
}
