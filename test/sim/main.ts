/**
 * Simulated systems on the command line, in as many processes as there are processors (`--jobs N` for another number):
 *
 *     npm run sim -- SEED                     one system, with its log
 *     npm run sim -- SEED SEED …              those systems, of which those are printed in which something is wrong
 *     npm run sim -- --seeds N [--from SEED]  N systems; with --seconds S as many as can be run in S seconds
 *     npm run sim -- --enumerate [--seeds N] [--pairs P]  small systems, with a fault at each point, and P pairs of faults
 *                                             (kills, losses of power, stops: --blow kill for one kind); with --clusters small
 *                                             clusters, also with cuts; with --seconds S as many as S seconds have room for, spread
 *                                             over all, and with --part K/N the Kth of N parts, which together are all
 *     npm run sim -- SEED --fault kill:17     the small system of that seed, with those faults, and its log
 *     npm run sim -- --clusters …             the same of whole clusters: SEED, SEED SEED …, --seeds N
 *     npm run sim -- --bend NAME …            systems in a configuration that is bent towards something (`bends.ts`,
 *                                             `clusters/bends.ts`)
 *     npm run sim -- --twice …                every seed in two processes: says which of them do not run alike
 *     npm run sim -- --mutant NAME …          the same with a fault planted in the engine
 *     npm run sim -- --mutants [NAME …] [--seeds N]  every planted fault, or those: the first seed that finds it, and how
 *                                             many of N do; with --write into mutants.md, with --seconds S at most S for each
 */
import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runMutant } from '../mutant/mutant.ts'
import type { Scene, Share } from './enumerate.ts'
import { type Tally, tabulate } from './mutant-table.ts'
import { mutants, type SimMutant } from './mutants.ts'
import { type Finding, runnerOf, runSeeds, shareSeeds } from './runs.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string' },
    seconds: { type: 'string', default: 'Infinity' },
    from: { type: 'string', default: '1' },
    mutant: { type: 'string' },
    bend: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    enumerate: { type: 'boolean', default: false },
    twice: { type: 'boolean', default: false },
    pairs: { type: 'string', default: '300' },
    part: { type: 'string', default: '0/1' },
    blow: { type: 'string' },
    fault: { type: 'string' },
    enough: { type: 'string', default: 'Infinity' },
    write: { type: 'boolean', default: false },
    clusters: { type: 'boolean', default: false },
    jobs: { type: 'string', default: String(availableParallelism()) },
    json: { type: 'boolean', default: false },
  },
})
const from = Number(values.from)
const kind = values.clusters ? 'clusters' : 'systems'
const what = { kind, bend: values.bend ?? null } as const
/** So few seeds are run in this process. */
const FEW = 20

const program = fileURLToPath(import.meta.url)
// A child finds `potoroo` as this process does: in the sources.
process.env.NODE_OPTIONS = '--conditions=source'

if (values.mutants) {
  const seeds = Number(values.seeds ?? 100)
  const seconds = Number(values.seconds)
  const options = { seeds, from, seconds, jobs: Number(values.jobs), write: values.write, only: positionals }
  process.exitCode = (await tabulate(options)) ? 0 : 1
} else if (values.mutant !== undefined) {
  const args = process.argv.slice(2).filter((argument, i, all) => argument !== '--mutant' && all[i - 1] !== '--mutant')
  const { status, output } = runMutant(named(values.mutant), program, args)
  process.stdout.write(output)
  process.exitCode = status ?? 1
} else if (values.enumerate) {
  await enumerateMany(Number(values.seeds ?? 3))
} else if (values.twice) {
  await runTwice(Array.from({ length: Number(values.seeds ?? 100) }, (_, i) => from + i))
} else if (positionals.length === 1) {
  await replay(Number(positionals[0]))
} else if (positionals.length > 1) {
  await runMany(positionals.map(Number))
} else {
  await runMany(Array.from({ length: Number(values.seeds ?? 100) }, (_, i) => from + i))
}

async function replay(seed: number): Promise<void> {
  const { faultsFrom, replayFaults } = await import('./enumerate.ts')
  const run = await runnerOf(what)
  const result = await (values.fault === undefined
    ? run(seed)
    : replayFaults(await sceneOf(seed), faultsFrom(values.fault)))
  if (result === null) throw new Error(`seed ${seed} does not fit --bend ${values.bend}`)
  const { log, complaints, ...figures } = result
  process.stdout.write(`${log.join('\n')}\n${JSON.stringify(figures, null, 2)}\n`)
  for (const complaint of complaints) process.stdout.write(`WRONG ${complaint}\n`)
  if (complaints.length === 0) process.stdout.write('nothing is wrong\n')
  process.exitCode = complaints.length === 0 ? 0 : 1
}

