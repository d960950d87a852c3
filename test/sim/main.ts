/**
 * Simulated systems on the command line:
 *
 *     npm run sim -- SEED                     one system, with its log
 *     npm run sim -- SEED SEED …              those systems, of which those are printed in which something is wrong
 *     npm run sim -- --seeds N [--from SEED]  N systems; with --seconds S as many as can be run in S seconds
 *     npm run sim -- --enumerate [--seeds N] [--pairs P]  small systems, with a fault at each point, and P pairs of faults
 *                                             (kills, losses of power, stops: --blow kill for one kind)
 *     npm run sim -- SEED --fault kill:17     the small system of that seed, with those faults, and its log
 *     npm run sim -- --clusters …             the same of whole clusters: SEED, SEED SEED …, --seeds N
 *     npm run sim -- --mutant NAME …          the same with a fault planted in the engine
 *     npm run sim -- --mutants [--seeds N]    every planted fault: the first seed that finds it, and how many of N do;
 *                                             with --write into mutants.md
 */
import { writeFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runMutant } from '../mutant/mutant.ts'
import type { ClusterResult } from './clusters/cluster.ts'
import { mutants, type SimMutant } from './mutants.ts'
import type { Result } from './system.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string' },
    seconds: { type: 'string', default: 'Infinity' },
    from: { type: 'string', default: '1' },
    mutant: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    enumerate: { type: 'boolean', default: false },
    pairs: { type: 'string', default: '300' },
    blow: { type: 'string' },
    fault: { type: 'string' },
    enough: { type: 'string', default: 'Infinity' },
    write: { type: 'boolean', default: false },
    clusters: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const from = Number(values.from)
/** Seeds that find something, after which a count ends. */
const enough = Number(values.enough)
/** Seeds that find a planted fault, after which no more are run. */
const ENOUGH = 5
/** Small systems in which a fault is looked for that chance does not find. */
const ENUMERATED = 1

const program = fileURLToPath(import.meta.url)
// A child finds `potoroo` as this process does: in the sources.
process.env.NODE_OPTIONS = '--conditions=source'

interface Tally {
  readonly ran: number
  readonly found: readonly number[]
  readonly first: string
}

if (values.mutants) {
  process.exitCode = tabulate(Number(values.seeds ?? 100)) ? 0 : 1
} else if (values.mutant !== undefined) {
  const args = process.argv.slice(2).filter((argument, i, all) => argument !== '--mutant' && all[i - 1] !== '--mutant')
  const { status, output } = runMutant(named(values.mutant), program, args)
  process.stdout.write(output)
  process.exitCode = status ?? 1
} else if (values.enumerate) {
  await enumerateMany(Number(values.seeds ?? 3))
} else if (positionals.length === 1) {
  await replay(Number(positionals[0]))
} else if (positionals.length > 1) {
  await runMany(positionals.map(Number))
} else {
  await runMany(Array.from({ length: Number(values.seeds ?? 100) }, (_, i) => from + i))
}

/** What a seed is run by. */
async function runner(): Promise<(seed: number) => Result | ClusterResult> {
  if (values.clusters) return (await import('./clusters/cluster.ts')).runCluster
  return (await import('./system.ts')).runSystem
}

async function replay(seed: number): Promise<void> {
  const { faultsFrom, replayFaults } = await import('./enumerate.ts')
  const run = await runner()
  const result = values.fault === undefined ? run(seed) : replayFaults(seed, faultsFrom(values.fault))
  const { log, complaints, ...figures } = result
  process.stdout.write(`${log.join('\n')}\n${JSON.stringify(figures, null, 2)}\n`)
  for (const complaint of complaints) process.stdout.write(`WRONG ${complaint}\n`)
  if (complaints.length === 0) process.stdout.write('nothing is wrong\n')
  process.exitCode = complaints.length === 0 ? 0 : 1
}

async function runMany(seeds: readonly number[]): Promise<void> {
  const run = await runner()
  // What engine and seams throw and catch by the thousand needs no stacks; a seed that finds something is run again.
  Error.stackTraceLimit = 0
  const found: number[] = []
  let first = ''
  let [records, lives, ran, refused, generations] = [0, 0, 0, 0, 0]
  const begin = performance.now()
  const before = process.cpuUsage()
  const end = performance.now() + 1000 * Number(values.seconds)
  for (const seed of seeds) {
    if (performance.now() > end || found.length === enough) break
    const { complaints, what, ...figures } = run(seed)
    ran++
    records += figures.records
    lives += figures.lives
    if ('refused' in figures && figures.refused) refused++
    if ('generations' in figures) generations += figures.generations
    if (complaints.length === 0) continue
    found.push(seed)
    if (first === '') first = complaints[0]!.slice(0, 200)
    if (values.json) continue
    process.stdout.write(`seed ${seed}: ${what}\n${complaints.map((one) => `  WRONG ${one}\n`).join('')}`)
  }
  if (values.json) {
    process.stdout.write(JSON.stringify({ ran, found, first } satisfies Tally))
    return
  }
  const { user, system } = process.cpuUsage(before)
  const average = (sum: number): string => (sum / ran).toFixed(1)
  const cpuMs = average((user + system) / 1000)
  const rate = ((1000 * ran) / (performance.now() - begin)).toFixed(1)
  const what = values.clusters
    ? `clusters from seed ${seeds[0]} on, each with ${average(records)} records, ${average(lives)} lives of its workers ` +
      `and ${average(generations)} generations, in ${cpuMs} ms of CPU, ${rate} per second`
    : `systems from seed ${seeds[0]} on, each with ${average(records)} records and ${average(lives)} lives of its ` +
      `worker, in ${cpuMs} ms of CPU; ${refused} refused to lose something`
  process.stdout.write(`${ran} ${what}; ${found.length} of them wrong\n`)
  process.exitCode = found.length === 0 ? 0 : 1
}

