/**
 * The command line of the simulator: what can be asked of it, and what was.
 *
 * O1. What does not fit together is refused before anything runs, with what would fit.
 */
import { availableParallelism } from 'node:os'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Fault } from './enumerate.ts'
import type { SimMutant } from './mutants/mutant.ts'
import { mutants } from './mutants.ts'
import type { Runs } from './runs.ts'
import type { Blow } from './system.ts'

/** What is done with seeds; `replay` is one of them, with its log. */
type Task = 'replay' | 'many' | 'corpus' | 'twice' | 'enumerate' | 'mutants'

export interface Options {
  readonly task: Task
  readonly what: Runs
  /** The seeds that were named, or so many from one on. */
  readonly seeds: readonly number[]
  readonly seconds: number
  readonly jobs: number
  /** Seeds that find something, after which there are no more. */
  readonly enough: number
  readonly json: boolean
  /** What is planted in the engine. */
  readonly mutant: SimMutant | null
  /** Where something happens in the run that is replayed; `null`: as its seed draws it. */
  readonly faults: readonly Fault[] | null
  readonly pairs: number
  /** The Kth of N parts. */
  readonly part: readonly [k: number, n: number]
  readonly blow: Blow | null
  /** Planted faults that are looked for; empty: all. */
  readonly names: readonly string[]
  readonly write: boolean
}

/** The options as they are written. */
interface Given {
  readonly seeds?: number
  readonly from?: number
  readonly fresh?: true
  readonly seconds?: number
  readonly jobs: number
  readonly enough?: number
  readonly alone?: true
  readonly corpus?: true
  readonly bend?: string
  readonly mutant?: SimMutant
  readonly fault?: string
  readonly enumerate?: true
  readonly pairs: number
  readonly part: readonly [number, number]
  readonly blow?: Blow
  readonly twice?: true
  readonly mutants?: true
  readonly write?: true
  readonly json?: true
}

/** Fresh seeds are far from those that were run by hand, and so many for each minute. */
const FRESH = 1_000_000_000
const A_MINUTE = 100
/** How long a run takes of which nobody has said how many seeds it has, in seconds. */
const A_WHILE = 60
/** More than any machine runs in a second. */
const A_SECOND = 1000
const MANY = 100
/** Small clusters or systems whose points are tried. */
const ENUMERATED = 3

/** How each task is asked for. */
const asked: Readonly<Record<Task, string>> = {
  replay: 'one SEED',
  many: 'many seeds',
  corpus: '--corpus',
  twice: '--twice',
  enumerate: '--enumerate',
  mutants: '--mutants',
}

/** What each option goes with (O1). */
const fits: Readonly<Partial<Record<keyof Given, readonly Task[]>>> = {
  seeds: ['many', 'twice', 'enumerate', 'mutants'],
  from: ['many', 'twice', 'enumerate', 'mutants'],
  fresh: ['many', 'twice', 'enumerate'],
  seconds: ['many', 'enumerate', 'mutants'],
  jobs: ['many', 'mutants'],
  enough: ['many', 'corpus'],
  alone: ['replay', 'many', 'corpus', 'twice', 'enumerate'],
  bend: ['replay', 'many', 'twice'],
  mutant: ['replay', 'many', 'corpus', 'enumerate'],
  fault: ['replay'],
  pairs: ['enumerate'],
  part: ['enumerate'],
  blow: ['enumerate'],
  write: ['mutants'],
  json: ['many', 'enumerate'],
}

