/**
 * One journaled source at the door: its connections on one side, the pipeline on the other, the journal between.
 *
 * D1. The pipeline is fed in journal order: the replay first, then what came in, each batch after its write.
 * D2. A position covers exactly what the pipeline has taken: `cut` reads the cursor of the batch in its hands.
 * D3. Bytes that have not been taken are bounded by `limits.ingestBytes`, beyond which every connection is told to
 *     wait; each may go over it by what it had read already.
 * D4. `stable` is said only of what a complete epoch covers, and nothing is trimmed but below a floor: the caller has
 *     read both in the chain.
 * D5. While it recovers or is held, a source welcomes nobody and says no ack (PROTOCOLS 2, S7 and S8).
 * D7. It takes, feeds and acknowledges only what it is home of (`homes.ts`).
 * D6. An epoch is acknowledged only when the journal behind it is durable (`secure`): its producers forget what it
 *     covers, so going back to an older epoch of the horizon has to find it here, also after a loss of power.
 */
import { assert } from '../base/assert.ts'
import { fail, type PotorooError } from '../base/errors.ts'
import { Fifo } from '../base/fifo.ts'
import type { Limits } from '../base/limits.ts'
import type { Clock } from '../env/clock.ts'
import type { Disk } from '../env/disk.ts'
import type { Cuts } from '../model/connector.ts'
import type { IngestBatch } from './batch.ts'
import { partsOfKey } from './format.ts'
import type { DoorGeneration, DoorMessage } from './generation.ts'
import { Homes } from './homes.ts'
import type { Journal } from './journal.ts'
import { Lane } from './lane.ts'
import { Recovery } from './recovery.ts'
import type { Segment } from './segment.ts'
import { Session, type SessionSource } from './session.ts'
import type { Stream, StreamRow, StreamSession } from './stream.ts'
import { answerHello, type HelloAnswer, Streams } from './streams.ts'
import { type Found, holeOf, judge, type SurveyTarget } from './survey.ts'

export interface SourceOptions {
  /** Names the source in the journal: another run of its pipeline has another id, and nothing to do with this one's. */
  readonly id: string
  /** `pipeline/step`: the name under which producers find it; the id where it is left out. */
  readonly name?: string
  /** What an acked producer has to show, or `null`. */
  readonly token: string | null
  /** There is something to poll. Never called inside a call of the source. */
  onReady(): void
  /** Something was damaged, or the source can be served again: for the operator. */
  report(error: PotorooError): void
}

/** What the sources of one worker share. */
export interface DoorContext {
  readonly disk: Disk
  readonly clock: Clock
  readonly limits: Limits
  readonly worker: string
  readonly incarnation: string
  readonly journal: Journal
  /** The generation that the door has entered last. */
  readonly generation: DoorGeneration
  /** Where producers reach the source `source` of `worker`, or `null`. */
  addressOf(worker: string, source: string): Address | null
  /** Calls `fn` with the segments of sealed journals, once they have been read. */
  whenSealed(fn: (segments: readonly Segment[]) => void): void
  /** Tells the other members where producers reach `source`. */
  announce(source: IngestSource): void
  /** Asks the coordinator who answers for `stream`; `Homes.onNamed` hears it, perhaps at once. */
  askCoordinator(stream: Stream): void
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** What other members' doors say about a stream. */
type StreamMessage = Exclude<DoorMessage, { kind: 'homeAsked' | 'sourceOpen' }>

/** Counters for metrics: plain fields that the reader samples. */
export interface SourceCounters {
  records: number
  bytes: number
  /** Records that were known already. */
  repeats: number
  /** Acked connections that stand. */
  sessions: number
  /** Acked connections that were refused, parked or redirected. */
  turnedAway: number
}

export class IngestSource implements SessionSource, SurveyTarget {
  readonly source: string
  readonly name: string
  token: string | null
  readonly limits: Limits
  readonly clock: Clock
  readonly worker: string
  readonly incarnation: string
  readonly counters: SourceCounters = { records: 0, bytes: 0, repeats: 0, sessions: 0, turnedAway: 0 }
  /** Where producers reach it here, once it listens. */
  address: Address | null = null
  /** Bytes that came in and were not taken yet. */
  buffered = 0
  private options: SourceOptions
  private readonly context: DoorContext
  private readonly journal: Journal
  private readonly streams: Streams
  /** The stream of this incarnation's plain connections. */
  private readonly plain: Stream
  private readonly live = new Fifo<IngestBatch>()
  /** Damage that may have taken records behind the rows of the last reset. */
  private readonly lacks: PotorooError[] = []
  private readonly recovery: Recovery
  readonly homes: Homes
  private current: IngestBatch | null = null
  /** Batches appended and not written yet. */
  private unwritten = 0
  private full: PotorooError | null = null
  private held: string | null = 'the pipeline has not started'
  /** Connections to be told when there is room again. */
  private readonly blocked = new Set<() => void>()
  /** Hellos that wait for the source, and those that wait for one stream. */
  private readonly hellos = new Set<() => void>()
  private readonly hellosOf = new Map<Stream, Set<() => void>>()
  /** What members said before the journals were read. */
  private readonly early: { readonly from: string; readonly message: StreamMessage }[] = []
  /** Streams whose `journaled` may have risen. */
  private readonly confirmed = new Set<Stream>()

