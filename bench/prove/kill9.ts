/**
 * Fifty kills at random moments under load: nothing lost, nothing doubled, order kept.
 *
 * Four acknowledged producers send without pause while the worker is killed with SIGKILL, most often while it runs, now
 * and then while it starts, and is started again. Its limits are small, so that within the run the floor rises,
 * journals are trimmed, packs die and the chain begins new eras. Afterwards every key's state, by the worker's own
 * control API, and both files, read as their consumer would, are compared with the producers' own count.
 *
 * Not proved here: loss of power (what was written and not synced stays after a kill), damage (`torn-files`).
 *
 * Seen failing with each of `lib/mutants.ts`: `npm run prove -- kill9 --mutants`.
 */
import { once } from 'node:events'
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Prng } from '../../src/base/prng.ts'
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { killMutants } from './lib/mutants.ts'
import { Producer } from './lib/producer.ts'
import { bareStack, freePort, Subject, statesOf } from './lib/subject.ts'
import { Findings, Tally } from './lib/tally.ts'

const PIPELINE = resolve(import.meta.dirname, 'pipelines/tally.ts')
const PRODUCERS = 4
/** One life in so many is ended while the worker starts. */
const EARLY = 6
const START_MS = 500
/** The longest life after the first acknowledgement. */
const LIFE_MS = 1500
/** Nothing acknowledged for so long after a start: the worker does not recover. */
const RECOVERY_MS = 20_000
const FLUSH_MS = 30_000

const LIMITS = {
  checkpointIntervalMs: 100,
  horizonEpochs: 5,
  chainEra: 16,
  keyGroups: 64,
  journalSegmentBytes: 256 << 10,
  journalBytes: 64 << 20,
}

const proof: Proof = { name: 'kill9', mutants: killMutants, rounds: 50, mutantRounds: 20, timeoutMs: 300_000, run }

async function run({ seed, folder, mutant, rounds, signal }: Run): Promise<string> {
  const chance = new Prng(seed)
  const tally = new Tally()
  const port = await freePort()
  const data = `${folder}/data`
  const out = `${folder}/out`
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {})
  const producers: Producer[] = []
  for (let i = 0; i < PRODUCERS; i++) {
    producers.push(await Producer.open({ port, producer: `p${i}` }, chance.fork(), tally))
  }
  for (const producer of producers) producer.start(failed.reject)
  const begin = (): Subject => {
    const limits = Object.entries(LIMITS).flatMap(([name, value]) => ['--limit', `${name}=${value}`])
    const parameters = ['--param', `port=${port}`, '--param', `folder=${out}`]
    return new Subject(['run', PIPELINE, '--data', data, ...parameters, ...limits], mutant)
  }

  let longestMs = 0
  /** Waits until the worker acknowledges records that no earlier life has acknowledged. */
  const recovered = async (subject: Subject): Promise<void> => {
    const acknowledged = producers.map((producer) => once(producer.client, 'ack', { signal }))
    const outcome = await Promise.race([
      Promise.any(acknowledged).then(() => 'acknowledged' as const),
      subject.ended.then(() => 'ended' as const),
      pause(RECOVERY_MS, 'late' as const, { signal }),
      failed.promise,
    ])
    for (const one of acknowledged) one.catch(() => {})
    if (outcome === 'late') throw new Error(`nothing was acknowledged for ${RECOVERY_MS} ms:\n${subject.said}`)
    if (outcome === 'ended') throw new Error(`the worker ended by itself:\n${subject.said}`)
    longestMs = Math.max(longestMs, performance.now() - subject.startedMs)
  }

  for (let kill = 1; kill <= rounds; kill++) {
    const subject = begin()
    const early = chance.below(EARLY) === 0
    const lifeMs = chance.below(early ? START_MS : LIFE_MS)
    if (!early) await recovered(subject)
    const over = await Promise.race([pause(lifeMs, null, { signal }), subject.ended, failed.promise])
    if (over !== null) throw new Error(`the worker ended by itself:\n${subject.said}`)
    await subject.stop('SIGKILL')
    checkSaid(subject)
    say(`kill ${kill} of ${rounds}: ${lifeMs} ms after ${early ? 'the start' : 'recovery'}, ${tally.records} records`)
  }

  const subject = begin()
  await recovered(subject)
  for (const producer of producers) await producer.stop()
  const flushed = Promise.all(producers.map((producer) => producer.client.flush('stable'))).then(() => true)
  const stable = await Promise.race([flushed, pause(FLUSH_MS, false, { signal }), failed.promise])
  if (!stable) {
    const open = producers.map(({ client }) => client.outstanding).join(', ')
    throw new Error(`after ${FLUSH_MS} ms ${open} records of the producers are not stable:\n${subject.said}`)
  }
  for (const producer of producers) producer.client.close()
  const findings = new Findings()
  tally.checkWindows(await statesOf(data, 'tally', 'window'), findings)
  tally.checkCounts(await statesOf(data, 'tally', 'count'), findings)
  const { status } = await subject.stop('SIGTERM')
  if (status !== 0) throw new Error(`the worker did not end in order (${status}):\n${subject.said}`)
  checkSaid(subject)
  tally.checkFiles(out, findings)
  const { lost, doubled, misplaced, list } = findings
  const figures = `${lost} lost, ${doubled} doubled, ${misplaced} out of order`
  if (!findings.none) throw new Error(`${figures}\n${list.join('\n')}`)
  const records = tally.records.toLocaleString('en-US')
  return `${rounds} kills, ${records} records, ${figures}, longest recovery ${Math.round(longestMs)} ms`
}

/** A kill damages nothing: a worker that says otherwise, or shows a stack, is wrong. */
function checkSaid({ said }: Subject): void {
  const stack = bareStack(said)
  if (stack !== null) throw new Error(`the worker showed a stack: ${stack}\n${said}`)
  const code = /E_(JOURNAL|STORE|SEGMENT|FILE)_\w+|E_RESTORE|E_DISK/.exec(said)?.[0]
  if (code !== undefined) throw new Error(`the worker found damage (${code}):\n${said}`)
}

await prove(proof)
