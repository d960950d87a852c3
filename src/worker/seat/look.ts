/**
 * Looks into the chain and at the beats: from time to time, and whenever there may be something new.
 *
 * L1. The chain is read to its end before the beats are: what they are judged by is not older than they are.
 * L2. One look is under way at a time; whoever asks meanwhile gets another one, begun after the asking.
 * L3. Who knows that there is a record asks for the chain alone: beats are read as often as they move, however many
 *     records are written.
 * L4. Where the store does not answer, the next look tries again; where the chain is damaged, there is no next one.
 * L5. What it sees counts from when it has its turn at the chain: a coordinator of many pipelines appends without a
 *     pause, and what has waited for longer than a lease would renew none (PROTOCOLS 7).
 */
import type { PotorooError } from '../../base/errors.ts'
import type { ChainReader } from '../../checkpoint/chain-reader.ts'
import type { Clock, Timer } from '../../env/clock.ts'
import type { Others, ReadsBeats } from './beat-reader.ts'

/** Beats are read in the look that is under way. */
const UNDER_WAY = Number.POSITIVE_INFINITY

export interface LookEvents {
  /** The end of the chain has been seen, by a request of `requestMs`, which was made in `generation`. */
  followed(requestMs: number, generation: number): void
  /** `reread`: in answer to `again(true)`. */
  seen(others: Others, reread: boolean): void
  gone(): ReadonlySet<string>
  /** The store did not answer: the next look tries again (L4). */
  missed(error: PotorooError): void
  failed(error: PotorooError): void
}

export class Look {
  private readonly clock: Clock
  private readonly reader: ChainReader
  private readonly beats: ReadsBeats
  private readonly everyMs: number
  private readonly events: LookEvents
  private timer: Timer | null = null
  private busy = false
  /** What was asked for meanwhile (L2). */
  private asked = false
  private reread = false
  /** When the beats are to be read, by the monotonic clock (L3). */
  private beatsAt = 0
  private closed = false

  constructor(clock: Clock, reader: ChainReader, beats: ReadsBeats, everyMs: number, events: LookEvents) {
    this.clock = clock
    this.reader = reader
    this.beats = beats
    this.everyMs = everyMs
    this.events = events
  }

  /** Looks now, or once more after the look that is under way. */
  again(reread = false): void {
    this.beatsAt = 0
    this.reread ||= reread
    this.atChain()
  }

  /** The same, at the chain alone (L3). */
  atChain(): void {
    this.asked = true
    if (!this.busy) this.begin()
  }

  close(): void {
    this.closed = true
    this.timer?.cancel()
  }

  private begin(): void {
    if (this.closed) return
    const { clock, reader } = this
    this.timer?.cancel()
    this.busy = true
    this.asked = false
    const withBeats = clock.monotonic() >= this.beatsAt
    let requestMs = 0
    let generation = 0
    const reread = withBeats && this.reread
    if (withBeats) {
      this.beatsAt = UNDER_WAY
      this.reread = false
    }
    const followed = (error: PotorooError | null): void => {
      if (this.closed) return
      if (error === null) this.events.followed(requestMs, generation)
      else if (error.code !== 'E_STORE') return this.events.failed(error)
      if (error !== null) {
        this.events.missed(error)
        return this.end(reread)
      }
      if (!withBeats) return this.end(false)
      this.beats.read(this.events.gone, (others) => {
        if (this.closed) return
        this.events.seen(others, reread)
        this.end(false)
      })
    }
    // L5
    reader.follow(followed, () => {
      requestMs = clock.monotonic()
      generation = reader.cluster.generation
    })
  }

  /** `owed`: a reading that was asked for has not come about. */
  private end(owed: boolean): void {
    const nowMs = this.clock.monotonic()
    this.busy = false
    this.reread ||= owed
    if (this.beatsAt === UNDER_WAY) this.beatsAt = nowMs + this.everyMs
    if (this.asked && !owed) return this.begin()
    this.timer = this.clock.after(Math.max(0, this.beatsAt - nowMs), () => this.begin())
  }
}