  constructor(options: SourceOptions, context: DoorContext) {
    this.options = options
    this.context = context
    this.source = options.id
    this.name = options.name ?? options.id
    this.token = options.token
    this.limits = context.limits
    this.clock = context.clock
    this.worker = context.worker
    this.incarnation = context.incarnation
    this.journal = context.journal
    this.streams = new Streams(options.id, context.limits)
    this.plain = this.streams.add(context.worker, context.incarnation, false)
    this.recovery = new Recovery({
      disk: context.disk,
      clock: context.clock,
      limits: context.limits,
      segments: context.journal.segments,
      streams: this.streams,
      target: this,
      whenSealed: context.whenSealed,
      onReady: () => this.options.onReady(),
    })
    this.homes = new Homes(
      {
        source: options.id,
        worker: context.worker,
        clock: context.clock,
        streams: this.streams,
        recovery: this.recovery,
        journal: context.journal,
        plain: this.plain,
        askCoordinator: context.askCoordinator,
        isReachable: (worker) => context.addressOf(worker, options.id) !== null,
        answer: (stream) => this.answerHellosOf(stream),
        failed: (error) => this.report(error),
      },
      context.generation,
    )
  }

  /**
   * Serves another run of the pipeline: a stream goes on where it is for as long as the worker lives, also when the
   * pipeline is opened anew. Holds the source until the next `reset` and `release`.
   */
  serve(options: SourceOptions): void {
    this.options = options
    this.token = options.token
    this.hold('the pipeline has not started')
  }

  /** Producers reach it at `address`: the other members send them there. */
  listensAt(address: Address): void {
    this.address = address
    this.context.announce(this)
  }

  // ── Connections ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Opens the way of one plain connection. */
  lane(_remote: string): Lane {
    return new Lane(this)
  }

  /** Opens the server's end of one acked connection. */
  session(_remote: string, send: (bytes: Uint8Array) => boolean, close: () => void): Session {
    return new Session(this, send, close)
  }

  /** Why connections have to wait, or `null`. */
  get blockedBy(): string | null {
    if (this.held !== null) return this.held
    if (this.full !== null) return this.full.message
    return this.buffered < this.limits.ingestBytes ? null : 'the pipeline is behind'
  }

  get room(): boolean {
    return this.held === null && this.full === null && this.buffered < this.limits.ingestBytes
  }

  /** Batches of before the last `reset` are still to be fed. */
  get replaying(): boolean {
    return !this.recovery.over
  }

  /** Segments of the journal are being read. */
  get reading(): boolean {
    return this.recovery.reading
  }

  /** Whether the pipeline has taken everything that came in, the replay included. */
  get caughtUp(): boolean {
    return !this.replaying && this.buffered === 0
  }

