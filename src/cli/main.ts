/** The command line: runs what was asked for and ends the process with its status. */
import { CommanderError } from 'commander'
import { EXIT_DONE, EXIT_WRONG, exitStatusOf } from './exit.ts'
import { makeProgram } from './program.ts'
import { ofWhom } from './stray.ts'
import { sayError } from './terminal.ts'

// What is thrown where nobody waits for it, in the loop of a worker.
process.on('uncaughtException', (error: NodeJS.ErrnoException) => {
  // Who read our output has had enough, as `| head` has.
  if (error.code === 'EPIPE') process.exit(EXIT_DONE)
  const told = ofWhom(error)
  sayError(told)
  process.exit(exitStatusOf(told))
})

process.exitCode = await main(process.argv.slice(2))
// A pipe at the other end of standard output may be slower than we are: the process ends when it has taken all.
process.stdout.end(() => process.exit())

async function main(args: readonly string[]): Promise<number> {
  try {
    const program = await makeProgram(args)
    await program.parseAsync(args, { from: 'user' })
    return Number(process.exitCode ?? EXIT_DONE)
  } catch (error) {
    // Commander has said itself what is wrong, and the help that was asked for is no error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_DONE : EXIT_WRONG
    sayError(error, args.includes('--json'))
    return exitStatusOf(error)
  }
}
