/** Keys that have a time to live. */
import type { SimMutant } from './mutant.ts'

export const ageMutants: readonly SimMutant[] = [
  ...[
    {
      name: 'quiet-with-records-in-hand',
      rare: 'what came in waits for the disk only, for less than the time to live; a test of the dataflow shows it',
      file: 'src/dataflow/source-task.ts',
      text: 'if (batch.length === 0 && !(watermarks.always && feed.quiet)) return',
      replacement: 'if (batch.length === 0 && !watermarks.always) return',
    },
    {
      name: 'quiet-sources-say-no-time',
      file: 'src/dataflow/source-task.ts',
      text: 'if (batch.length === 0 && !(watermarks.always && feed.quiet)) return',
      replacement: 'if (batch.length === 0) return',
    },
    {
      name: 'time-of-the-first-that-says-one',
      file: 'src/dataflow/inputs.ts',
      text: 'if (!input.ended && input.watermark < least) least = input.watermark',
      replacement: 'if (!input.ended && (input.watermark > least || least === Infinity)) least = input.watermark',
    },
    {
      name: 'time-passes-what-is-asked',
      file: 'src/dataflow/async-task.ts',
      text: 'return this.calls.reduce((least, { time }) => Math.min(least, time), Infinity)',
      replacement: 'return Infinity',
    },
    {
      name: 'time-passes-what-is-pending',
      file: 'src/dataflow/aggregate-task.ts',
      text: 'return this.pending.empty ? Infinity : this.from',
      replacement: 'return Infinity',
    },
    {
      name: 'key-goes-before-its-result',
      file: 'src/dataflow/aggregate-task.ts',
      text: 'if (row !== null) this.emitOne(row)',
      replacement: '',
    },
    {
      name: 'key-swept-before-its-result',
      file: 'src/state/sweeper.ts',
      text: 'if (this.isNeeded(table, entry)) continue',
      replacement: '',
    },
    {
      name: 'time-of-what-is-replayed',
      rare: 'several journals are read by one worker where another was away, and there late records are let pass; a test of the dataflow shows it',
      file: 'src/dataflow/source-task.ts',
      text: 'if (ordered) this.watch(now)',
      replacement: 'this.watch(now)',
    },
    {
      name: 'last-time-counts',
      file: 'src/dataflow/keyed-task.ts',
      text: 'if (table.times !== null && times[i]! > table.times[entry]!) table.times[entry] = times[i]!',
      replacement: 'if (table.times !== null) table.times[entry] = times[i]!',
    },
    {
      name: 'times-not-restored',
      file: 'src/state/fold.ts',
      text: 'table.times[at] = times[i] ?? Number.NEGATIVE_INFINITY',
      replacement: 'table.times[at] = Number.NEGATIVE_INFINITY',
    },
    {
      name: 'never-over',
      file: 'src/state/sweeper.ts',
      text: 'return time - seen > this.ttlMs && seen !== UNKNOWN',
      replacement: 'return false',
    },
    {
      name: 'no-time-left-for-late-ones',
      file: 'src/state/sweeper.ts',
      text: 'this.before = this.time - this.ttlMs * (1 + SLACK)',
      replacement: 'this.before = this.time - this.ttlMs / 2',
    },
  ].map((mutant) => ({ ...mutant, swarm: 'clusters' as const, bend: 'mortal-keys' })),
]