  /** Says that the source's share of the journal is used up, or is not any more. */
  setFull(full: PotorooError | null): void {
    if (full !== null && this.full === null) this.report(full)
    this.full = full
    this.giveRoom()
  }

  /** Calls `fn` once, when there is room again. */
  whenRoom(fn: () => void): void {
    this.blocked.add(fn)
  }

  private giveRoom(): void {
    if (this.blocked.size === 0 || !this.room || this.buffered > this.limits.ingestBytes / 2) return
    const waiting = [...this.blocked]
    this.blocked.clear()
    for (const fn of waiting) fn()
  }

  /** Takes records of plain connections: they continue the stream of this incarnation. */
  admitPlain(bytes: Buffer, cuts: Cuts): void {
    this.append(this.plain, bytes, cuts, 0, cuts.count, this.plain.admitted + 1)
  }

  /**
   * Takes records `first` and following of an acked stream, passing over what is known (S3). Answers the bytes that the
   * pipeline will take, or -1 where records in front of these are missing.
   */
  admit(stream: Stream, bytes: Buffer, cuts: Cuts, first: number): number {
    // Its producer is told to send it again, here or elsewhere (D7).
    if (stream.state.phase !== 'home') return 0
    const verdict = judge(stream.admitted, first, first + cuts.count - 1)
    if (verdict === 'gap') return -1
    const known = verdict === 'known' ? cuts.count : stream.admitted + 1 - first
    this.counters.repeats += known
    if (known === cuts.count) return 0
    return this.append(stream, bytes, cuts, known, cuts.count - known, stream.admitted + 1)
  }

  private append(stream: Stream, bytes: Buffer, cuts: Cuts, from: number, count: number, first: number): number {
    const now = this.clock.now()
    const size = cuts.ends[from + count - 1]! - cuts.starts[from]!
    stream.admitted = first + count - 1
    stream.time = now
    stream.admittedHere = true
    this.counters.records += count
    this.counters.bytes += size
    this.buffered += size
    const batch = this.journal.append(stream, bytes, cuts, from, count, first, now)
    // A batch that has only grown is known already.
    if (batch.count === count) {
      this.unwritten++
      if (stream.acked) stream.wait(batch)
    }
    return size
  }

  /** Answers a hello, or `null` while nothing can be said: `later` is called when it can. */
  hello(producer: string, incarnation: string, oldest: number, later: () => void): HelloAnswer | null {
    if (this.recovery.underWay || this.held !== null) {
      this.hellos.add(later)
      return null
    }
    const { source, limits, streams } = this
    const known = streams.get(producer, incarnation)
    if (known === null && streams.full) {
      return { kind: 'refused', error: fail('E_PRODUCERS_FULL', { source, limit: limits.producers }) }
    }
    const stream = known ?? streams.add(producer, incarnation, true)
    const place = this.homes.want(stream)
    if (place === 'wait') {
      const waiting = this.hellosOf.get(stream)
      if (waiting === undefined) this.hellosOf.set(stream, new Set([later]))
      else waiting.add(later)
      return null
    }
    const answer: HelloAnswer =
      place === 'home'
        ? answerHello({
            ...{ source, producer, oldest, end: stream.admitted, home: stream.origin },
            known: stream.hasRow || stream.admitted > 0,
          })
        : { kind: 'redirect', worker: place.home }
    // What is another member's need not be remembered.
    if (answer.kind === 'redirect' && !stream.hasRow && !stream.admittedHere) streams.remove(stream)
    return answer
  }

  /** Grants the stream to `session`, which then brings it; the one before is told to go. */
  grant(producer: string, incarnation: string, session: StreamSession): Stream {
    const stream = this.streams.get(producer, incarnation)
    assert(stream?.state.phase === 'home', 'D7: only a home welcomes')
    stream.session?.onReplaced()
    stream.session = session
    stream.sessions++
    this.counters.sessions++
    return stream
  }

  addressOf(worker: string): Address | null {
    return this.context.addressOf(worker, this.source)
  }

  /** The session has ended; what it brought stays. */
  part(stream: Stream, session: StreamSession): void {
    if (stream.session !== session) return
    stream.session = null
    this.counters.sessions--
  }

