/**
 * A WebSocket as a connection of bytes: what is written becomes messages, what comes is shown message by message.
 *
 * X1. `queued` says that nothing has left until all has: a WebSocket counts the heads of its messages too, so a part of
 *     it says nothing about ours.
 */
import { cutText } from '../../base/cut-text.ts'
import type { WebSocketConnection, WebSocketEnd, WebSocketHandler } from '../../env/http.ts'
import { type Connection, type ConnectionHandler, NetworkError } from '../../env/network.ts'

/** The codes of RFC 6455 that are used here. */
const IN_ORDER = 1000
const WRONG_KIND = 1003
const AGAINST_RULES = 1008
/** Bytes of reason that fit into a goodbye. */
const REASON_BYTES = 123

/** How bytes become messages. */
export interface MessageForm {
  readonly binary: boolean
  /** Bytes are messages behind their lengths (`wholeMessages`), otherwise one message. */
  readonly cut: boolean
  /** Text is no message here. */
  readonly refusesText: boolean
}

/** Leads an accepted WebSocket to what `make` makes of it; `null`: there are as many as may be, as the peer is told. */
export function accepted(
  form: MessageForm,
  socket: WebSocketConnection,
  make: (wire: Wire) => ConnectionHandler | null,
): WebSocketHandler {
  const wire = new Wire(form)
  wire.socket = socket
  const handler = make(wire)
  if (handler === null) wire.turnOut('as many are connected as may be')
  else wire.handler = handler
  return wire
}

/** Dials by `dial`, and leads what comes to `handler`. */
export function dialled(
  form: MessageForm,
  handler: ConnectionHandler,
  dial: (wire: Wire) => WebSocketConnection,
): Connection {
  const wire = new Wire(form)
  wire.handler = handler
  wire.socket = dial(wire)
  return wire
}

const nobody: ConnectionHandler = { onOpen() {}, onBytes() {}, onEnd() {}, onDrain() {}, onClosed() {} }

export class Wire implements Connection, WebSocketHandler {
  socket!: WebSocketConnection
  handler: ConnectionHandler = nobody
  private readonly form: MessageForm
  /** Bytes written since the WebSocket's queue was empty (X1). */
  private given = 0
  private refused: NetworkError | null = null

  constructor(form: MessageForm) {
    this.form = form
  }

  get remote(): string {
    return this.socket.remote
  }

  get queued(): number {
    if (this.socket.queued === 0) this.given = 0
    return this.given
  }

  get closed(): boolean {
    return this.socket.closed
  }

  write(bytes: Uint8Array): boolean {
    const { socket, form } = this
    this.given = this.queued + bytes.length
    if (!form.cut) return socket.send(bytes, form.binary)
    const chunk = bytes as Buffer
    let room = true
    for (let at = 0; at < chunk.length; ) {
      const end = at + 4 + chunk.readUInt32BE(at)
      room = socket.send(chunk.subarray(at + 4, end), form.binary)
      at = end
    }
    return room
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  end(): void {
    this.socket.close(IN_ORDER, '')
  }

  destroy(): void {
    this.socket.destroy()
  }

  /** Closes it, and tells the peer why. */
  turnOut(why: string): void {
    this.socket.close(AGAINST_RULES, cutText(why, REASON_BYTES))
  }

  onOpen(): void {
    this.handler.onOpen()
  }

  onMessage(message: Buffer, binary: boolean): void {
    if (this.refused !== null) return
    if (binary || !this.form.refusesText) return this.handler.onBytes(message)
    this.refused = new NetworkError('protocol', 'it sent text, where only binary messages are understood')
    this.socket.close(WRONG_KIND, 'only binary messages are understood here')
  }

  onPart(): void {
    this.handler.onPart?.()
  }

  onDrain(): void {
    this.handler.onDrain()
  }

  onClosed({ error }: WebSocketEnd): void {
    const reason = this.refused ?? error
    if (reason === null) this.handler.onEnd()
    this.handler.onClosed(reason)
  }
}
