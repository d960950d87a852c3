/**
 * Two workers against one: records made in the workers themselves, through the steps of the samples, to nowhere.
 *
 * The figures are the workers' own: records that came in, of all workers, after a warm-up. One worker has the same
 * program and store, and no other member. Each run is a new cluster.
 *
 * What the machine allows is measured in the same turns: two clusters of one worker each that run beside each other and
 * exchange nothing ("side by side"). No way of exchanging records could reach more here.
 *
 * Names on the command line choose pipelines.
 *
 * Not measured: sockets of sources and sinks; a network; more workers than two.
 */
import { cpuOf, ratesOf, type Work, workBeside, workOf } from './lib/generated.ts'
import { bench } from './lib/main.ts'
import { type Measure, paired } from './lib/report.ts'
import { say } from './lib/stage.ts'

const PAIRS = 5

const pipelines = [
  { name: 'word-count', unit: 'lines/s', reach: '>= 1.55' },
  { name: 'market-spread', unit: 'records/s', reach: '>= 1.45' },
  { name: 'word-sums', unit: 'lines/s', reach: '>= 1.75' },
]

async function measure({ name, unit, reach }: (typeof pipelines)[number]): Promise<Measure[]> {
  const one: Work[] = []
  const apart: Work[] = []
  const two: Work[] = []
  for (let pair = 0; pair < PAIRS; pair++) {
    one.push(await workOf(name, 1))
    apart.push(await workBeside(name, [1, 1]))
    two.push(await workOf(name, 2))
  }
  say(`${name}: CPU per record ${cpuOf(two)} with two workers, ${cpuOf(one)} with one, ${cpuOf(apart)} side by side`)
  return [
    paired(name, unit, ratesOf(two), ratesOf(one), reach),
    paired(`${name}: side by side`, unit, ratesOf(apart), ratesOf(one), null),
  ]
}

await bench('scale', async () => {
  const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
  const measures: Measure[] = []
  for (const pipeline of pipelines) {
    if (names.length === 0 || names.includes(pipeline.name)) measures.push(...(await measure(pipeline)))
  }
  return measures
})
