/**
 * Reads what a sink writes, by whatever it writes it: keeps how often each number came, whether those of a key rise
 * without a gap on one connection, and stops reading when it is told to. A line that a connection breaks off is none.
 */
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket, WebSocketServer } from 'ws'
import { type Receiver, receiveAcked } from '../../../src/client.ts'
import type { Subject } from '../../workers/subject.ts'

/** Those with somebody who reads while it writes. */
export const readKinds = [
  ...['tcp', 'tcp-server', 'websocket', 'websocket-server', 'stdout'],
  ...['acked', 'acked-websocket', 'webhook'],
] as const
export type SinkKind = (typeof readKinds)[number] | 'file'
/** Those whose reader remembers ids. */
export const idempotentKinds: readonly SinkKind[] = ['acked', 'acked-websocket', 'webhook']

/** Keys of the pipeline `kinds`: number n has the key n % KEYS. */
const KEYS = 100
const NEWLINE = Buffer.from('\n')
/** A file is taken in parts of this size. */
const PART_BYTES = 1 << 20

interface Pausable {
  pause(): void
  resume(): void
}

export class SinkReader {
  records = 0
  /** How often each number came, up to 255 times. */
  private times = new Uint8Array(1 << 20)
  private foreign = 0
  /** Numbers that did not follow the one before of their key, on one connection. */
  misplaced = 0
  /** What is read: a connection that is over may hold bytes that nobody has read yet. */
  private readonly sources = new Set<Pausable>()
  /** Those that are not read but handle what is handed to them wait for this. */
  private gate: Promise<void> | null = null
  private open = (): void => {}
  private receiver: Receiver | null = null
  /** Why a receiver has ended by itself. */
  failure: unknown = null
  private reopen: (() => Promise<void>) | null = null
  private readonly closing: (() => void)[] = []

  /** Starts to listen where the sink dials; what has to be remembered stands in `folder`. */
  async listen(kind: SinkKind, port: number, folder: string): Promise<void> {
    if (kind === 'webhook') return this.serve(port)
    if (kind.startsWith('acked')) return this.receive(kind === 'acked' ? 'tcp' : 'websocket', port, `${folder}-inbox`)
    if (kind === 'tcp') {
      const server = createServer((socket) => {
        this.read(socket)
        socket.on('data', this.stream())
        socket.on('error', () => {})
        this.closing.push(() => socket.destroy())
      }).listen(port, '127.0.0.1')
      this.closing.push(() => server.close())
      await once(server, 'listening')
    } else if (kind === 'websocket') {
      const server = new WebSocketServer({ port, host: '127.0.0.1', perMessageDeflate: false })
      server.on('connection', (socket) => this.hear(socket))
      this.closing.push(() => server.close())
      await once(server, 'listening')
    }
  }

  /** Comes to where the sink listens, or to what the worker writes. */
  async come(kind: SinkKind, port: number, subject: Subject, signal: AbortSignal): Promise<void> {
    if (kind === 'stdout') {
      this.read(subject.output!)
      subject.output!.on('data', this.stream())
    }
    while (kind.endsWith('-server') && !(await this.knock(kind, port))) await pause(20, null, { signal })
  }