const EXAMPLES = `
Examples:
  npm run sim                                clusters that nobody has run, for a minute
  npm run sim -- --seeds 2000                two thousand clusters, from seed 1 on
  npm run sim -- --corpus                    those that have found something, each as it did
  npm run sim -- 4711                        cluster 4711, with its log
  npm run sim -- --bend readers 12           a cluster in a configuration that is bent towards something (clusters/bends.ts)
  npm run sim -- --alone --seeds 2000        systems of one worker (bends.ts): what one can show costs a fifth there
  npm run sim -- --enumerate --seconds 60    small clusters, with a fault at each point, and pairs of faults
  npm run sim -- 1 --fault kill:17,cut:3     the first of them with these faults, and its log
  npm run sim -- --mutant nobody-appointed … any of it with a fault planted in the engine (mutants.ts)
  npm run sim -- --mutants --seconds 25      what finds each planted fault, and how often (mutants.md)

A run is a function of its seed: whatever finds something is printed with the command that runs it again.`

/** The command by which the simulator is run. */
export function simCommand(): Command {
  return new Command('npm run sim --')
    .description('Whole clusters of the real code in one process, under weather, each a function of its seed.')
    .argument('[SEED...]', 'run these; one is shown with its log')
    .option('--seeds <n>', 'run so many', whole(1))
    .option('--from <seed>', 'from this one on (default: 1)', whole(0))
    .addOption(new Option('--fresh', 'from one on that the clock gives, and nobody has run').conflicts('from'))
    .option('--seconds <s>', 'begin no more after so long', whole(0))
    .option('--jobs <n>', 'share them out among so many processes', whole(1), availableParallelism())
    .option('--enough <n>', 'end after so many that find something', whole(1))
    .option('--alone', 'systems of one worker instead of clusters')
    .addOption(
      new Option('--corpus', 'all that have found something (seeds.json, clusters/seeds.json)').conflicts([
        ...['twice', 'enumerate', 'mutants'],
      ]),
    )
    .option('--bend <name>', 'in a configuration that is bent towards something')
    .option('--mutant <name>', 'with this fault planted in the engine', planted)
    .addOption(new Option('--twice', 'each in two processes: which do not run alike?').conflicts('enumerate'))
    .option('--enumerate', 'small ones, with a fault at each of their points')
    .option('--pairs <n>', 'and so many pairs of faults', whole(0), 300)
    .addOption(
      new Option('--part <k/n>', 'the kth of n parts, from 0, which together are all')
        .default([0, 1], '0/1')
        .argParser(partOf),
    )
    .addOption(new Option('--blow <kind>', 'faults of one kind only').choices(['kill', 'power', 'stop', 'cut']))
    .option('--fault <faults>', 'with these faults, as --enumerate prints them')
    .addOption(
      new Option('--mutants', 'look for every planted fault, or for those that are named').conflicts([
        ...['enumerate', 'twice', 'mutant'],
      ]),
    )
    .option('--write', 'and write down what finds them')
    .option('--json', 'the outcome for a program')
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(clusters run where nothing else is said; npm run sim -- --help)')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, '')) })
}

/** What `args` ask for; ends the process with a word about it where they make no sense. */
export async function optionsOf(args: readonly string[], command = simCommand()): Promise<Options> {
  command.parse(args, { from: 'user' })
  const given = command.opts<Given>()
  const task = taskOf(given, command.args)
  for (const option of Object.keys(given) as (keyof Given)[]) {
    const tasks = fits[option] ?? []
    if (command.getOptionValueSource(option) === 'default' || fits[option] === undefined || tasks.includes(task))
      continue
    command.error(`--${option} goes with ${tasks.map((one) => asked[one]).join(', ')}`)
  }
  const what: Runs = { kind: given.alone ? 'systems' : 'clusters', bend: given.bend ?? null }
  await checkBend(what, command)
  const { seconds, count, from } = boundsOf(given, task)
  const names = task === 'mutants' ? command.args : []
  for (const name of names)
    if (!mutants.some((one) => one.name === name))
      command.error(`there is no planted fault "${name}"; mutants.ts has them`)
  if (task !== 'mutants' && given.seeds !== undefined && command.args.length > 0)
    command.error('either --seeds or the seeds themselves')
  if (task === 'corpus' && command.args.length > 0) command.error('--corpus has its seeds')
  const {
    jobs,
    enough = Number.POSITIVE_INFINITY,
    pairs,
    part,
    blow = null,
    mutant = null,
    fault,
    json = false,
    write = false,
  } = given
  const seeds =
    task === 'mutants' || command.args.length === 0
      ? Array.from({ length: count }, (_, i) => from + i)
      : command.args.map((text) => seedOf(text, command))
  const faults = fault === undefined ? null : await faultsOf(fault, command)
  return { task, what, seeds, seconds, jobs, enough, json, mutant, faults, pairs, part, blow, names, write }
}

