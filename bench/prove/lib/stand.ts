/**
 * What every proof on a cluster stands on: workers with the tally pipeline, acknowledged producers that send without
 * pause, and in the end the comparison of every state and every file with the producers' own count.
 */
import { once } from 'node:events'
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Prng } from '../../../src/base/prng.ts'
import type { Dial } from '../../../src/client/transport.ts'
import { Cluster } from '../../workers/cluster.ts'
import type { Wire } from '../../workers/wire.ts'
import type { Run } from './main.ts'
import { Producer } from './producer.ts'
import { Findings, Tally } from './tally.ts'

const PIPELINE = resolve(import.meta.dirname, '../pipelines/tally.ts')
const PRODUCERS = 4
/** Nothing acknowledged for so long: the cluster does not recover. */
const RECOVERY_MS = 30_000
const FLUSH_MS = 60_000

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

export class Stand {
  readonly cluster: Cluster
  readonly tally = new Tally()
  readonly chance: Prng
  readonly producers: Producer[] = []
  /** The longest time without an acknowledgement that `recovered` has waited, in milliseconds. */
  longestMs = 0
  private readonly run: Run
  private readonly failed = Promise.withResolvers<never>()

  private constructor(run: Run, cluster: Cluster) {
    this.run = run
    this.cluster = cluster
    this.chance = new Prng(run.seed)
    this.failed.promise.catch(() => {})
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
    const { addresses, port } = cluster
    await cluster.submit(PIPELINE, { port, folder: stand.out, host: apart ? '0.0.0.0' : '127.0.0.1', grow: 'false' })
    for (let i = 0; i < producers; i++) {
      const options = { addresses: stand.chance.shuffled(addresses), producer: `p${i}`, maxBackoffMs: 200 }
      stand.producers.push(await Producer.open(options, stand.chance.fork(), stand.tally, dial?.(stand)))
    }
    stand.loud()
    await stand.recovered()
    return stand
  }

  private get out(): string {
    return `${this.run.folder}/out`
  }

  /** Waits until each producer has been acknowledged something that it was not before. */
  async recovered(): Promise<void> {
    const { signal } = this.run
    const from = performance.now()
    const acknowledged = this.producers.map((producer) => once(producer.client, 'ack', { signal }))
    const outcome = await Promise.race([
      Promise.all(acknowledged).then(() => null),
      this.cluster.endedByItself(),
      pause(RECOVERY_MS, 'late', { signal }),
      this.failed.promise,
    ])
    for (const one of acknowledged) one.catch(() => {})
    if (outcome === 'late') throw new Error(`some producer heard nothing for ${RECOVERY_MS} ms:\n${this.cluster.words}`)
    if (outcome !== null) throw new Error(`${outcome} ended by itself:\n${this.cluster.words}`)
    this.longestMs = Math.max(this.longestMs, performance.now() - from)
  }

  /** Lets the cluster work for `ms`; nobody may end or fail meanwhile. */
  async work(ms: number): Promise<void> {
    const { signal } = this.run
    const ended = await Promise.race([pause(ms, null, { signal }), this.cluster.endedByItself(), this.failed.promise])
    if (ended !== null) throw new Error(`${ended} ended by itself:\n${this.cluster.words}`)
  }

  /** Has the producers send without pause. */
  loud(): void {
    for (const producer of this.producers) producer.start(this.failed.reject)
  }

  /** Stops the producers and has everything become stable: what has been sent is what there is. */
  async quiet(): Promise<void> {
    const { cluster, producers, run } = this
    for (const producer of producers) await producer.stop()
    const flushed = Promise.all(producers.map((producer) => producer.client.flush('stable'))).then(() => true)
    const stable = await Promise.race([flushed, pause(FLUSH_MS, false, { signal: run.signal }), this.failed.promise])
    if (stable) return
    const open = producers.map(({ client }) => client.outstanding).join(', ')
    throw new Error(`after ${FLUSH_MS} ms ${open} records of the producers are not stable:\n${cluster.words}`)
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
    const { lost, doubled, misplaced, list } = findings
    const figures = `${lost} lost, ${doubled} doubled, ${misplaced} out of order`
    if (!findings.none) throw new Error(`${figures}\n${list.join('\n')}\n${cluster.words}`)
    const records = tally.records.toLocaleString('en-US')
    return `${records} records, ${figures}, longest wait ${Math.round(this.longestMs)} ms`
  }
}
