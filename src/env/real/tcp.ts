/**
 * Byte streams over TCP.
 *
 * Delays by Nagle's algorithm are off: the layers above write whole batches. Keep-alive is on, so that a peer whose
 * machine has vanished is noticed in the end, also where nobody writes.
 *
 * All connections read into one buffer, one after another (`network.ts`, N3): a new one for each read costs its
 * allocation and, what is more, collections of the whole heap, because memory outside the heap counts for them. Node
 * takes a buffer only from whoever makes a socket; so an accepted one is made again, of its handle.
 */

import { connect, createServer, type OnReadOpts, type Server, Socket, type SocketConstructorOpts } from 'node:net'
import { showAddress } from '../../base/address.ts'
import { assert } from '../../base/assert.ts'
import type { Log } from '../log.ts'
import type {
  Address,
  Connection,
  ConnectionHandler,
  Listener,
  ListenOptions,
  Network,
  NetworkError,
} from '../network.ts'
import type { Guests } from './guests.ts'
import { listenError, networkError } from './network-error.ts'

/**
 * What is read at a time stays in the processor's cache on its way into the journal; with four times as much it does
 * not.
 */
const READ_BYTES = 64 << 10
const KEEP_ALIVE_MS = 15_000
/** Connections that wait in the kernel for `accept`. */
const BACKLOG = 1024

/** What both ends of a connection are made with. `allowHalfOpen`: a peer that has ended may still be answered. */
const streamOptions = {
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEP_ALIVE_MS,
  allowHalfOpen: true,
} as const

export class RealNetwork implements Network {
  private readonly log: Log
  private readonly guests: Guests
  private readonly buffer = Buffer.allocUnsafeSlow(READ_BYTES)

  constructor(log: Log, guests: Guests) {
    this.log = log
    this.guests = guests
  }

  listen(
    at: Address,
    options: ListenOptions,
    accept: (connection: Connection) => ConnectionHandler | null,
    done: (error: NetworkError | null, listener: Listener | null) => void,
  ): void {
    const server = createServer({ ...streamOptions, pauseOnConnect: true }, (accepted) => {
      // A peer that is gone already has no address any more.
      const { remoteAddress = 'unknown', remotePort = 0 } = accepted
      let handler: ConnectionHandler | null = null
      const socket = this.takeOver(accepted, (chunk) => handler?.onBytes(chunk))
      if (options.members !== true && !this.guests.admit(socket)) return
      const connection = new TcpConnection(socket, showAddress({ host: remoteAddress, port: remotePort }))
      handler = accept(connection)
      if (handler === null) connection.refuse()
      else connection.attach(handler)
    })
    const refused = (error: NodeJS.ErrnoException): void => {
      listenError(at, error).then((named) => done(named, null))
    }
    server.once('error', refused)
    server.listen({ host: at.host, port: at.port, backlog: BACKLOG, reusePort: options.reusePort === true }, () => {
      server.off('error', refused)
      // One connection could not be accepted (no descriptor left, say); the next one may be.
      server.on('error', (error) =>
        this.log.warn('accept-failed', { host: at.host, port: at.port, reason: error.message }),
      )
      done(null, new TcpListener(server, at.host))
    })
  }

  dial(to: Address, handler: ConnectionHandler): Connection {
    const socket = connect({
      host: to.host,
      port: to.port,
      ...streamOptions,
      onread: this.reading((chunk) => handler.onBytes(chunk)),
    })
    const connection = new TcpConnection(socket, showAddress(to))
    socket.once('connect', () => handler.onOpen())
    connection.attach(handler)
    return connection
  }

  /** How a socket reads. */
  private reading(take: (chunk: Buffer) => void): OnReadOpts {
    const { buffer } = this
    return {
      buffer,
      callback: (length) => {
        take(buffer.subarray(0, length))
        return true
      },
    }
  }

  /** A socket of our own making on the handle of `accepted`, which is let go of. */
  private takeOver(accepted: Socket, take: (chunk: Buffer) => void): Socket {
    const { _handle: handle } = accepted as unknown as { _handle: unknown }
    const options = { handle, allowHalfOpen: true, onread: this.reading(take) }
    const socket = new Socket(options as SocketConstructorOpts)
    Object.assign(accepted, { _handle: null })
    accepted.destroy()
    return socket
  }
}

class TcpListener implements Listener {
  readonly address: Address
  private readonly server: Server

  constructor(server: Server, host: string) {
    const bound = server.address()
    assert(bound !== null && typeof bound === 'object', 'a server that listens has an address')
    this.address = { host, port: bound.port }
    this.server = server
  }

  close(): void {
    this.server.close()
  }
}

class TcpConnection implements Connection {
  readonly remote: string
  private readonly socket: Socket
  private ended = false

  constructor(socket: Socket, remote: string) {
    this.socket = socket
    this.remote = remote
  }

  get queued(): number {
    return this.socket.writableLength
  }

  get closed(): boolean {
    return this.socket.destroyed
  }

  write(bytes: Uint8Array): boolean {
    assert(!this.ended, 'N5: nothing is written after the end')
    return this.socket.write(bytes)
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  end(): void {
    this.ended = true
    this.socket.end()
  }

  destroy(): void {
    this.socket.destroy()
  }

  /** Leads the socket's events to `handler`, all but its bytes. */
  attach(handler: ConnectionHandler): void {
    const { socket } = this
    let failure: NetworkError | null = null
    socket.on('error', (error: NodeJS.ErrnoException) => {
      failure = networkError(this.remote, error)
    })
    socket.on('end', () => handler.onEnd())
    socket.on('drain', () => handler.onDrain())
    socket.on('close', () => handler.onClosed(failure))
  }

  /** Closes a connection that nobody handles. */
  refuse(): void {
    this.socket.on('error', () => {})
    this.socket.destroy()
  }
}
