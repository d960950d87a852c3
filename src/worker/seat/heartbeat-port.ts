/**
 * The port at which a worker takes the heartbeats of others: who may call there, and for how long.
 *
 * P1. A connection has said by its first frame that it belongs to the cluster; from any other nothing is taken.
 * P2. A connection on which a frame does not come to its end is closed: a bit that turned in its length would hide all
 *     that follows.
 * P3. So is one on which nothing comes for much longer than a worker is believed to live: strangers who say nothing,
 *     and workers that are gone, would take the room of others.
 * P4. Of those that have not said who they are the one that has waited longest goes where there are more than
 *     `linkGreetings`: a worker says so at once, and strangers who come again as soon as they are turned out keep none
 *     out.
 */
import { ByteReader } from '../../base/bytes.ts'
import { fail, type PotorooError } from '../../base/errors.ts'
import type { Limits } from '../../base/limits.ts'
import { sameSecret } from '../../base/secret.ts'
import type { Connection, ConnectionHandler, Listener, Network } from '../../env/network.ts'
import { type Frame, FrameParser } from '../../protocol/frame.ts'
import { linkMessages } from '../../protocol/messages.ts'
import { HANDSHAKE_BYTES, HANDSHAKE_VERSION, type LinkMessage } from '../../transport/wire.ts'

/** Connections that are taken at a time, for each worker that there may be: an old one beside its successor. */
const CONNECTIONS = 4

/** What another worker says of itself; `stuck`: its loop stands still. */
export type Heartbeat = Extract<LinkMessage, { kind: 'heartbeat' | 'stuck' }>

export interface PortOptions {
  readonly limits: Limits
  readonly cluster: string
  readonly token: string
  readonly host: string
}

/** Use `listen` first. */
export class HeartbeatPort {
  private readonly options: PortOptions
  private readonly heard: (heartbeat: Heartbeat) => void
  /** Those that belong to the cluster (P1). */
  private readonly callers = new Set<Caller>()
  /** Those that have not said so yet (P4). */
  private readonly strangers = new Set<Caller>()
  private listener: Listener | null = null
  private closed = false

  constructor(options: PortOptions, heard: (heartbeat: Heartbeat) => void) {
    this.options = options
    this.heard = heard
  }

  listen(network: Network, done: (error: PotorooError | null) => void): void {
    const { host } = this.options
    const accept = (connection: Connection): ConnectionHandler | null => this.accept(connection)
    network.listen({ host, port: 0 }, { members: true }, accept, (error, listener) => {
      if (error !== null || listener === null) {
        return done(fail('E_CLUSTER_LISTEN', { address: host, reason: String(error?.message) }, error))
      }
      this.listener = listener
      done(null)
    })
  }

  /** The number of the port; 0 before it listens. */
  get number(): number {
    return this.listener?.address.port ?? 0
  }

  /**
   * Closes connections on which a frame has not come to its end for `patience` looks (P2), and those on which none has
   * come for as long as a worker is believed to live besides (P3). A look belongs to each heartbeat.
   */
  look(patience: number): void {
    const { deadMs, heartbeatMs } = this.options.limits
    const silence = patience + Math.ceil(deadMs / heartbeatMs)
    for (const caller of this.all) caller.look(patience, silence)
  }

  close(): void {
    this.closed = true
    this.listener?.close()
    for (const caller of this.all) caller.connection.destroy()
  }

  private get all(): readonly Caller[] {
    return [...this.callers, ...this.strangers]
  }

  private accept(connection: Connection): ConnectionHandler | null {
    const { strangers, callers } = this
    if (this.closed) return null
    if (strangers.size >= this.options.limits.linkGreetings) {
      const [oldest] = strangers
      strangers.delete(oldest!)
      oldest!.connection.destroy()
    }
    const caller: Caller = new Caller(connection, {
      message: (message) => this.take(caller, message),
      closed: () => {
        strangers.delete(caller)
        callers.delete(caller)
      },
    })
    strangers.add(caller)
    return caller
  }

  private take(caller: Caller, message: LinkMessage): void {
    if (message.kind === 'hello' && this.belongs(message.cluster, message.token)) this.welcome(caller)
    if (!this.callers.has(caller)) return caller.connection.destroy()
    if (message.kind === 'heartbeat' || message.kind === 'stuck') this.heard(message)
    else if (message.kind !== 'hello') caller.connection.destroy()
  }

  private welcome(caller: Caller): void {
    this.strangers.delete(caller)
    if (this.callers.size < CONNECTIONS * this.options.limits.workers) this.callers.add(caller)
  }

  /** P1. */
  private belongs(cluster: string, token: Uint8Array): boolean {
    return cluster === this.options.cluster && sameSecret(Buffer.from(token).toString(), this.options.token)
  }
}

/** The connection of another worker. */
class Caller implements ConnectionHandler {
  readonly connection: Connection
  private readonly events: { message(message: LinkMessage): void; closed(): void }
  private readonly parser = new FrameParser(HANDSHAKE_BYTES)
  /** Looks in a row that found the same frame without its end. */
  private unfinished = 0
  /** Looks in a row since a frame came. */
  private silent = 0

  constructor(connection: Connection, events: { message(message: LinkMessage): void; closed(): void }) {
    this.connection = connection
    this.events = events
  }

  /** Closes the connection where a frame has not come to its end for `patience` looks, or none came for `silence`. */
  look(patience: number, silence: number): void {
    if (this.parser.waiting === 0) this.unfinished = 0
    else this.unfinished++
    if (this.unfinished >= patience || ++this.silent >= silence) this.connection.destroy()
  }

  onOpen(): void {}
  onBytes(chunk: Buffer): void {
    try {
      this.parser.push(chunk, (frame) => this.take(frame))
    } catch {
      // Bytes that are no frames: the other side dials anew.
      this.connection.destroy()
    }
  }
  onEnd(): void {
    this.connection.destroy()
  }
  onDrain(): void {}
  onClosed(): void {
    this.events.closed()
  }

  private take({ tag, payload }: Frame): void {
    this.unfinished = 0
    this.silent = 0
    this.events.message(linkMessages.read(tag, new ByteReader(payload), HANDSHAKE_VERSION))
  }
}
