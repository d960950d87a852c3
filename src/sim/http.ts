/**
 * A process's HTTP: the contract of `env/http.ts` over the simulated network, without the syntax. What depends on slow
 * bytes inside of a head, and the sum of unfinished messages, is not simulated.
 */
import { assert } from '../base/assert.ts'
import type { Clock } from '../env/clock.ts'
import type {
  Answer,
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
} from '../env/http.ts'
import { type Address, type Connection, type Listener, type Network, NetworkError } from '../env/network.ts'
import { type FrameKind, Line, type LineEar } from './http-line.ts'
import { SimWebSocket } from './websocket.ts'

/** Longest frame of a request or an answer. */
const FRAME_BYTES = 64 << 20
/** A body is sent in frames of so many bytes. */
const BODY_BYTES = 16 << 10

export class SimHttp implements Http {
  private readonly network: Network
  private readonly clock: Clock

  constructor(network: Network, clock: Clock) {
    this.network = network
    this.clock = clock
  }

  serve(
    at: Address,
    { limits, reusePort = false }: ServeOptions,
    handler: HttpHandler,
    done: (error: NetworkError | null, listener: Listener | null) => void,
  ): void {
    let open = 0
    const accept = (connection: Connection): Line | null => {
      if (open >= limits.connections) {
        handler.onRefused(connection.remote)
        return null
      }
      open++
      const line = new Line(this.clock, limits.messageBytes)
      line.connection = connection
      line.ear = new Greeting(line, handler, () => open--)
      return line
    }
    this.network.listen(at, { reusePort }, accept, done)
  }

  dialWebSocket(
    { url, headers = {}, limits, timeoutMs }: WebSocketDial,
    handler: WebSocketHandler,
  ): WebSocketConnection {
    const { address, target } = addressOf(url)
    const line = new Line(this.clock, limits.messageBytes)
    const socket = new SimWebSocket(line, `${address.host}:${address.port}`, false)
    socket.handler = handler
    let failure: NetworkError | null = null
    const timer = this.clock.after(timeoutMs, () => {
      failure = new NetworkError('timeout', `${socket.remote}: no WebSocket within ${timeoutMs} ms`)
      line.destroy()
    })
    line.ear = {
      onOpen: () => line.send('upgrade', json({ method: 'GET', target, headers })),
      onFrame: (kind, payload) => {
        if (kind === 'accepted') timer.cancel()
        socket.onFrame(kind, payload)
      },
      onDrain: () => socket.onDrain(),
      onTooLong: (bytes) => socket.onTooLong(bytes),
      onClosed: (error) => {
        timer.cancel()
        socket.onClosed(failure ?? error)
      },
    }
    line.connection = this.network.dial(address, line)
    return socket
  }

  request(
    { url, method, headers, body, timeoutMs, answerBytes }: OutgoingRequest,
    done: (error: NetworkError | null, answer: IncomingAnswer | null) => void,
  ): { abort(): void } {
    const { address, target } = addressOf(url)
    const host = `${address.host}:${address.port}`
    const line = new Line(this.clock, FRAME_BYTES)
    let over = false
    const finish = (error: NetworkError | null, answer: IncomingAnswer | null): void => {
      timer.cancel()
      if (!over) done(error, answer)
      over = true
      line.destroy()
    }
    const timer = this.clock.after(timeoutMs, () =>
      finish(new NetworkError('timeout', `${host}: no answer within ${timeoutMs} ms`), null),
    )
    line.ear = {
      onOpen: () => {
        line.send('request', json({ method, target, headers }))
        for (let at = 0; at < body.length; at += BODY_BYTES) line.send('body', body.subarray(at, at + BODY_BYTES))
        line.send('bodyEnd', Buffer.alloc(0))
      },
      onFrame: (_, payload) => {
        const end = 4 + payload.readUInt32LE()
        const head = JSON.parse(payload.toString('utf8', 4, end)) as Omit<IncomingAnswer, 'body'>
        finish(null, { ...head, body: Buffer.from(payload.subarray(end, end + answerBytes)) })
      },
      onDrain: () => {},
      onTooLong: () => finish(new NetworkError('protocol', `${host}: its answer is too long`), null),
      onClosed: (error) => finish(error ?? new NetworkError('reset', `${host}: it closed without an answer`), null),
    }
    line.connection = this.network.dial(address, line)
    return {
      abort() {
        over = true
        finish(null, null)
      },
    }
  }
}