  forgetHello(later: () => void): void {
    this.hellos.delete(later)
    for (const [stream, waiting] of this.hellosOf) {
      if (waiting.delete(later) && waiting.size === 0) this.hellosOf.delete(stream)
    }
  }

  private answerHellosOf(stream: Stream): void {
    const waiting = this.hellosOf.get(stream)
    this.hellosOf.delete(stream)
    for (const later of waiting ?? []) later()
  }

  // ── The pipeline ─────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The next batch, from its record `taken` on; `null` when there is none now, and `onReady` follows. The caller raises
   * `taken` as it takes records, takes the whole batch before it polls again, and does not keep its bytes.
   */
  poll(): IngestBatch | null {
    this.finishCurrent()
    if (this.recovery.underWay || this.held !== null) return null
    let batch = this.pollReplay()
    if (batch === null && this.recovery.over) batch = this.pollLive()
    this.current = batch
    return batch
  }

  private pollReplay(): IngestBatch | null {
    for (;;) {
      const batch = this.recovery.poll()
      if (batch === null) return null
      const { stream, first, last } = batch
      const verdict = judge(stream.position, first, last)
      // It may have gone to another member since it was read, and have come back (D7).
      if (stream.state.phase !== 'home' || verdict === 'known' || (verdict === 'gap' && stream.acked)) continue
      batch.taken = Math.max(0, stream.position - first + 1)
      return batch
    }
  }

  private finishCurrent(): void {
    const { current } = this
    if (current === null) return
    assert(current.taken === current.count, 'D2: a batch is taken whole before the next')
    this.current = null
    current.stream.position = current.last
    this.discard(current)
  }

  /** Lets go of a batch that was taken, or is not needed. */
  private discard(batch: IngestBatch): void {
    if (batch.block === null) return
    this.buffered -= batch.payloadBytes
    this.journal.release(batch)
    batch.stream.session?.onTaken(batch.payloadBytes)
    this.giveRoom()
  }

  private pollLive(): IngestBatch | null {
    for (;;) {
      const batch = this.live.shift()
      if (batch === undefined) return null
      const { stream } = batch
      if (stream.state.phase !== 'home') {
        this.discard(batch)
        continue
      }
      const verdict = judge(stream.position, batch.first, batch.last)
      if (verdict === 'gap' && !stream.acked) {
        stream.hole = { first: stream.position + 1, last: batch.first - 1 }
        this.report(holeOf(stream))
        stream.hole = null
      }
      if (verdict === 'next' || (verdict === 'gap' && !stream.acked)) {
        batch.taken = Math.max(0, stream.position - batch.first + 1)
        return batch
      }
      this.discard(batch)
    }
  }

  /** This member's rows of an epoch that is cut here (D2): those of all members together are the source's. */
  cut(): StreamRow[] {
    const { current } = this
    if (current === null) return this.streams.rows(null)
    const { stream, taken, count } = current
    stream.position = current.position
    return this.streams.rows(taken < count ? stream : null)
  }

  /**
   * Answers when what was cut is durable in the journal. To be awaited before the epoch is acknowledged (D6).
   */
  secure(done: () => void): void {
    this.journal.whenDurable(done)
  }

  /**
   * The epoch with these rows is complete: producers may forget what it covers (D4), and streams that were to move with
   * it do. This member's own rows are enough.
   */
  complete(rows: readonly StreamRow[]): void {
    this.streams.match(rows, (stream, [, , position, home]) => {
      if (stream.state.phase === 'home') stream.covered = Math.max(stream.covered, position)
      this.homes.onComplete(stream, home)
      this.tell(stream)
    })
  }

  /**
   * No epoch with rows below these will ever be a base again: the journal needs nothing up to them (D4). They are those
   * of all members: the journal here may hold what others answer for now.
   */
  floor(rows: readonly StreamRow[]): void {
    this.streams.match(rows, (stream, [, , position]) => {
      stream.raiseFloor(position)
    })
    this.streams.expire(this.plain, this.clock.now(), (key) => this.journal.segments.holds(key))
  }

