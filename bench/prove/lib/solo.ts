/**
 * What a proof on one worker stands on: the tally pipeline, acknowledged producers that send without pause, and in the end the
 * comparison of every state and every file with the producers' own count. (`stand.ts` is the same for a cluster.)
 */
import { once } from 'node:events'
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Prng } from '../../../src/base/prng.ts'
import { Subject, statesOf } from '../../workers/subject.ts'
import type { Run } from './main.ts'
import { Producer } from './producer.ts'
import { Findings, Tally } from './tally.ts'

const PIPELINE = resolve(import.meta.dirname, '../pipelines/tally.ts')

/** Small enough that floors rise, journals are trimmed, packs die and the chain begins new eras while a proof runs. */
const LIMITS = {
  checkpointIntervalMs: 100,
  horizonEpochs: 5,
  chainEra: 16,
  keyGroups: 64,
  journalSegmentBytes: 256 << 10,
  journalBytes: 64 << 20,
}

export interface SoloOptions {
  readonly port: number
  readonly producers: number
  /** The worker's folder. */
  readonly data: string
  readonly limits?: Readonly<Record<string, number>>
  /** Throws where what a worker has said on standard error is wrong. */
  readonly checkSaid: (subject: Subject) => void
}

export class Solo {
  readonly tally = new Tally()
  readonly chance: Prng
  readonly producers: Producer[] = []
  private readonly run: Run
  private readonly options: SoloOptions
  private readonly failure = Promise.withResolvers<never>()

  private constructor(run: Run, options: SoloOptions) {
    this.run = run
    this.options = options
    this.chance = new Prng(run.seed)
    this.failure.promise.catch(() => {})
  }

  /** Producers that send as soon as a worker takes something. */
  static async open(run: Run, options: SoloOptions): Promise<Solo> {
    const { port } = options
    const solo = new Solo(run, options)
    for (let i = 0; i < options.producers; i++) {
      solo.producers.push(await Producer.open({ port, producer: `p${i}` }, solo.chance.fork(), solo.tally))
    }
    for (const producer of solo.producers) producer.start(solo.failure.reject)
    return solo
  }

  /** Rejects when a producer fails. */
  get failed(): Promise<never> {
    return this.failure.promise
  }

  private get out(): string {
    return `${this.run.folder}/out`
  }

  /** Starts the worker, for the first time or again. */
  begin(): Subject {
    const { data, port } = this.options
    const given = Object.entries({ ...LIMITS, ...this.options.limits })
    const limits = given.flatMap(([name, value]) => ['--limit', `${name}=${value}`])
    const parameters = ['--param', `port=${port}`, '--param', `folder=${this.out}`]
    return new Subject(['run', PIPELINE, '--data', data, ...parameters, ...limits], this.run.mutant)
  }

  /** For each producer: it is acknowledged something that it was not before. */
  acknowledged(): Promise<unknown>[] {
    const { signal } = this.run
    const each = this.producers.map(({ client }) => once(client, 'ack', { signal }))
    for (const one of each) one.catch(() => {})
    return each
  }

  /** Ends the worker by a signal that it cannot hear, and looks at what it has said. */
  async kill(subject: Subject): Promise<void> {
    await subject.stop('SIGKILL')
    this.options.checkSaid(subject)
  }

  /**
   * Stops the producers, has everything become stable within `flushMs`, and compares. Answers the figures of a proof that
   * holds.
   */
  async settle(subject: Subject, flushMs: number): Promise<string> {
    const { tally, producers, options, run, out } = this
    for (const producer of producers) await producer.stop()
    const flushed = Promise.all(producers.map(({ client }) => client.flush('stable'))).then(() => true)
    const ended = subject.ended.then(() => false)
    const late = pause(flushMs, false, { signal: run.signal })
    if (!(await Promise.race([flushed, ended, late, this.failed]))) {
      const open = producers.map(({ client }) => client.outstanding).join(', ')
      throw new Error(`after ${flushMs} ms ${open} records of the producers are not stable:\n${subject.said}`)
    }
    for (const { client } of producers) client.close()
    const findings = new Findings()
    tally.checkWindows(await statesOf(options.data, 'tally', 'window'), findings)
    tally.checkCounts(await statesOf(options.data, 'tally', 'count'), findings)
    const { status } = await subject.stop('SIGTERM')
    if (status !== 0) throw new Error(`the worker did not end in order (${status}):\n${subject.said}`)
    options.checkSaid(subject)
    tally.checkFiles(out, findings)
    const { lost, doubled, misplaced, list } = findings
    const figures = `${lost} lost, ${doubled} doubled, ${misplaced} out of order`
    if (!findings.none) throw new Error(`${figures}\n${list.join('\n')}`)
    return `${tally.records.toLocaleString('en-US')} records, ${figures}`
  }
}
