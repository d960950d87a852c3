/**
 * Preloaded into a worker under test (`--import`): writes down what holds up its loop, as lines of JSON in the file that
 * `BENCH_WATCH` names. Looks at each pause from inside, so that a bench can say what caused one.
 *
 * A timer of one millisecond sees how long the loop was away, and how much of that time the thread was on a processor:
 * what it was not, other processes took. Collections come from Node's own observer; slices, freezes and the journal's
 * writes are timed around the methods that do them.
 */
import { appendFile } from 'node:fs'
import { constants, PerformanceObserver, performance } from 'node:perf_hooks'
import { SegmentWriter } from '../../src/ingest/segment.ts'
import { KeyedStore } from '../../src/state/keyed-store.ts'
import { Checkpointer } from '../../src/worker/checkpointer.ts'
import { Execution } from '../../src/worker/execution.ts'
import { Snapshotter } from '../../src/worker/snapshotter.ts'
import type { WatchEvent, WatchKind } from './watch.ts'

/** Shorter events are not written down. */
const LEAST_MS = 1
const FLUSH_MS = 500

interface CollectionEntry extends PerformanceEntry {
  readonly detail: { readonly kind: number }
}

const file = process.env.BENCH_WATCH!
let lines = ''

function note(kind: WatchKind, startedMs: number, cpuMs: number | null = null): void {
  const ms = performance.now() - startedMs
  if (ms >= LEAST_MS) write({ kind, atMs: performance.timeOrigin + startedMs, ms, cpuMs })
}

function write(event: WatchEvent): void {
  lines += `${JSON.stringify(event)}\n`
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** Times every call of `name` on the thread. */
function timeCalls<T extends object>(prototype: T, name: keyof T & string, kind: WatchKind): void {
  const call = prototype[name] as (...args: unknown[]) => unknown
  const timed = function (this: T, ...args: unknown[]): unknown {
    const started = performance.now()
    const result = call.apply(this, args)
    note(kind, started)
    return result
  }
  Object.assign(prototype, { [name]: timed })
}

/** Times every operation from the call of `name` to its last argument, the callback. */
function timeOperations<T extends object>(prototype: T, name: keyof T & string, kind: WatchKind): void {
  const call = prototype[name] as (...args: unknown[]) => unknown
  const timed = function (this: T, ...args: unknown[]): unknown {
    const started = performance.now()
    const done = args.at(-1) as (...answer: unknown[]) => void
    const answered = (...answer: unknown[]): void => {
      note(kind, started)
      done(...answer)
    }
    return call.apply(this, [...args.slice(0, -1), answered])
  }
  Object.assign(prototype, { [name]: timed })
}

// The launcher replaces its process once; only the second one works.
if (process.execArgv.some((flag) => flag.startsWith('--max-semi-space-size'))) {
  timeCalls(Snapshotter.prototype, 'step', 'slice')
  timeCalls(KeyedStore.prototype, 'freeze', 'freeze')
  timeCalls(KeyedStore.prototype, 'complete', 'complete')
  timeCalls(Checkpointer.prototype as unknown as { enqueue(): void }, 'enqueue', 'control')
  timeCalls(Execution.prototype, 'step', 'work')
  timeOperations(SegmentWriter.prototype, 'write', 'journal write')
  timeOperations(SegmentWriter.prototype, 'sync', 'journal sync')

  const kinds: Readonly<Record<number, WatchKind>> = {
    [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor collection',
    [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major collection',
    [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental marking',
    [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weak callbacks',
  }
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as readonly CollectionEntry[]) {
      const { startTime, duration, detail } = entry
      if (duration < LEAST_MS) continue
      const kind = kinds[detail.kind] ?? 'major collection'
      write({ kind, atMs: performance.timeOrigin + startTime, ms: duration, cpuMs: null })
    }
  }).observe({ entryTypes: ['gc'] })

  let seenMs = performance.now()
  let seenCpuMs = cpuMs()
  setInterval(() => {
    note('away', seenMs, cpuMs() - seenCpuMs)
    seenMs = performance.now()
    seenCpuMs = cpuMs()
  }, 1).unref()

  setInterval(() => {
    if (lines === '') return
    const text = lines
    lines = ''
    appendFile(file, text, () => {})
  }, FLUSH_MS).unref()
}