  private async knock(kind: SinkKind, port: number): Promise<boolean> {
    if (kind === 'websocket-server') {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false })
      return new Promise((resolve) => {
        socket.once('open', () => {
          this.hear(socket)
          resolve(true)
        })
        socket.on('error', () => resolve(false))
      })
    }
    const socket = connect(port, '127.0.0.1')
    return new Promise((resolve) => {
      socket.once('connect', () => {
        this.read(socket)
        socket.on('data', this.stream())
        this.closing.push(() => socket.destroy())
        resolve(true)
      })
      socket.on('error', () => resolve(false))
    })
  }

  stop(): void {
    this.gate = new Promise((resolve) => {
      this.open = resolve
    })
    for (const source of this.sources) source.pause()
  }

  goOn(): void {
    this.open()
    this.gate = null
    for (const source of this.sources) source.resume()
  }

  /** A receiver that has an inbox ends, and another one goes on. */
  async restart(): Promise<void> {
    await this.reopen?.()
  }

  /** Answers each post of a record, or of several, once it has handled it; an id that is known is not taken again. */
  private async serve(port: number): Promise<void> {
    const known = new Set<string>()
    const take = this.stream()
    const server = createHttpServer((request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', async () => {
        await this.gate
        const { 'idempotency-key': id } = request.headers
        const several = request.headers['content-type'] === 'application/x-ndjson'
        if (typeof id !== 'string' || !known.has(id)) take(Buffer.concat(several ? parts : [...parts, NEWLINE]))
        if (typeof id === 'string') known.add(id)
        response.end()
      })
    }).listen(port, '127.0.0.1')
    this.closing.push(() => {
      server.close()
      server.closeAllConnections()
    })
    await once(server, 'listening')
  }

  private async receive(by: 'tcp' | 'websocket', port: number, path: string): Promise<void> {
    const take = this.stream()
    let after = 0
    let life = 0
    this.reopen = async () => {
      this.receiver?.close()
      const own = ++life
      this.receiver = await receiveAcked({
        // Few, so that much is not acknowledged while nothing is handled.
        ...{ port, by, after, inbox: { path }, creditBytes: 256 << 10 },
        handle: async ({ bytes, sequence }) => {
          if (this.gate !== null) await this.gate
          if (life !== own) return
          if (sequence !== after + 1) throw new Error(`sequence ${sequence} follows ${after}`)
          after = sequence
          take(Buffer.concat([bytes, NEWLINE]))
        },
      })
      this.receiver.on('failed', (error) => {
        this.failure = error
      })
    }
    this.closing.push(() => this.receiver?.close())
    await this.reopen()
  }

  /** Takes a whole file, as another connection would bring it. */
  readFile(bytes: Buffer): void {
    const take = this.stream()
    for (let at = 0; at < bytes.length; at += PART_BYTES) take(bytes.subarray(at, at + PART_BYTES))
  }

  /** Of 1 to `last`, what did not come, what came more than once, and what came that was none of them. */
  findings(last: number): { readonly lost: number; readonly repeated: number; readonly foreign: number } {
    let [lost, repeated] = [0, 0]
    for (let n = 1; n <= last; n++) {
      const times = this.times[n] ?? 0
      if (times === 0) lost++
      if (times > 1) repeated++
    }
    const beyond = this.times.subarray(last + 1).reduce((sum, times) => sum + times, 0)
    return { lost, repeated, foreign: this.foreign + beyond }
  }

  close(): void {
    for (const close of this.closing) close()
  }

  private read(source: Pausable): void {
    this.sources.add(source)
    if (this.gate !== null) source.pause()
  }

  private hear(socket: WebSocket): void {
    this.read(socket)
    socket.on('message', this.stream())
    socket.on('error', () => {})
    this.closing.push(() => socket.terminate())
  }

  /** What takes the bytes of one connection. */
  private stream(): (bytes: Buffer) => void {
    let rest = ''
    const last = new Map<number, number>()
    return (bytes) => {
      const lines = (rest + bytes.toString('latin1')).split('\n')
      rest = lines.pop()!
      for (const line of lines) this.take(Number.parseInt(line, 10), last)
    }
  }

  private take(n: number, last: Map<number, number>): void {
    const before = last.get(n % KEYS)
    if (before !== undefined && n !== before + KEYS) this.misplaced++
    last.set(n % KEYS, n)
    this.records++
    if (!(n >= 1)) {
      this.foreign++
      return
    }
    if (n >= this.times.length) {
      const grown = new Uint8Array(2 * n)
      grown.set(this.times)
      this.times = grown
    }
    if (this.times[n]! < 255) this.times[n]!++
  }
}
