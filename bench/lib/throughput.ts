/**
 * Throughput through sockets: the same bytes in over TCP, the same lines out over TCP, engine and reference in turn.
 *
 * The feeder and the receiver live in the bench's own process and only move prepared buffers, so that they cost the
 * second core and not the subject's. A warm-up is fed first and its output awaited; then the clock runs from the first
 * measured byte in to the last line out.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Measure, paired, single } from './report.ts'
import { launch, nodeFlags, type Subject, start } from './subject.ts'

/** What goes into one source. */
export interface Lane {
  readonly port: number
  readonly buffers: readonly Buffer[]
}

export interface Load {
  readonly lanes: readonly Lane[]
  readonly records: number
  /** Lines of output that this leads to. */
  readonly linesOut: number
}

export interface ThroughputBench {
  readonly name: string
  readonly pipeline: string
  /** Names the records in the output, as in `words/s`. */
  readonly unit: string
  /** Where the output goes. */
  readonly outPort: number
  readonly warmup: Load
  readonly measured: Load
  /** What a connection says before its bytes. */
  readonly greet?: (socket: Socket) => Promise<void>
  /** What has to be done before the warm-up. */
  readonly prime?: (receiver: Receiver) => Promise<void>
  readonly reach: string
  /** A reach for records per second as well. */
  readonly reachPerSecond?: string
}

const NEWLINE = 10

/** Collects lines, and resolves when so many have come. */
export class Receiver {
  readonly server: Server
  lines = 0
  private waiting: { readonly until: number; readonly resolve: () => void } | null = null
  private readonly sockets = new Set<Socket>()

  constructor() {
    this.server = createServer((socket) => {
      this.sockets.add(socket)
      socket.on('data', (chunk: Buffer) => this.take(chunk))
      socket.on('error', () => {})
      socket.on('close', () => this.sockets.delete(socket))
    })
  }

  private take(chunk: Buffer): void {
    for (let i = 0; i < chunk.length; i++) if (chunk[i] === NEWLINE) this.lines++
    if (this.waiting === null || this.lines < this.waiting.until) return
    this.waiting.resolve()
    this.waiting = null
  }

  async listen(port: number): Promise<void> {
    this.server.listen(port, '127.0.0.1')
    await once(this.server, 'listening')
  }

  async until(lines: number): Promise<void> {
    if (this.lines >= lines) return
    await new Promise<void>((resolve) => {
      this.waiting = { until: lines, resolve }
    })
  }

  /** Resolves when nothing has come for a fifth of a second. */
  async quiet(): Promise<void> {
    for (let before = -1; before !== this.lines; ) {
      before = this.lines
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }

  close(): void {
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
  }
}

/** Connects, trying again while nobody listens yet. */
export async function reach(port: number, timeoutMs = 20_000): Promise<Socket> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    if (connected) {
      socket.setNoDelay(true)
      socket.on('error', () => {})
      return socket
    }
    if (performance.now() > end) throw new Error(`nobody listens on port ${port}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function feed(load: Load, sockets: ReadonlyMap<number, Socket>): Promise<void> {
  await Promise.all(
    load.lanes.map(async ({ port, buffers }) => {
      const socket = sockets.get(port)!
      for (const buffer of buffers) if (!socket.write(buffer)) await once(socket, 'drain')
    }),
  )
}

interface Run {
  readonly perSecond: number
  readonly cpuNs: number
}

async function runOnce(bench: ThroughputBench, subjectOf: () => Promise<Subject>): Promise<Run> {
  const receiver = new Receiver()
  await receiver.listen(bench.outPort)
  const subject = await subjectOf()
  const sockets = new Map<number, Socket>()
  for (const { port } of bench.measured.lanes) {
    const socket = await reach(port)
    sockets.set(port, socket)
    await bench.greet?.(socket)
  }
  await bench.prime?.(receiver)
  const warm = receiver.lines + bench.warmup.linesOut
  await Promise.all([feed(bench.warmup, sockets), receiver.until(warm)])
  const { records, linesOut } = bench.measured
  const cpu = subject.cpuMs()
  const started = performance.now()
  await Promise.all([feed(bench.measured, sockets), receiver.until(warm + linesOut)])
  const seconds = (performance.now() - started) / 1000
  const cpuNs = ((subject.cpuMs() - cpu) * 1e6) / records
  for (const socket of sockets.values()) socket.destroy()
  await subject.stop()
  receiver.close()
  return { perSecond: records / seconds, cpuNs }
}

const plainLoop = resolve(import.meta.dirname, 'plain-loop.ts')

/** Starts a worker as a user would, in a folder of its own. */
async function startEngine(pipeline: string, data: string, more: readonly string[] = []): Promise<Subject> {
  return start(['--conditions=source', ...nodeFlags(), launch, 'run', pipeline, '--data', data, ...more], null)
}

/** Runs engine and reference in turn, `pairs` times. */
export async function measureThroughput(bench: ThroughputBench, pairs: number): Promise<Measure[]> {
  const engine: Run[] = []
  const reference: Run[] = []
  for (let i = 0; i < pairs; i++) {
    const data = mkdtempSync(join(tmpdir(), 'potoroo-bench-'))
    engine.push(await runOnce(bench, () => startEngine(bench.pipeline, data)))
    rmSync(data, { recursive: true, force: true })
    reference.push(
      await runOnce(bench, () => start(['--conditions=source', ...nodeFlags(), plainLoop, bench.pipeline], null)),
    )
    process.stderr.write(
      `pair ${i + 1} of ${pairs}: ${(engine.at(-1)!.perSecond / reference.at(-1)!.perSecond).toFixed(3)}\n`,
    )
  }
  const speeds = engine.map((run) => run.perSecond)
  const measures = [
    paired(
      bench.name,
      `${bench.unit}/s`,
      speeds,
      reference.map((run) => run.perSecond),
      bench.reach,
    ),
    paired(
      `${bench.name}: CPU`,
      `ns/${bench.unit}`,
      engine.map((run) => run.cpuNs),
      reference.map((run) => run.cpuNs),
      null,
    ),
  ]
  if (bench.reachPerSecond !== undefined) {
    measures.push(single(`${bench.name}: worker`, `${bench.unit}/s`, speeds, bench.reachPerSecond))
  }
  return measures
}
