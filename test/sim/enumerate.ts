/**
 * Targeted search beside chance: a small system or cluster in fair weather, run once as it is, then once with each
 * fault at each of its points, and then with pairs of them.
 *
 * E1. The points of a run are those of its one clean run, in order: what a fault at the first of two changes, it
 *     changes behind it, so the second is counted from there.
 * E2. Pairs begin on the path of an acknowledged output: where something is written, synced or named on the way from
 *     the journal over packs, manifests and the chain to a file of a sink.
 * E3. Whoever stops early has tried points from everywhere: attempts are made in an order that is spread over all of
 *     them, the same in every run; of points that are alike but for their numbers the first and the last come before
 *     the others, and single faults and pairs are tried by turns.
 */
import { calm } from '../../src/sim/weather.ts'
import { runClusterOf } from './clusters/cluster.ts'
import { type ClusterConfig, type ClusterDeeds, drawWhole } from './clusters/config.ts'
import { type Config, type Deeds, drawConfig } from './config.ts'
import { type Blow, type Result, runConfig, type Striker } from './system.ts'

/** A fault at the point with this number, from 0; of a second one counted from the first. */
export interface Fault {
  readonly blow: Blow
  readonly at: number
}

/** What a run says. */
type Ran = Pick<Result, 'what' | 'complaints' | 'log'>

export interface Found {
  readonly faults: readonly Fault[]
  readonly points: readonly string[]
  readonly result: Ran
}

export interface Enumeration {
  readonly what: string
  readonly points: number
  readonly singles: Share
  readonly pairs: Share
  readonly found: readonly Found[]
}

/** How many were tried, of how many that there are. */
export interface Share {
  readonly tried: number
  readonly all: number
}

/** Which of all attempts are made. */
export interface Bounds {
  /** Pairs that are tried, at most. */
  readonly pairs: number
  /** Every `of`th from `part` on: `of` runs try all. */
  readonly part: number
  readonly of: number
  readonly goesOn: () => boolean
}

export const allBlows: readonly Blow[] = ['kill', 'power', 'stop']
export const clusterBlows: readonly Blow[] = [...allBlows, 'cut']
const RECORDS = 60
const ACT_MS = 150
/** Points behind the first fault among which the second one lies: its recovery. */
const RECOVERY = 120
/** Of a cluster: records, and the length of its first act, in milliseconds. */
const CLUSTER_RECORDS = 60
const CLUSTER_ACT_MS = 1500

/** What is run again and again. */
export interface Scene {
  run(striker: Striker): Promise<Ran>
}

/** The small system of `seed`, of which every point is tried. */
export function systemScene(seed: number): Scene {
  const config = configOf(seed)
  return { run: async (striker) => runConfig(config, striker) }
}

/** The small cluster of `seed`, in which a worker dies and another one joins. */
export function clusterScene(seed: number): Scene {
  const config = clusterOf(seed)
  return { run: (striker) => runClusterOf(config, striker) }
}

/** Runs each of `blows` at the points of a scene, and pairs of faults, by turns (E3). */
export async function enumerate(scene: Scene, blows: readonly Blow[], bounds: Bounds): Promise<Enumeration> {
  const names: string[] = []
  const clean = await scene.run((point) => {
    names.push(point)
    return null
  })
  const found: Found[] = []
  const attempt = async (faults: readonly Fault[]): Promise<void> => {
    const { result, points } = await runFaults(scene, faults)
    if (result.complaints.length > 0) found.push({ faults, points, result })
  }
  if (clean.complaints.length > 0) found.push({ faults: [], points: [], result: clean })
  const singles = byWeight(names).map((some) => some.flatMap((at) => blows.map((blow): Fault[] => [{ blow, at }])))
  const single = singles.flatMap((some) => spread(some, bounds))
  const pairs = pairsOf(names)
  const pair = spread(pairs, bounds).slice(0, bounds.pairs)
  let [ones, twos] = [0, 0]
  while (bounds.goesOn() && (ones < single.length || twos < pair.length)) {
    if (ones < single.length) await attempt(single[ones++]!)
    if (twos < pair.length && bounds.goesOn()) await attempt(pair[twos++]!)
  }
  return {
    what: clean.what,
    points: names.length,
    singles: { tried: ones, all: singles.flat().length },
    pairs: { tried: twos, all: pairs.length },
    found,
  }
}

/** Those of `all` that are this part's, in an order of which every beginning is spread over all of them (E3). */
function spread<T>(all: readonly T[], { part, of }: Bounds): T[] {
  const size = all.length
  // Steps of the golden section never come near a place where they have been.
  let step = Math.max(1, Math.round(size * 0.618))
  while (divisor(step, size) > 1) step++
  return Array.from(all.keys(), (i) => all[(i * step) % size]!).filter((_, i) => i % of === part)
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b)
}

/** All points, in two parts: the first and the last of those that are alike but for their numbers, and the others. */
function byWeight(names: readonly string[]): readonly (readonly number[])[] {
  const alike = Map.groupBy(names.keys(), (at) => names[at]!.replaceAll(/[0-9a-f]*[0-9][0-9a-f]*/g, '#'))
  const ends = new Set([...alike.values()].flatMap((all) => [all[0]!, all.at(-1)!]))
  return [[...ends].sort((a, b) => a - b), [...names.keys()].filter((at) => !ends.has(at))]
}

/** Runs a scene with `faults`. */
export async function replayFaults(scene: Scene, faults: readonly Fault[]): Promise<Ran> {
  return (await runFaults(scene, faults)).result
}

/** What `--fault` takes, and what is printed of a finding: `kill:17` or `kill:17,power:3`; `null` for anything else. */
export function faultsFrom(text: string): Fault[] | null {
  const faults = text.split(',').map((one) => /^(kill|power|stop|cut):(\d+)$/.exec(one))
  if (!faults.every((fault) => fault !== null)) return null
  return faults.map(([, blow, at]) => ({ blow: blow as Blow, at: Number(at) }))
}

export function showFaults(faults: readonly Fault[]): string {
  return faults.map(({ blow, at }) => `${blow}:${at}`).join(',')
}

async function runFaults(
  scene: Scene,
  faults: readonly Fault[],
): Promise<{ readonly result: Ran; readonly points: readonly string[] }> {
  const points: string[] = []
  const left = [...faults]
  let count = 0
  const result = await scene.run((point) => {
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

/** The cluster of `seed`, small, quick and in fair weather, in which a worker dies and another one joins. */
function clusterOf(seed: number): ClusterConfig {
  // The first from there on that waits as little as any.
  let drawn = drawWhole(1000 * seed)
  for (let next = drawn.seed + 1; drawn.pace > 0.1; next++) drawn = drawWhole(next)
  const never = Object.entries(drawn.deeds).map(([deed, often]) => [deed, typeof often === 'number' ? 0 : often])
  const deeds = { ...Object.fromEntries(never), killMs: CLUSTER_ACT_MS / 4, joinMs: CLUSTER_ACT_MS / 3 } as ClusterDeeds
  return {
    ...drawn,
    ...{ harsh: false, weather: calm, deeds, actMs: CLUSTER_ACT_MS, records: CLUSTER_RECORDS, readMs: 0 },
    limits: { ...drawn.limits, checkpointIntervalMs: 40, checkpointTimeoutMs: 400, batchRecords: 8, keyGroups: 8 },
    ...{ workers: 3, mostWorkers: 4, producers: 1, senders: 1, burst: 8, pauseMs: 40, restartMs: 5 },
    ...{ overlapChance: 0, repeatChance: 0, patienceMs: 20, losesOutbox: false },
  }
}
