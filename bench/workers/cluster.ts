/**
 * A cluster under proof: workers with one store, each started as a user would and ended by its id. They share the ports
 * of their sources, as `up` has them do; where the network is to be cut each has a host of its own.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { type ControlClient, findWorker } from '../../src/cli/control-client.ts'
import type { Address } from '../../src/client.ts'
import { freePort } from './free-port.ts'
import { Hosts } from './hosts.ts'
import type { Mutant } from './mutant.ts'
import { STUCK_MS } from './patience.ts'
import { bareStack, type Ending, Subject, statesOf } from './subject.ts'
import type { Wire } from './wire.ts'

/** What a worker says of its cluster. */
interface Picture {
  readonly mode: string
  readonly workers: readonly { readonly worker: string; readonly member: boolean }[]
}

export interface ClusterOptions {
  readonly folder: string
  /** Workers at the first start. */
  readonly size: number
  readonly limits: Readonly<Record<string, number>>
  readonly mutant: Mutant | null
  /** Each worker has a host of its own. */
  readonly apart?: boolean
  /** Workers reach each other by way of it. */
  readonly wire?: Wire
  /** Aborted when the proof takes too long. */
  readonly signal: AbortSignal
}

export class Cluster {
  /** The workers that have been started and not been ended, by name. */
  readonly workers = new Map<string, Subject>()
  /** The hosts of the workers, where they have some. */
  readonly hosts: Hosts | null
  /** The port of the pipeline's source, on every worker. */
  readonly port: number
  private readonly options: ClusterOptions
  private readonly token = randomBytes(24).toString('base64url')
  private readonly ports = new Map<string, number>()

  private constructor(options: ClusterOptions, port: number) {
    this.options = options
    this.port = port
    this.hosts = options.apart === true ? new Hosts() : null
    mkdirSync(`${options.folder}/store`, { recursive: true })
    for (const name of this.names) this.hosts?.add(name)
  }

  /** A cluster of which no worker runs yet. */
  static async make(options: ClusterOptions): Promise<Cluster> {
    return new Cluster(options, await freePort())
  }

  /** Where producers find the source of the pipeline. */
  get addresses(): readonly Address[] {
    const { hosts, port } = this
    return hosts === null
      ? [{ host: '127.0.0.1', port }]
      : this.names.map((name) => ({ host: hosts.addressOf(name), port }))
  }

  /** The names of the first start. */
  get names(): readonly string[] {
    return Array.from({ length: this.options.size }, (_, i) => `w${i + 1}`)
  }

  folderOf(name: string): string {
    return `${this.options.folder}/${name}`
  }

  /** The proof damages files itself: workers may say so. */
  harmed = false
  /** What every worker that ever ran has said. */
  said = ''

  /** Starts a worker; a name that was there before finds its folder again. */
  async start(name: string): Promise<Subject> {
    const { folder, limits, size, mutant, wire } = this.options
    const { hosts } = this
    const port = this.ports.get(name) ?? (await freePort())
    this.ports.set(name, port)
    const host = hosts?.addressOf(name) ?? wire?.listenOf(name) ?? '127.0.0.1'
    const reach = wire?.reachOf(name, port) ?? host
    const place = [
      '--worker',
      name,
      '--data',
      this.folderOf(name),
      '--store',
      `${folder}/store`,
      '--journals',
      `${folder}/journals`,
    ]
    const cluster = ['--cluster', 'proof', '--listen', `${host}:${port}`, '--reach', reach, '--expected', String(size)]
    const apart = hosts === null ? ['--share-ports'] : ['--control-host', host]
    // A thread of a busy machine takes long to load a program, and is taken for one that computes for ever.
    const given = Object.entries({ loadTimeoutMs: STUCK_MS, ...limits }).flatMap(([limit, value]) => [
      '--limit',
      `${limit}=${value}`,
    ])
    const subject = new Subject(['worker', ...place, ...cluster, ...apart, ...given, '--log-level', 'warn'], mutant, {
      environment: { POTOROO_CLUSTER_TOKEN: this.token },
      host: hosts?.on(name) ?? [],
    })
    this.workers.set(name, subject)
    return subject
  }

  async startAll(): Promise<void> {
    for (const name of this.names) await this.start(name)
  }

