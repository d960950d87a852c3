/**
 * Byte streams between processes.
 *
 * N1. Callbacks of one connection come in the order open, bytes*, closed; `onClosed` comes exactly once, also for a
 *     dial that failed, and nothing follows it.
 * N2. No callback runs inside a call of this interface: the caller's state is never changed under its hands.
 * N3. The chunk given to `onBytes` is only valid during the call; whoever keeps bytes copies them.
 * N4. Bytes arrive in the order they were written, split and merged anywhere.
 * N5. Nothing is written after `end`. What is written to a connection that has closed is lost; `onClosed` tells, or
 *     has.
 */
export interface Address {
  readonly host: string
  readonly port: number
}

export interface ConnectionHandler {
  /** The connection stands. Not called on the accepting side, where it stands already. */
  onOpen(): void
  onBytes(chunk: Buffer): void
  /** Bytes have come that `onBytes` shows later, together with others, where it shows messages. */
  onPart?(): void
  /** The peer sends nothing more; what it is owed may still be written. Then `onClosed` follows once we end too. */
  onEnd(): void
  /** After `write` answered `false`: the queue is empty again. */
  onDrain(): void
  /** `null`: closed in order. */
  onClosed(error: NetworkError | null): void
}

export interface Connection {
  /** The peer, for logs: `127.0.0.1:53124`. */
  readonly remote: string
  /** Bytes given to `write` that the operating system has not taken yet. Means nothing once it is `closed`. */
  readonly queued: number
  /** It takes nothing any more, and what it had not taken is lost; `onClosed` tells, or has. */
  readonly closed: boolean
  /** Queues `bytes`, which the caller must not change until they have left. `false`: stop until `onDrain`. */
  write(bytes: Uint8Array): boolean
  /** Stops `onBytes`; what the system buffers then fills and pushes back on the peer. */
  pause(): void
  resume(): void
  /** Sends what is queued, then says that nothing more follows. */
  end(): void
  /** Closes at once; what is queued is lost. */
  destroy(): void
}

export interface Listener {
  /** Where it listens; the port is the real one when 0 was asked. */
  readonly address: Address
  close(): void
}

export interface ListenOptions {
  /** Several workers of one machine share the port. */
  readonly reusePort?: boolean
  /** Members of the cluster call here, and are let in however many connections of others there are. */
  readonly members?: boolean
}

export interface Network {
  /**
   * When the port is taken, `error.cause` is the `E_PORT_IN_USE` that names who has it. `accept` gets each new
   * connection and answers with its handler, or `null` to refuse it.
   */
  listen(
    at: Address,
    options: ListenOptions,
    accept: (connection: Connection) => ConnectionHandler | null,
    done: (error: NetworkError | null, listener: Listener | null) => void,
  ): void
  dial(to: Address, handler: ConnectionHandler): Connection
}

/** `protocol`: the peer broke the rules of what is spoken, or our limits. */
export type NetworkErrorCode =
  | 'inUse'
  | 'denied'
  | 'refused'
  | 'reset'
  | 'unreachable'
  | 'timeout'
  | 'protocol'
  | 'other'

export class NetworkError extends Error {
  override readonly name = 'NetworkError'
  readonly code: NetworkErrorCode
  constructor(code: NetworkErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
