/**
 * A proof on a cluster, whose workers come and go: in the end every state and every file is compared with the
 * producers' own count (`ground.ts`).
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Dial } from '../../../src/client/transport.ts'
import { Cluster } from '../../workers/cluster.ts'
import { STUCK_MS } from '../../workers/patience.ts'
import type { Wire } from '../../workers/wire.ts'
import { Ground, PIPELINE } from './ground.ts'
import type { Run } from './main.ts'
import { Producer } from './producer.ts'
import { Findings } from './tally.ts'

const PRODUCERS = 4

/** Small enough that floors rise, journals are trimmed, packs die and the chain begins new eras while a proof runs. */
const LIMITS = {
  checkpointIntervalMs: 200,
  horizonEpochs: 5,
  chainEra: 64,
  keyGroups: 64,
  journalSegmentBytes: 256 << 10,
  journalBytes: 64 << 20,
}

export interface StandOptions {
  /** Workers at the first start. */
  readonly size: number
  readonly producers?: number
  readonly limits?: Readonly<Record<string, number>>
  /** Each worker has a host of its own, so that the network between them can be cut. */
  readonly apart?: boolean
  /** Workers reach each other by way of it. */
  readonly wire?: Wire
  /** What the next producer dials with. */
  readonly dial?: (stand: Stand) => Dial
}

export class Stand extends Ground {
  readonly cluster: Cluster
  /** The longest time without an acknowledgement that `recovered` has waited, in milliseconds. */
  longestMs = 0
  private parameters: Readonly<Record<string, string | number>> = {}

  private constructor(run: Run, cluster: Cluster) {
    super(run)
    this.cluster = cluster
  }

  /** A cluster that has acknowledged its first records. */
  static async open(run: Run, options: StandOptions): Promise<Stand> {
    const { size, producers = PRODUCERS, limits = {}, apart = false, wire, dial } = options
    const { folder, mutant, signal } = run
    const cluster = await Cluster.make({
      folder,
      size,
      mutant,
      apart,
      signal,
      limits: { ...LIMITS, ...limits },
      ...(wire && { wire }),
    })
    const stand = new Stand(run, cluster)
    await cluster.startAll()
    await cluster.settlesAs(size, cluster.names)
    stand.parameters = { port: cluster.port, folder: stand.out, host: apart ? '0.0.0.0' : '127.0.0.1', grow: 'false' }
    await stand.submit(PIPELINE)
    const { addresses } = cluster
    for (let i = 0; i < producers; i++) {
      const options = { addresses: stand.chance.shuffled(addresses), producer: `p${i}`, maxBackoffMs: 200 }
      stand.producers.push(await Producer.open(options, stand.chance.fork(), stand.tally, dial?.(stand)))
    }
    stand.loud()
    await stand.recovered()
    return stand
  }

  /** Submits the pipeline in `file`: that of all proofs, or one that takes its place. */
  async submit(file: string): Promise<void> {
    await this.cluster.submit(file, this.parameters)
  }

  /** Waits until each producer has been acknowledged something that it was not before. */
  async recovered(): Promise<void> {
    const { signal } = this.run
    const from = performance.now()
    const outcome = await Promise.race([
      Promise.all(this.acknowledged()).then(() => null),
      this.cluster.endedByItself(),
      pause(STUCK_MS, 'late', { signal }),
      this.failed,
    ])
    if (outcome === 'late') throw new Error(`some producer heard nothing for ${STUCK_MS} ms:\n${this.cluster.words}`)
    if (outcome !== null) throw new Error(`${outcome} ended by itself:\n${this.cluster.words}`)
    this.longestMs = Math.max(this.longestMs, performance.now() - from)
  }

  /** Lets the cluster work for `ms`; nobody may end or fail meanwhile. */
  async work(ms: number): Promise<void> {
    const { signal } = this.run
    const ended = await Promise.race([pause(ms, null, { signal }), this.cluster.endedByItself(), this.failed])
    if (ended !== null) throw new Error(`${ended} ended by itself:\n${this.cluster.words}`)
  }

  /** Stops the producers and has everything become stable: what has been sent is what there is. */
  async quiet(): Promise<void> {
    const never = new Promise(() => {})
    await this.flush(STUCK_MS, () => this.cluster.words, never)
  }

  /** Has everything become stable, and compares. Answers the figures of a proof that holds. */
  async settle(): Promise<string> {
    const { cluster, tally, producers } = this
    await this.quiet()
    for (const producer of producers) producer.client.close()
    await cluster.settlesAs(cluster.workers.size, [...cluster.workers.keys()])
    const findings = new Findings()
    tally.checkWindows(await cluster.statesOf('tally', 'window'), findings)
    tally.checkCounts(await cluster.statesOf('tally', 'count'), findings)
    await cluster.endAll()
    tally.checkSegments(this.out, findings)
    return `${this.judge(findings, cluster.words)}, longest wait ${Math.round(this.longestMs)} ms`
  }
}
