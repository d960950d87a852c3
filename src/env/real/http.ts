/**
 * HTTP by Node's own server and client.
 *
 * R1. A connection that has not sent a whole head in time, or whose body stands still while we read it, is closed; one
 *     that we do not read may wait.
 * R2. A body that nobody wants any more is read for `LINGER_MS`, so that the answer arrives, and no longer.
 * R3. A connection may ask again before it is answered, `WAITING` times: Node would take as many requests as fit into a
 *     chunk, and one chunk after another.
 * R4. A request that offers another protocol than WebSocket, as the first one of a client that speaks HTTP/2 does, is a
 *     request.
 * R5. Who closes the listener closes the connections on which no request waits for its answer. Node closes the others
 *     behind that, and no longer looks for heads that do not come: it would keep who has sent a part of one for ever.
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { showAddress } from '../../base/address.ts'
import { assert } from '../../base/assert.ts'
import type { Limits } from '../../base/limits.ts'
import type {
  Answer,
  Headers,
  Http,
  HttpCall,
  HttpCallHandler,
  HttpHandler,
  IncomingAnswer,
  OutgoingRequest,
  RequestHead,
  ServeOptions,
  WebSocketConnection,
  WebSocketDial,
  WebSocketHandler,
} from '../http.ts'
import type { Log } from '../log.ts'
import { type Address, type Listener, NetworkError } from '../network.ts'
import type { Guests } from './guests.ts'
import { listenError, networkError } from './network-error.ts'
import { http } from './node-http.ts'
import { dialWebSocket, WebSocketDoor } from './websocket.ts'

const KEEP_ALIVE_MS = 15_000
/** How long a connection may wait between two requests. */
const BETWEEN_MS = 60_000
/** How often Node looks for heads that do not come. */
const LOOK_MS = 1000
/** R2. */
const LINGER_MS = 1000
/** R3. */
const WAITING = 16
const BACKLOG = 1024

export class RealHttp implements Http {
  private readonly log: Log
  private readonly guests: Guests
  private readonly agents = {
    'http:': new http.Agent({ keepAlive: true }),
    'https:': new SecureAgent({ keepAlive: true }),
  }

  constructor(log: Log, guests: Guests) {
    this.log = log
    this.guests = guests
  }

  serve(
    at: Address,
    options: ServeOptions,
    handler: HttpHandler,
    done: (error: NetworkError | null, listener: Listener | null) => void,
  ): void {
    const { limits, reusePort = false } = options
    const server = makeServer(limits)
    server.on('connection', (socket) => this.guests.admit(socket))
    const refused = (error: NodeJS.ErrnoException): void => {
      listenError(at, error).then((named) => done(named, null))
    }
    server.once('error', refused)
    server.listen({ host: at.host, port: at.port, backlog: BACKLOG, reusePort }, () => {
      server.off('error', refused)
      // One connection could not be accepted (no descriptor left, say); the next one may be.
      server.on('error', ({ message: reason }) => this.log.warn('accept-failed', { ...at, reason }))
      done(null, new HttpListener(server, at.host, handler, limits))
    })
  }

  dialWebSocket(dial: WebSocketDial, handler: WebSocketHandler): WebSocketConnection {
    return dialWebSocket(dial, handler)
  }

  request(
    { url, method, headers, body, timeoutMs, answerBytes }: OutgoingRequest,
    done: (error: NetworkError | null, answer: IncomingAnswer | null) => void,
  ): { abort(): void } {
    const { protocol, host } = new URL(url)
    let over = false
    const finish = (error: NetworkError | null, answer: IncomingAnswer | null): void => {
      if (over) return
      over = true
      clearTimeout(timer)
      done(error, answer)
    }
    const secure = protocol === 'https:'
    const outgoing = (secure ? secureRequest : http.request)(url, {
      method,
      headers: { ...headers, 'content-length': body.length },
      agent: this.agents[secure ? 'https:' : 'http:'],
    })
    const timer = setTimeout(() => {
      finish(new NetworkError('timeout', `${host}: no answer within ${timeoutMs} ms`), null)
      outgoing.destroy()
    }, timeoutMs)
    outgoing.on('error', (error) => finish(networkError(host, error), null))
    outgoing.on('response', (response) => {
      // Copied: views would keep every block that was read, however little of it is wanted.
      const kept = Buffer.allocUnsafeSlow(answerBytes)
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.copy(kept, length)
      })
      response.on('error', (error) => finish(networkError(host, error), null))
      response.on('end', () => {
        const body = kept.subarray(0, length)
        finish(null, { status: response.statusCode!, headers: headersOf(response), body })
      })
    })
    outgoing.end(body)
    return {
      abort() {
        over = true
        clearTimeout(timer)
        outgoing.destroy()
      },
    }
  }
}

