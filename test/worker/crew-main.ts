/** Runs the scenarios whose names begin as the arguments say, or all; ends with status 1 at the first that fails. */
import { scenarios } from './crew-scenarios.ts'

const beginnings = process.argv.slice(2)
for (const [name, run] of Object.entries(scenarios)) {
  if (beginnings.length > 0 && !beginnings.some((beginning) => name.startsWith(beginning))) continue
  try {
    run()
  } catch (error) {
    process.stdout.write(`${name}: ${(error as Error).message.slice(0, 2000)}\n`)
    process.exit(1)
  }
}
process.stdout.write('all hold\n')
