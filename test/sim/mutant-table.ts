/** What finds each planted fault: the first seed, and how many of those that were run, or a fault at a point. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startMutant } from '../mutant/mutant.ts'
import type { SimMutant } from './mutants/mutant.ts'
import { mutants } from './mutants.ts'

/** What a run of many seeds says with `--json`. */
export interface Tally {
  readonly ran: number
  readonly found: readonly number[]
  /** What the first of them says. */
  readonly first: string
}

export interface TableOptions {
  readonly seeds: number
  readonly from: number
  /** A fault is looked for no longer than so many seconds. */
  readonly seconds: number
  /** Processes at a time. */
  readonly jobs: number
  /** Whether to write the page. */
  readonly write: boolean
  /** The names of those to look for; empty: all. What the page says of others stays. */
  readonly only: readonly string[]
}

/** Seeds that find a fault, after which no more are run. */
const ENOUGH = 3
/** A cluster costs as much as so many systems. */
const CLUSTER_COST = 5
/** Small systems in which a fault is looked for that chance does not find. */
const ENUMERATED = '1'
const PAIRS = '100'

const program = fileURLToPath(new URL('./main.ts', import.meta.url))
const PAGE = fileURLToPath(new URL('./mutants.md', import.meta.url))

interface Fate {
  readonly found: boolean
  /** Its time was over before all seeds had been run. */
  readonly early?: boolean
  /** Of how many seeds how many found it. */
  readonly share: string
  readonly by: string
}

/** Prints what becomes of every planted fault; true when each was found that can be. */
export async function tabulate(options: TableOptions): Promise<boolean> {
  const fates = new Map<SimMutant, Fate>()
  const { only } = options
  const left = mutants.filter(({ name }) => only.length === 0 || only.includes(name))
  const work = async (): Promise<void> => {
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      const fate = await fateOf(mutant, options)
      fates.set(mutant, fate)
      // After each, so that one who has no more time has what there is.
      if (options.write) writeFileSync(PAGE, pageOf(options, fates))
      process.stdout.write(`${mutant.name.padEnd(36)} ${fate.share.padStart(10)}  ${fate.by.slice(0, 140)}\n`)
    }
  }
  await Promise.all(Array.from({ length: options.jobs }, work))
  return [...fates].every(([mutant, fate]) => fate.found || mutant.unseen !== undefined)
}

/** What finds `mutant`: chance, or, where that does not, a fault at every point of a small system. */
async function fateOf(mutant: SimMutant, { seeds, from, seconds }: TableOptions): Promise<Fate> {
  const clusters = mutant.swarm === 'clusters'
  const all = clusters ? Math.ceil(seeds / CLUSTER_COST) : seeds
  const { seed } = mutant
  const bend = mutant.bend === undefined ? [] : ['--bend', mutant.bend]
  const enough = seed === undefined ? ENOUGH : 1
  const bounds = ['--seconds', String(seconds), '--enough', String(enough)]
  const range = [...bend, '--json', '--seeds', String(all), '--from', String(seed ?? from), ...bounds]
  const chance = await tallyOf(mutant, clusters ? range : ['--alone', ...range])
  const share = `${chance.found.length} of ${chance.ran}`
  const by = (tally: Tally): string =>
    `\`${[...(clusters ? [] : ['--alone']), ...bend, tally.found[0]].join(' ')}\` ${tally.first}`
  if (chance.found.length > 0) return { found: true, share, by: by(chance) }
  if (mutant.unseen !== undefined) return { found: false, share, by: `not to be seen: ${mutant.unseen}` }
  const missed = {
    found: false,
    early: chance.ran < all,
    share,
    by: mutant.rare === undefined ? 'NOT FOUND' : `NOT FOUND: ${mutant.rare}`,
  }
  if (clusters) return missed
  const aimed = await tallyOf(mutant, [
    '--alone',
    '--enumerate',
    '--json',
    '--seeds',
    ENUMERATED,
    '--pairs',
    PAIRS,
    '--seconds',
    String(seconds),
  ])
  if (aimed.found.length === 0) return missed
  return { found: true, share, by: by(aimed) }
}

async function tallyOf(mutant: SimMutant, args: readonly string[]): Promise<Tally> {
  const { output } = await startMutant(mutant, program, args)
  try {
    return JSON.parse(output) as Tally
  } catch {
    throw new Error(`${mutant.name} does not fit the code any more, or keeps it from being loaded:\n${output}`)
  }
}

function pageOf({ seeds, from, seconds }: TableOptions, fates: ReadonlyMap<SimMutant, Fate>): string {
  const before = rowsOf(existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '')
  const rows = mutants.flatMap((mutant) => {
    const { name, file } = mutant
    const fate = fates.get(mutant)
    const known = before.get(name)
    // What was found once is not unsaid by a search that was cut short.
    if (fate === undefined || (fate.early && known !== undefined)) return known ?? []
    return `| ${name} | \`${file}\` | ${fate.share} | ${fate.by.replaceAll(/[|\n]/g, ' ').slice(0, 160)} |`
  })
  return `# What finds the planted faults

Written by \`npm run sim -- --mutants [NAME …] --seeds ${seeds} --seconds ${seconds} --write\`: of the systems of one worker, or a fifth as many
clusters, from seed ${from} on, ended after ${ENOUGH} that find it or ${seconds} seconds, how many find each fault, and what the first of them says:
\`npm run sim -- --mutant FAULT\` with what stands before that runs it again. A fault that was not found before its time was over keeps
the row of an earlier run. What needs a configuration that seeds draw too seldom is looked for in one that is bent towards it
(\`--bend\`, \`bends.ts\`); some are looked for from a seed on that found them once, until one
does. What no system finds is looked for by every single fault of a small one, and by pairs of them (\`--enumerate\`, \`--fault\`).

| fault | planted in | seeds | found by |
|---|---|---|---|
${rows.join('\n')}
`
}

/** The rows of a page, by the name of their fault. */
function rowsOf(page: string): ReadonlyMap<string, string> {
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| fault'))
  return new Map(rows.map((row) => [row.split('|')[1]!.trim(), row]))
}
