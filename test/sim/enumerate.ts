/**
 * Targeted search beside chance: a small system in fair weather, run once as it is, then once with each fault at each of
 * its points, and then with pairs of them.
 *
 * E1. The points of a run are those of its one clean run, in order: what a fault at the first of two changes, it changes
 *     behind it, so the second is counted from there.
 * E2. Pairs begin on the path of an acknowledged output: where something is written, synced or named on the way from the
 *     journal over packs, manifests and the chain to a file of a sink.
 */
import { calm } from '../../src/sim/weather.ts'
import { type Config, type Deeds, drawConfig } from './config.ts'
import { type Blow, type Result, runConfig } from './system.ts'

/** A fault at the point with this number, from 0; of a second one counted from the first. */
export interface Fault {
  readonly blow: Blow
  readonly at: number
}

export interface Found {
  readonly faults: readonly Fault[]
  readonly points: readonly string[]
  readonly result: Result
}

export interface Enumeration {
  readonly what: string
  readonly points: number
  readonly singles: number
  readonly pairs: number
  /** Pairs that there are; not all of them may have been run. */
  readonly allPairs: number
  readonly found: readonly Found[]
}

export const allBlows: readonly Blow[] = ['kill', 'power', 'stop']
const RECORDS = 60
const ACT_MS = 150
/** Points behind the first fault among which the second one lies: its recovery. */
const RECOVERY = 120

/** Runs each of `blows` at every point of the system of `seed`, and about `most` of the pairs. */
export function enumerate(seed: number, most: number, blows: readonly Blow[] = allBlows): Enumeration {
  const config = configOf(seed)
  const names: string[] = []
  const clean = runConfig(config, (point) => {
    names.push(point)
    return null
  })
  const found: Found[] = []
  const attempt = (faults: readonly Fault[]): void => {
    const { result, points } = runFaults(config, faults)
    if (result.complaints.length > 0) found.push({ faults, points, result })
  }
  if (clean.complaints.length > 0) found.push({ faults: [], points: [], result: clean })
  let singles = 0
  for (const at of names.keys()) {
    for (const blow of blows) {
      attempt([{ blow, at }])
      singles++
    }
  }
  const pairs = pairsOf(names)
  // Spread over all of them, and the same ones every time.
  const stride = Math.max(1, Math.ceil(pairs.length / most))
  let ran = 0
  for (let i = 0; ran < most && i < pairs.length; i += stride) {
    attempt(pairs[i]!)
    ran++
  }
  return { what: clean.what, points: names.length, singles, pairs: ran, allPairs: pairs.length, found }
}

/** Runs the small system of `seed` with `faults`. */
export function replayFaults(seed: number, faults: readonly Fault[]): Result {
  return runFaults(configOf(seed), faults).result
}

/** What `--fault` takes, and what is printed of a finding: `kill:17` or `kill:17,power:3`. */
export function faultsFrom(text: string): Fault[] {
  return text.split(',').map((one) => {
    const [blow, at] = one.split(':')
    if (!allBlows.includes(blow as Blow) || !/^\d+$/.test(at ?? ''))
      throw new Error(`"${one}" is no fault, such as kill:17`)
    return { blow: blow as Blow, at: Number(at) }
  })
}

export function showFaults(faults: readonly Fault[]): string {
  return faults.map(({ blow, at }) => `${blow}:${at}`).join(',')
}

function runFaults(
  config: Config,
  faults: readonly Fault[],
): { readonly result: Result; readonly points: readonly string[] } {
  const points: string[] = []
  const left = [...faults]
  let count = 0
  const result = runConfig(config, (point) => {
    if (left.length === 0 || count++ < left[0]!.at) return null
    points.push(point)
    count = 0
    return left.shift()!.blow
  })
  return { result, points }
}

function pairsOf(names: readonly string[]): Fault[][] {
  const pairs: Fault[][] = []
  for (const [at, name] of names.entries()) {
    if (!onThePath(name)) continue
    for (const first of ['kill', 'power'] as const)
      for (let second = 0; second < RECOVERY; second++)
        for (const blow of ['kill', 'power'] as const)
          pairs.push([
            { blow: first, at },
            { blow, at: second },
          ])
  }
  return pairs
}

/** E2. */
function onThePath(point: string): boolean {
  return /\/(journal|packs|manifests|chain|tmp|out|letters)\b/.test(point)
}

/** The system of `seed`, small and in fair weather, with nothing that happens to it. */
function configOf(seed: number): Config {
  const drawn = drawConfig(seed)
  const deeds = Object.fromEntries(Object.keys(drawn.deeds).map((deed) => [deed, 0])) as unknown as Deeds
  const limits = { ...drawn.limits, checkpointIntervalMs: 40, checkpointTimeoutMs: 400, batchRecords: 8 }
  return {
    ...drawn,
    ...{ harsh: false, weather: calm, deeds, limits, actMs: ACT_MS, records: RECORDS },
    ...{
      producers: 1,
      senders: 1,
      burst: 8,
      pauseMs: 10,
      restartMs: 5,
      overlapChance: 0,
      repeatChance: 0,
      patienceMs: 20,
    },
  }
}
