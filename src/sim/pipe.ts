/**
 * One direction of a connection below user space: the sender's kernel, the wire, the receiver's kernel.
 *
 * W1. Bytes are copied in, never referred to: who changes them after they have left is not heard.
 * W2. Bytes arrive in the order they were put, each once; the end arrives after all of them.
 * W3. At most `kernelBytes` are held; a receiver that does not read pushes back on the sender.
 * W4. What the sender's kernel took goes on when the sender's process is dead, and is lost with the sender's machine,
 *     and where the kernel gives the connection up. A process that leaves bytes unread resets the connection by its
 *     death: what it has sent is lost, and what its peer has not read.
 */
import type { Prng } from '../base/prng.ts'
import type { SimEvent } from './events.ts'
import type { Route } from './route.ts'
import type { Timeline } from './timeline.ts'
import type { NetworkWeather } from './weather.ts'

/** The most that one read gives. */
const READ_BYTES = 64 << 10

/** What the two ends hear from the kernels. */
export interface PipeEnd {
  /** Receiver: there are bytes to read, or the end. */
  arrived(): void
  /** Sender: the kernel takes bytes again. */
  roomAgain(): void
  /** Sender: bytes were not answered for too long. */
  timedOut(): void
  /** Either: the connection is broken. */
  reset(): void
}

interface Segment {
  readonly at: number
  /** `null` is the end. */
  readonly bytes: Buffer | null
}

export class Pipe {
  private readonly timeline: Timeline
  private readonly random: Prng
  private readonly weather: NetworkWeather
  private readonly route: Route
  /** The way by which the receiver tells of room. */
  private readonly back: Route
  private readonly sender: PipeEnd
  private readonly receiver: PipeEnd
  private wire: Segment[] = []
  private received: Buffer[] = []
  /** Bytes in `wire` and `received`. */
  private held = 0
  private wireFree = 0
  private starved = false
  private silent = false
  private timeout: SimEvent | null = null
  /** The sender has said that nothing follows. */
  finished = false
  /** The end has arrived. */
  ended = false

  constructor(
    timeline: Timeline,
    random: Prng,
    weather: NetworkWeather,
    route: Route,
    back: Route,
    sender: PipeEnd,
    receiver: PipeEnd,
  ) {
    this.timeline = timeline
    this.random = random
    this.weather = weather
    this.route = route
    this.back = back
    this.sender = sender
    this.receiver = receiver
  }

  /**
   * Takes what there is room for of `bytes` and returns how much that was. When it was not all, `roomAgain` follows.
   */
  put(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.weather.kernelBytes - this.held)
    for (let start = 0; start < taken; start += READ_BYTES) {
      const end = Math.min(start + READ_BYTES, taken)
      this.send(Buffer.from(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)))
    }
    this.starved = taken < bytes.length
    return taken
  }

  /** Says that nothing follows. */
  finish(): void {
    if (this.finished) return
    this.finished = true
    this.send(null)
  }

  /** There are bytes to read, or the end. */
  get readable(): boolean {
    return this.received.length > 0 || this.ended
  }

  /** The next chunk for the receiver, of its own to keep or spoil; `null` when there is none. */
  read(): Buffer | null {
    let chunk = this.received.shift()
    if (chunk === undefined) return null
    if (this.received.length > 0 && this.random.chance(this.weather.mergeChance)) chunk = this.merge(chunk)
    if (chunk.length > 1 && this.random.chance(this.weather.splitChance)) {
      const at = 1 + this.random.below(chunk.length - 1)
      this.received.unshift(chunk.subarray(at))
      chunk = chunk.subarray(0, at)
    }
    this.held -= chunk.length
    this.offerRoom()
    return chunk
  }

  /** Drops what was received and not read; returns whether there was anything. */
  discard(): boolean {
    const any = this.received.length > 0
    for (const chunk of this.received) this.held -= chunk.length
    this.received = []
    return any
  }

  /** The sender's kernel, or its machine, lets go of it: of what is on the wire, some first part may still arrive. */
  vanish(): void {
    const kept = this.wire.length === 0 ? 0 : this.random.below(this.wire.length + 1)
    for (const lost of this.wire.splice(kept)) this.held -= lost.bytes?.length ?? 0
    this.starved = false
  }

  /** From now on nothing arrives and nobody is told: a middlebox has forgotten the connection. */
  silence(): void {
    this.silent = true
  }

  private send(bytes: Buffer | null): void {
    const { now } = this.timeline
    const length = bytes === null ? 0 : bytes.length
    this.held += length
    this.wireFree = Math.max(this.wireFree, now) + length / this.route.bytesPerMs
    const at = this.wireFree + this.route.delay()
    this.wire.push({ at, bytes })
    // W2: while one segment is on its way, or waits for the way to be free, the others queue behind it.
    if (this.wire.length === 1) this.timeline.at(at, null, this.arrive)
  }

  private readonly arrive = (): void => {
    if (this.wire.length === 0) return
    if (this.silent || this.route.blocked) this.stall()
    else this.deliver()
  }

  private deliver(): void {
    this.answered()
    const { now } = this.timeline
    while (this.wire.length > 0 && this.wire[0]!.at <= now) this.land(this.wire.shift()!.bytes)
    if (this.wire.length > 0) this.timeline.at(this.wire[0]!.at, null, this.arrive)
    if (this.random.chance(this.weather.resetChance)) {
      this.sender.reset()
      this.receiver.reset()
    } else {
      this.receiver.arrived()
    }
    this.timeline.onPoint?.(`bytes for ${this.route.to.name}`, this.route.to.name)
  }

  private land(bytes: Buffer | null): void {
    if (bytes === null) {
      this.ended = true
      return
    }
    if (this.random.chance(this.route.flipChance)) {
      const at = this.random.below(bytes.length)
      bytes[at]! ^= 1 << this.random.below(8)
    }
    this.timeline.trace.bytes(bytes)
    this.received.push(bytes)
  }

  private stall(): void {
    if (!this.silent) this.route.whenFree(this.arrive)
    this.timeout ??= this.timeline.at(this.timeline.now + this.weather.timeoutMs, null, () => this.sender.timedOut())
  }

  private answered(): void {
    if (this.timeout !== null) this.timeline.cancel(this.timeout)
    this.timeout = null
  }

  private offerRoom(): void {
    // Not for every byte: a kernel wakes the writer once a good part is free.
    if (!this.starved || this.held * 2 > this.weather.kernelBytes) return
    this.starved = false
    this.back.carry(this.tellRoom)
  }

  private readonly tellRoom = (): void => this.sender.roomAgain()

  private merge(first: Buffer): Buffer {
    const parts = [first]
    let length = first.length
    while (this.received.length > 0 && length + this.received[0]!.length <= READ_BYTES) {
      const part = this.received.shift()!
      parts.push(part)
      length += part.length
    }
    return Buffer.concat(parts, length)
  }
}
