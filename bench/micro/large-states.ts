/**
 * What it costs a call that its state could be put back if it threw, by the size of the state: a copy of each
 * (`undoBytes` without a bound) against the limit that the engine has, in one run.
 *
 *     npx node bench/micro/large-states.ts [--json]
 *
 * Not measured: the call itself, and the copy that a snapshot takes of each state once in an epoch.
 */
import { defaultLimits } from '../../src/base/limits.ts'
import { Copier } from '../../src/state/copier.ts'
import { type Measure, print, single } from '../lib/report.ts'

const states: Readonly<Record<string, object>> = {
  'three fields': { word: 'potoroo', total: 7, last: 0.5 },
  'a list of 10': { items: objects(10) },
  'a list of 10,000': { items: objects(10_000) },
  'a Map of 10,000': { items: new Map(objects(10_000).map((item) => [item.name, item])) },
  '10,000 fields': { items: Object.fromEntries(objects(10_000).map(({ name, n }) => [name, n])) },
}

function objects(count: number) {
  return Array.from({ length: count }, (_, n) => ({ n, name: `item-${n}`, half: n / 2 }))
}

/** CPU nanoseconds of a copy of `state`, or of finding out that it gets none. */
function cost(state: object, undoBytes: number): number {
  const copier = new Copier(undoBytes)
  const run = (count: number): number => {
    const begun = process.cpuUsage()
    for (let i = 0; i < count; i++) copier.guard(state)
    const { user, system } = process.cpuUsage(begun)
    return ((user + system) * 1000) / count
  }
  // As many as take about a fifth of a second, once the code is warm.
  const count = Math.min(5_000_000, Math.ceil(2e8 / Math.max(10, run(200))))
  run(count)
  return run(count)
}

const measures = Object.entries(states).flatMap(([name, state]): Measure[] => [
  single(`${name}: a copy each`, 'ns/call', [cost(state, Infinity)], null),
  single(`${name}: undoBytes ${defaultLimits.undoBytes}`, 'ns/call', [cost(state, defaultLimits.undoBytes)], null),
])
print('large-states', measures, process.argv.includes('--json'))
