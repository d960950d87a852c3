/**
 * Output on its way into one socket.
 *
 * Q1. At most `socketBytes` stand in the socket's own queue, beyond them the rest of a chunk that cannot be cut;
 *     everything else can still be held back (PROTOCOLS 7).
 * Q2. A chunk is whole records. It is kept until the system has taken its last byte, so that on another connection it
 *     begins anew: a peer may see records twice, but never begins inside one.
 * Q3. A byte counts as taken only when the socket was seen to hold less than it was given. One that has closed, or
 *     broken, holds nothing, and has sent nothing of it.
 */
import type { Clock, Timer } from '../../env/clock.ts'
import type { Connection } from '../../env/network.ts'

/** How soon to look again at a socket that has announced no drain, or at a lease, in milliseconds. */
const LOOK_MS = 2
const LEASE_MS = 20

export class SocketQueue {
  /** Bytes of the chunks that are kept. */
  bytes = 0
  private readonly clock: Clock
  private readonly socketBytes: number
  private readonly maySpeak: () => boolean
  private readonly progress: () => void
  /** A chunk is written in one piece: what it is made of has borders. */
  private readonly whole: boolean
  private chunks: Buffer[] = []
  private connection: Connection | null = null
  /** The chunk that is being written, and how much of it the socket has been given. */
  private next = 0
  private offset = 0
  /** Bytes given to this socket, and bytes of the first chunk that the system has taken. */
  private given = 0
  private taken = 0
  private headTaken = 0
  private draining = false
  private timer: Timer | null = null

  /** `progress` is called when chunks have left, on a turn of its own. */
  constructor(clock: Clock, socketBytes: number, whole: boolean, maySpeak: () => boolean, progress: () => void) {
    this.clock = clock
    this.socketBytes = socketBytes
    this.whole = whole
    this.maySpeak = maySpeak
    this.progress = progress
  }

  /** The chunks that have not left. */
  get held(): readonly Buffer[] {
    return this.chunks
  }

  add(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.chunks.push(chunk)
    this.bytes += chunk.length
    this.feed()
  }

  /** Begins on a new connection. */
  attach(connection: Connection): void {
    this.detach()
    this.connection = connection
    this.feed()
  }

  /** The connection is lost or given up: what was on its way counts as not sent. */
  detach(): void {
    this.timer?.cancel()
    this.timer = null
    this.connection = null
    this.next = 0
    this.offset = 0
    this.given = 0
    this.taken = 0
    this.headTaken = 0
    this.draining = false
  }

  /** Forgets what has not been begun; the socket's stream still ends at the end of a chunk. */
  forget(): void {
    const begun = this.next + (this.offset > 0 ? 1 : 0)
    for (const chunk of this.chunks.splice(begun)) this.bytes -= chunk.length
  }

  onDrain(): void {
    this.draining = false
    this.look()
  }

  private look(): void {
    const before = this.bytes
    this.observe()
    this.feed()
    if (this.bytes < before) this.progress()
  }

  private feed(): void {
    const { connection, chunks } = this
    if (connection === null || connection.closed) return
    while (!this.draining && this.next < chunks.length) {
      const room = this.socketBytes - connection.queued
      if (room <= 0) break
      if (!this.maySpeak()) {
        this.again(LEASE_MS)
        return
      }
      const chunk = chunks[this.next]!
      const end = this.whole ? chunk.length : Math.min(chunk.length, this.offset + room)
      this.draining = !connection.write(chunk.subarray(this.offset, end))
      this.given += end - this.offset
      this.offset = end
      if (end === chunk.length) {
        this.next++
        this.offset = 0
      }
    }
    this.observe()
    // A socket that answered true says nothing when it has sent the rest.
    if (this.bytes > 0 && !this.draining) this.again(LOOK_MS)
  }

  /** Lets go of the chunks that the system has taken. */
  private observe(): void {
    const { connection, chunks } = this
    if (connection === null || connection.closed) return
    const taken = this.given - connection.queued
    this.headTaken += taken - this.taken
    this.taken = taken
    let gone = 0
    while (gone < this.next && this.headTaken >= chunks[gone]!.length) {
      this.headTaken -= chunks[gone]!.length
      this.bytes -= chunks[gone]!.length
      gone++
    }
    if (gone > 0) chunks.splice(0, gone)
    this.next -= gone
  }

  private again(ms: number): void {
    if (this.timer !== null) return
    this.timer = this.clock.after(ms, () => {
      this.timer = null
      this.look()
    })
  }
}