function makeServer(limits: Limits): Server {
  const server = http.createServer({
    maxHeaderSize: limits.httpHeaderBytes,
    headersTimeout: limits.httpHeadersMs,
    // A body may take as long as it moves, and as long as we do not read it (R1).
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(LOOK_MS, limits.httpHeadersMs),
    keepAliveTimeout: BETWEEN_MS,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket', // R4
  })
  server.maxConnections = limits.connections
  return server
}

class HttpListener implements Listener {
  readonly address: Address
  private readonly server: Server
  private readonly handler: HttpHandler
  private readonly limits: Limits
  private readonly door: WebSocketDoor
  private readonly calls = new Set<RealCall>()
  /** Requests of each connection that wait for their answer (R3). */
  private readonly waiting = new Map<Socket, number>()
  /** Connections that speak HTTP, and have not become WebSockets (R5). */
  private readonly sockets = new Set<Socket>()
  private readonly timer: NodeJS.Timeout

  constructor(server: Server, host: string, handler: HttpHandler, limits: Limits) {
    const bound = server.address()
    assert(bound !== null && typeof bound === 'object', 'a server that listens has an address')
    this.address = { host, port: bound.port }
    this.server = server
    this.handler = handler
    this.limits = limits
    this.door = new WebSocketDoor(limits)
    server.on('connection', (socket) => this.onConnection(socket))
    server.on('request', (incoming, response) => this.onRequest(incoming, response))
    server.on('upgrade', (incoming, socket, head) => this.onUpgrade(incoming, socket, head))
    server.on('drop', (data) => handler.onRefused(remoteOf(data ?? {})))
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.onGarbage(error, socket as Socket))
    this.timer = setInterval(() => this.look(), Math.ceil(limits.httpIdleMs / 4)).unref()
  }

  close(): void {
    clearInterval(this.timer)
    this.server.close()
    for (const socket of this.sockets) if (!this.waiting.has(socket)) socket.destroy()
  }

  private onConnection(socket: Socket): void {
    this.sockets.add(socket)
    socket.once('close', () => this.sockets.delete(socket))
  }

  private onRequest(incoming: IncomingMessage, response: ServerResponse): void {
    const { socket } = incoming
    // It stood in one chunk with those for which the connection was closed.
    if (socket.destroyed) return
    const before = this.waiting.get(socket) ?? 0
    if (before === WAITING) {
      const remote = remoteOf(socket)
      socket.destroy()
      this.handler.onExpelled(remote, `it asked again while ${WAITING} of its requests were not answered`)
      return
    }
    this.waiting.set(socket, before + 1)
    const call = new RealCall(incoming, response)
    this.calls.add(call)
    response.once('close', () => {
      this.calls.delete(call)
      this.answered(socket)
    })
    call.attach(this.handler.onRequest(call))
  }

  private answered(socket: Socket): void {
    const left = this.waiting.get(socket)! - 1
    if (left > 0) this.waiting.set(socket, left)
    else {
      this.waiting.delete(socket)
      // Node would keep it for the time between two requests, of which no further one is heard (R5).
      if (!this.server.listening) socket.end()
    }
  }

  private onUpgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const ended = (): void => {
      socket.destroy()
    }
    socket.on('error', ended)
    const asked = headOf(incoming)
    const answer = this.handler.onUpgrade(asked)
    if (typeof answer !== 'function') return refuse(socket, answer)
    socket.off('error', ended)
    this.sockets.delete(socket as Socket)
    this.door.open(incoming, socket, head, asked.remote, answer)
  }

  private onGarbage(error: NodeJS.ErrnoException, socket: Socket): void {
    const remote = remoteOf(socket)
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const [status, reason] = statusOf(error, this.limits)
    refuse(socket, { status, body: reason })
    this.handler.onExpelled(remote, reason)
  }

  private look(): void {
    const now = performance.now()
    for (const call of this.calls) call.expireAt(now, this.limits.httpIdleMs)
  }
}

