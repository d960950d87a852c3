/**
 * Two workers become three and two again, at half the highest rate of two, with a million keys: the longest silence of
 * each key group, and what the throughput loses.
 *
 * The bench looks from before a worker is started, or asked to leave, until a while after all work together again.
 * Records come to each key group evenly, so a silence is as exact as the time between two of them.
 *
 * `--keys=N` takes another number of keys.
 *
 * Not measured: other machines; more keys than fit into memory.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { ClusterStage } from './lib/cluster-stage.ts'
import { quantile } from './lib/key-groups.ts'
import { bench } from './lib/main.ts'
import { type Measure, single } from './lib/report.ts'
import { numberGiven, say } from './lib/stage.ts'

const WORKERS = 2
const KEYS = numberGiven('keys', 1_000_000)
const ROUNDS = 2
const CALM_MS = 2000
const AFTER_MS = 3000
const BEHIND_SECONDS = 2.5
const LOOK_MS = 100
/** A second with less than this share of what is sent is one of a dip. */
const USUAL = 0.95
const TENTHS = 10

interface Change {
  readonly pauseMs: number
  /** The rows of the worst second, as a share of what is sent. */
  readonly worst: number
  readonly dipSeconds: number
}

async function run(): Promise<readonly Measure[]> {
  const stage = await ClusterStage.open(WORKERS, KEYS)
  const { fleet } = stage
  try {
    const highest = await stage.highestRate()
    const rate = highest / 2
    stage.pace(rate)
    const changes: Change[] = []
    for (let round = 1; round <= ROUNDS; round++) {
      const name = `w${WORKERS + round}`
      await calm(stage, rate)
      changes.push(await watch(stage, rate, '2 to 3', () => fleet.start(name)))
      await calm(stage, rate)
      changes.push(await watch(stage, rate, '3 to 2', () => fleet.cluster.leave(name)))
    }
    const worst = (pick: (change: Change) => number) => [Math.max(...changes.map(pick))]
    return [
      single('highest rate', 'records/s', [highest], null),
      single(
        'longest silence, p99',
        'ms',
        worst(({ pauseMs }) => pauseMs),
        '<= 250',
      ),
      single('worst second', 'of the load', [Math.min(...changes.map(({ worst }) => worst))], '>= 0.7'),
      single(
        'dip below 0.95',
        's',
        worst(({ dipSeconds }) => dipSeconds),
        '<= 5',
      ),
    ]
  } finally {
    await stage.close()
  }
}

async function calm(stage: ClusterStage, rate: number): Promise<void> {
  while (stage.outstanding > rate * BEHIND_SECONDS) await pause(LOOK_MS)
  await pause(CALM_MS)
}

async function watch(stage: ClusterStage, rate: number, what: string, change: () => Promise<unknown>): Promise<Change> {
  const { groups, receiver, fleet } = stage
  const started = performance.now()
  groups.begin(receiver)
  await change()
  await fleet.together(fleet.names.length)
  const tookMs = performance.now() - started
  await pause(AFTER_MS)
  const { silences, seconds } = groups
  const pauseMs = quantile(silences, 0.99)
  const worst = Math.min(...seconds) / rate
  const dipSeconds = seconds.filter((rows) => rows < USUAL * rate).length / TENTHS
  const silent = `silences p50 ${Math.round(quantile(silences, 0.5))}, p99 ${Math.round(pauseMs)}, longest ${Math.round(Math.max(...silences))} ms`
  say(
    `${what}: ${Math.round(tookMs)} ms, ${silent}, worst second ${worst.toFixed(2)}, below ${USUAL} for ${dipSeconds} s`,
  )
  return { pauseMs, worst, dipSeconds }
}

await bench('rescale', run)
