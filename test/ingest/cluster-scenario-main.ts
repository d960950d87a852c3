/** Runs cluster scenarios from a seed up to another; ends with status 1 at the first that breaks a promise. */
import { runClusterScenario } from './cluster-scenario.ts'

const [from = 1, to = 1] = process.argv.slice(2).map(Number)
for (let seed = from; seed <= to; seed++) {
  try {
    runClusterScenario(seed)
  } catch (error) {
    process.stdout.write(`seed ${seed}: ${(error as Error).message}\n`)
    if (process.env.STACK) console.log((error as Error).stack)
    process.exit(1)
  }
}
process.stdout.write(`${to - from + 1} seeds\n`)
