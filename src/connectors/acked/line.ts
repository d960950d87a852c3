/**
 * The way of a writer to its receiver: dials until somebody is there, says hello, and hands over what comes back.
 *
 * L1. A connection that has not been welcomed within `DIAL_MS`, or is silent for four keep-alive times, is given up.
 * L2. A receiver that refuses is asked again: what it minds, such as a token, can be mended there.
 * L3. Until somebody welcomes, that nobody takes anything is told once, and each reason that somebody gives for it
 *     once.
 * L4. When owners change, a writer may be refused because the next generation writes before this worker has heard of
 *     it. That is told only where it is so for a second time.
 */
import { type ErrorCode, fail, PotorooError } from '../../base/errors.ts'
import type { Timer } from '../../env/clock.ts'
import type { Address, Connection, ConnectionHandler, NetworkError } from '../../env/network.ts'
import { TOKEN_BYTES } from '../../protocol/acked.ts'
import {
  type DeliveryMessage,
  deliveryFrameBytes,
  encodeDelivery,
  type Hello,
  readDelivery,
  STALE,
} from '../../protocol/delivery.ts'
import { FrameParser } from '../../protocol/frame.ts'
import { SILENCES } from '../../protocol/silence.ts'
import type { SinkContext } from '../connector.ts'
import { CLOSING_MS, DIAL_MS, reasonOf } from '../socket/dialling-writer.ts'
import { Redial } from '../socket/redial.ts'

type Welcome = Extract<DeliveryMessage, { kind: 'welcome' }>
type Refused = Extract<DeliveryMessage, { kind: 'refused' }>

export interface AckedWay {
  readonly address: Address
  /** The file with what a receiver wants to be shown. */
  readonly tokenFile: string | undefined
  dial(handler: ConnectionHandler): Connection
}

/** What the writer hears. None is called inside a call of the line. */
export interface LineEvents {
  onWelcome(welcome: Welcome): void
  onAck(through: number): void
  onCredit(bytes: number): void
  /** What was written has left. */
  onRoom(): void
  /**
   * What has not been acknowledged has to be sent again, once somebody is there who takes it; for now it is as `state`
   * says.
   */
  onLost(state: 'no-peer' | 'refused', reason: string): void
}

export class ReceiverLine implements ConnectionHandler {
  welcomed = false
  private readonly way: AckedWay
  private readonly context: SinkContext
  private readonly greeting: Hello
  private readonly events: LineEvents
  private token = ''
  private connection: Connection | null = null
  private parser = new FrameParser(0)
  private timer: Timer | null = null
  private keepAliveMs = 0
  private heard = false
  private readonly redial: Redial
  /** Why the connection is being given up, where it was not the other end that closed it. */
  private ending: { readonly state: 'no-peer' | 'refused'; readonly reason: string } | null = null
  /** L3: what the operator knows. */
  private readonly told = new Set<ErrorCode>()
  /** L4. */
  private stale = false
  private closed = false

  /** `greeting` is said on each connection, with the token that the file has by then. */
  constructor(way: AckedWay, context: SinkContext, greeting: Hello, events: LineEvents) {
    this.way = way
    this.context = context
    this.greeting = greeting
    this.events = events
    this.redial = new Redial(context.env.random)
  }

  /** Bytes that the system has not taken yet. */
  get queued(): number {
    return this.connection?.queued ?? 0
  }

  dial(): void {
    const { tokenFile: path } = this.way
    if (path === undefined) return this.connect()
    this.context.env.disk.readFile(path, (error, bytes) => {
      if (this.closed) return
      const token = error === null ? bytes.toString('utf8').trim() : ''
      const long = Buffer.byteLength(token) > TOKEN_BYTES ? `a token has ${TOKEN_BYTES} bytes at most` : null
      const reason = error?.reason ?? long
      if (reason === null) this.token = token
      else this.warn(fail('E_FILE', { operation: 'read', path, reason }, error ?? undefined))
      this.connect()
    })
  }

  private connect(): void {
    this.parser = new FrameParser(deliveryFrameBytes(0))
    this.ending = null
    this.connection = this.way.dial(this)
    this.after(DIAL_MS, () => this.breakOff('it does not answer in the acked protocol'))
  }

