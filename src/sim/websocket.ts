/** A WebSocket on a simulated line. */
import { assert } from '../base/assert.ts'
import type { WebSocketConnection, WebSocketEnd, WebSocketHandler } from '../env/http.ts'
import { NetworkError } from '../env/network.ts'
import type { FrameKind, Line, LineEar } from './http-line.ts'

/** What RFC 6455 calls the ends. */
const ABNORMAL = 1006
const TOO_LONG = 1009

export class SimWebSocket implements WebSocketConnection, LineEar {
  handler!: WebSocketHandler
  readonly remote: string
  private readonly line: Line
  private stands: boolean
  private goodbye: { readonly code: number; readonly reason: string } | null = null
  private saidGoodbye = false
  private failure: NetworkError | null = null
  private destroyed = false

  /** `stands`: on the accepting side. */
  constructor(line: Line, remote: string, stands: boolean) {
    this.line = line
    this.remote = remote
    this.stands = stands
  }

  get queued(): number {
    return this.line.connection.queued
  }

  get closed(): boolean {
    return this.saidGoodbye || this.destroyed || this.line.connection.closed
  }

  send(message: Uint8Array, binary: boolean): boolean {
    assert(this.stands || this.destroyed, 'nothing is sent before a WebSocket stands')
    if (this.closed) return false
    return this.line.send(binary ? 'binary' : 'text', message)
  }

  pause(): void {
    this.line.pause()
  }

  resume(): void {
    this.line.resume()
  }

  close(code: number, reason: string): void {
    if (!this.stands) this.destroy()
    else if (!this.saidGoodbye && !this.destroyed) this.sayGoodbye(code, reason)
  }

  destroy(): void {
    this.destroyed = true
    this.line.destroy()
  }

  onOpen(): void {}

  onFrame(kind: FrameKind, payload: Buffer): void {
    switch (kind) {
      case 'accepted':
        this.stands = true
        this.handler.onOpen()
        break
      case 'answer': {
        const { status } = JSON.parse(payload.toString('utf8', 4, 4 + payload.readUInt32LE())) as { status: number }
        this.failure = new NetworkError('denied', `${this.remote}: it answered ${status}`)
        this.line.destroy()
        break
      }
      case 'text':
      case 'binary':
        this.handler.onMessage(payload, kind === 'binary')
        break
      case 'goodbye':
        this.goodbye = { code: payload.readUInt16LE(), reason: payload.toString('utf8', 2) }
        if (!this.saidGoodbye) this.sayGoodbye(this.goodbye.code, '')
        this.line.end()
    }
  }

  onDrain(): void {
    this.handler.onDrain()
  }

  onTooLong(bytes: number): void {
    this.failure = new NetworkError('protocol', `a message of ${bytes} bytes is over the limit messageBytes`)
    if (!this.saidGoodbye) this.sayGoodbye(TOO_LONG, '')
    this.line.end()
  }

  onClosed(error: NetworkError | null): void {
    this.handler.onClosed(this.endOf(error))
  }

  private endOf(error: NetworkError | null): WebSocketEnd {
    const { code, reason } = this.goodbye ?? { code: ABNORMAL, reason: '' }
    if (this.destroyed) return { code, reason, error: null }
    const broken = this.goodbye === null ? new NetworkError('reset', `${this.remote}: the connection broke`) : null
    return { code, reason, error: this.failure ?? error ?? broken }
  }

  private sayGoodbye(code: number, reason: string): void {
    this.saidGoodbye = true
    const head = Buffer.alloc(2)
    head.writeUInt16LE(code)
    this.line.send('goodbye', Buffer.concat([head, Buffer.from(reason)]))
  }
}