/** An accepted connection that has not said yet what it is, or waits for its next request. */
class Greeting implements LineEar {
  private readonly line: Line
  private readonly handler: HttpHandler
  private readonly gone: () => void

  constructor(line: Line, handler: HttpHandler, gone: () => void) {
    this.line = line
    this.handler = handler
    this.gone = gone
  }

  onOpen(): void {}

  onFrame(kind: FrameKind, payload: Buffer): void {
    const { line, handler } = this
    const { remote } = line.connection
    const head: RequestHead = { remote, ...(JSON.parse(payload.toString()) as Omit<RequestHead, 'remote'>) }
    if (kind === 'request') {
      const call = new SimCall(line, head, this.gone)
      line.ear = call
      call.handler = handler.onRequest(call)
      return
    }
    const answer = handler.onUpgrade(head)
    if (typeof answer !== 'function') {
      line.send('answer', encodeAnswer(answer))
      line.end()
      return
    }
    const socket = new SimWebSocket(line, remote, true)
    line.send('accepted', Buffer.alloc(0))
    line.ear = {
      onOpen: () => {},
      onFrame: (kind, payload) => socket.onFrame(kind, payload),
      onDrain: () => socket.onDrain(),
      onTooLong: (bytes) => socket.onTooLong(bytes),
      onClosed: (error) => {
        this.gone()
        socket.onClosed(error)
      },
    }
    socket.handler = answer(socket)
  }

  onDrain(): void {}

  onTooLong(): void {
    this.handler.onExpelled(this.line.connection.remote, 'it sent no HTTP')
    this.line.destroy()
  }

  onClosed(): void {
    this.gone()
  }
}

class SimCall implements HttpCall, LineEar {
  handler!: HttpCallHandler
  readonly remote: string
  readonly method: string
  readonly target: string
  readonly headers: RequestHead['headers']
  private readonly line: Line
  private readonly gone: () => void
  private answered = false

  constructor(line: Line, { remote, method, target, headers }: RequestHead, gone: () => void) {
    this.line = line
    this.remote = remote
    this.method = method
    this.target = target
    this.headers = headers
    this.gone = gone
  }

  pause(): void {
    this.line.pause()
  }

  resume(): void {
    this.line.resume()
  }

  answer(answer: Answer): void {
    assert(!this.answered, 'a call is answered once')
    this.answered = true
    this.line.send('answer', encodeAnswer(answer))
    this.line.deafen()
    this.line.end()
  }

  destroy(): void {
    this.line.destroy()
  }

  onOpen(): void {}

  onFrame(kind: FrameKind, payload: Buffer): void {
    if (kind === 'body') this.handler.onBytes(payload)
    else this.handler.onEnd()
  }

  onDrain(): void {}

  onTooLong(): void {
    this.destroy()
  }

  onClosed(error: NetworkError | null): void {
    this.gone()
    this.handler.onClosed(this.answered && error === null)
  }
}

/** `answer` as a frame has it: its head behind a length, then its body. */
function encodeAnswer({ status, headers = {}, body = '' }: Answer): Buffer {
  const head = json({ status, headers })
  const length = Buffer.alloc(4)
  length.writeUInt32LE(head.length)
  return Buffer.concat([length, head, Buffer.from(body as string)])
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}

function addressOf(url: string): { readonly address: Address; readonly target: string } {
  const { hostname, port, pathname, search } = new URL(url)
  return { address: { host: hostname, port: Number(port === '' ? 80 : port) }, target: pathname + search }
}