function taskOf({ mutants, enumerate, twice, corpus }: Given, seeds: readonly string[]): Task {
  if (mutants) return 'mutants'
  if (enumerate) return 'enumerate'
  if (twice) return 'twice'
  if (corpus) return 'corpus'
  return seeds.length === 1 ? 'replay' : 'many'
}

/**
 * How many seeds, from which one on, and for how long. Of those that are known by name, each is run, however slow the
 * machine is.
 */
function boundsOf(given: Given, task: Task): { seconds: number; count: number; from: number } {
  const isTimed = given.seeds === undefined && task !== 'mutants' && task !== 'corpus'
  const { seeds, seconds = isTimed ? A_WHILE : Number.POSITIVE_INFINITY } = given
  // Nobody has said anything: what nobody has run.
  const idle = seeds === undefined && given.from === undefined && task === 'many'
  const from = given.fresh || idle ? FRESH + A_MINUTE * Math.floor(Date.now() / 60_000) : (given.from ?? 1)
  return { seconds, count: seeds ?? usual(task), from }
}

/** Of how many seeds a task is, where nobody says so and its time allows. */
function usual(task: Task): number {
  if (task === 'enumerate') return ENUMERATED
  return task === 'many' ? A_WHILE * A_SECOND : MANY
}

async function checkBend({ kind, bend }: Runs, command: Command): Promise<void> {
  if (bend === null) return
  const [{ bends }, { clusterBends }] = await Promise.all([import('./bends.ts'), import('./clusters/bends.ts')])
  const [here, elsewhere] = kind === 'clusters' ? [clusterBends, bends] : [bends, clusterBends]
  if (Object.hasOwn(here, bend)) return
  const other = kind === 'clusters' ? 'there is one for --alone' : 'there is one without --alone'
  const remedy = Object.hasOwn(elsewhere, bend) ? other : `there are ${Object.keys(here).join(', ')}`
  command.error(`there is no bend "${bend}" of ${kind}: ${remedy}`)
}

async function faultsOf(text: string, command: Command): Promise<readonly Fault[]> {
  const { faultsFrom } = await import('./enumerate.ts')
  return faultsFrom(text) ?? command.error(`"${text}" are no faults, such as kill:17 or kill:17,power:3`)
}

function seedOf(text: string, command: Command): number {
  return numberFrom(text, 0) ?? command.error(`"${text}" is no seed: seeds are whole numbers`)
}

function planted(name: string): SimMutant {
  const mutant = mutants.find((one) => one.name === name)
  if (mutant !== undefined) return mutant
  throw new InvalidArgumentError(`There are ${mutants.map((one) => one.name).join(', ')}.`)
}

function whole(least: number): (text: string) => number {
  return (text) => {
    const number = numberFrom(text, least)
    if (number !== null) return number
    throw new InvalidArgumentError(`It is a whole number, ${least} or more.`)
  }
}

function numberFrom(text: string, least: number): number | null {
  const number = Number(text)
  return /^\d+$/.test(text) && number >= least && number <= Number.MAX_SAFE_INTEGER ? number : null
}

function partOf(text: string): readonly [number, number] {
  const [, k, n] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number)
  if (n !== undefined && k! < n) return [k!, n]
  throw new InvalidArgumentError('It is the number of a part, from 0, and of how many: 0/4, 1/4, 2/4, 3/4.')
}
