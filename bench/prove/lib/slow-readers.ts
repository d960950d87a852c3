/** Readers for each kind of sink, which stop reading when they are told to. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket, WebSocketServer } from 'ws'
import type { Subject } from './subject.ts'

export const sinkKinds = ['tcp', 'tcp-server', 'websocket', 'websocket-server', 'stdout'] as const
export type SinkKind = (typeof sinkKinds)[number]

interface Pausable {
  pause(): void
  resume(): void
}

/** Keeps the numbers at which lines begin, and how often each came. */
export class SlowReader {
  records = 0
  private readonly times = new Map<number, number>()
  private rest = ''
  private source: Pausable | null = null
  private readonly closing: (() => void)[] = []

  /** Starts to listen where the sink dials. */
  async listen(kind: SinkKind, port: number): Promise<void> {
    if (kind === 'tcp') {
      const server = createServer((socket) => {
        this.source = socket
        socket.on('data', (chunk: Buffer) => this.take(chunk.toString('latin1')))
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
      subject.output!.on('data', (chunk: Buffer) => this.take(chunk.toString('latin1')))
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
        socket.on('data', (chunk: Buffer) => this.take(chunk.toString('latin1')))
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

  /** What is wrong with what has come, where 1 to `last` has to have come once each, or `null`. */
  fault(last: number): string | null {
    let [lost, repeated] = [0, 0]
    for (let n = 1; n <= last; n++) {
      const times = this.times.get(n) ?? 0
      if (times === 0) lost++
      if (times > 1) repeated++
    }
    const foreign = [...this.times.keys()].filter((n) => !(n >= 1 && n <= last)).length
    return lost + repeated + foreign === 0 ? null : `${lost} lost, ${repeated} repeated, ${foreign} never sent`
  }

  close(): void {
    for (const close of this.closing) close()
  }

  private hear(socket: WebSocket): void {
    this.source = socket
    socket.on('message', (message: Buffer) => this.take(message.toString('latin1')))
    socket.on('error', () => {})
    this.closing.push(() => socket.terminate())
  }

  private take(text: string): void {
    const lines = (this.rest + text).split('\n')
    this.rest = lines.pop()!
    for (const line of lines) {
      const n = Number.parseInt(line, 10)
      this.times.set(n, (this.times.get(n) ?? 0) + 1)
      this.records++
    }
  }
}
