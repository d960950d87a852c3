/**
 * How long a record takes from the socket in to the socket out, with a million keys at half the highest rate.
 *
 * Delays count from the time at which a record was to be sent, so that a pause of the worker is felt by every record
 * that falls into it. The highest rate is measured before, with the same worker, keys and acknowledged producer, as
 * fast as it takes them. `--warmup=` and `--seconds=` make it shorter, `--rate=` takes a given one (to compare two
 * versions).
 *
 * Not measured: a network, several workers, a machine whose other core is busy.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { Delays, nowMicros, PacedSender } from './lib/latency.ts'
import { bench } from './lib/main.ts'
import { type Measure, single } from './lib/report.ts'
import { allKeys, numberGiven, percent, Stage, say, secondsGiven, wallMs } from './lib/stage.ts'
import { launch, type Subject } from './lib/subject.ts'
import { longestMs, tell, type WatchEvent } from './lib/watch.ts'

const KEYS = 1_000_000
const WARMUP_MS = secondsGiven('warmup', 10)
const MEASURED_MS = secondsGiven('seconds', 60)

const told = [
  'away',
  'work',
  'slice',
  'freeze',
  'complete',
  'control',
  'minor collection',
  'major collection',
  'journal write',
] as const

async function run(): Promise<Measure[]> {
  const stage = await Stage.open('bench/pipelines/sequence-window.ts')
  const subject = await stage.start({ watch: true })
  try {
    return await measure(stage, subject)
  } finally {
    await subject.stop()
    stage.close()
  }
}

async function measure(stage: Stage, subject: Subject): Promise<Measure[]> {
  const { receiver } = stage
  const client = await stage.producer(KEYS)
  const keys = allKeys(KEYS)
  const rate = numberGiven('rate', 0)
  const highest = rate > 0 ? 2 * rate : await stage.highestRate(client, keys)

  const sender = new PacedSender(client, keys, highest / 2)
  await pause(WARMUP_MS)
  sender.latestMs = 0
  const delays = new Delays()
  let worst = { delay: 0, sent: 0 }
  const from = nowMicros()
  receiver.take = (sent) => {
    if (sent < from) return
    const delay = nowMicros() - sent
    delays.add(delay)
    if (delay > worst.delay) worst = { delay, sent }
  }
  const cpu = subject.cpuMs()
  await pause(MEASURED_MS)
  const busy = (subject.cpuMs() - cpu) / MEASURED_MS
  sender.stop()
  await receiver.until(client.last)
  const events = await stage.events(from, nowMicros())
  client.close()

  const flags = readFileSync(`/proc/${subject.process.pid}/cmdline`, 'utf8').split('\0')
  say(
    `flags: ${flags
      .slice(1, flags.indexOf(launch))
      .filter((flag) => !/^--(conditions|import)|^file:/.test(flag))
      .join(' ')}; the worker used ${percent(busy)} of a core`,
  )
  say(`the sender was late by ${sender.latestMs.toFixed(1)} ms at most`)
  explain(events, worst)
  return [
    single('highest rate', 'records/s', [highest], null),
    single('latency, p50', 'ms', [delays.quantileMs(0.5)], '<= 2'),
    single('latency, p99', 'ms', [delays.quantileMs(0.99)], '<= 10'),
    single('latency, p99.9', 'ms', [delays.quantileMs(0.999)], '<= 30'),
    single('latency, worst', 'ms', [delays.maxMicros / 1000], '<= 100'),
    single('longest pause of the loop', 'ms', [longestMs(events, 'away')], null),
  ]
}

/** Says what the worker did while the worst record was under way, and how long anything took at most. */
function explain(
  events: readonly WatchEvent[],
  { sent, delay }: { readonly sent: number; readonly delay: number },
): void {
  const pauses = events.filter(({ kind }) => kind === 'away')
  const longest = pauses.reduce((most, one) => (one.ms > most.ms ? one : most), pauses[0]!)
  say(`worst record: ${tell(events, wallMs(sent), wallMs(sent + delay))}`)
  say(`longest pause: ${tell(events, longest.atMs, longest.atMs + longest.ms)}`)
  say(`at most: ${told.map((kind) => `${kind} ${longestMs(events, kind).toFixed(1)} ms`).join(', ')}`)
}

await bench('latency', run)
