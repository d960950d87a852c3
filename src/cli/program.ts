/** All commands, in the order in which a person meets them. */
import { Command } from 'commander'
import { cancelCommand, drainCommand, savepointCommand, submitCommand } from './act.ts'
import { checkCommand } from './check.ts'
import { checkpointCommand } from './checkpoint.ts'
import { keyGroupsCommand, leaveCommand, whereCommand } from './cluster-commands.ts'
import { completionCommand } from './completion.ts'
import { deadLettersCommand } from './dead-letters.ts'
import { devCommand } from './dev.ts'
import { doctorCommand } from './doctor.ts'
import { errorCommand } from './error.ts'
import { exampleText } from './examples.ts'
import { explainCommand } from './explain.ts'
import { initCommand } from './init.ts'
import { queryCommand } from './query.ts'
import { rebalanceCommand } from './rebalance.ts'
import { receiveCommand } from './receive.ts'
import { runCommand } from './run.ts'
import { sendCommand } from './send.ts'
import { listCommand, statusCommand } from './status.ts'
import { streamsCommand } from './streams.ts'
import { upCommand } from './up.ts'
import { verifyCommand } from './verify.ts'
import { version } from './version.ts'
import { workerCommand } from './worker.ts'

export function makeProgram(): Command {
  const program = new Command('potoroo')
    .description('Stateful stream processing: pipelines in TypeScript, exact through kill -9.')
    .version(version)
    .helpCommand('help [command]', 'show the help of a command')
    .configureHelp({ sortSubcommands: false })
    .showHelpAfterError('(`potoroo help` lists the commands)')
    .showSuggestionAfterError()
    .exitOverride()
  const commands = [
    initCommand(),
    runCommand(),
    devCommand(),
    checkCommand(),
    explainCommand(),
    verifyCommand(),
    sendCommand(),
    receiveCommand(),
    upCommand(),
    workerCommand(),
    submitCommand(),
    listCommand(),
    statusCommand(),
    queryCommand(),
    keyGroupsCommand(),
    whereCommand(),
    rebalanceCommand(),
    leaveCommand(),
    streamsCommand(),
    checkpointCommand(),
    savepointCommand(),
    drainCommand(),
    cancelCommand(),
    deadLettersCommand(),
    doctorCommand(),
    errorCommand(),
    completionCommand(),
  ]
  for (const command of commands) {
    inherit(program, command, command.name())
    program.addCommand(command)
  }
  return program
}

/**
 * Gives the settings of `parent` to `command` and what stands below it: they were made before they had a parent. `path`: its
 * names, by which its examples are found.
 */
function inherit(parent: Command, command: Command, path: string): void {
  command.copyInheritedSettings(parent)
  command.showHelpAfterError('(--help shows what it takes)')
  command.addHelpText('after', exampleText(path))
  for (const inner of command.commands) inherit(command, inner, `${path} ${inner.name()}`)
}
