/** All commands, in the order in which a person meets them. */
import { Command, type CommanderError } from 'commander'
import { fail, PotorooError } from '../base/errors.ts'
import { exampleText } from './examples.ts'
import { version } from './version.ts'

/** Each is read when it is asked for: most of what a worker needs is of no use to who looks at one. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import('./init.ts')).initCommand(),
  run: async () => (await import('./run.ts')).runCommand(),
  dev: async () => (await import('./dev.ts')).devCommand(),
  check: async () => (await import('./check.ts')).checkCommand(),
  explain: async () => (await import('./explain.ts')).explainCommand(),
  verify: async () => (await import('./verify.ts')).verifyCommand(),
  send: async () => (await import('./send.ts')).sendCommand(),
  receive: async () => (await import('./receive.ts')).receiveCommand(),
  up: async () => (await import('./up.ts')).upCommand(),
  worker: async () => (await import('./worker.ts')).workerCommand(),
  submit: async () => (await import('./act.ts')).submitCommand(),
  list: async () => (await import('./list.ts')).listCommand(),
  status: async () => (await import('./status.ts')).statusCommand(),
  query: async () => (await import('./query.ts')).queryCommand(),
  'key-groups': async () => (await import('./cluster-commands.ts')).keyGroupsCommand(),
  where: async () => (await import('./cluster-commands.ts')).whereCommand(),
  rebalance: async () => (await import('./rebalance.ts')).rebalanceCommand(),
  leave: async () => (await import('./cluster-commands.ts')).leaveCommand(),
  streams: async () => (await import('./streams.ts')).streamsCommand(),
  checkpoint: async () => (await import('./checkpoint.ts')).checkpointCommand(),
  savepoint: async () => (await import('./act.ts')).savepointCommand(),
  drain: async () => (await import('./act.ts')).drainCommand(),
  cancel: async () => (await import('./act.ts')).cancelCommand(),
  'dead-letters': async () => (await import('./dead-letters.ts')).deadLettersCommand(),
  doctor: async () => (await import('./doctor.ts')).doctorCommand(),
  error: async () => (await import('./error.ts')).errorCommand(),
  completion: async () => (await import('./completion.ts')).completionCommand(),
}

/** What needs all commands beside itself. */
const SURVEYS = ['help', 'completion']
/** What needs none. */
const VERSION = ['--version', '-V']

/**
 * The program with the command that `args` begin with; with all of them where they begin with none, and none for
 * `--version`.
 */
export async function makeProgram(args: readonly string[] = []): Promise<Command> {
  const program = new Command('potoroo')
    .description('Stateful stream processing: pipelines in TypeScript, exact through kill -9.')
    .version(version)
    .helpCommand('help [command]', 'show the help of a command')
    .configureHelp({ sortSubcommands: false })
    .showSuggestionAfterError()
    // It is said where all errors are, and as they are.
    .configureOutput({ outputError: () => {} })
    .exitOverride(refuse)
  for (const command of await Promise.all(wantedBy(args).map((load) => load()))) {
    inherit(program, command, command.name())
    program.addCommand(command)
  }
  return program
}

function wantedBy([name = '']: readonly string[]): readonly (() => Promise<Command>)[] {
  if (VERSION.includes(name)) return []
  const alone = Object.hasOwn(commands, name) && !SURVEYS.includes(name)
  return alone ? [commands[name]!] : Object.values(commands)
}

/** An error that says which of the commands `args` asked for, whose help says how it is used. */
export function ofCommand(error: unknown, [name = '']: readonly string[]): unknown {
  const wrong = error instanceof PotorooError && error.code === 'E_USAGE'
  return wrong && Object.hasOwn(commands, name) ? fail('E_USAGE', { ...error.details, command: name }, error) : error
}

/** Throws `E_USAGE` where the command line is wrong; help that was shown is no error of ours. */
function refuse(ended: CommanderError): never {
  const [, reason] = /^error: (.*)$/s.exec(ended.message) ?? []
  throw reason === undefined ? ended : fail('E_USAGE', { reason: reason.replaceAll('\n', ' ') })
}

/**
 * Gives the settings of `parent` to `command` and what stands below it: they were made before they had a parent.
 * `path`: its names, by which its examples are found.
 */
function inherit(parent: Command, command: Command, path: string): void {
  command.copyInheritedSettings(parent)
  command.addHelpText('after', exampleText(path))
  for (const inner of command.commands) inherit(command, inner, `${path} ${inner.name()}`)
}
