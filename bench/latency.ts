/**
 * How long a record takes from the socket in to the socket out: acknowledged producer, a million keys, half the highest rate.
 *
 * Delays count from the time at which a record was to be sent, so that a pause of the worker is felt by every record that
 * falls into it. The highest rate is measured before, with the same worker, keys and client, as fast as it takes them.
 *
 * Not measured: a network, several workers, a machine whose other core is busy.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Client, connect } from '../src/client.ts'
import { Delays, keyOf, nowMicros, PacedSender, RowReceiver, sendAllKeys } from './lib/latency.ts'
import { bench } from './lib/main.ts'
import { type Measure, single } from './lib/report.ts'
import { freePort, launch, start } from './lib/subject.ts'
import { longestMs, tell, watched, watching } from './lib/watch.ts'

const KEYS = 1_000_000
const WARMUP_MS = seconds('warmup', 10)
const MEASURED_MS = seconds('seconds', 60)
/** As fast as it goes: so long before it counts, and so long while it does. */
const HIGHEST_WARMUP_MS = 3000
const HIGHEST_MS = 5000

/** `--NAME=SECONDS` on the command line, in milliseconds. */
function seconds(name: string, otherwise: number): number {
  const given = process.argv.find((argument) => argument.startsWith(`--${name}=`))
  return 1000 * (given === undefined ? otherwise : Number(given.slice(given.indexOf('=') + 1)))
}

/** Rows per second when the client always has more to send. */
async function highestRate(client: Client, keys: readonly string[], receiver: RowReceiver): Promise<number> {
  let running = true
  let at = 0
  const send = async (): Promise<void> => {
    while (running) {
      const micros = nowMicros()
      const records: string[] = []
      // A step through the keys that meets each before any again, in no order that a cache knows.
      for (let i = 0; i < 1000; i++) records.push(`${keys[(at += 611_953) % KEYS]!},${micros}`)
      await client.send(records)
      // Without this the sender would go on until there is no room, and the receiver would not run.
      await new Promise(setImmediate)
    }
  }
  const sending = send()
  await pause(HIGHEST_WARMUP_MS)
  const [rows, started, cpu] = [receiver.rows, performance.now(), process.threadCpuUsage()]
  await pause(HIGHEST_MS)
  const elapsedMs = performance.now() - started
  const perSecond = ((receiver.rows - rows) * 1000) / elapsedMs
  const { user, system } = process.threadCpuUsage(cpu)
  say(
    `highest rate ${Math.round(perSecond)} records/s, this process busy ${percent((user + system) / 1000 / elapsedMs)}`,
  )
  running = false
  await sending
  await client.flush('stable')
  await receiver.until(client.last)
  return perSecond
}

async function run(): Promise<Measure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'potoroo-latency-'))
  const watch = `${folder}/watch`
  const receiver = new RowReceiver()
  const output = await receiver.listen()
  const port = await freePort()
  const { argv, environment } = watching(watch)
  const parameters = ['--param', `port=${port}`, '--param', `output=${output}`]
  const worker = ['run', 'bench/pipelines/sequence-window.ts', '--data', `${folder}/data`, ...parameters]
  const subject = await start(['--conditions=source', ...argv, launch, ...worker], null, 'stderr', environment)
  try {
    const client = await connect({
      port,
      source: 'numbers',
      producer: 'bench',
      maxOutstanding: 128 << 20,
      maxBackoffMs: 50,
    })
    await Promise.all([sendAllKeys(client, KEYS), receiver.until(KEYS)])
    const keys = Array.from({ length: KEYS }, (_, n) => keyOf(n))
    const highest = await highestRate(client, keys, receiver)

    const delays = new Delays()
    let worst = { delay: 0, sent: 0 }
    const sender = new PacedSender(client, keys, highest / 2)
    await pause(WARMUP_MS)
    sender.latestMs = 0
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
    // What the worker saw last is written down.
    await pause(1500)
    const flags = readFileSync(`/proc/${subject.process.pid}/cmdline`, 'utf8').split('\0')
    client.close()

    const wall = (micros: number) => performance.timeOrigin + micros / 1000
    const events = watched(watch, wall(from), wall(nowMicros()))
    say(
      `flags: ${flags.filter((flag) => flag.startsWith('--max-')).join(' ')}; the worker used ${percent(busy)} of a core`,
    )
    say(`the sender was late by ${sender.latestMs.toFixed(1)} ms at most`)
    say(`worst record: ${tell(events, wall(worst.sent), wall(worst.sent + worst.delay))}`)
    for (const kind of [
      'away',
      'work',
      'slice',
      'control',
      'minor collection',
      'major collection',
      'journal write',
    ] as const) {
      say(`  longest ${kind}: ${longestMs(events, kind).toFixed(1)} ms`)
    }
    return [
      single('highest rate', 'records/s', [highest], null),
      single('latency, p50', 'ms', [delays.quantileMs(0.5)], '<= 2'),
      single('latency, p99', 'ms', [delays.quantileMs(0.99)], '<= 10'),
      single('latency, p99.9', 'ms', [delays.quantileMs(0.999)], '<= 30'),
      single('latency, worst', 'ms', [delays.maxMicros / 1000], '<= 100'),
      single('longest pause', 'ms', [longestMs(events, 'away')], null),
    ]
  } finally {
    await subject.stop()
    receiver.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`
}

await bench('latency', run)
