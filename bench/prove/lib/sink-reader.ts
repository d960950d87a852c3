/**
 * Reads what a sink writes, by whatever it writes it: keeps how often each number came, whether those of a key rise
 * without a gap on one connection, and stops reading when it is told to. A line that a connection breaks off is none.
 */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket, WebSocketServer } from 'ws'
import type { Subject } from './subject.ts'

/** Those with somebody who reads while it writes. */
export const readKinds = ['tcp', 'tcp-server', 'websocket', 'websocket-server', 'stdout'] as const
export type SinkKind = (typeof readKinds)[number] | 'file'

/** Keys of the pipeline `kinds`: number n has the key n % KEYS. */
const KEYS = 100
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
  private source: Pausable | null = null
  private readonly closing: (() => void)[] = []

  /** Starts to listen where the sink dials. */
  async listen(kind: SinkKind, port: number): Promise<void> {
    if (kind === 'tcp') {
      const server = createServer((socket) => {
        this.source = socket
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
      this.source = subject.output!
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
        this.source = socket
        socket.on('data', this.stream())
        this.closing.push(() => socket.destroy())
        resolve(true)
      })
      socket.on('error', () => resolve(false))
    })
  }

  stop(): void {
    this.source!.pause()
  }

  goOn(): void {
    this.source!.resume()
  }

  /** Takes a whole file, as another connection would bring it. */
  read(bytes: Buffer): void {
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

  private hear(socket: WebSocket): void {
    this.source = socket
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
