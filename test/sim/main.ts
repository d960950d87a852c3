/**
 * Simulated clusters on the command line, in as many processes as there are processors: `npm run sim -- --help` says
 * what can be asked of it (`options.ts`).
 *
 * M1. Whatever finds something is printed with the command that runs it again.
 */
import { enableCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { showMutant } from '../mutant/mutant.ts'
import { corpusOf } from './corpus.ts'
import type { Scene, Share } from './enumerate.ts'
import { type Tally, tabulate } from './mutant-table.ts'
import { optionsOf } from './options.ts'
import { Progress } from './progress.ts'
import { add, type Finding, noSums, type Runs, runnerOf, runSeeds, type Sums, shareSeeds } from './runs.ts'

/** So few seeds are run in this process. */
const FEW = 20
/** Findings that are shown of each seed whose points are tried. */
const SHOWN = 10

const program = fileURLToPath(import.meta.url)
// A child finds `potoroo` as this process does: in the sources.
process.env.NODE_OPTIONS = '--conditions=source'
// And finds what another one has compiled: there is one for each planted fault.
const compiled = (process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'potoroo-compiled'))
// What runs seeds in this process is read from there too.
enableCompileCache(compiled)

/** For how long a fault is looked for where nobody has said it, in seconds. */
const EACH_FAULT = 240

const args = process.argv.slice(2)
const options = await optionsOf(args)
const { task, what, seeds, seconds, jobs, json, mutant } = options
const { kind } = what
const first = seeds[0]!

if (mutant !== null && process.env.POTOROO_MUTANT === undefined) {
  // Again, in a process that has the fault in it.
  process.exitCode = await showMutant(mutant, program, args)
} else {
  const tasks = { replay, many, corpus, twice, enumerate: enumerateAll, mutants: table }
  process.exitCode = (await tasks[task]()) ? 0 : 1
}

/** One seed, with its log; whether nothing is wrong, as with all of these. */
async function replay(): Promise<boolean> {
  const { replayFaults } = await import('./enumerate.ts')
  const run = await runnerOf(what)
  const { faults } = options
  const result = await (faults === null ? run(first) : replayFaults(await sceneOf(first), faults))
  if (result === null) {
    process.stderr.write(`seed ${first} draws nothing that --bend ${what.bend} could bend: take another one\n`)
    return false
  }
  const { log, complaints, ...figures } = result
  process.stdout.write(`${log.join('\n')}\n${JSON.stringify(figures, null, 2)}\n`)
  for (const complaint of complaints) process.stdout.write(`WRONG ${complaint}\n`)
  if (complaints.length === 0) process.stdout.write('nothing is wrong\n')
  return complaints.length === 0
}

async function many(): Promise<boolean> {
  const bound = { enough: options.enough, seconds }
  if (json) {
    const { ran, found } = await runSeeds(what, seeds, bound)
    tell({ ran, found: found.map(({ seed }) => seed), first: found[0]?.complaints[0] ?? '' })
    return found.length === 0
  }
  const timed = Number.isFinite(seconds)
  const progress = new Progress(timed ? kind : `of ${seeds.length} ${kind}`)
  process.stderr.write(`${timed ? `${seconds} seconds of` : seeds.length} ${kind} from seed ${first} on\n`)
  const begin = performance.now()
  const heard = {
    found: (finding: Finding) => {
      progress.clear()
      show(finding, what)
    },
    ran: (sums: Sums) => progress.show(sums),
  }
  const alone = seeds.length < FEW || jobs === 1
  const sums = await (alone ? runSeeds(what, seeds, bound, heard) : shareSeeds(what, seeds, jobs, bound, heard))
  progress.clear()
  summarize(sums, `from seed ${first} on`, performance.now() - begin)
  return sums.found.length === 0
}

/** All that have found something, in this process: most of them are small, and code is compiled once. */
async function corpus(): Promise<boolean> {
  const sums = noSums()
  const begin = performance.now()
  let pinnedSeeds = 0
  for (const [runs, pinned] of corpusOf(kind)) {
    pinnedSeeds += pinned.length
    const heard = { found: (finding: Finding) => show(finding, runs), ran: () => {} }
    add(sums, await runSeeds(runs, pinned, { enough: options.enough, seconds }, heard))
  }
  summarize(sums, 'that have found something', performance.now() - begin)
  const missed = pinnedSeeds - sums.ran
  if (sums.found.length === 0 && missed > 0)
    process.stdout.write(`${missed} of them draw nothing any more that their bends could bend\n`)
  return sums.found.length === 0 && missed === 0
}

