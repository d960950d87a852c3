/** Runs one bench: `--json` adds the line for programs. Exit status 0 when every reach holds. */
import { availableParallelism, cpus } from 'node:os'
import { type Measure, print } from './report.ts'

export async function bench(name: string, run: () => Promise<readonly Measure[]>): Promise<void> {
  const json = process.argv.includes('--json')
  process.stdout.write(`${name} on Node ${process.versions.node}, ${availableParallelism()} × ${cpus()[0]?.model}\n`)
  const measures = await run()
  print(name, measures, json)
  process.exit(measures.every((measure) => measure.holds !== false) ? 0 : 1)
}
