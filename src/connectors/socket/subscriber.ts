/** One connection of a listening sink. U2 and U3 of `server-writer.ts` are kept here. */
import type { Connection, ConnectionHandler } from '../../env/network.ts'
import type { SinkContext } from '../connector.ts'
import { SocketQueue } from './queue.ts'

/** How long a subscriber may take to close its side at the end. */
const CLOSING_MS = 5000

/** What a subscriber asks of the sink it belongs to. */
export interface SubscriberHome {
  readonly context: SinkContext
  /** What is written has borders that must not be cut. */
  readonly whole: boolean
  left(subscriber: Subscriber): void
  /** Bytes of a subscriber have left. */
  settle(): void
}

/** What one subscriber has been written, and how far behind it is. */
export class Subscriber implements ConnectionHandler {
  readonly remote: string
  private readonly home: SubscriberHome
  private readonly connection: Connection
  private readonly queue: SocketQueue
  private accepted = 0
  /** Barriers that this subscriber is behind of: how many bytes must have left for each. */
  private markers: number[] = []
  private ending = false
  /** Everything was sent, and nothing follows. */
  ended = false

  constructor(home: SubscriberHome, connection: Connection) {
    this.home = home
    this.connection = connection
    this.remote = connection.remote
    const { context } = home
    this.queue = new SocketQueue(
      context.env.clock,
      context.limits.sinkQueueBytes,
      home.whole,
      () => context.maySpeak(),
      () => this.progress(),
    )
    this.queue.attach(connection)
  }

  get behind(): number {
    return this.queue.bytes
  }

  get marks(): number {
    this.pass()
    return this.markers.length
  }

  /** Answers how many bytes have not left. */
  add(bytes: Buffer): number {
    this.accepted += bytes.length
    this.queue.add(bytes)
    return this.queue.bytes
  }

  mark(): void {
    this.markers.push(this.accepted)
  }

  forget(): void {
    this.queue.forget()
    this.accepted = this.queue.bytes
    this.markers = []
    this.ending = false
  }

  endWhenSent(): void {
    this.ending = true
    this.progress()
  }

  destroy(): void {
    this.queue.detach()
    this.connection.destroy()
  }

  onOpen(): void {}

  /** A subscriber has nothing to say. */
  onBytes(): void {}

  /** A subscriber that only reads may close its sending side; it is written to until its connection is closed. */
  onEnd(): void {}

  onDrain(): void {
    this.queue.onDrain()
  }

  onClosed(): void {
    this.queue.detach()
    this.home.left(this)
  }

  private progress(): void {
    this.pass()
    if (this.ending && this.queue.bytes === 0) {
      this.ending = false
      this.ended = true
      this.connection.end()
      this.home.context.env.clock.after(CLOSING_MS, () => this.connection.destroy())
    }
    this.home.settle()
  }

  private pass(): void {
    const left = this.accepted - this.queue.bytes
    while (this.markers.length > 0 && this.markers[0]! <= left) this.markers.shift()
  }
}
