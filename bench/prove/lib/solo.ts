/**
 * A proof on one worker, which is started and killed: in the end every state and every file is compared with the
 * producers' own count (`ground.ts`).
 */
import { Subject, statesOf } from '../../workers/subject.ts'
import { Ground, PIPELINE } from './ground.ts'
import type { Run } from './main.ts'
import { Producer } from './producer.ts'
import { Findings } from './tally.ts'

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

export class Solo extends Ground {
  private readonly options: SoloOptions

  private constructor(run: Run, options: SoloOptions) {
    super(run)
    this.options = options
  }

  /** Producers that send as soon as a worker takes something. */
  static async open(run: Run, options: SoloOptions): Promise<Solo> {
    const { port } = options
    const solo = new Solo(run, options)
    for (let i = 0; i < options.producers; i++) {
      solo.producers.push(await Producer.open({ port, producer: `p${i}` }, solo.chance.fork(), solo.tally))
    }
    solo.loud()
    return solo
  }

  /** Starts the worker, for the first time or again. */
  begin(): Subject {
    const { data, port } = this.options
    const given = Object.entries({ ...LIMITS, ...this.options.limits })
    const limits = given.flatMap(([name, value]) => ['--limit', `${name}=${value}`])
    const parameters = ['--param', `port=${port}`, '--param', `folder=${this.out}`]
    return new Subject(['run', PIPELINE, '--data', data, ...parameters, ...limits], this.run.mutant)
  }

  /** Ends the worker by a signal that it cannot hear, and looks at what it has said. */
  async kill(subject: Subject): Promise<void> {
    await subject.stop('SIGKILL')
    this.options.checkSaid(subject)
  }

  /**
   * Stops the producers, has everything become stable within `flushMs`, and compares. Answers the figures of a proof
   * that holds.
   */
  async settle(subject: Subject, flushMs: number): Promise<string> {
    const { tally, producers, options, out } = this
    await this.flush(flushMs, () => subject.said, subject.ended)
    for (const { client } of producers) client.close()
    const findings = new Findings()
    tally.checkWindows(await statesOf(options.data, 'tally', 'window'), findings)
    tally.checkCounts(await statesOf(options.data, 'tally', 'count'), findings)
    const { status } = await subject.stop('SIGTERM')
    if (status !== 0) throw new Error(`the worker did not end in order (${status}):\n${subject.said}`)
    options.checkSaid(subject)
    tally.checkFiles(out, findings)
    return this.judge(findings)
  }
}
