/** A worker's source on a real socket and a real disk, and the pipeline behind it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../bench/workers/free-port.ts'
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import { realEnv } from '../../src/env/real/env.ts'
import { Door } from '../../src/ingest/door.ts'
import type { IngestSource } from '../../src/ingest/source.ts'
import type { StreamRow } from '../../src/ingest/stream.ts'

export class Worker {
  readonly directory: string
  readonly taken: string[] = []
  source!: IngestSource
  port = 0
  count = 0
  /** Keep what is taken, not only count it. */
  keep = true
  private door!: Door
  private server!: Server
  private sockets = new Set<Socket>()
  private pumping = false
  private stopped = false
  private waiters: (() => void)[] = []

  constructor(directory = mkdtempSync(join(tmpdir(), 'potoroo-ingest-'))) {
    this.directory = directory
  }

  async start(
    options: {
      incarnation?: string
      rows?: readonly StreamRow[]
      token?: string
      port?: number
      limits?: Partial<Limits>
    } = {},
  ): Promise<this> {
    const { incarnation = 'a', rows = [], token = null, port = await freePort() } = options
    const env = realEnv({ log: { level: 'silent' as never } })
    const limits = makeLimits(options.limits)
    const door = await new Promise<Door>((resolve, reject) =>
      Door.open(
        { env, limits, directory: join(this.directory, 'journal'), worker: 'w1', incarnation },
        (error, door) => (error === null ? resolve(door!) : reject(error)),
      ),
    )
    this.door = door
    this.source = door.source({
      id: 'words/lines',
      token,
      onLeaving: () => {},
      onReady: () => this.wake(),
      report: () => {},
    })
    await new Promise<void>((resolve, reject) =>
      this.source.reset(rows, (error) => (error === null ? resolve() : reject(error))),
    )
    this.source.release()
    this.server = createServer({ noDelay: true }, (socket) => this.serve(socket))
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve))
    this.port = port
    return this
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket)
    const session = this.source.session(
      'test',
      (bytes) => socket.write(bytes),
      () => socket.end(),
    )
    session.onRoom(() => socket.resume())
    socket.on('data', (chunk: Buffer) => {
      if (!session.onBytes(chunk)) socket.pause()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.sockets.delete(socket)
      session.onClosed()
    })
  }

  private wake(): void {
    if (this.pumping || this.stopped) return
    this.pumping = true
    setImmediate(() => {
      this.pumping = false
      if (!this.stopped) this.pump()
    })
  }

  private pump(): void {
    for (let batch = this.source.poll(); batch !== null; batch = this.source.poll()) {
      this.count += batch.count - batch.taken
      for (; this.keep && batch.taken < batch.count; batch.taken++) {
        const i = batch.cutFrom + batch.taken
        this.taken.push(batch.bytes.toString('utf8', batch.cuts.starts[i]!, batch.cuts.ends[i]!))
      }
      batch.taken = batch.count
    }
    const { waiters } = this
    this.waiters = []
    for (const waiter of waiters) waiter()
  }

  /** Resolves when `count` records have been taken. */
  async took(count: number): Promise<void> {
    while (this.count < count) await new Promise<void>((resolve) => this.waiters.push(resolve))
  }

  /** Completes an epoch with everything that was taken. */
  checkpoint(): readonly StreamRow[] {
    const rows = this.source.cut()
    this.source.coverage.complete(rows)
    this.source.coverage.floor(rows)
    this.door.trim()
    return rows
  }

  /** Cuts every connection. */
  disconnect(): void {
    for (const socket of this.sockets) socket.destroy()
  }

  /** Ends it like a kill: nothing is finished, no callback is heard. */
  async stop(): Promise<void> {
    this.stopped = true
    this.disconnect()
    await new Promise((resolve) => this.server.close(resolve))
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }
}
