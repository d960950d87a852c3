/**
 * Looks at a worker's loop from inside, so that a bench can say what held it up: lines of JSON in the file that
 * `BENCH_WATCH` names.
 *
 * A timer of one millisecond sees how long the loop was away, and how much of that time the thread was on a processor:
 * what it was not, other processes took, or the disk. Collections come from Node's own observer; slices, freezes and
 * the journal's writes are timed around the methods that do them.
 */
import { appendFile } from 'node:fs'
import { constants, PerformanceObserver, performance } from 'node:perf_hooks'
import { SegmentWriter } from '../../src/ingest/segment.ts'
import { IngestSource } from '../../src/ingest/source.ts'
import { KeyedStore } from '../../src/state/keyed-store.ts'
import { Participating } from '../../src/worker/execution/epochs/participating.ts'
import { Snapshotter } from '../../src/worker/execution/epochs/snapshotter.ts'
import { WayUp } from '../../src/worker/execution/restore/way-up.ts'
import { Running } from '../../src/worker/execution/running.ts'
import { Worker } from '../../src/worker/worker.ts'
import type { WatchEvent, WatchKind } from './watch.ts'

/** Shorter events are not written down. */
const LEAST_MS = 1
const FLUSH_MS = 500

type Method = (this: unknown, ...args: unknown[]) => unknown

interface CollectionEntry {
  readonly startTime: number
  readonly duration: number
  readonly detail: { readonly kind: number }
}

const file = process.env.BENCH_WATCH!
let lines = ''

function write(event: WatchEvent): void {
  lines += `${JSON.stringify(event)}\n`
}

function note(kind: WatchKind, startedMs: number, cpuMs: number | null = null): void {
  const ms = performance.now() - startedMs
  if (ms >= LEAST_MS) write({ kind, atMs: performance.timeOrigin + startedMs, ms, cpuMs })
}

function mark(kind: WatchKind, atMs = performance.timeOrigin + performance.now()): void {
  write({ kind, atMs, ms: 0, cpuMs: null })
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** Puts `around(call)` in the place of the method `name`. */
function wrap(prototype: object, name: string, around: (call: Method) => Method): void {
  const call = (prototype as Record<string, Method>)[name]
  if (call === undefined) throw new Error(`there is no method ${name}`)
  Object.assign(prototype, { [name]: around(call) })
}

/** Times every call of a method. */
function timeCalls(prototype: object, name: string, kind: WatchKind): void {
  wrap(
    prototype,
    name,
    (call) =>
      function (...args) {
        const started = performance.now()
        const result = call.apply(this, args)
        note(kind, started)
        return result
      },
  )
}

/** Does something when a method's operation is over: calls its last argument, which is its callback. */
function whenAnswered(prototype: object, name: string, answered: (startedMs: number) => void): void {
  wrap(
    prototype,
    name,
    (call) =>
      function (...args) {
        const started = performance.now()
        const done = args.at(-1) as Method
        const answer: Method = (...values) => {
          answered(started)
          done(...values)
        }
        return call.apply(this, [...args.slice(0, -1), answer])
      },
  )
}

mark('process started', performance.timeOrigin)
wrap(
  Worker.prototype,
  'open',
  (call) =>
    function (...args) {
      mark('program loaded')
      return call.apply(this, args)
    },
)
whenAnswered(Worker.prototype, 'open', () => mark('folder opened'))
wrap(
  WayUp.prototype,
  'fill',
  (call) =>
    function (...args) {
      mark('state read')
      return call.apply(this, args)
    },
)
wrap(
  IngestSource.prototype,
  'release',
  (call) =>
    function (...args) {
      mark('running')
      const look = setInterval(() => {
        if ((this as IngestSource).replaying) return
        clearInterval(look)
        mark('journal replayed')
      }, 1)
      return call.apply(this, args)
    },
)

timeCalls(Snapshotter.prototype, 'step', 'slice')
timeCalls(KeyedStore.prototype, 'freeze', 'freeze')
timeCalls(KeyedStore.prototype, 'complete', 'complete')
timeCalls(Participating.prototype, 'raise', 'control')
timeCalls(Running.prototype, 'step', 'work')
whenAnswered(SegmentWriter.prototype, 'write', (started) => note('journal write', started))
whenAnswered(SegmentWriter.prototype, 'sync', (started) => note('journal sync', started))

const kinds: Readonly<Record<number, WatchKind>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor collection',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major collection',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental marking',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weak callbacks',
}
new PerformanceObserver((list) => {
  for (const { startTime, duration, detail } of list.getEntries() as unknown as readonly CollectionEntry[]) {
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
