/**
 * What producers cost that come, bring one record and leave, as pages do: the last of many that a source remembers
 * against the first ones, and how much of a core a worker needs that only remembers them and makes its checkpoints.
 *
 * Not measured: a network, WebSocket, outboxes on disk, more than one worker.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from '../src/client.ts'
import { bench } from './lib/main.ts'
import { type Measure, paired, single } from './lib/report.ts'
import { numberGiven, Stage, say } from './lib/stage.ts'
import type { Subject } from './lib/subject.ts'

const PIPELINE = 'bench/pipelines/sequence-window.ts'
const PRODUCERS = numberGiven('producers', 20_000)
/** So many are measured, at the beginning and at the end. */
const MEASURED = 2000
const AT_ONCE = 64
const IDLE_MS = 10_000

/** `count` producers from number `from` on, each of which goes when its record is on the disk. */
async function visits(port: number, from: number, count: number): Promise<void> {
  let next = from
  const visitor = async (): Promise<void> => {
    while (next < from + count) {
      const client = await connect({ port, source: 'numbers', producer: `page-${next++}` })
      await client.send(`${next},1`)
      await client.flush('journaled')
      client.close()
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, visitor))
}

async function costOf(subject: Subject, what: () => Promise<void>): Promise<number> {
  const before = subject.cpuMs()
  await what()
  return subject.cpuMs() - before
}

async function run(): Promise<readonly Measure[]> {
  const stage = await Stage.open(PIPELINE)
  const subject = await stage.start({ ready: /listens/ })
  try {
    const { port } = stage
    // What the worker compiles, it has compiled then.
    await visits(port, 0, MEASURED)
    const first = await costOf(subject, () => visits(port, MEASURED, MEASURED))
    const middle = PRODUCERS - 3 * MEASURED
    await visits(port, 2 * MEASURED, middle)
    say(`${PRODUCERS - MEASURED} producers are remembered`)
    const last = await costOf(subject, () => visits(port, PRODUCERS - MEASURED, MEASURED))
    const idle = await costOf(subject, () => pause(IDLE_MS))
    const each = (ms: number): number => (ms * 1000) / MEASURED
    return [
      paired('CPU of the last ones', 'µs each, the first ones', [each(last)], [each(first)], '<= 2'),
      single('CPU when nobody comes', '% of a core', [(100 * idle) / IDLE_MS], '<= 15'),
    ]
  } finally {
    await subject.stop()
    stage.close()
  }
}

await bench('producers', run)
