/** The command line: runs what was asked for and ends the process with its status. */
import { CommanderError } from 'commander'
import { EXIT_DONE, EXIT_WRONG, exitStatusOf } from './exit.ts'
import { makeProgram, ofCommand } from './program.ts'
import { isTaken, ofWhom, watchExit } from './stray.ts'
import { sayError } from './terminal.ts'

const args = process.argv.slice(2)
const json = args.includes('--json')

// What is thrown where nobody waits for it, in the loop of a worker.
process.on('uncaughtException', (error: Error, origin) => {
  if (isTaken(error, origin)) return
  const told = ofWhom(error)
  sayError(told, json)
  process.exit(exitStatusOf(told))
})

watchExit((error) => sayError(error, json))

// Who read our output has had enough, as `| head` has. A pipeline that writes there hears of it, and says so. Other
// pipes that break, such as those of a pipeline's own, are no reason to end in peace.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (process.stdout.listenerCount('error') > 1) return
  if (error.code === 'EPIPE') process.exit(EXIT_DONE)
  throw error
})

// What is said to a file on a full disk is lost; whoever says it goes on.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT_DONE)
})

process.exitCode = await main()
// A pipe at the other end of standard output may be slower than we are: the process ends when it has taken all, or
// takes no more. Of one that has broken before, `end` would never hear.
process.stdout.write('', () => process.exit())

async function main(): Promise<number> {
  try {
    const program = await makeProgram(args)
    await program.parseAsync(args, { from: 'user' })
    return Number(process.exitCode ?? EXIT_DONE)
  } catch (error) {
    // It has shown its help, unasked where a command is missing.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_DONE : EXIT_WRONG
    sayError(ofCommand(error, args), json)
    return exitStatusOf(error)
  }
}
