/**
 * Runs one proof: what it is called with, how it ends.
 *
 *     npm run prove -- NAME [--seed N] [--rounds N] [--mutant NAME | --mutants]
 *
 * Exit status 0 when the proof holds; its figure is on the last line. With `--mutant` a fault is planted in the worker,
 * and the proof has to fail; `--mutants` plants each in turn and holds when every one was found.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { check, type Mutant } from '../../workers/mutant.ts'

/** After this long a proof has failed, in milliseconds. What waits for one thing says sooner that it does not come. */
const LONGEST_MS = 7_200_000

export interface Run {
  readonly seed: number
  /** A folder of this run alone, removed when the proof holds. */
  readonly folder: string
  readonly mutant: Mutant | null
  /** How much is done, where the caller wants another amount than usual. */
  readonly rounds: number
  /** Aborted when the proof takes too long. */
  readonly signal: AbortSignal
}

export interface Proof {
  readonly name: string
  readonly mutants: readonly Mutant[]
  /** What is done usually, and with a mutant in place. */
  readonly rounds: number
  readonly mutantRounds: number
  /** Resolves with the figure where the proof holds, rejects with what was found otherwise. */
  run(run: Run): Promise<string>
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

export async function prove(proof: Proof): Promise<void> {
  const given = givenOf(proof)
  const holds = given.mutants ? await runMutants(proof, given.seed) : await runOnce(proof, given)
  // A pipe takes what it is given later: without this the last lines are lost behind many others.
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
  process.exit(holds ? 0 : 1)
}

/** What it was called with. */
interface Given {
  readonly seed?: number
  readonly rounds?: number
  readonly mutant?: Mutant
  readonly mutants?: true
}

function givenOf({ name, rounds, mutants }: Proof): Given {
  const planted = (wanted: string): Mutant => {
    const mutant = mutants.find((one) => one.name === wanted)
    if (mutant === undefined) throw new InvalidArgumentError(`There are ${mutants.map((one) => one.name).join(', ')}.`)
    check(mutant)
    return mutant
  }
  return new Command(`npm run prove -- ${name}`)
    .description(`Ends with status 0 where it holds; at most ${LONGEST_MS / 3_600_000} hours.`)
    .option('--seed <n>', 'what is drawn (default: anything)', whole)
    .option('--rounds <n>', `how much is done (default: ${rounds})`, whole)
    .option('--mutant <name>', `with a fault planted: ${mutants.map((one) => one.name).join(', ')}`, planted)
    .addOption(new Option('--mutants', 'once as it is, then with each fault, which it has to find').conflicts('mutant'))
    .showHelpAfterError()
    .parse()
    .opts<Given>()
}

function whole(text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It is a whole number.')
}

async function runOnce(proof: Proof, given: Given): Promise<boolean> {
  const { name } = proof
  const { mutant = null, seed = Math.floor(Math.random() * 2 ** 32) } = given
  const { rounds = mutant === null ? proof.rounds : proof.mutantRounds } = given
  const folder = mkdtempSync(join(tmpdir(), `potoroo-${name}-`))
  say(`${name}: seed ${seed}, node ${process.versions.node}${mutant === null ? '' : `, with mutant "${mutant.name}"`}`)
  const controller = new AbortController()
  const late = setTimeout(() => controller.abort(new Error(`not done after ${LONGEST_MS / 1000} s`)), LONGEST_MS)
  const aborted = once(controller.signal, 'abort').then(() => Promise.reject(controller.signal.reason))
  try {
    const run = proof.run({ seed, folder, mutant, rounds, signal: controller.signal })
    const figure = await Promise.race([run, aborted])
    rmSync(folder, { recursive: true, force: true })
    say(`${name}: holds, ${figure}`)
    return true
  } catch (error) {
    const [first = '', ...more] = (error instanceof Error ? error.message : String(error)).split('\n')
    for (const line of more) say(line)
    say(`${name}: what it left is in ${folder}`)
    say(`${name}: does not hold, ${first}`)
    return false
  } finally {
    clearTimeout(late)
  }
}

/** Runs the proof as it is, which has to hold, and then with each mutant in turn, which has to fail. */
async function runMutants({ name, mutants, mutantRounds }: Proof, seed: number | undefined): Promise<boolean> {
  const seeded = seed === undefined ? [] : ['--seed', String(seed)]
  for (const mutant of mutants) check(mutant)
  const plain = await runAgain(['--rounds', String(mutantRounds), ...seeded])
  say(plain.last)
  if (!plain.holds) return false
  let found = 0
  for (const mutant of mutants) {
    const { holds, last } = await runAgain(['--mutant', mutant.name, ...seeded])
    if (!holds) found++
    say(`${mutant.name}: ${holds ? 'NOT FOUND' : 'found'}: ${last}`)
  }
  say(`${name}: ${found} of ${mutants.length} mutants found`)
  return found === mutants.length
}

/** Runs this proof in a process of its own. */
async function runAgain(args: readonly string[]): Promise<{ readonly holds: boolean; readonly last: string }> {
  const argv = ['--conditions=source', process.argv[1]!, ...args]
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const [status] = await once(child, 'close')
  return { holds: status === 0, last: said.trimEnd().split('\n').at(-1) ?? '' }
}
