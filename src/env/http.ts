/**
 * HTTP and WebSocket: whole requests, answers and messages, where `network.ts` has bytes. One listener serves both, on
 * one port.
 *
 * H1. Callbacks of one call come in the order bytes*, end, closed, those of one WebSocket in the order open, message*,
 *     closed. `onClosed` comes exactly once, also for a dial that failed, and nothing follows it.
 * H2. No callback runs inside a call of this interface. `onRequest` and `onUpgrade` decide inside their own turn.
 * H3. Bytes given to a callback are only valid during the call. Bytes given to us must not be changed until they have
 *     left.
 * H4. While a body or a WebSocket is paused nothing of it is shown, whatever has come already, and the peer is pushed
 *     back.
 * H5. What arrives is bounded by `Limits`: connections, heads and the time for them, silent bodies, messages, and the
 *     sum of the unfinished messages of one listener; also how many requests of one connection wait for an answer. Who
 *     goes beyond is closed, and `onExpelled` or `onClosed` says why.
 */
import type { Limits } from '../base/limits.ts'
import type { Address, Listener, NetworkError } from './network.ts'

/** By their names in lower case. */
export type Headers = Readonly<Record<string, string>>

// ── What is served ─────────────────────────────────────────────────────────────────────────────────────────────────

export interface RequestHead {
  /** The peer, for logs: `127.0.0.1:53124`. */
  readonly remote: string
  readonly method: string
  /** Path and query as they were asked: `/in?after=3`. */
  readonly target: string
  readonly headers: Headers
}

export interface Answer {
  readonly status: number
  readonly headers?: Headers
  readonly body?: string | Uint8Array
}

/** One request that waits for its answer. */
export interface HttpCall extends RequestHead {
  /** Stops the body. */
  pause(): void
  resume(): void
  /** Answers, once. What has not come of the body is not read any more. */
  answer(answer: Answer): void
  /** Closes the connection without an answer. */
  destroy(): void
}

export interface HttpCallHandler {
  onBytes(chunk: Buffer): void
  /** The body has come whole. */
  onEnd(): void
  /** It is over: `answered` when the answer was given to the system whole. */
  onClosed(answered: boolean): void
}

export interface HttpHandler {
  onRequest(call: HttpCall): HttpCallHandler
  /** Somebody wants a WebSocket: what handles it, or the answer that it gets instead. */
  onUpgrade(head: RequestHead): ((socket: WebSocketConnection) => WebSocketHandler) | Answer
  /** A connection was not let in, because there are as many as may be. */
  onRefused(remote: string): void
  /** A connection was closed because of what it sent, or did not send, before it was a request. */
  onExpelled(remote: string, reason: string): void
}

export interface ServeOptions {
  readonly limits: Limits
  /** Several workers of one machine share the port. */
  readonly reusePort?: boolean
}

// ── WebSockets ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Why a WebSocket has closed. */
export interface WebSocketEnd {
  /** As RFC 6455 has them: 1000 in order, 1006 where the peer said nothing. */
  readonly code: number
  readonly reason: string
  /** `null`: in order, or by our own `destroy`. */
  readonly error: NetworkError | null
}

export interface WebSocketConnection {
  readonly remote: string
  /** Bytes given to `send` that the operating system has not taken yet. Means nothing once it is `closed`. */
  readonly queued: number
  /**
   * It takes nothing any more, for either side has said goodbye or it broke, and what it had not taken is lost;
   * `onClosed` tells, or has.
   */
  readonly closed: boolean
  /**
   * Queues one message; not before `onOpen`. `false`: stop until `onDrain`. What is sent to a connection that has
   * closed is lost; `onClosed` tells, or has.
   */
  send(message: Uint8Array, binary: boolean): boolean
  pause(): void
  resume(): void
  /** Sends what is queued, then says goodbye with `code` (1000, or 3000 to 4999) and at most 123 bytes of reason. */
  close(code: number, reason: string): void
  /** Closes at once; what is queued is lost. */
  destroy(): void
}

export interface WebSocketHandler {
  /** The connection stands. Not called on the accepting side, where it stands already. */
  onOpen(): void
  onMessage(message: Buffer, binary: boolean): void
  /** Bytes have come, perhaps of a message that is not whole: a long one may take a while. */
  onPart?(): void
  /** After `send` answered `false`: the queue is empty again. */
  onDrain(): void
  onClosed(end: WebSocketEnd): void
}

export interface WebSocketDial {
  /** `ws://host:port/path`, or `wss:`; a URL that can be parsed. */
  readonly url: string
  readonly headers?: Headers
  readonly limits: Limits
  /** How long the handshake may take, in milliseconds. */
  readonly timeoutMs: number
}

// ── Requests of our own ────────────────────────────────────────────────────────────────────────────────────────────

export interface OutgoingRequest {
  /** `http://host:port/path`, or `https:`; a URL that can be parsed. */
  readonly url: string
  readonly method: string
  readonly headers: Headers
  readonly body: Uint8Array
  /** How long the whole of it may take, in milliseconds. */
  readonly timeoutMs: number
  /** Bytes of the answer's body that are kept; the rest is passed over. */
  readonly answerBytes: number
}

export interface IncomingAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
}

export interface Http {
  /** Errors are those of `Network.listen`. */
  serve(
    at: Address,
    options: ServeOptions,
    handler: HttpHandler,
    done: (error: NetworkError | null, listener: Listener | null) => void,
  ): void
  dialWebSocket(dial: WebSocketDial, handler: WebSocketHandler): WebSocketConnection
  /** Any status is an answer. After `abort` `done` is not called. */
  request(
    request: OutgoingRequest,
    done: (error: NetworkError | null, answer: IncomingAnswer | null) => void,
  ): { abort(): void }
}
