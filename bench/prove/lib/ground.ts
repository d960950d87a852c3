/**
 * What every proof stands on, on one worker (`solo.ts`) or on a cluster (`stand.ts`): acknowledged producers that send
 * to the tally pipeline without pause, their own count of what is to come out, and the comparison with it in the end.
 */
import { once } from 'node:events'
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Prng } from '../../../src/base/prng.ts'
import type { Run } from './main.ts'
import type { Producer } from './producer.ts'
import { type Findings, Tally } from './tally.ts'

export const PIPELINE = resolve(import.meta.dirname, '../pipelines/tally.ts')

export abstract class Ground {
  readonly tally = new Tally()
  readonly chance: Prng
  readonly producers: Producer[] = []
  protected readonly run: Run
  private readonly failure = Promise.withResolvers<never>()

  protected constructor(run: Run) {
    this.run = run
    this.chance = new Prng(run.seed)
    this.failure.promise.catch(() => {})
  }

  /** Rejects when a producer fails. */
  get failed(): Promise<never> {
    return this.failure.promise
  }

  /** Where the pipeline writes its files. */
  protected get out(): string {
    return `${this.run.folder}/out`
  }

  /** Has the producers send without pause. */
  loud(): void {
    for (const producer of this.producers) producer.start(this.failure.reject)
  }

  /** For each producer: it is acknowledged something that it was not before. */
  acknowledged(): Promise<unknown>[] {
    const { signal } = this.run
    const each = this.producers.map(({ client }) => once(client, 'ack', { signal }))
    for (const one of each) one.catch(() => {})
    return each
  }

  /**
   * Stops the producers and has everything become stable within `ms`: what has been sent is what there is. Fails
   * earlier where all workers have `ended`; `words` is what they have said.
   */
  protected async flush(ms: number, words: () => string, ended: Promise<unknown>): Promise<void> {
    const { producers, run } = this
    const still = Promise.all(producers.map((producer) => producer.stop()))
    const flushed = still
      .then(() => Promise.all(producers.map(({ client }) => client.flush('stable'))))
      .then(() => true)
    const over = ended.then(() => false)
    if (await Promise.race([flushed, over, pause(ms, false, { signal: run.signal }), this.failed])) return
    const open = producers.map(({ client }) => client.outstanding).join(', ')
    throw new Error(`after ${ms} ms ${open} records of the producers are not stable:\n${words()}`)
  }

  /** The figures of a proof that holds; throws those of one that does not, with what the workers have said. */
  protected judge(findings: Findings, words = ''): string {
    const { lost, doubled, misplaced, list } = findings
    const figures = `${lost} lost, ${doubled} doubled, ${misplaced} out of order`
    if (!findings.none) throw new Error([figures, ...list, words].filter(Boolean).join('\n'))
    return `${this.tally.records.toLocaleString('en-US')} records, ${figures}`
  }
}