  /** The floor of a stream of this source: nothing up to it is needed. */
  floorOf(key: string): number {
    return this.streams.ofKey(key)?.floor ?? 0
  }

  // ── Recovery ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Goes to the rows of a manifest, at the start and whenever the pipeline goes back to an epoch: feeds again what the
   * journal has behind them. `done` comes when producers can be welcomed; the replay then follows at `poll`'s pace.
   */
  reset(rows: readonly StreamRow[], done: (error: PotorooError | null) => void): void {
    if (this.current !== null) this.discard(this.current)
    this.current = null
    for (let batch = this.live.shift(); batch !== undefined; batch = this.live.shift()) this.discard(batch)
    this.streams.reset(rows)
    this.homes.begin(this.context.generation)
    this.lacks.length = 0
    this.journal.sealOpen()
    for (const [, waiting] of this.hellosOf) for (const later of waiting) this.hellos.add(later)
    this.hellosOf.clear()
    const claim = (found: ReadonlyMap<Stream, Found>): void => this.homes.claim(found)
    this.recovery.begin(this.unwritten, claim, (error) => {
      if (error !== null) return done(error)
      this.homes.open()
      for (const { from, message } of this.early.splice(0)) this.onMessage(from, message)
      this.answerHellos()
      done(null)
    })
  }

  /** What the journal lacks behind the rows of the last reset: producers may have it, or nobody. */
  get missing(): readonly PotorooError[] {
    const ended = [...this.streams.values()].filter((stream) => stream.acked && stream.hole !== null)
    return [...this.lacks, ...ended.map(holeOf)]
  }

  lack(error: PotorooError): void {
    this.lacks.push(error)
  }

  streamOf(key: string, acked: boolean): Stream {
    const { producer, incarnation } = partsOfKey(key)
    return this.streams.ofKey(key) ?? this.streams.add(producer, incarnation, acked)
  }

  isExpired(stream: Stream, time: number): boolean {
    return !stream.hasRow && !stream.admittedHere && time < this.clock.now() - this.limits.producerTtlMs
  }

  /** Takes a message of another member's door about a stream of this source. */
  onMessage(from: string, message: StreamMessage): void {
    if (this.recovery.underWay) {
      this.early.push({ from, message })
      return
    }
    const { producer, incarnation } = message
    const stream = this.streams.get(producer, incarnation) ?? this.streams.add(producer, incarnation, true)
    this.homes.onMessage(from, stream, message)
  }

  /** Another generation has begun: what members of the last one said means nothing any more. */
  forgetMessages(): void {
    this.early.length = 0
  }

  report(error: PotorooError): void {
    this.options.report(error)
  }

  /** Stops reading and acks, for `reason`: no lease, no epoch completes, the pipeline drains … (S7). */
  hold(reason: string): void {
    this.held = reason
  }

  /** Goes on after `hold`, and begins after the first `reset`. */
  release(): void {
    this.held = null
    this.giveRoom()
    this.answerHellos()
    for (const stream of this.streams.values()) this.tell(stream)
    this.options.onReady()
  }

  private answerHellos(): void {
    if (this.recovery.underWay || this.held !== null) return
    const waiting = [...this.hellos]
    this.hellos.clear()
    for (const later of waiting) later()
  }

  // ── The journal ──────────────────────────────────────────────────────────────────────────────────────────────────

  onWritten(batch: IngestBatch): void {
    this.unwritten--
    if (this.recovery.takesOver()) this.discard(batch)
    else this.live.push(batch)
  }

  onDurable(batch: IngestBatch): void {
    this.confirmed.add(batch.stream)
  }

  /** A round of `onWritten` and `onDurable` is over. */
  onSettled(): void {
    for (const stream of this.confirmed) {
      stream.confirm()
      this.tell(stream)
    }
    this.confirmed.clear()
    if (this.live.length > 0 && this.recovery.over) this.options.onReady()
  }

  /** Tells the stream's producer what is journaled and stable (D5). */
  private tell(stream: Stream): void {
    if (this.held === null && stream.state.phase === 'home') stream.session?.onAcks()
  }
}
