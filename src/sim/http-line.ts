/**
 * One connection of the simulated HTTP: frames where the real one has its syntax. Delays, cuts and resets are those of
 * the network below.
 *
 *     length u32 · kind u8 · payload
 */
import type { Clock } from '../env/clock.ts'
import type { Connection, ConnectionHandler, NetworkError } from '../env/network.ts'

export type FrameKind =
  | 'request'
  | 'body'
  | 'bodyEnd'
  | 'answer'
  | 'upgrade'
  | 'accepted'
  | 'text'
  | 'binary'
  | 'goodbye'
const kinds: readonly FrameKind[] = [
  'request',
  'body',
  'bodyEnd',
  'answer',
  'upgrade',
  'accepted',
  'text',
  'binary',
  'goodbye',
]
const HEAD_BYTES = 5

/** Who hears what comes over a line. */
export interface LineEar {
  onOpen(): void
  onFrame(kind: FrameKind, payload: Buffer): void
  onDrain(): void
  /** A frame longer than may be comes; nothing is shown any more. */
  onTooLong(bytes: number): void
  onClosed(error: NetworkError | null): void
}

export class Line implements ConnectionHandler {
  connection!: Connection
  ear!: LineEar
  paused = false
  private readonly clock: Clock
  private readonly frameBytes: number
  private rest: Buffer = Buffer.alloc(0)
  private deaf = false
  private over = false
  /** The peer has said its last, which is heard when all before it is. */
  private ended = false
  private closed: { readonly error: NetworkError | null } | null = null

  constructor(clock: Clock, frameBytes: number) {
    this.clock = clock
    this.frameBytes = frameBytes
  }

  /** `false` also when the line has ended: what is sent then is lost. */
  send(kind: FrameKind, payload: Uint8Array): boolean {
    if (this.over) return false
    const frame = Buffer.alloc(HEAD_BYTES + payload.length)
    frame.writeUInt32LE(payload.length)
    frame[4] = kinds.indexOf(kind)
    frame.set(payload, HEAD_BYTES)
    return this.connection.write(frame)
  }

  pause(): void {
    this.paused = true
    this.connection.pause()
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    this.clock.soon(() => this.cut())
  }

  /** Shows nothing any more but the end. */
  deafen(): void {
    this.deaf = true
    this.rest = Buffer.alloc(0)
  }

  end(): void {
    this.over = true
    this.connection.end()
  }

  destroy(): void {
    this.deafen()
    this.over = true
    this.connection.destroy()
  }

  onOpen(): void {
    this.ear.onOpen()
  }

  onBytes(chunk: Buffer): void {
    if (this.deaf) return
    this.rest = Buffer.concat([this.rest, chunk])
    this.cut()
  }

  onEnd(): void {
    this.ended = true
    this.cut()
  }

  onDrain(): void {
    this.ear.onDrain()
  }

  onClosed(error: NetworkError | null): void {
    this.over = true
    this.closed = { error }
    if (error !== null) this.deafen()
    this.cut()
  }

  /** Shows the frames that have come whole, unless it is paused. */
  private cut(): void {
    while (!this.paused && !this.deaf && this.rest.length >= HEAD_BYTES) {
      const length = this.rest.readUInt32LE()
      if (length > this.frameBytes) {
        this.deafen()
        this.ear.onTooLong(length)
        break
      }
      if (this.rest.length < HEAD_BYTES + length) break
      const [kind, payload] = [kinds[this.rest[4]!]!, this.rest.subarray(HEAD_BYTES, HEAD_BYTES + length)]
      this.rest = this.rest.subarray(HEAD_BYTES + length)
      this.ear.onFrame(kind, payload)
    }
    if (this.paused && !this.deaf) return
    const { closed } = this
    if (closed !== null) {
      this.closed = null
      this.ear.onClosed(closed.error)
    } else if (this.ended) this.end()
    else this.connection.resume()
  }
}
