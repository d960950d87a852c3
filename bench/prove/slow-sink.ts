/**
 * A sink whose reader stops reading, for each kind that has one: the producer is pushed back, the worker's memory stays
 * within a bound, and when the reader goes on nothing is lost and nothing comes twice.
 *
 * An acknowledged producer sends and is never far ahead of what the worker has taken. Once records flow, the reader
 * stops, until the worker has taken nothing for `STILL_MS`: what may wait in it is full, and the producer's credit is
 * used up. Its resident memory is looked at all the time.
 *
 * Not proved here: sinks that are told to drop slow subscribers, which do; a connection that breaks meanwhile.
 *
 * Seen failing with each of `slowMutants`: `npm run prove -- slow-sink --mutants`.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from '../../src/client.ts'
import { freePort } from '../workers/free-port.ts'
import { STUCK_MS } from '../workers/patience.ts'
import { bareStack, Subject } from '../workers/subject.ts'
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { slowMutants } from './lib/mutants.ts'
import { Numbers } from './lib/numbers.ts'
import { readKinds, type SinkKind, SinkReader } from './lib/sink-reader.ts'

const PIPELINE = resolve(import.meta.dirname, 'pipelines/kinds.ts')
/** Records that flow before the reader stops, and after it has gone on. */
const FLOW = 50_000
const STILL_MS = 1500
/**
 * What a worker may hold more while nobody reads: the limits of the source, the channels and the sink add up to less.
 */
const MORE_BYTES = 160 << 20
const PAGE_BYTES = 4096

const proof: Proof = { name: 'slow-sink', mutants: slowMutants, rounds: 3, mutantRounds: 1, run }

async function run({ folder, mutant, rounds, signal }: Run): Promise<string> {
  let [records, most] = [0, 0]
  for (let round = 1; round <= rounds; round++) {
    for (const kind of readKinds) {
      const { sent, moreBytes } = await stopReading(kind, `${folder}/${kind}-${round}`, mutant, signal)
      records += sent
      most = Math.max(most, moreBytes)
      say(`${kind}: pushed back, ${megabytes(moreBytes)} more held, ${sent} records each once`)
    }
  }
  return `${readKinds.length} kinds, ${rounds} times, ${records} records, none lost or doubled, ${megabytes(most)} more held at most`
}

async function stopReading(
  kind: SinkKind,
  data: string,
  mutant: Run['mutant'],
  signal: AbortSignal,
): Promise<{ readonly sent: number; readonly moreBytes: number }> {
  const [port, output] = [await freePort(), await freePort()]
  const reader = new SinkReader()
  await reader.listen(kind, output, data)
  // Posts of one record each would take minutes for what the worker has in store.
  const parameters = Object.entries({ kind, port, output, records: 500 }).flatMap(([name, value]) => [
    '--param',
    `${name}=${value}`,
  ])
  const subject = new Subject(['run', PIPELINE, '--data', data, ...parameters], mutant, { output: kind === 'stdout' })
  const client = await connect({ port, source: 'numbers', producer: 'p', maxOutstanding: 1 << 30, maxBackoffMs: 50 })
  try {
    // A server's subscriber sees what is written while it is there.
    await reader.come(kind, output, subject, signal)
    const producer = new Numbers(client, 0)
    const flows = async (records: number): Promise<void> => {
      const begun = reader.records
      await until(() => reader.records >= begun + records, subject, signal, `${kind}: the records do not flow`)
    }
    await flows(FLOW)
    const before = residentBytes(subject)
    reader.stop()
    const moreBytes = (await stillness(producer, subject, kind, before + MORE_BYTES, signal)) - before
    reader.goOn()
    await flows(FLOW)
    await producer.stop()
    await until(() => reader.records >= producer.sent, subject, signal, `${kind}: not all has come`)
    await client.flush('stable')
    const { lost, repeated, foreign } = reader.findings(producer.sent)
    if (lost + repeated + foreign + reader.misplaced > 0) {
      const fault = `${lost} lost, ${repeated} repeated, ${foreign} never sent, ${reader.misplaced} out of order`
      throw new Error(`${kind}: ${fault}`)
    }
    client.close()
    const { status } = await subject.stop('SIGTERM')
    const stack = bareStack(subject.said)
    if (status !== 0 || stack !== null) throw new Error(`${kind}: the worker did not end in order:\n${subject.said}`)
    return { sent: producer.sent, moreBytes }
  } finally {
    client.close()
    reader.close()
    await subject.stop('SIGKILL')
  }
}

/**
 * Waits until the worker has taken nothing for `STILL_MS`; answers the most memory that it had meanwhile, which is not
 * above `bound`.
 */
async function stillness(
  producer: Numbers,
  subject: Subject,
  kind: SinkKind,
  bound: number,
  signal: AbortSignal,
): Promise<number> {
  const end = performance.now() + STUCK_MS
  let most = 0
  let [taken, since] = [producer.taken, performance.now()]
  while (performance.now() - since < STILL_MS) {
    await pause(20, null, { signal })
    most = Math.max(most, residentBytes(subject))
    if (most > bound) throw new Error(`${kind}: the worker holds ${megabytes(most - bound)} more than it may`)
    if (producer.taken === taken) continue
    taken = producer.taken
    since = performance.now()
    if (since > end) throw new Error(`${kind}: the worker still takes records, ${taken} by now`)
  }
  return most
}

async function until(holds: () => boolean, subject: Subject, signal: AbortSignal, otherwise: string): Promise<void> {
  for (const end = performance.now() + STUCK_MS; !holds(); ) {
    if (performance.now() > end || !subject.running) throw new Error(`${otherwise}:\n${subject.said}`)
    await pause(10, null, { signal })
  }
}

function residentBytes({ pid }: Subject): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES
}

function megabytes(bytes: number): string {
  return `${Math.max(0, Math.round(bytes / 1e6))} MB`
}

await prove(proof)
