/**
 * The connection on which a worker sends its heartbeats to one other worker. It is for sending alone.
 *
 * C1. One heartbeat at most waits for a connection: an old one says nothing that the next does not. A connection that
 *     takes none for long is given up: after a cut the system would be slow to try its way again.
 * C2. A connection that closes is dialled again at once: where the process has ended, the refusal tells it.
 */
import type { Env } from '../../env/env.ts'
import type { Address, Connection, ConnectionHandler, NetworkError } from '../../env/network.ts'

export class HeartbeatCall implements ConnectionHandler {
  private readonly network: Env['network']
  private readonly address: Address
  private readonly patience: number
  private readonly hello: () => Buffer
  private readonly refused: () => void
  private connection: Connection | null = null
  private open = false
  /** Heartbeats that the connection has taken. */
  private taken = 0
  /** Heartbeats that it has not taken since. */
  private missed = 0
  private stopped = false

  /**
   * Another connection is dialled after one has not taken `patience` heartbeats in a row (C1). `hello` is the first
   * frame on each; `refused` hears that nobody listens at the address.
   */
  constructor(network: Env['network'], address: Address, patience: number, hello: () => Buffer, refused: () => void) {
    this.network = network
    this.address = address
    this.patience = patience
    this.hello = hello
    this.refused = refused
    this.dial()
  }

  /** Sends a heartbeat, or dials for the next one. */
  beat(frame: Buffer): void {
    if (this.connection === null) this.dial()
    else if (this.open && this.connection.queued === 0) {
      this.connection.write(frame)
      this.taken++
      this.missed = 0
    } else if (++this.missed >= this.patience) this.connection.destroy()
  }

  private dial(): void {
    this.open = false
    this.taken = 0
    this.missed = 0
    this.connection = this.network.dial(this.address, this)
  }

  stop(): void {
    this.stopped = true
    this.connection?.destroy()
  }

  onOpen(): void {
    this.open = true
    this.connection?.write(this.hello())
  }
  onBytes(): void {}
  onEnd(): void {
    this.connection?.destroy()
  }
  onDrain(): void {}
  onClosed(error: NetworkError | null): void {
    this.connection = null
    if (this.stopped) return
    if (error?.code === 'refused') this.refused()
    // C2. One that has taken nothing is tried again with the next heartbeat.
    if (this.taken > 0) this.dial()
  }
}
