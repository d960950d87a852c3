/** One of the processes among which `runs.ts` shares seeds out: runs those that it is sent, and answers with the sums. */
import { type Kind, runSeeds } from './runs.ts'

const kind = process.argv[2] as Kind

process.on('message', (seeds: readonly number[]) => {
  void runSeeds(kind, seeds, { enough: Infinity, seconds: Infinity }).then((sums) => process.send!(sums))
})
process.on('disconnect', () => process.exit())
