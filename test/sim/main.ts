/** `npm run sim`: simulated systems by the thousand, or one of them with its log. */
import { performance } from 'node:perf_hooks'
import { type Result, runSystem } from './system.ts'

const [seed] = process.argv.slice(2)
const from = Number(seed ?? 1)
const count = Number(process.argv[3] ?? 1)
const begun = process.cpuUsage()
let records = 0
let found = 0
for (let one = from; one < from + count; one++) {
  const started = performance.now()
  const result: Result = runSystem(one)
  records += result.records
  if (count === 1) process.stdout.write(`${result.log.join('\n')}\n`)
  if (count === 1 || result.complaints.length > 0) {
    const { log, ...rest } = result
    process.stdout.write(`${JSON.stringify(rest, null, 1)} ${(performance.now() - started).toFixed(1)} ms\n`)
  }
  if (result.complaints.length > 0) found++
}
const used = process.cpuUsage(begun)
process.stdout.write(
  `${count} systems, ${found} findings, ${(records / count).toFixed(0)} records each, ${((used.user + used.system) / 1000 / count).toFixed(1)} ms CPU each\n`,
)
