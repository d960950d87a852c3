/**
 * WebSockets by the library `ws`: what it leaves open is closed here.
 *
 * W1. Messages that stood in a chunk behind the one at which the reader paused wait here, at most a chunk of them
 *     (`http.ts`, H4).
 * W2. A peer that pings and does not read what it is answered gets no more answers: they would gather in memory.
 * W3. Unfinished messages of all connections of one listener are counted together, from chunk to chunk (`http.ts`, H5).
 *     Where they hold too much whoever holds the most goes.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import { assert } from '../../base/assert.ts'
import type { Limits } from '../../base/limits.ts'
import type { WebSocketConnection, WebSocketDial, WebSocketEnd, WebSocketHandler } from '../http.ts'
import { NetworkError } from '../network.ts'
import { networkError } from './network-error.ts'

/** Beyond so many queued bytes `send` answers false, and pings are not answered. */
const HIGH_WATER_BYTES = 64 << 10
/**
 * What a further chunk takes up beside its bytes: the library keeps those of an unfinished message as they have come.
 */
const CHUNK_BYTES = 256
/** What stands in front of a client's ping or pong, which is short and masked. */
const CONTROL_HEAD_BYTES = 6
/** How long a peer may take to answer our goodbye. */
const CLOSING_MS = 5000
/** The code where no goodbye was said. */
const ABNORMAL = 1006

/** No compression: its buffers would be a peer's to fill, and its time ours. */
const common = { perMessageDeflate: false, autoPong: false, closeTimeout: CLOSING_MS } as const

/** Makes WebSockets of the requests for them that one listener has taken. */
export class WebSocketDoor {
  private readonly server: WebSocketServer
  private readonly limits: Limits
  /** Bytes of unfinished messages: of all connections, and of each that has some. */
  private partial = 0
  private readonly unfinished = new Map<RealWebSocket, Unfinished>()

  constructor(limits: Limits) {
    this.limits = limits
    this.server = new WebSocketServer({
      ...common,
      noServer: true,
      clientTracking: false,
      maxPayload: limits.messageBytes,
    })
  }

  /** Answers `request`; who asks for a WebSocket in the wrong way is told so, and `attach` is not called. */
  open(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    remote: string,
    attach: (connection: WebSocketConnection) => WebSocketHandler,
  ): void {
    this.server.handleUpgrade(request, socket, head, (ws) => {
      const connection = new RealWebSocket(ws, remote)
      this.watch(socket, ws, connection)
      connection.attach(attach(connection))
    })
  }

  /** W3. */
  private watch(socket: Duplex, ws: WebSocket, connection: RealWebSocket): void {
    const own: Unfinished = { bytes: 0 }
    /** Bytes of the wire that may be of an unfinished message, and chunks that they have come in. */
    let wire = 0
    let chunks = 0
    let last = 0
    let ended = false
    const set = (bytes: number): void => {
      wire = bytes
      this.count(connection, own, bytes + CHUNK_BYTES * Math.max(0, chunks - 1))
    }
    const none = (): void => {
      chunks = 0
      set(0)
    }
    // In front of the library's own listener.
    socket.prependListener('data', (chunk: Buffer) => {
      // What still comes from one that has to go is kept by nobody.
      if (ws.readyState !== WebSocket.OPEN) return none()
      connection.onPart()
      // Where a message ended in the last chunk, what is left is of that chunk; no need to know its frames.
      chunks++
      set((ended ? Math.min(wire, last) : wire) + chunk.length)
      ended = false
      last = chunk.length
      if (this.partial > this.limits.partialBytes) this.relieve()
    })
    ws.on('message', (message) => {
      ended = true
      chunks = 1
      set(Math.max(0, wire - (message as Buffer).length))
    })
    // It may stand between the fragments of a message, which it does not end.
    const passed = (bytes: Buffer): void => {
      const left = Math.max(0, wire - bytes.length - CONTROL_HEAD_BYTES)
      if (left === 0) chunks = 0
      set(left)
    }
    ws.on('ping', passed)
    ws.on('pong', passed)
    ws.on('close', none)
  }

  private count(connection: RealWebSocket, own: Unfinished, bytes: number): void {
    this.partial += bytes - own.bytes
    own.bytes = bytes
    if (bytes === 0) this.unfinished.delete(connection)
    else this.unfinished.set(connection, own)
  }

  /** Unfinished messages hold too much together: whoever holds the most has to go, and counts no more. */
  private relieve(): void {
    let most: [RealWebSocket, Unfinished] | null = null
    for (const entry of this.unfinished) if (most === null || entry[1].bytes >= most[1].bytes) most = entry
    if (most === null) return
    const [connection, own] = most
    this.count(connection, own, 0)
    connection.expel(`unfinished messages hold more than ${this.limits.partialBytes} bytes, and this one the most`)
  }
}

/** What a connection has brought of a message that is not whole. */
interface Unfinished {
  bytes: number
}

