/**
 * Throughput through sockets: the same bytes in over TCP, the same bytes out over TCP, engine and reference in turn.
 *
 * The feeder and the receiver live in the bench's own process and only move prepared buffers, so that they cost the
 * second core and not the subject's. A warm-up is fed first and its output awaited; then the clock runs from the first
 * measured byte in to the last byte out.
 */
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import type { Subject } from './subject.ts'

export interface Load {
  readonly warmup: readonly Buffer[]
  readonly measured: readonly Buffer[]
  /** Records in `measured`. */
  readonly records: number
  /** Bytes of output that `warmup` and then `measured` lead to. */
  readonly warmupOut: number
  readonly measuredOut: number
}

export interface Throughput {
  readonly perSecond: number
  readonly cpuNsPerRecord: number
}

/** Collects what a subject sends and resolves when so many bytes have come. */
export class Receiver {
  readonly server: Server
  bytes = 0
  private waiting: { readonly until: number; readonly resolve: () => void } | null = null

  constructor() {
    this.server = createServer((socket) => {
      socket.on('data', (chunk) => {
        this.bytes += chunk.length
        if (this.waiting !== null && this.bytes >= this.waiting.until) {
          this.waiting.resolve()
          this.waiting = null
        }
      })
      socket.on('error', () => {})
    })
  }

  async listen(port: number): Promise<void> {
    this.server.listen(port, '127.0.0.1')
    await once(this.server, 'listening')
  }

  async until(bytes: number): Promise<void> {
    if (this.bytes >= bytes) return
    await new Promise<void>((resolve) => {
      this.waiting = { until: bytes, resolve }
    })
  }
}

/** Feeds `load` to `port` and measures until all output has come. */
export async function measure(
  load: Load,
  ports: readonly number[],
  receiver: Receiver,
  subject: Subject,
  split: (buffers: readonly Buffer[], lane: number) => readonly Buffer[] = (buffers) => buffers,
): Promise<Throughput> {
  const sockets = await Promise.all(
    ports.map(async (port) => {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      return socket
    }),
  )
  const feed = async (buffers: readonly Buffer[]) => {
    await Promise.all(
      sockets.map(async (socket, lane) => {
        for (const buffer of split(buffers, lane)) if (!socket.write(buffer)) await once(socket, 'drain')
      }),
    )
  }
  const base = receiver.bytes
  await Promise.all([feed(load.warmup), receiver.until(base + load.warmupOut)])
  const cpu = subject.cpuMs()
  const started = performance.now()
  await Promise.all([feed(load.measured), receiver.until(base + load.warmupOut + load.measuredOut)])
  const seconds = (performance.now() - started) / 1000
  const cpuNsPerRecord = ((subject.cpuMs() - cpu) * 1e6) / load.records
  for (const socket of sockets) socket.destroy()
  return { perSecond: load.records / seconds, cpuNsPerRecord }
}
