/**
 * Runs many seeds and adds up what became of them, in this process or shared out among several.
 *
 * R1. What is run and what each seed finds does not depend on how many processes there are; only the order does.
 */
import { fork } from 'node:child_process'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { withAstray } from './astray.ts'
import type { ClusterResult } from './clusters/cluster.ts'
import type { Result } from './system.ts'

export type Kind = 'systems' | 'clusters'

/** What is run, and how it is bent (`bends.ts`, `clusters/bends.ts`). */
export interface Runs {
  readonly kind: Kind
  readonly bend: string | null
}

/** A seed that found something. */
export interface Finding {
  readonly seed: number
  readonly what: string
  readonly complaints: readonly string[]
}

export interface Sums {
  ran: number
  records: number
  lives: number
  /** Systems that ended with a worker that asks whether something may be lost. */
  refused: number
  generations: number
  /** Answers to readers. */
  reads: number
  /** Processor time, in milliseconds. */
  cpuMs: number
  readonly found: Finding[]
}

/** When to end before all seeds have been run. */
export interface Bound {
  /** Seeds that find something. */
  readonly enough: number
  readonly seconds: number
}

/** Seeds that a process is given at a time. */
const SHARE: Readonly<Record<Kind, number>> = { systems: 25, clusters: 4 }
/** Worlds live shortly: most of what they leave never has to be moved by a collector that comes seldom. */
const MEMORY = ['--min-semi-space-size=16', '--max-semi-space-size=32']
const CHILD = fileURLToPath(new URL('./runs-child.ts', import.meta.url))

/** What a seed is run by; `null` for one that is passed over. */
type Runner = (seed: number) => Promise<Result | ClusterResult | null>

export async function runnerOf({ kind, bend }: Runs): Promise<Runner> {
  if (kind === 'clusters') {
    const { runClusterOf } = await import('./clusters/cluster.ts')
    const { clusterBends } = await import('./clusters/bends.ts')
    const { drawCluster, drawWhole } = await import('./clusters/config.ts')
    return bent(bend, clusterBends, bend === null ? drawCluster : drawWhole, runClusterOf)
  }
  const { runConfig } = await import('./system.ts')
  const { bends } = await import('./bends.ts')
  const { drawConfig } = await import('./config.ts')
  return bent(bend, bends, drawConfig, runConfig)
}

function bent<C, R extends { readonly complaints: readonly string[] }>(
  name: string | null,
  bends: Readonly<Record<string, (config: C) => C | null>>,
  draw: (seed: number) => C,
  run: (config: C) => R | Promise<R>,
): (seed: number) => Promise<R | null> {
  const bend = name === null ? (config: C) => config : bends[name]
  if (bend === undefined) throw new Error(`there is no bend "${name}"; there are ${Object.keys(bends).join(', ')}`)
  return async (seed) => {
    const config = bend(draw(seed))
    return config === null ? null : await withAstray(() => run(config))
  }
}

/** What is told while seeds are run: each finding, and from time to time how far it is. */
interface Heard {
  found(finding: Finding): void
  ran(sums: Sums): void
}

const nobody: Heard = { found: () => {}, ran: () => {} }

/** Runs `seeds` in this process. */
export async function runSeeds(
  what: Runs,
  seeds: Iterable<number>,
  { enough, seconds }: Bound,
  heard = nobody,
): Promise<Sums> {
  const run = await runnerOf(what)
  // What engine and seams throw and catch by the thousand needs no stacks; a seed that finds something is run again.
  Error.stackTraceLimit = 0
  const sums = noSums()
  const before = process.cpuUsage()
  const end = performance.now() + 1000 * seconds
  for (const seed of seeds) {
    if (performance.now() > end || sums.found.length >= enough) break
    const result = await run(seed)
    if (result === null) continue
    const { complaints, what, ...figures } = result
    sums.ran++
    sums.records += figures.records
    sums.lives += figures.lives
    if ('refused' in figures && figures.refused) sums.refused++
    if ('generations' in figures) {
      sums.generations += figures.generations
      sums.reads += figures.reads
    }
    heard.ran(sums)
    if (complaints.length === 0) continue
    const finding = { seed, what, complaints }
    sums.found.push(finding)
    heard.found(finding)
  }
  const { user, system } = process.cpuUsage(before)
  sums.cpuMs = (user + system) / 1000
  return sums
}

/** The same in `jobs` processes. */
export async function shareSeeds(
  what: Runs,
  seeds: readonly number[],
  jobs: number,
  { enough, seconds }: Bound,
  heard: Heard,
): Promise<Sums> {
  const sums = noSums()
  const end = performance.now() + 1000 * seconds
  let next = 0
  const share = (): readonly number[] => {
    if (performance.now() > end || sums.found.length >= enough) return []
    const from = next
    next = Math.min(seeds.length, from + SHARE[what.kind])
    return seeds.slice(from, next)
  }
  const work = (): Promise<void> =>
    new Promise((done, fell) => {
      const execArgv = [...process.execArgv, ...MEMORY]
      const child = fork(CHILD, [JSON.stringify(what)], { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
      const goOn = (): void => {
        const given = share()
        if (given.length === 0) child.disconnect()
        else child.send(given)
      }
      child.on('message', (part: Sums) => {
        add(sums, part)
        for (const finding of part.found) heard.found(finding)
        heard.ran(sums)
        goOn()
      })
      child.on('exit', (status) => (status === 0 ? done() : fell(new Error(`a process of seeds ended with ${status}`))))
      goOn()
    })
  await Promise.all(Array.from({ length: jobs }, work))
  return sums
}

export function noSums(): Sums {
  return { ran: 0, records: 0, lives: 0, refused: 0, generations: 0, reads: 0, cpuMs: 0, found: [] }
}

/** Adds `part` to `sums`. */
export function add(sums: Sums, part: Sums): void {
  for (const name of ['ran', 'records', 'lives', 'refused', 'generations', 'reads', 'cpuMs'] as const)
    sums[name] += part[name]
  sums.found.push(...part.found)
}
