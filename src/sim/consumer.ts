/**
 * A program that listens for a sink's output and keeps all that it reads, as an actor of a simulated run. It may stall,
 * and die with what its kernel had taken.
 */
import type { Connection, ConnectionHandler, NetworkError } from '../env/network.ts'
import type { Machine, SimProcess } from './world.ts'

export interface ConsumerOptions {
  readonly name: string
  readonly host: string
  readonly port: number
}

/** What came through one connection. */
export interface Delivery {
  readonly chunks: Buffer[]
  /** The other side said that nothing follows. */
  ended: boolean
}

export class SimConsumer {
  readonly deliveries: Delivery[] = []
  /** Times that something may have been lost between the two sides. */
  breaks = 0
  private readonly machine: Machine
  private readonly options: ConsumerOptions
  private process: SimProcess | null = null

  constructor(machine: Machine, options: ConsumerOptions) {
    this.machine = machine
    this.options = options
  }

  start(): void {
    if (this.process !== null && this.process.state !== 'dead') return
    this.process = this.machine.start(this.options.name)
    const { host, port } = this.options
    this.process.env.network.listen(
      { host, port },
      {},
      (connection) => this.accept(connection),
      () => {},
    )
  }

  kill(): void {
    this.breaks++
    this.process?.kill()
  }

  stop(): void {
    this.process?.stop()
  }

  continue(): void {
    this.process?.continue()
  }

  private accept(connection: Connection): ConnectionHandler {
    const delivery: Delivery = { chunks: [], ended: false }
    this.deliveries.push(delivery)
    return {
      onOpen() {},
      onBytes: (chunk) => {
        delivery.chunks.push(Buffer.from(chunk))
      },
      onEnd: () => {
        delivery.ended = true
        connection.end()
      },
      onDrain() {},
      onClosed: (error: NetworkError | null) => {
        if (error !== null) this.breaks++
      },
    }
  }
}