async function enumerateMany(seeds: number): Promise<void> {
  const { allBlows, enumerate, showFaults } = await import('./enumerate.ts')
  const blows = allBlows.filter((blow) => values.blow === undefined || values.blow === blow)
  Error.stackTraceLimit = 0
  const hit: number[] = []
  let first = ''
  let wrong = 0
  const end = performance.now() + 1000 * Number(values.seconds)
  for (let seed = from; seed < from + seeds && performance.now() < end; seed++) {
    const { what, points, singles, pairs, allPairs, found } = enumerate(seed, Number(values.pairs), blows)
    wrong += found.length
    if (found.length > 0) hit.push(seed)
    if (found.length > 0 && first === '') {
      first = `--fault ${showFaults(found[0]!.faults)}: ${found[0]!.result.complaints[0]!.slice(0, 200)}`
    }
    if (values.json) continue
    process.stdout.write(
      `seed ${seed}: ${what}: ${points} points, ${singles} single faults, ${pairs} of ${allPairs} pairs; ` +
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

/** Prints what becomes of every planted fault; true when each was found that can be. */
function tabulate(seeds: number): boolean {
  let all = true
  const rows: string[] = []
  for (const mutant of mutants) {
    const fate = fateOf(mutant, seeds)
    if (!fate.found && mutant.unseen === undefined) all = false
    process.stdout.write(`${mutant.name.padEnd(32)} ${fate.share.padStart(10)}  ${fate.by.slice(0, 140)}\n`)
    rows.push(`| ${mutant.name} | \`${mutant.file}\` | ${fate.share} | ${fate.by.replaceAll('|', ' ').slice(0, 160)} |`)
  }
  if (values.write) writeFileSync(fileURLToPath(new URL('./mutants.md', import.meta.url)), page(seeds, rows))
  return all
}

interface MutantFate {
  readonly found: boolean
  /** Of how many seeds how many found it. */
  readonly share: string
  readonly by: string
}

/** What finds `mutant`: chance, or, where that does not, a fault at every point of a few small systems. */
function fateOf(mutant: SimMutant, seeds: number): MutantFate {
  const args = ['--json', '--seeds', String(seeds), '--from', String(from), '--enough', String(ENOUGH)]
  const { ran, found, first } = tallyOf(runMutant(mutant, program, args).output)
  const share = `${found.length} of ${ran}`
  if (found.length > 0) return { found: true, share, by: `seed ${found[0]}: ${first}` }
  if (mutant.unseen !== undefined) return { found: false, share, by: `not to be seen: ${mutant.unseen}` }
  const targeted = runMutant(mutant, program, [
    '--enumerate',
    '--json',
    '--seeds',
    String(ENUMERATED),
    '--pairs',
    '100',
  ])
  const hit = tallyOf(targeted.output)
  if (hit.found.length > 0) return { found: true, share, by: `enumeration of seed ${hit.found[0]}: ${hit.first}` }
  return { found: false, share, by: 'NOT FOUND' }
}

function page(seeds: number, rows: readonly string[]): string {
  const command = `npm run sim -- --mutants --seeds ${seeds} --from ${from} --write`
  return `# What finds the planted faults

Written by \`${command}\`: of up to ${seeds} seeds from ${from} on, ended after
${ENOUGH} that find it, how many find each fault, and what the first of them says. What none of them finds is looked for by every single fault of a small system (\`--enumerate\`).

| fault | planted in | seeds | found by |
|---|---|---|---|
${rows.join('\n')}
`
}

function tallyOf(output: string): Tally {
  try {
    return JSON.parse(output) as Tally
  } catch {
    throw new Error(`a planted fault does not fit the code any more, or keeps it from being loaded:\n${output}`)
  }
}

function named(name: string): SimMutant {
  const mutant = mutants.find((one) => one.name === name)
  if (mutant !== undefined) return mutant
  throw new Error(`there is no planted fault "${name}"; there are ${mutants.map((one) => one.name).join(', ')}`)
}