  /** Ends a worker with `signal`; what it has said stays. */
  async stop(name: string, signal: NodeJS.Signals): Promise<Ending> {
    const subject = this.workers.get(name)
    if (subject === undefined) throw new Error(`${name} does not run`)
    this.workers.delete(name)
    const ending = await subject.stop(signal)
    this.said += `── ${name} ──\n${subject.said}`
    return ending
  }

  /**
   * Asks a worker to hand over what it owns; resolves when it has ended by itself, in order. One that could not be
   * asked stays.
   */
  async leave(name: string): Promise<void> {
    const subject = this.workers.get(name)!
    this.workers.delete(name)
    try {
      await (await this.control(name)).post('/v1/cluster/leave', { worker: name })
    } catch (error) {
      this.workers.set(name, subject)
      throw error
    }
    const { status } = await subject.ended
    this.said += `── ${name} ──\n${subject.said}`
    if (status !== 0) throw new Error(`${name} did not leave in order (${status}):\n${this.words}`)
  }

  /** What all workers have said, for whoever has to find out why. */
  get words(): string {
    return [this.said, ...Array.from(this.workers, ([name, { said }]) => `── ${name} ──\n${said}`)].join('\n')
  }

  /** Resolves when a worker has ended that nobody has ended. */
  async endedByItself(): Promise<string> {
    const names = [...this.workers]
    const [name] = await Promise.race(names.map(async ([name, subject]) => [name, await subject.ended] as const))
    return name
  }

  /** Submits `pipeline` to one of the workers. */
  async submit(pipeline: string, parameters: Readonly<Record<string, string | number>>): Promise<void> {
    const [name] = this.workers.keys()
    const given = Object.entries(parameters).flatMap(([key, value]) => ['--param', `${key}=${value}`])
    const command = new Subject(['submit', pipeline, '--data', this.folderOf(name!), ...given], null)
    const { status } = await command.ended
    if (status !== 0) throw new Error(`it could not be submitted:\n${command.said}\n${this.words}`)
  }

  control(name: string): Promise<ControlClient> {
    return findWorker({ data: this.folderOf(name) })
  }

  /** The state of every key of `step`, as any of the workers answers for all of them. */
  statesOf<S>(pipeline: string, step: string): Promise<Map<string, S>> {
    const [name] = this.workers.keys()
    return statesOf<S>(this.folderOf(name!), pipeline, step)
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
    const until = performance.now() + STUCK_MS
    for (;;) {
      const picture = await this.pictureOf(name)
      if (picture !== null && wanted(picture)) return
      if (performance.now() > until) {
        const said = `${name} says ${JSON.stringify(picture)}`
        throw new Error(`no ${what} after ${STUCK_MS} ms: ${said}\n${this.words}`)
      }
      await pause(50, null, { signal: this.options.signal })
    }
  }

  /** What `name` says of the cluster, `null` where it does not answer: it is not there yet, or not any more. */
  private async pictureOf(name: string): Promise<Picture | null> {
    try {
      const worker = await this.control(name)
      return await worker.get<Picture>('/v1/cluster')
    } catch {
      return null
    }
  }

  /** Ends a pipeline on all workers, with everything that it has to put out. */
  async drain(pipeline: string): Promise<void> {
    const [name] = this.workers.keys()
    await (await this.control(name!)).post(`/v1/pipelines/${pipeline}/drain`)
  }

  /** Ends all workers in order. */
  async endAll(): Promise<void> {
    const names = [...this.workers.keys()]
    const endings = await Promise.all(names.map(async (name) => [name, await this.stop(name, 'SIGTERM')] as const))
    for (const [name, { status }] of endings) {
      if (status !== 0) throw new Error(`${name} did not end in order (${status}):\n${this.said}`)
    }
    this.checkSaid()
  }

  /**
   * A kill damages nothing: a worker that says otherwise, or shows a stack, is wrong. One that was left out says so.
   */
  checkSaid(): void {
    const { words } = this
    const stack = bareStack(words)
    if (stack !== null) throw new Error(`a worker showed a stack: ${stack}\n${words}`)
    const code = /E_(JOURNAL|STORE|SEGMENT|FILE)_(?!SEALED)\w+|E_RESTORE|E_DISK/.exec(words)?.[0]
    if (code !== undefined && !this.harmed) throw new Error(`a worker found damage (${code}):\n${words}`)
  }
}