  /** False: stop until `onRoom`. */
  write(bytes: Uint8Array): boolean {
    return this.connection!.write(bytes)
  }

  say(message: Exclude<DeliveryMessage, { kind: 'batch' }>): void {
    this.connection?.write(encodeDelivery(message))
  }

  /** Says goodbye, and closes. */
  end(): void {
    if (!this.welcomed) return this.close()
    const connection = this.connection!
    this.say({ kind: 'end' })
    connection.end()
    // One that never closes its side would keep the connection for ever.
    this.context.env.clock.after(CLOSING_MS, () => connection.destroy())
    this.letGo()
  }

  close(): void {
    this.connection?.destroy()
    this.letGo()
  }

  /** Hears nothing more, also of the bytes that are being taken: an answer would come behind the goodbye. */
  private letGo(): void {
    this.parser.stop()
    this.closed = true
    this.welcomed = false
    this.timer?.cancel()
  }

  onOpen(): void {
    if (this.closed) return
    this.say({ ...this.greeting, token: this.token })
  }

  onBytes(chunk: Buffer): void {
    if (this.closed) return
    try {
      this.parser.push(chunk, (frame) => this.take(readDelivery(frame).message))
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      this.breakOff(error.message)
    }
  }

  private take(message: DeliveryMessage): void {
    this.heard = true
    switch (message.kind) {
      case 'welcome':
        this.welcomed = true
        this.told.clear()
        this.stale = false
        this.redial.reset()
        this.keepAliveMs = message.keepAliveMs
        this.listen()
        this.events.onWelcome(message)
        break
      case 'refused':
        this.onRefused(message)
        break
      case 'ack':
        this.events.onAck(message.through)
        break
      case 'credit':
        this.events.onCredit(message.bytes)
        break
      case 'ping':
        this.say({ kind: 'pong' })
        break
      case 'pong':
        break
      default:
        this.breakOff(`it said "${message.kind}", which is for sinks to say`)
    }
  }

  /** L1. */
  private listen(): void {
    this.heard = false
    this.after(this.keepAliveMs * SILENCES, () => {
      if (this.heard) this.listen()
      else this.breakOff('it is silent')
    })
  }

  /** L2. */
  private onRefused({ code, reason, retryMs }: Refused): void {
    const passing = code === STALE && !this.stale
    this.stale = code === STALE
    if (!passing) this.warn(fail('E_RECEIVER_REFUSED', { step: this.context.step, ...this.way.address, reason }))
    this.redial.stayAway(retryMs)
    this.breakOff(reason, 'refused')
  }

  /** The rest happens when the connection has closed. */
  private breakOff(reason: string, state: 'no-peer' | 'refused' = 'no-peer'): void {
    this.ending = { state, reason }
    this.parser.stop()
    this.connection?.destroy()
  }

  /** A receiver that ends its side is going away; what it has not acknowledged is sent to whoever comes. */
  onEnd(): void {
    this.connection?.destroy()
  }

  onDrain(): void {
    if (!this.closed) this.events.onRoom()
  }

  onClosed(error: NetworkError | null): void {
    this.connection = null
    if (this.closed) return
    this.timer?.cancel()
    this.welcomed = false
    const { state, reason } = this.ending ?? { state: 'no-peer', reason: reasonOf(error) }
    // That a refusal closes the connection is no news.
    if (state === 'no-peer') this.warn(fail('E_NO_PEER', { step: this.context.step, ...this.way.address, reason }))
    this.events.onLost(state, reason)
    this.after(this.redial.next(), () => this.dial())
  }

  /** L3. */
  private warn(problem: PotorooError): void {
    const known = problem.code === 'E_NO_PEER' ? this.told.size > 0 : this.told.has(problem.code)
    if (known || this.closed) return
    this.told.add(problem.code)
    this.context.warn(problem)
  }

  private after(ms: number, fn: () => void): void {
    this.timer?.cancel()
    this.timer = this.context.env.clock.after(ms, fn)
  }
}
