/** A worker that keeps the last four numbers of a million keys, with what stands around it: folder, ports, receiver. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Client, connect } from '../../src/client.ts'
import { freePort } from '../workers/free-port.ts'
import { keyOf, nowMicros, RowReceiver, sendAllKeys } from './latency.ts'
import { launch, nodeFlags, type Subject, start } from './subject.ts'
import { type WatchEvent, watched, watching } from './watch.ts'

export interface StartOptions {
  /** Looks at its loop from inside; `Stage.events` tells. */
  readonly watch?: boolean
  /** Waits until it has said so on standard error. */
  readonly ready?: RegExp
  /** More of its command line. */
  readonly more?: readonly string[]
}

/** As fast as it goes: so long before it counts, and so long while it does. */
const HIGHEST_WARMUP_MS = 3000
const HIGHEST_MS = 5000
/** How long what the worker saw may take to be written down. */
const WRITTEN_MS = 1500

export class Stage {
  readonly receiver: RowReceiver
  readonly port: number
  private readonly folder: string
  private readonly pipeline: string
  private readonly output: number

  private constructor(folder: string, pipeline: string, receiver: RowReceiver, output: number, port: number) {
    this.folder = folder
    this.pipeline = pipeline
    this.receiver = receiver
    this.output = output
    this.port = port
  }

  static async open(pipeline: string): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'potoroo-bench-'))
    const receiver = new RowReceiver()
    return new Stage(folder, pipeline, receiver, await receiver.listen(), await freePort())
  }

  get data(): string {
    return `${this.folder}/data`
  }

  start({ watch = false, ready, more = [] }: StartOptions = {}): Promise<Subject> {
    const { argv, environment } = watch ? watching(`${this.folder}/watch`) : { argv: [], environment: {} }
    const parameters = ['--param', `port=${this.port}`, '--param', `output=${this.output}`]
    const command = ['run', this.pipeline, '--data', this.data, ...parameters, ...more]
    const flags = ['--conditions=source', ...nodeFlags(), ...argv]
    return start([...flags, launch, ...command], ready ?? null, 'stderr', environment)
  }

  /** An acknowledged producer that has sent a record for each of `keys` keys, which have all come out again. */
  async producer(keys: number): Promise<Client> {
    const { port, receiver } = this
    const options = { source: 'numbers', producer: 'bench', maxOutstanding: 128 << 20, maxBackoffMs: 50 }
    const client = await connect({ port, ...options })
    await Promise.all([sendAllKeys(client, keys), receiver.until(keys)])
    return client
  }

  /** Rows per second when the client always has more to send. */
  async highestRate(client: Client, keys: readonly string[]): Promise<number> {
    const { receiver } = this
    let running = true
    let at = 0
    const send = async (): Promise<void> => {
      while (running) {
        const micros = nowMicros()
        // A stride that meets each key before any again, in no order that a cache knows.
        const records = Array.from({ length: 1000 }, () => `${keys[(at += 611_953) % keys.length]!},${micros}`)
        await client.send(records)
        // There may be room at once, and the receiver has to run.
        await new Promise(setImmediate)
      }
    }
    const sending = send()
    await pause(HIGHEST_WARMUP_MS)
    const [rows, started, cpu] = [receiver.rows, performance.now(), process.threadCpuUsage()]
    await pause(HIGHEST_MS)
    const elapsedMs = performance.now() - started
    const { user, system } = process.threadCpuUsage(cpu)
    const perSecond = ((receiver.rows - rows) * 1000) / elapsedMs
    const busy = percent((user + system) / 1000 / elapsedMs)
    say(`highest rate ${Math.round(perSecond)} records/s; sender and receiver used ${busy} of a core`)
    running = false
    await sending
    await client.flush('stable')
    await receiver.until(client.last)
    return perSecond
  }

  /** What a watched worker saw between two times of this process's clock, in microseconds. */
  async events(from: number, to: number): Promise<readonly WatchEvent[]> {
    await pause(WRITTEN_MS)
    return watched(`${this.folder}/watch`, wallMs(from), wallMs(to))
  }

  close(): void {
    this.receiver.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** All keys, as texts. */
export function allKeys(count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => keyOf(n))
}

/** Wall time of a time of this process's clock, in milliseconds. */
export function wallMs(micros: number): number {
  return performance.timeOrigin + micros / 1000
}

/** `--NAME=NUMBER` on the command line. */
export function numberGiven(name: string, otherwise: number): number {
  const given = process.argv.find((argument) => argument.startsWith(`--${name}=`))
  return given === undefined ? otherwise : Number(given.slice(given.indexOf('=') + 1))
}

/** `--NAME=SECONDS` on the command line, in milliseconds. */
export function secondsGiven(name: string, otherwise: number): number {
  return 1000 * numberGiven(name, otherwise)
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`
}
