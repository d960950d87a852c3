/**
 * One of the processes among which `runs.ts` shares seeds out: runs those that it is sent, and answers with the sums.
 */
import { type Runs, runSeeds } from './runs.ts'

const what = JSON.parse(process.argv[2]!) as Runs

process.on('message', (seeds: readonly number[]) => {
  void runSeeds(what, seeds, { enough: Infinity, seconds: Infinity }).then((sums) => process.send!(sums))
})
process.on('disconnect', () => process.exit())
