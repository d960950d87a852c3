/**
 * What every proof on a cluster stands on: workers with the tally pipeline, acknowledged producers that send without
 * pause, and in the end the comparison of every state and every file with the producers' own count.
 */
import { once } from 'node:events'
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Prng } from '../../../src/base/prng.ts'
import { Cluster } from './cluster.ts'
import type { Run } from './main.ts'
import { Producer } from './producer.ts'
import { bareStack } from './subject.ts'
import { Findings, Tally } from './tally.ts'

const PIPELINE = resolve(import.meta.dirname, '../pipelines/tally-cluster.ts')
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

/** What a worker says of its cluster. */
interface Picture {
  readonly mode: string
  readonly workers: readonly { readonly worker: string; readonly member: boolean }[]
}

export interface StandOptions {
  /** Workers at the first start. */
  readonly size: number
  readonly producers?: number
  readonly limits?: Readonly<Record<string, number>>
  /** Each worker has a host of its own, so that the network between them can be cut. */
  readonly apart?: boolean
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
    const { size, producers = PRODUCERS, limits = {}, apart = false } = options
    const { folder, mutant } = run
    const cluster = await Cluster.make({ folder, size, mutant, apart, limits: { ...LIMITS, ...limits } })
    const stand = new Stand(run, cluster)
    await cluster.startAll()
    await stand.settlesAs(size, cluster.names)
    const { addresses, port } = cluster
    await cluster.submit(PIPELINE, { port, folder: stand.out, host: apart ? '0.0.0.0' : '127.0.0.1' })
    for (let i = 0; i < producers; i++) {
      const options = { addresses: stand.chance.shuffled(addresses), producer: `p${i}`, maxBackoffMs: 200 }
      stand.producers.push(await Producer.open(options, stand.chance.fork(), stand.tally))
    }
    for (const producer of stand.producers) producer.start(stand.failed.reject)
    await stand.recovered()
    return stand
  }

  private get out(): string {
    return `${this.run.folder}/out`
  }

  /** Waits until each of `names` says that it works in a generation of `members`. */
  async settlesAs(members: number, names: readonly string[]): Promise<void> {
    const wanted = ({ mode, workers }: Picture): boolean =>
      mode === 'normal' && workers.filter(({ member }) => member).length === members
    await Promise.all(names.map((name) => this.sees(`${members} workers that work together`, name, wanted)))
  }

  /** Waits until `name` says that it is in one of `modes`. */
  saysOf(name: string, modes: readonly string[]): Promise<void> {
    return this.sees(`${name} as one of ${modes.join(', ')}`, name, ({ mode }) => modes.includes(mode))
  }

  /** Waits until what `name` says of the cluster is as `wanted`. */
  private async sees(what: string, name: string, wanted: (picture: Picture) => boolean): Promise<void> {
    const until = performance.now() + RECOVERY_MS
    for (;;) {
      const picture = await this.pictureOf(name)
      if (picture !== null && wanted(picture)) return
      if (performance.now() > until) {
        const said = `${name} says ${JSON.stringify(picture)}`
        throw new Error(`no ${what} after ${RECOVERY_MS} ms: ${said}\n${this.cluster.words}`)
      }
      await pause(50, null, { signal: this.run.signal })
    }
  }

  /** What `name` says of the cluster, `null` where it does not answer: it is not there yet, or not any more. */
  private async pictureOf(name: string): Promise<Picture | null> {
    try {
      const worker = await this.cluster.control(name)
      return await worker.get<Picture>('/v1/cluster')
    } catch {
      return null
    }
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

  /** Stops the producers, has everything become stable, and compares. Answers the figures of a proof that holds. */
  async settle(): Promise<string> {
    const { cluster, tally, producers, run } = this
    for (const producer of producers) await producer.stop()
    const flushed = Promise.all(producers.map((producer) => producer.client.flush('stable'))).then(() => true)
    const stable = await Promise.race([flushed, pause(FLUSH_MS, false, { signal: run.signal }), this.failed.promise])
    if (!stable) {
      const open = producers.map(({ client }) => client.outstanding).join(', ')
      throw new Error(`after ${FLUSH_MS} ms ${open} records of the producers are not stable:\n${cluster.words}`)
    }
    for (const producer of producers) producer.client.close()
    await this.settlesAs(cluster.workers.size, [...cluster.workers.keys()])
    const findings = new Findings()
    tally.checkWindows(await cluster.statesOf('tally', 'window'), findings)
    tally.checkCounts(await cluster.statesOf('tally', 'count'), findings)
    await this.endAll()
    tally.checkSegments(this.out, findings)
    const { lost, doubled, misplaced, list } = findings
    const figures = `${lost} lost, ${doubled} doubled, ${misplaced} out of order`
    if (!findings.none) throw new Error(`${figures}\n${list.join('\n')}\n${cluster.words}`)
    const records = tally.records.toLocaleString('en-US')
    return `${records} records, ${figures}, longest wait ${Math.round(this.longestMs)} ms`
  }

  /** Ends all workers in order. */
  private async endAll(): Promise<void> {
    const { cluster } = this
    const endings = await Promise.all(
      [...cluster.workers.keys()].map(async (name) => [name, await cluster.stop(name, 'SIGTERM')] as const),
    )
    for (const [name, { status }] of endings) {
      if (status !== 0) throw new Error(`${name} did not end in order (${status}):\n${cluster.said}`)
    }
    this.checkSaid()
  }

  /** A kill damages nothing: a worker that says otherwise, or shows a stack, is wrong. One that was left out says so. */
  checkSaid(): void {
    const { words } = this.cluster
    const stack = bareStack(words)
    if (stack !== null) throw new Error(`a worker showed a stack: ${stack}\n${words}`)
    const code = /E_(JOURNAL|STORE|SEGMENT|FILE)_(?!SEALED)\w+|E_RESTORE|E_DISK/.exec(words)?.[0]
    if (code !== undefined) throw new Error(`a worker found damage (${code}):\n${words}`)
  }
}