async function runMany(seeds: readonly number[]): Promise<void> {
  const bound = { enough: Number(values.enough), seconds: Number(values.seconds) }
  if (values.json) {
    const { ran, found } = await runSeeds(what, seeds, bound)
    const first = found[0]?.complaints[0]?.slice(0, 200) ?? ''
    process.stdout.write(JSON.stringify({ ran, found: found.map(({ seed }) => seed), first } satisfies Tally))
    return
  }
  const begin = performance.now()
  const jobs = seeds.length < FEW ? 1 : Number(values.jobs)
  const sums = await (jobs === 1 ? runSeeds(what, seeds, bound, show) : shareSeeds(what, seeds, jobs, bound, show))
  const { ran, records, lives, generations, reads, refused, cpuMs, found } = sums
  const average = (sum: number): string => (sum / ran).toFixed(1)
  const rate = ((1000 * ran) / (performance.now() - begin)).toFixed(1)
  const each = values.clusters
    ? `each with ${average(records)} records, ${average(lives)} lives of its workers, ${average(generations)} generations and ${average(reads)} answers to readers`
    : `each with ${average(records)} records and ${average(lives)} lives of its worker`
  process.stdout.write(
    `${ran} ${kind} from seed ${seeds[0]} on, ${each}, ${refused} refused to lose something, in ${average(cpuMs)} ms of CPU, ${rate} per second; ` +
      `${found.length} of them wrong\n`,
  )
  process.exitCode = found.length === 0 ? 0 : 1
}

async function runTwice(seeds: readonly number[]): Promise<void> {
  const { differing } = await import('./twice.ts')
  const differ = await differing(what, seeds)
  const alike = seeds.length - differ.length
  const others = differ.length === 0 ? '' : `; not ${differ.slice(0, FEW).join(', ')}`
  process.stdout.write(
    `${alike} of ${seeds.length} ${kind} from seed ${seeds[0]} on run alike in two processes${others}\n`,
  )
  process.exitCode = differ.length === 0 ? 0 : 1
}

function show({ seed, what, complaints }: Finding): void {
  const bent = values.bend === undefined ? '' : `--bend ${values.bend} `
  const again = `npm run sim -- ${values.clusters ? '--clusters ' : ''}${bent}${seed}`
  process.stdout.write(`seed ${seed} (${again}): ${what}\n${complaints.map((one) => `  WRONG ${one}\n`).join('')}`)
}

async function enumerateMany(seeds: number): Promise<void> {
  const { allBlows, clusterBlows, enumerate, showFaults } = await import('./enumerate.ts')
  const blows = (values.clusters ? clusterBlows : allBlows).filter(
    (blow) => values.blow === undefined || values.blow === blow,
  )
  const [part, of] = values.part.split('/').map(Number) as [number, number]
  Error.stackTraceLimit = 0
  const hit: number[] = []
  let first = ''
  let wrong = 0
  const begin = performance.now()
  for (let seed = from; seed < from + seeds; seed++) {
    // Each has its share of the time, and what those before have left of theirs.
    const end = begin + (1000 * Number(values.seconds) * (seed - from + 1)) / seeds
    const goesOn = (): boolean => performance.now() < end
    const bounds = { pairs: Number(values.pairs), part, of, goesOn }
    const { what, points, singles, pairs, found } = await enumerate(await sceneOf(seed), blows, bounds)
    wrong += found.length
    if (found.length > 0) hit.push(seed)
    if (found.length > 0 && first === '') {
      first = `--fault ${showFaults(found[0]!.faults)}: ${found[0]!.result.complaints[0]!.slice(0, 200)}`
    }
    if (values.json) continue
    process.stdout.write(
      `seed ${seed}: ${what}: ${points} points, ${share(singles)} single faults, ${share(pairs)} pairs; ` +
        `${found.length} wrong\n`,
    )
    for (const { faults, points, result } of found.slice(0, 10)) {
      process.stdout.write(`  --fault ${showFaults(faults)} (${points.join(', then ')})\n`)
      for (const complaint of result.complaints) process.stdout.write(`    WRONG ${complaint.slice(0, 300)}\n`)
    }
  }
  if (values.json) process.stdout.write(JSON.stringify({ ran: seeds, found: hit, first } satisfies Tally))
  process.exitCode = wrong === 0 ? 0 : 1
}

/** `30 of 120 (25%)`. */
function share({ tried, all }: Share): string {
  return `${tried} of ${all} (${((100 * tried) / Math.max(1, all)).toFixed(1)}%)`
}

/** What `--enumerate` runs again and again. */
async function sceneOf(seed: number): Promise<Scene> {
  const { clusterScene, systemScene } = await import('./enumerate.ts')
  return values.clusters ? clusterScene(seed) : systemScene(seed)
}

function named(name: string): SimMutant {
  const mutant = mutants.find((one) => one.name === name)
  if (mutant !== undefined) return mutant
  throw new Error(`there is no planted fault "${name}"; there are ${mutants.map((one) => one.name).join(', ')}`)
}
