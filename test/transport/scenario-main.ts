/** Runs scenarios from a seed up to another; ends with status 1 at the first that breaks a promise. */
import { runScenario } from './scenario.ts'

const [from = 1, to = 1] = process.argv.slice(2).map(Number)
for (let seed = from; seed <= to; seed++) {
  try {
    const outcome = runScenario(seed)
    if (process.env.POTOROO_LOG) console.log(seed, JSON.stringify(outcome))
  } catch (error) {
    process.stdout.write(`seed ${seed}: ${(error as Error).stack}\n`)
    process.exit(1)
  }
}
process.stdout.write(`${to - from + 1} seeds\n`)