class RealCall implements HttpCall {
  readonly remote: string
  readonly method: string
  readonly target: string
  readonly headers: Headers
  private readonly incoming: IncomingMessage
  private readonly response: ServerResponse
  private heardMs = performance.now()
  private whole = false
  private answered = false
  private over = false

  constructor(incoming: IncomingMessage, response: ServerResponse) {
    const { remote, method, target, headers } = headOf(incoming)
    this.remote = remote
    this.method = method
    this.target = target
    this.headers = headers
    this.incoming = incoming
    this.response = response
  }

  attach(handler: HttpCallHandler): void {
    const { incoming, response } = this
    incoming.on('data', (chunk: Buffer) => {
      this.heardMs = performance.now()
      if (!this.over && !this.answered) handler.onBytes(chunk)
    })
    incoming.on('end', () => {
      this.whole = true
      if (!this.over && !this.answered) handler.onEnd()
    })
    // The response's end says the same.
    incoming.on('error', () => {})
    response.on('error', () => {})
    response.once('close', () => {
      this.over = true
      handler.onClosed(response.writableFinished)
    })
  }

  pause(): void {
    this.incoming.pause()
  }

  resume(): void {
    if (this.incoming.isPaused()) this.heardMs = performance.now()
    this.incoming.resume()
  }

  answer({ status, headers = {}, body = '' }: Answer): void {
    assert(!this.answered, 'a call is answered once')
    this.answered = true
    const { response, incoming, whole } = this
    if (response.destroyed) return
    if (!whole) {
      const timer = setTimeout(() => incoming.socket.destroy(), LINGER_MS)
      incoming.once('close', () => clearTimeout(timer))
      incoming.resume()
    }
    response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
    response.end(this.method === 'HEAD' ? undefined : body)
  }

  destroy(): void {
    this.incoming.destroy()
    this.response.destroy()
  }

  /** R1. */
  expireAt(nowMs: number, idleMs: number): void {
    if (this.whole || this.answered) return
    if (this.incoming.isPaused()) this.heardMs = nowMs
    else if (nowMs - this.heardMs >= idleMs) this.destroy()
  }
}

function headOf(incoming: IncomingMessage): RequestHead {
  return {
    remote: remoteOf(incoming.socket),
    method: incoming.method ?? 'GET',
    target: incoming.url ?? '/',
    headers: headersOf(incoming),
  }
}

function headersOf({ headers }: IncomingMessage): Headers {
  const all: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) all[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return all
}

/** The far end of a connection. */
interface Remote {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

/** A peer that is gone already has no address any more. */
function remoteOf({ remoteAddress = 'unknown', remotePort = 0 }: Remote): string {
  return showAddress({ host: remoteAddress, port: remotePort })
}

function statusOf(error: NodeJS.ErrnoException, limits: Limits): [number, string] {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return [431, `its head is over the limit of ${limits.httpHeaderBytes} bytes`]
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, `its head did not come within ${limits.httpHeadersMs} ms`]
    default:
      return [400, `it sent ${isTls(error) ? TLS : `no HTTP: ${error.message}`}`]
  }
}

const TLS = 'TLS, which is not spoken here: put a proxy in front, or write ws: for wss: and http: for https:'

/** What was sent instead of a request begins as every connection of TLS does. */
function isTls({ rawPacket }: NodeJS.ErrnoException & { readonly rawPacket?: Uint8Array }): boolean {
  return rawPacket?.[0] === 0x16 && rawPacket[1] === 0x03
}

/** Answers where there is no response to do it, and closes. */
function refuse(socket: Duplex, { status, headers = {}, body = '' }: Answer): void {
  const all = { 'content-type': 'text/plain; charset=utf-8', ...headers, connection: 'close' }
  const lines = Object.entries({ ...all, 'content-length': Buffer.byteLength(body) }).map(([n, v]) => `${n}: ${v}\r\n`)
  socket.once('finish', () => socket.destroy())
  socket.write(`HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? 'Refused'}\r\n${lines.join('')}\r\n`)
  socket.end(body)
}
