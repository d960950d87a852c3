/**
 * Workers of one cluster under a bench, each a process as a user starts it, with what is read of them: records, CPU
 * time, whether they work together.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { WorkerView } from '../../src/admin/view.ts'
import type { ControlClient } from '../../src/cli/control-client.ts'
import { Cluster } from '../workers/cluster.ts'
import { cpuMs } from './subject.ts'

const TOGETHER_MS = 30_000
const LOOK_MS = 20

/** What a worker says of its cluster. */
interface Picture {
  readonly mode: string
  readonly workers: readonly { readonly worker: string; readonly member: boolean }[]
}

/** What all workers together have done so far. */
export interface Figures {
  readonly atMs: number
  /** Records that came into the pipeline, by worker. */
  readonly records: readonly number[]
  readonly cpuMs: number
}

export class Fleet {
  readonly cluster: Cluster
  private readonly folder: string
  private readonly clients = new Map<string, ControlClient>()

  private constructor(folder: string, cluster: Cluster) {
    this.folder = folder
    this.cluster = cluster
  }

  /** A cluster of `size` workers that work together. */
  static async open(size: number, limits: Readonly<Record<string, number>> = {}): Promise<Fleet> {
    const folder = mkdtempSync(join(tmpdir(), 'potoroo-bench-'))
    const fleet = new Fleet(
      folder,
      await Cluster.make({ folder, size, limits, mutant: null, signal: new AbortController().signal }),
    )
    try {
      await fleet.cluster.startAll()
      await fleet.together(size)
      return fleet
    } catch (error) {
      await fleet.close()
      throw error
    }
  }

  get names(): readonly string[] {
    return [...this.cluster.workers.keys()]
  }

  /** Resolves when every worker says that it works in a generation of `members`. */
  async together(members: number): Promise<void> {
    const until = performance.now() + TOGETHER_MS
    for (const name of this.names) {
      while (!(await this.isMember(name, members))) {
        if (performance.now() > until) throw new Error(`no ${members} workers together:\n${this.cluster.words}`)
        await pause(LOOK_MS)
      }
    }
  }

  /** Starts one more, or one that has ended; resolves before it is a member. */
  async start(name: string): Promise<void> {
    this.clients.delete(name)
    await this.cluster.start(name)
  }

  async figures(): Promise<Figures> {
    const { names, cluster } = this
    const views = await Promise.all(names.map(async (name) => (await this.client(name)).get<WorkerView>('/v1/worker')))
    const records = views.map(({ pipelines }) => pipelines.reduce((sum, { recordsIn }) => sum + recordsIn, 0))
    const cpu = names.reduce((sum, name) => sum + cpuMs(cluster.workers.get(name)!.pid), 0)
    return { atMs: performance.now(), records, cpuMs: cpu }
  }

  async client(name: string): Promise<ControlClient> {
    const known = this.clients.get(name)
    if (known !== undefined) return known
    const client = await this.cluster.control(name)
    this.clients.set(name, client)
    return client
  }

  /** Ends what still runs, by `signal`, and removes its files. */
  async close(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await Promise.all(this.names.map((name) => this.cluster.stop(name, signal)))
    rmSync(this.folder, { recursive: true, force: true })
  }

  private async isMember(name: string, members: number): Promise<boolean> {
    try {
      const { mode, workers } = await (await this.client(name)).get<Picture>('/v1/cluster')
      return mode === 'normal' && workers.filter(({ member }) => member).length === members
    } catch {
      // It is not there yet, or not any more.
      this.clients.delete(name)
      return false
    }
  }
}
