/**
 * Workers that keep the last four numbers of each key, with what stands around them: producers at any of them, a
 * receiver.
 */
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { KeyGroupRun } from '../../src/admin/cluster-view.ts'
import { type Client, connect } from '../../src/client.ts'
import { Fleet } from './fleet.ts'
import { KeyGroups } from './key-groups.ts'
import { nowMicros, PacedSender, RowReceiver } from './latency.ts'
import { allKeys, say } from './stage.ts'

const PIPELINE = resolve(import.meta.dirname, '../pipelines/sequence-window.ts')
/** Enough that each worker has some, however the system deals connections out. */
const PRODUCERS = 6
const KEY_GROUPS = 1024
/** As fast as it goes: so long before it counts, and so long while it does. */
const HIGHEST_WARMUP_MS = 3000
const HIGHEST_MS = 5000
const BLOCK = 1000
/** How long producers wait at the end for workers that may be gone, in milliseconds. */
const FLUSH_MS = 5000

export class ClusterStage {
  readonly fleet: Fleet
  readonly receiver: RowReceiver
  readonly groups: KeyGroups
  private readonly clients: readonly Client[]
  private senders: readonly PacedSender[] = []

  private constructor(fleet: Fleet, receiver: RowReceiver, groups: KeyGroups, clients: readonly Client[]) {
    this.fleet = fleet
    this.receiver = receiver
    this.groups = groups
    this.clients = clients
  }

  /** `workers` workers that all have their part of `keys` keys. */
  static async open(workers: number, keys: number): Promise<ClusterStage> {
    const receiver = new RowReceiver()
    const output = await receiver.listen()
    const fleet = await Fleet.open(workers, { keyGroups: KEY_GROUPS })
    try {
      const { cluster } = fleet
      await cluster.submit(PIPELINE, { port: cluster.port, output })
      const options = { source: 'numbers', maxOutstanding: 64 << 20, maxBackoffMs: 50, port: cluster.port }
      const names = Array.from({ length: PRODUCERS }, (_, i) => `bench-${i}`)
      const clients = await Promise.all(names.map((producer) => connect({ ...options, producer })))
      const stage = new ClusterStage(fleet, receiver, new KeyGroups(allKeys(keys), KEY_GROUPS), clients)
      await stage.fill()
      return stage
    } catch (error) {
      await fleet.close()
      receiver.close()
      throw error
    }
  }

  /** A record of each key through the pipeline. */
  private async fill(): Promise<void> {
    const { clients, groups, receiver } = this
    const { inTurn } = groups
    const blocks = Math.ceil(inTurn.length / BLOCK)
    const started = performance.now()
    await Promise.all(
      clients.map(async (client, i) => {
        for (let block = i; block < blocks; block += clients.length) {
          await client.send(inTurn.slice(block * BLOCK, (block + 1) * BLOCK).map((key) => `${key},0`))
        }
      }),
    )
    await receiver.until(inTurn.length)
    say(`${inTurn.length} keys are there after ${((performance.now() - started) / 1000).toFixed(1)} s`)
  }

  /** Rows per second when the producers always have more to send. */
  async highestRate(): Promise<number> {
    const { receiver, clients, groups } = this
    const { inTurn } = groups
    let running = true
    const send = async (client: Client, first: number): Promise<void> => {
      for (let at = first; running; ) {
        const micros = nowMicros()
        await client.send(Array.from({ length: BLOCK }, () => `${inTurn[at++ % inTurn.length]!},${micros}`))
        // There may be room at once, and the receiver has to run.
        await new Promise(setImmediate)
      }
    }
    const sending = clients.map((client, i) => send(client, this.firstOf(i)))
    await pause(HIGHEST_WARMUP_MS)
    const [rows, started] = [receiver.rows, performance.now()]
    await pause(HIGHEST_MS)
    const perSecond = ((receiver.rows - rows) * 1000) / (performance.now() - started)
    running = false
    await Promise.all(sending)
    await Promise.all(clients.map((client) => client.flush('stable')))
    say(`highest rate ${Math.round(perSecond)} records/s`)
    return perSecond
  }

  /** From now on the producers together send so many records a second, whatever happens. */
  pace(perSecond: number): void {
    const { clients, groups } = this
    this.senders = clients.map(
      (client, i) => new PacedSender(client, groups.inTurn, perSecond / clients.length, this.firstOf(i)),
    )
  }

  /** Records that no checkpoint covers yet. */
  get outstanding(): number {
    return this.clients.reduce((sum, client) => sum + client.outstanding, 0)
  }

  /** Who owns each key group, as `name` sees it. */
  async owners(name: string): Promise<readonly string[]> {
    const runs = await (await this.fleet.client(name)).get<readonly KeyGroupRun[]>('/v1/cluster/key-groups')
    return runs.flatMap(({ from, to, worker }) => new Array<string>(to - from + 1).fill(worker))
  }

  async close(): Promise<void> {
    for (const sender of this.senders) sender.stop()
    // A client says what it leaves behind. Where the workers are gone nobody takes it.
    const flushed = Promise.allSettled(this.clients.map((client) => client.flush()))
    await Promise.race([flushed, pause(FLUSH_MS, null, { ref: false })])
    for (const client of this.clients) client.close()
    await this.fleet.close()
    this.receiver.close()
  }

  /** Producers begin in different places, so that no two send the same key at a time. */
  private firstOf(producer: number): number {
    return Math.floor((producer * this.groups.inTurn.length) / this.clients.length)
  }
}
