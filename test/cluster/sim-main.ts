/**
 * Runs clusters from a seed up to another; ends with status 1 at the first that breaks a rule. A third word shows the
 * log.
 */
import { ClusterSim } from './cluster-sim.ts'

const [from = 1, to = from] = process.argv.slice(2, 4).map(Number)
const verbose = process.argv[4] !== undefined
for (let seed = from; seed <= to; seed++) {
  const sim = new ClusterSim(seed)
  try {
    const { generations, rescales } = sim.run()
    if (verbose) process.stdout.write(`${sim.lines.join('\n')}\n${generations} generations, ${rescales} rescales\n`)
  } catch (error) {
    if (verbose) process.stdout.write(`${sim.lines.join('\n')}\n${(error as Error).stack}\n`)
    process.stdout.write(`seed ${seed}: ${(error as Error).message}\n`)
    process.exit(1)
  }
}
process.stdout.write(`${to - from + 1} seeds\n`)
