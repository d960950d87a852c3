/**
 * From `kill -9` to the first row of a record that was sent after it: a million keys, half the highest rate.
 *
 * The producer goes on sending while the worker is away; the bench starts the worker again at once, in the same folder.
 * Before new records the worker reads its state and takes what its journal holds behind the last checkpoint.
 *
 * Not measured: a supervisor that notices; another machine; a producer that waits longer between attempts than 50 ms.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '../src/client.ts'
import { nowMicros, PacedSender } from './lib/latency.ts'
import { bench } from './lib/main.ts'
import { type Measure, single } from './lib/report.ts'
import { allKeys, Stage, say, wallMs } from './lib/stage.ts'
import type { Subject } from './lib/subject.ts'

const KEYS = 1_000_000
const KILLS = 5
/**
 * Life before each kill, from when the worker has caught up: a moment of the interval that the bench does not choose.
 */
const LIFE_MS = 3300
/** Caught up: so much of the sender's time is not in a checkpoint yet. */
const BEHIND_SECONDS = 2.5
const LOOK_MS = 100

const marks = [
  'process started',
  'program loaded',
  'folder opened',
  'state read',
  'running',
  'journal replayed',
] as const

async function run(): Promise<Measure[]> {
  const stage = await Stage.open('bench/pipelines/sequence-window.ts')
  let subject = await stage.start()
  const begin = async (watch: boolean): Promise<Subject> => {
    subject = await stage.start({ watch })
    return subject
  }
  try {
    const client = await stage.producer(KEYS)
    const keys = allKeys(KEYS)
    const highest = await stage.highestRate(client, keys)
    const sender = new PacedSender(client, keys, highest / 2)
    const seconds: number[] = []
    for (let kill = 0; kill < KILLS; kill++) {
      await live(client, highest / 2)
      await subject.stop()
      seconds.push((await comeBack(stage, () => begin(false))) / 1e6)
      say(`kill ${kill + 1} of ${KILLS}: ${seconds.at(-1)!.toFixed(2)} s`)
    }
    await live(client, highest / 2)
    await subject.stop()
    await tellParts(stage, client, () => begin(true))
    sender.stop()
    await stage.receiver.until(client.last)
    client.close()
    return [
      single('highest rate', 'records/s', [highest], null),
      single('recovery, at worst', 's', [Math.max(...seconds)], '<= 2'),
      single('recovery', 's', seconds, null),
    ]
  } finally {
    await subject.stop()
    stage.close()
  }
}

/** Resolves a while after the worker has caught up with a sender of `perSecond`. */
async function live(client: Client, perSecond: number): Promise<void> {
  while (client.outstanding > perSecond * BEHIND_SECONDS) await pause(LOOK_MS)
  await pause(LIFE_MS)
}

/**
 * Starts the worker, which was killed just now; answers microseconds until a record sent after the kill has come out.
 */
async function comeBack({ receiver }: Stage, begin: () => Promise<Subject>): Promise<number> {
  const killed = nowMicros()
  const first = new Promise<number>((resolve) => {
    receiver.take = (sent) => {
      if (sent > killed) resolve(nowMicros())
    }
  })
  await begin()
  const came = await first
  receiver.take = () => {}
  return came - killed
}

/** The same once more, watched from inside, which takes a little longer: what takes how long. */
async function tellParts(stage: Stage, client: Client, begin: () => Promise<Subject>): Promise<void> {
  const killed = nowMicros()
  const unstable = client.outstanding
  const took = await comeBack(stage, begin)
  const events = await stage.events(killed, nowMicros())
  let before = wallMs(killed)
  const parts = marks.flatMap((kind) => {
    const event = events.find((one) => one.kind === kind)
    if (event === undefined) return []
    const part = `${kind} +${Math.round(event.atMs - before)}`
    before = event.atMs
    return [part]
  })
  const end = Math.round(wallMs(killed + took) - before)
  say(`watched, ${unstable} records behind: ${parts.join(', ')}, first row +${end} ms: ${Math.round(took / 1000)} ms`)
}

await bench('recovery', run)