function summarize(sums: Sums, which: string, ms: number): void {
  const { ran, records, lives, generations, reads, refused, cpuMs, found } = sums
  const average = (sum: number): string => (sum / Math.max(1, ran)).toFixed(1)
  const each =
    kind === 'clusters'
      ? `each with ${average(records)} records, ${average(lives)} lives of its workers, ${average(generations)} generations and ${average(reads)} answers to readers`
      : `each with ${average(records)} records and ${average(lives)} lives of its worker`
  process.stdout.write(
    `${ran} ${kind} ${which}, ${each}, ${refused} refused to lose something, in ${average(cpuMs)} ms of CPU, ${((1000 * ran) / ms).toFixed(1)} per second; ` +
      `${found.length} of them wrong\n`,
  )
}

async function twice(): Promise<boolean> {
  const { differing } = await import('./twice.ts')
  const differ = await differing(what, seeds)
  const alike = seeds.length - differ.length
  const others = differ.length === 0 ? '' : `; not ${differ.slice(0, FEW).join(', ')}`
  process.stdout.write(
    `${alike} of ${seeds.length} ${kind} from seed ${first} on run alike in two processes${others}\n`,
  )
  return differ.length === 0
}

async function enumerateAll(): Promise<boolean> {
  const { allBlows, clusterBlows, enumerate, showFaults } = await import('./enumerate.ts')
  const { blow, pairs, part } = options
  const blows = (kind === 'clusters' ? clusterBlows : allBlows).filter((one) => blow === null || one === blow)
  Error.stackTraceLimit = 0
  const hit: number[] = []
  let says = ''
  const begin = performance.now()
  for (const [i, seed] of seeds.entries()) {
    // Each has its share of the time, and what those before have left of theirs.
    const end = begin + (1000 * seconds * (i + 1)) / seeds.length
    const goesOn = (): boolean => performance.now() < end
    const bounds = { pairs, part: part[0], of: part[1], goesOn }
    const { what, points, singles, pairs: twos, found } = await enumerate(await sceneOf(seed), blows, bounds)
    if (found.length > 0) hit.push(seed)
    if (says === '' && found.length > 0) {
      says = `--fault ${showFaults(found[0]!.faults)}: ${found[0]!.result.complaints[0]!}`
    }
    if (json) continue
    process.stdout.write(
      `seed ${seed}: ${what}: ${points} points, ${share(singles)} single faults, ${share(twos)} pairs; ` +
        `${found.length} wrong\n`,
    )
    for (const { faults, points, result } of found.slice(0, SHOWN)) {
      process.stdout.write(
        `  ${commandOf(seed, options.what)} --fault ${showFaults(faults)}   (${points.join(', then ')})\n`,
      )
      for (const complaint of result.complaints) process.stdout.write(`    WRONG ${complaint.slice(0, 300)}\n`)
    }
  }
  if (json) tell({ ran: seeds.length, found: hit, first: says })
  return hit.length === 0
}

function table(): Promise<boolean> {
  const { names, write } = options
  const each = Number.isFinite(seconds) ? seconds : EACH_FAULT
  return tabulate({ seeds: seeds.length, from: first, seconds: each, jobs, write, only: names })
}

function tell({ first, ...tally }: Tally): void {
  process.stdout.write(JSON.stringify({ ...tally, first: first.slice(0, 200) } satisfies Tally))
}

function show({ seed, what, complaints }: Finding, runs: Runs): void {
  const wrong = complaints.map((one) => `  WRONG ${one}\n`).join('')
  process.stdout.write(`${commandOf(seed, runs)}   finds something in ${what}\n${wrong}`)
}

/** What runs `seed` again, with its log (M1). */
function commandOf(seed: number, { kind, bend }: Runs): string {
  const alone = kind === 'clusters' ? '' : ' --alone'
  const bent = bend === null ? '' : ` --bend ${bend}`
  const planted = mutant === null ? '' : ` --mutant ${mutant.name}`
  return `npm run sim --${alone}${bent}${planted} ${seed}`
}

/** `30 of 120 (25%)`. */
function share({ tried, all }: Share): string {
  return `${tried} of ${all} (${((100 * tried) / Math.max(1, all)).toFixed(1)}%)`
}

/** What `--enumerate` runs again and again. */
async function sceneOf(seed: number): Promise<Scene> {
  const { clusterScene, systemScene } = await import('./enumerate.ts')
  return kind === 'clusters' ? clusterScene(seed) : systemScene(seed)
}
