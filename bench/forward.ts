/**
 * All input through one of two workers, against the same input spread evenly over both: word-count, made in the
 * workers.
 *
 * Not measured: a source's sockets, which come on top where the input has them.
 */
import { cpuOf, ratesOf, type Work, workOf } from './lib/generated.ts'
import { bench } from './lib/main.ts'
import { paired } from './lib/report.ts'
import { say } from './lib/stage.ts'

const PAIRS = 5

await bench('forward', async () => {
  const through: Work[] = []
  const spread: Work[] = []
  for (let pair = 0; pair < PAIRS; pair++) {
    through.push(await workOf('word-count', 2, { splits: 1 }))
    spread.push(await workOf('word-count', 2))
  }
  say(`CPU per record ${cpuOf(through)} through one, ${cpuOf(spread)} spread`)
  return [paired('through one of two', 'lines/s', ratesOf(through), ratesOf(spread), '>= 0.55')]
})
