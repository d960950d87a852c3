/**
 * One connection to one worker: says hello, and then hands messages over. It ends once, with a reason.
 *
 * C1. `onEnd` comes exactly once, whatever happens, and nothing follows it.
 * C2. A worker that has not welcomed within `dialTimeoutMs`, or said nothing for four of its keep-alive times, is given
 *     up.
 */
import {
  type AckedMessage,
  ackedFrameBytes,
  ackedVersions,
  type Claim,
  encodeAcked,
  readAcked,
} from '../protocol/acked.ts'
import { FrameParser } from '../protocol/frame.ts'
import { SILENCES } from '../protocol/silence.ts'
import { type Settings, TIMER_MS } from './options.ts'
import type { OutboxBatch } from './outbox.ts'
import type { Dial, Target, Transport } from './transport.ts'

export type ServerMessage = Extract<
  AckedMessage,
  { kind: 'welcome' | 'redirect' | 'refused' | 'ack' | 'rewind' | 'credit' }
>

/** Said where the other end has not welcomed us. */
const DOUBT = 'is it a source of the acknowledged protocol (one on WebSockets is reached by its ws:// URL)?'

export interface ConnectionEvents {
  onMessage(message: ServerMessage): void
  /** What was written has left: there is room for more. */
  onRoom(): void
  onEnd(reason: string): void
}

export interface Identity extends Claim {
  readonly incarnation: string
  readonly oldest: number
}

export class Connection {
  readonly target: Target
  private readonly transport: Transport
  private readonly events: ConnectionEvents
  private readonly parser = new FrameParser(ackedFrameBytes(0))
  private timer: NodeJS.Timeout
  private keepAliveMs = 0
  private heard = 0
  private over = false
  /** The system takes no more at the moment. */
  blocked = false

  constructor(dial: Dial, target: Target, settings: Settings, identity: Identity, events: ConnectionEvents) {
    this.target = target
    this.events = events
    const { dialTimeoutMs, producer, source, token } = settings
    let opened = false
    this.timer = setTimeout(() => {
      const unwelcome = `no welcome within ${dialTimeoutMs} ms; ${DOUBT} If so, it waits for something that the worker's status names`
      this.end(opened ? unwelcome : `no connection within ${dialTimeoutMs} ms`)
    }, dialTimeoutMs)
    this.transport = dial(target, {
      onOpen: () => {
        opened = true
        const { newest, oldest: oldestVersion } = ackedVersions
        this.say({ kind: 'hello', newest, oldestVersion, producer, source, token, ...identity })
      },
      onBytes: (chunk) => this.onData(chunk),
      onRoom: () => {
        this.blocked = false
        if (!this.over) events.onRoom()
      },
      onEnd: (reason) => {
        const unheard = opened && this.keepAliveMs === 0
        this.end(unheard ? `${reason}, and had not welcomed us; ${DOUBT}` : reason)
      },
    })
  }

  /** Sends batches as they stand in the outbox, all in one call of the system; `next` answers `null` at the end. */
  send(next: () => OutboxBatch | null): void {
    const { transport } = this
    transport.cork()
    for (let batch = next(); batch !== null; batch = next()) {
      transport.write(batch.head)
      this.blocked = !transport.write(batch.body)
    }
    transport.uncork()
  }

  say(message: Exclude<AckedMessage, { kind: 'batch' }>): void {
    if (!this.over) this.transport.write(encodeAcked(message))
  }

  /** Says goodbye and closes. */
  close(): void {
    this.say({ kind: 'end' })
    this.over = true
    clearTimeout(this.timer)
    this.transport.end()
  }

  private onData(chunk: Buffer): void {
    try {
      this.parser.push(chunk, (frame) => this.onMessage(readAcked(frame).message))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.end(this.keepAliveMs === 0 ? `${reason}; ${DOUBT}` : reason)
    }
  }

  private onMessage(message: AckedMessage): void {
    if (this.over) return
    // Whole messages only: a length in which a bit has turned makes one of bytes without end.
    this.heard++
    switch (message.kind) {
      case 'welcome':
        this.keepAliveMs = message.keepAliveMs
        clearTimeout(this.timer)
        this.timer = setTimeout(this.listen, this.silenceMs)
        this.events.onMessage(message)
        break
      case 'redirect':
      case 'refused':
      case 'ack':
      case 'rewind':
      case 'credit':
        this.events.onMessage(message)
        break
      case 'ping':
        this.say({ kind: 'pong' })
        break
      case 'pong':
        break
      default:
        this.end(`the worker said "${message.kind}", which is for clients to say`)
    }
  }

  private get silenceMs(): number {
    return Math.min(this.keepAliveMs * SILENCES, TIMER_MS)
  }

  /** Gives the worker up when it has been silent since the last look. */
  private readonly listen = (): void => {
    if (this.heard === 0) {
      this.end(`the worker said nothing for ${this.silenceMs} ms`)
      return
    }
    this.heard = 0
    this.timer = setTimeout(this.listen, this.silenceMs)
  }

  /** Ends the connection for `reason` (C1). */
  end(reason: string): void {
    if (this.over) return
    this.over = true
    clearTimeout(this.timer)
    this.transport.destroy()
    this.events.onEnd(reason)
  }
}