export function dialWebSocket(dial: WebSocketDial, handler: WebSocketHandler): WebSocketConnection {
  const { url, headers = {}, limits, timeoutMs } = dial
  const ws = new WebSocket(url, {
    ...common,
    headers,
    maxPayload: limits.messageBytes,
    handshakeTimeout: timeoutMs,
    followRedirects: false,
  })
  const connection = new RealWebSocket(ws, new URL(url).host)
  ws.once('open', () => connection.opened())
  ws.once('unexpected-response', (_, response: IncomingMessage) => {
    const { statusCode, statusMessage } = response
    connection.fail(new NetworkError('denied', `${connection.remote}: it answered ${statusCode} ${statusMessage}`))
  })
  connection.attach(handler)
  return connection
}

class RealWebSocket implements WebSocketConnection {
  readonly remote: string
  private readonly ws: WebSocket
  private handler!: WebSocketHandler
  private paused = false
  /** W1. */
  private held: { readonly message: Buffer; readonly binary: boolean }[] = []
  private end: WebSocketEnd | null = null
  private failure: NetworkError | null = null
  /** We have closed it, or it is closed: nothing is shown any more but `onClosed`. */
  private over = false
  private blocked = false
  private told = false

  constructor(ws: WebSocket, remote: string) {
    this.ws = ws
    this.remote = remote
  }

  attach(handler: WebSocketHandler): void {
    const { ws } = this
    this.handler = handler
    ws.on('message', (message: RawData, binary: boolean) => this.onMessage(message as Buffer, binary))
    ws.on('ping', (bytes: Buffer) => {
      if (ws.readyState === WebSocket.OPEN && this.queued < HIGH_WATER_BYTES) ws.pong(bytes)
    })
    ws.on('error', (error: NodeJS.ErrnoException) => {
      const broke = error.code?.startsWith('WS_ERR_') === true
      const late = error.message === 'Opening handshake has timed out'
      const known = networkError(this.remote, error)
      this.failure ??= broke
        ? new NetworkError('protocol', wrongOf(error), error)
        : new NetworkError(late ? 'timeout' : known.code, known.message, error)
    })
    ws.on('close', (code: number, reason: Buffer) => this.onClose(code, reason.toString()))
  }

  get queued(): number {
    return this.ws.bufferedAmount
  }

  get closed(): boolean {
    const { readyState } = this.ws
    return this.over || readyState === WebSocket.CLOSING || readyState === WebSocket.CLOSED
  }

  opened(): void {
    if (!this.over) this.handler.onOpen()
  }

  send(message: Uint8Array, binary: boolean): boolean {
    const { ws } = this
    assert(ws.readyState !== WebSocket.CONNECTING, 'nothing is sent before a WebSocket stands')
    if (this.closed) return false
    ws.send(message, { binary, compress: false }, this.sent)
    if (ws.bufferedAmount >= HIGH_WATER_BYTES) this.blocked = true
    return !this.blocked
  }

  pause(): void {
    this.paused = true
    this.ws.pause()
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    // Not inside this call (`http.ts`, H2).
    setImmediate(() => this.goOn())
  }

  close(code: number, reason: string): void {
    this.ws.close(code, reason)
  }

  destroy(): void {
    if (this.over) return
    this.over = true
    this.held = []
    this.failure = null
    this.ws.terminate()
    if (this.end !== null) setImmediate(() => this.tell())
  }

  /** Gives it up because of `failure`. */
  fail(failure: NetworkError): void {
    this.failure ??= failure
    this.ws.terminate()
  }

  /** Gives it up because of what the peer has sent. */
  expel(reason: string): void {
    this.fail(new NetworkError('protocol', reason))
  }

  onPart(): void {
    if (!this.over) this.handler.onPart?.()
  }

  private onMessage(message: Buffer, binary: boolean): void {
    if (this.over) return
    if (this.paused || this.held.length > 0) this.held.push({ message, binary })
    else this.handler.onMessage(message, binary)
  }

  /** Shows what has waited, then reads on. */
  private goOn(): void {
    while (!this.paused && !this.over && this.held.length > 0) {
      const { message, binary } = this.held.shift()!
      this.handler.onMessage(message, binary)
    }
    if (this.paused || this.over) return
    if (this.end === null) this.ws.resume()
    else this.tell()
  }

  private readonly sent = (): void => {
    if (!this.blocked || this.over || this.ws.bufferedAmount > 0) return
    this.blocked = false
    this.handler.onDrain()
  }

  private onClose(code: number, reason: string): void {
    const broke = code === ABNORMAL && !this.over
    const broken = broke ? new NetworkError('reset', `${this.remote}: the connection broke`) : null
    this.end = { code, reason, error: this.over ? null : (this.failure ?? broken) }
    // What has come before a goodbye is shown before it.
    if (this.held.length === 0 || this.end.error !== null) this.tell()
  }

  private tell(): void {
    if (this.told) return
    this.told = true
    this.over = true
    this.held = []
    this.handler.onClosed(this.end!)
  }
}

/** What a peer has done against the protocol. Who it was is known to whoever is told. */
function wrongOf({ code, message }: NodeJS.ErrnoException): string {
  return code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' ? 'a message is over the limit messageBytes' : message
}
