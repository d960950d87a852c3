/**
 * One end of a simulated connection: the user-space queue of its process, and what the process is told.
 *
 * The bytes of `write` are kept by reference until the kernel takes them, as Node does: a caller that changes them too
 * early corrupts its own stream. A chunk is spoilt after `onBytes`: a reader that keeps it without a copy reads rubbish
 * (`env/network.ts`, N3).
 */
import { assert } from '../base/assert.ts'
import { type Connection, type ConnectionHandler, NetworkError, type NetworkErrorCode } from '../env/network.ts'
import type { SimEvent } from './events.ts'
import type { Death, Life, Mortal } from './life.ts'
import type { Pipe, PipeEnd } from './pipe.ts'
import type { Route } from './route.ts'
import type { Timeline } from './timeline.ts'

/** What a chunk is filled with once its reader has had it. */
const SPOILT = 0xdb

/** What a connection needs of the network it is in. */
export interface ConnectionHome {
  readonly timeline: Timeline
  readonly highWaterBytes: number
  forget(connection: SimConnection): void
}

type Phase = 'dialling' | 'open' | 'closed'

export class SimConnection implements Connection, Mortal, PipeEnd {
  readonly remote: string
  readonly life: Life
  /** The machine at the other end. */
  readonly peerHost: string
  private readonly home: ConnectionHome
  /** The way to the peer, for what needs no room: resets. */
  private readonly route: Route
  private phase: Phase = 'dialling'
  private handler: ConnectionHandler | null = null
  private peer: SimConnection | null = null
  private outward: Pipe | null = null
  private inward: Pipe | null = null
  private queue: Uint8Array[] = []
  private queuedBytes = 0
  private owesDrain = false
  private ending = false
  private endSeen = false
  private broken = false
  private paused = false
  private reading = false
  /** When a dial gives up. */
  private patience: SimEvent | null = null

  constructor(home: ConnectionHome, life: Life, route: Route, remote: string) {
    this.home = home
    this.life = life
    this.route = route
    this.peerHost = route.to.name
    this.remote = remote
    if (!life.hold(this)) this.phase = 'closed'
  }

  get queued(): number {
    return this.queuedBytes
  }

  get closed(): boolean {
    return this.phase === 'closed'
  }

  write(bytes: Uint8Array): boolean {
    assert(!this.ending, 'N5: nothing is written after the end')
    if (this.broken) this.failed('reset', 'the peer reset the connection')
    if (this.phase === 'closed') return false
    let rest = bytes
    if (this.phase === 'open' && this.queue.length === 0) {
      const taken = this.outward!.put(bytes)
      rest = taken === 0 ? bytes : bytes.subarray(taken)
    }
    if (rest.length > 0) {
      this.queue.push(rest)
      this.queuedBytes += rest.length
    }
    if (this.queuedBytes < this.home.highWaterBytes) return true
    this.owesDrain = true
    return false
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    this.readSoon()
  }

  end(): void {
    if (this.ending || this.phase === 'closed') return
    this.ending = true
    if (this.broken) this.failed('reset', 'the peer reset the connection')
    if (this.phase === 'open' && this.queue.length === 0) this.finish()
  }

  destroy(): void {
    if (this.phase === 'closed') return
    if (this.phase === 'open') this.abandon()
    this.close(null)
  }

  // What the network does with this end.

  /** Joins this end to the other by the two pipes. */
  join(peer: SimConnection, outward: Pipe, inward: Pipe): void {
    this.peer = peer
    this.outward = outward
    this.inward = inward
  }

  /** Accepting side: the connection stands already. */
  stand(): void {
    this.phase = 'open'
  }

  /** Dialling side: gives up unless the peer answers within `timeoutMs`. */
  awaitAnswer(timeoutMs: number): void {
    const { timeline } = this.home
    this.patience = timeline.at(timeline.now + timeoutMs, null, () => this.timedOut())
  }

  /** Dialling side: the peer has answered. The process hears of it in a turn of its own. */
  answered(): void {
    this.stopWaiting()
    if (this.phase === 'closed') this.route.carry(this.resetPeer)
    else this.later(this.open)
  }

  attach(handler: ConnectionHandler): void {
    this.handler = handler
    this.readSoon()
  }

