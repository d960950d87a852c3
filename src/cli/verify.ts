/**
 * `potoroo verify FILE`: whether the steps of a pipeline depend on nothing but their input, tried out on the simulated
 * world. Ends with the status of a wrong pipeline where a step does.
 */
import { existsSync, readFileSync } from 'node:fs'
import { Command } from 'commander'
import { fail } from '../base/errors.ts'
import { Assembler } from '../connectors/assembler.ts'
import { lines, WHOLE_MESSAGES } from '../model/framing.ts'
import type { Graph } from '../model/graph.ts'
import type { Impurity } from '../sim/purity.ts'
import type { Verdict } from '../sim/verify.ts'
import { EXIT_WRONG } from './exit.ts'
import { collect, collectPairs, loadGraph } from './load.ts'
import { wholeNumber } from './numbers.ts'
import { limitsHere } from './settings.ts'
import { counted, print, printJson, say } from './terminal.ts'

interface Options {
  readonly input: string[]
  readonly runs: string
  readonly seed: string
  readonly param?: Record<string, string>
  readonly json?: true
}

const RUNS_MAX = 100_000

export function verifyCommand(): Command {
  return new Command('verify')
    .description(
      'run a pipeline many times through simulated crashes and say which steps depend on more than their input',
    )
    .argument('<file>', 'a pipeline file')
    .requiredOption(
      '--input <file>',
      'records, as a source reads them, or a line for each message; `source=file` where there are several',
      collect,
    )
    .option('--runs <count>', 'how often', '20')
    .option('--seed <number>', 'makes the crashes; the same seed, the same ones', '1')
    .option('--param <name=value>', 'a parameter of the pipeline; may be repeated', collectPairs)
    .option('--json', 'as JSON')
    .action(async (file: string, options: Options) => {
      const { pipeline, graph } = await loadGraph(file, options.param)
      const runs = wholeNumber('--runs', options.runs, RUNS_MAX)
      const seed = wholeNumber('--seed', options.seed, Number.MAX_SAFE_INTEGER)
      // The simulated world is read here alone, so that no other command waits for it.
      const [{ verify }, { raw }] = await Promise.all([import('../sim/verify.ts'), import('../sim/script.ts')])
      const inputs = readInputs(graph, options.input, raw)
      const { verifyCalls } = limitsHere()
      const limits = { verifyCalls }
      const terminal = process.stderr.isTTY === true
      const progress = (done: number) => {
        if (terminal) process.stderr.write(`\r\x1b[K${done} of ${counted(runs, 'run')}`)
      }
      const verdict = await verify(pipeline, { inputs, runs, seed, parameters: graph.parameters, limits, progress })
      if (terminal) process.stderr.write('\r\x1b[K')
      if (options.json) printJson(verdict)
      else show(verdict)
      if (verdict.impurities.length > 0) process.exitCode = EXIT_WRONG
    })
}

/** The bytes for each source: of `source=file`, or of a file alone where there is one source. */
function readInputs(
  { steps }: Graph,
  given: readonly string[],
  raw: (bytes: Buffer) => unknown,
): Record<string, Iterable<unknown>> {
  const framings = new Map(
    steps.flatMap((step) => (step.kind === 'source' ? [[step.name, step.source.framing.kind] as const] : [])),
  )
  const sources = [...framings.keys()]
  const inputs: Record<string, Iterable<unknown>> = {}
  for (const one of given) {
    const source = sources.find((name) => one.startsWith(`${name}=`)) ?? (sources.length === 1 ? sources[0]! : null)
    const refuse = (what: string): never => {
      const reason = `--input ${one}: ${what}; write source=file, with a source of ${sources.join(', ')}`
      throw fail('E_USAGE', { reason })
    }
    if (source === null) return refuse('it names no source')
    const named = one.startsWith(`${source}=`)
    // A path may have such a character too, so it is a name of a source only where there is no such file.
    const other = /^([^/=]+)=/.exec(one)?.[1]
    if (!named && other !== undefined && !existsSync(one)) refuse(`there is no source "${other}"`)
    const bytes = readInput(named ? one.slice(source.length + 1) : one)
    inputs[source] = framings.get(source) === WHOLE_MESSAGES ? linesOf(bytes).map(raw) : [raw(bytes)]
  }
  return inputs
}

/** The lines of a file, each of which is a message, as it is for `send`. */
function linesOf(file: Buffer): readonly Buffer[] {
  const messages: Buffer[] = []
  const assembler = new Assembler(lines(), file.length, (bytes, { starts, ends, count }) => {
    for (let i = 0; i < count; i++) messages.push(Buffer.from(bytes.subarray(starts[i], ends[i])))
  })
  assembler.push(file)
  assembler.finish()
  return messages
}

function readInput(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw fail('E_FILE', { operation: 'read', path, reason: (error as Error).message }, error)
  }
}

function show(verdict: Verdict): void {
  const { pipeline, runs, restarts, compared, unknown, deadLetters, firstLetter, impurities } = verdict
  const what = `${pipeline}: ${counted(runs, 'run')}, ${counted(restarts, 'restart')}, ${counted(compared, 'call')} compared`
  if (unknown > 0)
    say(`${counted(unknown, 'call')} not compared: so many inputs are remembered and no more (verifyCalls)`)
  if (deadLetters > 0)
    say(
      `${counted(deadLetters, 'record')} did not get through, so steps behind were not tried with them; ${firstLetter}`,
    )
  if (compared === 0) return print(`${what}: nothing was repeated, so nothing is known`)
  if (impurities.length === 0) return print(`${what}: every step answers the same to the same input`)
  print(
    `${what}: ${counted(impurities.length, 'step')} ${impurities.length === 1 ? 'depends' : 'depend'} on more than the input`,
  )
  for (const impurity of impurities) print(showImpurity(impurity))
}

function showImpurity({ step, fn, input, first, second }: Impurity): string {
  return `\n  ${step} (${fn})\n    was given     ${input}\n    and answered  ${first}\n    and then      ${second}`
}
