/**
 * A process that only watches: prints what it hears of the others, one JSON object per line, and does what it is told
 * by lines on standard input: `follow [WATCHED…]`, `linked INCARNATION`, `unlinked …`, `exited …`, `block MS` (a step
 * that computes for so long), `fill PIPE` (every thread of Node's pool opens a pipe that nobody writes), `die` (its
 * thread ends), `cost` (what it has taken of the machine).
 */
import { open as openFile } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Limits, makeLimits } from '../../../src/base/limits.ts'
import { watchOnThread } from '../../../src/worker/seat/detector/threaded.ts'
import type { Watch, Watched } from '../../../src/worker/seat/watch.ts'

const [worker, store, changes = '{}'] = process.argv.slice(2) as [string, string, string | undefined]
const limits = makeLimits(JSON.parse(changes) as Partial<Limits>)
const incarnation = `${worker}-${process.pid}`
const open = watchOnThread({
  ...{ limits, cluster: 'c', token: 'a secret', host: '127.0.0.1', reach: '127.0.0.1', store },
  log: { level: 'info', common: { worker }, format: 'json' },
})

function print(what: object): void {
  process.stdout.write(`${JSON.stringify({ ms: Math.round(performance.now()), ...what })}\n`)
}

/** As many threads as there can be, and more than there are. */
const POOL = 64

/** Frames with the names that the data plane has. */
class Runtime {
  readonly plan = { pipeline: 'p' }
  readonly running = 'count'
  readonly fn: (key: string) => void
  constructor(fn: (key: string) => void) {
    this.fn = fn
  }
  step(keys: readonly string[]): void {
    this.work(keys)
  }
  work(keys: readonly string[]): void {
    for (let i = 0; i < keys.length; i++) this.fn(keys[i]!)
  }
}

function compute(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

open(
  { worker, incarnation, address: '', seen: 0 },
  {
    changed: () => show(),
    found: () => {},
    wasStuck: (stuck, ms) => print({ wasStuck: stuck, ms }),
    failed: (error) => {
      print({ failed: error.code })
      process.exit(1)
    },
  },
  (error, opened) => {
    if (error !== null) throw error
    watch = opened
    print({ incarnation, heartbeats: opened.beat.heartbeats })
  },
)
let watch: Watch

function show(): void {
  const hears = watch.beat.hears.map((heard) => heard.incarnation)
  print({ hears, gone: [...watch.gone], stuck: [...watch.stuck] })
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const [order, ...rest] = line.split(' ')
  if (order === 'follow') watch.follow(JSON.parse(rest.join(' ')) as Watched[])
  else if (order === 'linked' || order === 'unlinked' || order === 'exited') {
    watch.tell({ kind: order, worker: rest[0]!.split('-')[0]!, incarnation: rest[0]! })
  } else if (order === 'block') new Runtime((key) => key === 'k2' && compute(Number(rest[0]))).step(['k1', 'k2'])
  else if (order === 'fill') for (let i = 0; i < POOL; i++) openFile(rest[0]!, 'r', () => {})
  else if (order === 'die') (watch as unknown as { thread: { terminate(): void } }).thread.terminate()
  else print({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() })
})