  /** Dialling side, or either at a fault: the connection is no more. */
  failed(code: NetworkErrorCode, reason: string): void {
    if (this.phase === 'closed') return
    this.close(new NetworkError(code, `${this.remote}: ${reason}`))
  }

  /** No byte arrives any more in either direction, and nobody is told. */
  silence(): void {
    this.outward?.silence()
    this.inward?.silence()
  }

  died(death: Death): void {
    if (this.phase === 'open') {
      if (death === 'killed') this.abandon()
      else this.outward!.vanish()
    }
    this.phase = 'closed'
    this.stopWaiting()
    this.home.forget(this)
  }

  arrived(): void {
    if (this.phase === 'closed') {
      // The kernel answers bytes for which there is no reader any more.
      if (this.inward!.discard()) this.route.carry(this.resetPeer)
    } else if (this.life.state === 'running') {
      this.read()
    } else {
      this.readSoon()
    }
  }

  roomAgain(): void {
    if (this.phase === 'open') this.later(this.flush)
  }

  timedOut(): void {
    // A kernel that gives a connection up sends no more of it, should the way be free again.
    this.outward?.vanish()
    this.failed('timeout', 'no answer')
  }

  reset(): void {
    this.inward?.discard()
    this.broken = true
    // Who has read the end reads no more, and so learns of a reset by writing only: by what he has to write, if there
    // is any.
    if (!this.endSeen || this.queue.length > 0) this.failed('reset', 'the peer reset the connection')
  }

  // The process's side: each of these runs in a turn of its own.

  private readonly open = (): void => {
    if (this.phase !== 'dialling') return
    this.phase = 'open'
    this.handler!.onOpen()
    this.flush()
    this.read()
  }

  private readonly read = (): void => {
    this.reading = false
    const { handler, inward } = this
    if (handler === null || inward === null) return
    while (this.listening) {
      const chunk = inward.read()
      if (chunk === null) break
      handler.onBytes(chunk)
      chunk.fill(SPOILT)
    }
    if (this.listening) this.readEnd(handler, inward)
    else if (this.life.state === 'stopped') this.readSoon()
  }

  private get listening(): boolean {
    return this.phase === 'open' && !this.paused && this.life.state === 'running'
  }

  private readEnd(handler: ConnectionHandler, inward: Pipe): void {
    if (!inward.ended || this.endSeen) return
    this.endSeen = true
    handler.onEnd()
    this.closeWhenBothEnded()
  }

  private readonly flush = (): void => {
    while (this.phase === 'open' && this.queue.length > 0) {
      const head = this.queue[0]!
      const taken = this.outward!.put(head)
      this.queuedBytes -= taken
      if (taken < head.length) {
        this.queue[0] = head.subarray(taken)
        return
      }
      this.queue.shift()
    }
    if (this.owesDrain && this.phase === 'open') {
      this.owesDrain = false
      this.handler?.onDrain()
    }
    if (this.ending && this.phase === 'open' && this.queue.length === 0) this.finish()
  }

  private finish(): void {
    this.outward!.finish()
    this.closeWhenBothEnded()
  }

  private closeWhenBothEnded(): void {
    if (this.phase === 'open' && this.endSeen && this.outward!.finished) this.close(null)
  }

  /**
   * What a kernel does with a socket whose process lets go of it: a reset if bytes were never read, and what has not
   * left is lost; else an end, behind what the kernel has.
   */
  private abandon(): void {
    if (!this.inward!.discard()) return this.outward!.finish()
    this.outward!.vanish()
    this.route.carry(this.resetPeer)
  }

  private close(error: NetworkError | null): void {
    this.phase = 'closed'
    this.stopWaiting()
    this.queue = []
    this.queuedBytes = 0
    this.life.release(this)
    this.home.forget(this)
    const { handler } = this
    if (handler !== null) this.later(() => handler.onClosed(error))
  }

  private stopWaiting(): void {
    if (this.patience !== null) this.home.timeline.cancel(this.patience)
    this.patience = null
  }

  private readSoon(): void {
    // Where there is nothing yet, what arrives is read then.
    if (this.reading || this.inward?.readable !== true) return
    this.reading = true
    this.later(this.read)
  }

  private later(fn: () => void): void {
    this.home.timeline.at(this.home.timeline.now, this.life, fn)
  }

  private readonly resetPeer = (): void => this.peer!.reset()
}
