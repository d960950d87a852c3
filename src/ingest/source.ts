/**
 * One journaled source at the door: its connections on one side, the pipeline on the other, the journal between.
 *
 * D1. The pipeline is fed in journal order: the replay first, then what came in, each batch after its write.
 * D2. A position covers exactly what the pipeline has taken: `cut` reads the cursor of the batch in its hands.
 * D3. What has not been taken takes up `limits.ingestBytes` of memory at most, beyond which every connection is told to
 *     wait; each may go over it by what it had read already.
 * D4. `stable` is said only of what a complete epoch covers, and nothing is trimmed but below a floor (`coverage.ts`).
 * D5. While it recovers or is held, a source says no ack, and welcomes nobody (`producers.ts`, U1; PROTOCOLS 2, S7 and
 *     S8).
 * D6. An epoch is acknowledged only when the journal behind it is durable (`secure`): its producers forget what it
 *     covers, so going back to an older epoch of the horizon has to find it here, also after a loss of power.
 * D7. It takes, feeds and acknowledges only what it is home of (`homes.ts`).
 */
import type { PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Clock } from '../env/clock.ts'
import { Cuts } from '../model/connector.ts'
import { CLOCKS_DIFFER } from './ages.ts'
import { type FoundRecords, type IngestBatch, sizeOf } from './batch.ts'
import type { Address, DoorContext, SourceCounters, SourceOptions } from './context.ts'
import { Coverage } from './coverage.ts'
import { Delivery } from './delivery.ts'
import type { DoorMessage } from './generation.ts'
import { Homes } from './homes.ts'
import type { Journal } from './journal.ts'
import { Lane } from './lane.ts'
import { Producers } from './producers.ts'
import { Recovery } from './recovery.ts'
import { Requests } from './requests.ts'
import { Room } from './room.ts'
import { Session, type SessionSource } from './session.ts'
import type { Stream, StreamRow } from './stream.ts'
import { Streams } from './streams.ts'
import { type Found, holeOf, judge, type SurveyTarget } from './survey.ts'

/** What other members' doors say about a stream. */
type StreamMessage = Exclude<DoorMessage, { kind: 'homeAsked' | 'sourceOpen' }>

export class IngestSource implements SessionSource, SurveyTarget {
  readonly source: string
  readonly name: string
  token: string | null
  readonly limits: Limits
  readonly clock: Clock
  readonly worker: string
  readonly incarnation: string
  readonly cuts: Cuts = new Cuts()
  readonly counters: SourceCounters = { records: 0, bytes: 0, repeats: 0, sessions: 0, turnedAway: 0 }
  /** Where producers reach it here, once it listens. */
  address: Address | null = null
  private options: SourceOptions
  private readonly context: DoorContext
  private readonly journal: Journal
  private readonly streams: Streams
  /** The stream of this incarnation's plain connections. */
  private readonly plain: Stream
  /** Damage that may have taken records behind the rows of the last reset. */
  readonly damages: PotorooError[] = []
  private readonly recovery: Recovery
  private readonly delivery: Delivery
  readonly homes: Homes
  /** What complete epochs cover, and what the journal keeps. */
  readonly coverage: Coverage
  /** Its acked producers. */
  readonly producers: Producers
  /** The way of requests, each of which is answered when it is safe. */
  readonly requests = new Requests(this)
  /** Batches appended and not written yet. */
  private unwritten = 0
  /** Whether it takes anything more, and who waits for that. */
  readonly room: Room
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
    this.room = new Room(context.clock, context.limits.ingestBytes)
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
    this.delivery = new Delivery(this.recovery, context.journal, this.room, {
      fed: (stream) => this.homes.onFed(stream),
      report: (error) => this.report(error),
    })
    this.producers = new Producers({
      source: this.name,
      limits: context.limits,
      streams: this.streams,
      counters: this.counters,
      homes: () => this.homes,
      silent: () => this.recovery.underWay || this.room.held !== null,
      // Its position has to say what the pipeline has taken.
      settle: () => void this.cut(),
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
        appoints: () => this.options.appoints === true,
        askCoordinator: context.askCoordinator,
        giveUp: context.giveUp,
        askEpoch: () => this.options.onLeaving(),
        isReachable: (worker) => context.addressOf(worker, options.id) !== null,
        answer: (stream) => this.producers.answer(stream),
        failed: (error) => this.report(error),
      },
      context.generation,
    )
    this.coverage = new Coverage({
      ...{ streams: this.streams, plain: this.plain, homes: this.homes },
      segments: context.journal.segments,
      ages: () => this.ages(),
      covered: (stream) => this.tell(stream),
    })
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

  /** Why connections have to wait, be it for acknowledgements only, or `null`. */
  get blockedBy(): string | null {
    const { room, homes } = this
    const { problem } = this.journal.status
    if (room.held === null && room.shut === null && problem !== null) return problem.message
    if (room.shut === null || room.held !== null || homes.tailed === 0) return room.blockedBy
    return `${room.shut}, once others have what its journal has of their streams (${homes.tailed})`
  }

  /** Batches of before the last `reset` are still to be fed. */
  get replaying(): boolean {
    return !this.recovery.over
  }

  /** Segments of the journal are being read. */
  get reading(): boolean {
    return this.recovery.reading
  }

  /**
   * Whether the pipeline has taken everything that came in, the replay included, and what the journal has of others'
   * streams.
   */
  get caughtUp(): boolean {
    return !this.replaying && this.room.buffered === 0 && this.homes.tailed === 0
  }

  /** What the pipeline takes next has not come in yet. */
  get quiet(): boolean {
    return this.caughtUp && this.unwritten === 0 && !this.delivery.waits && this.room.held === null
  }

  /** Says that the source's share of the journal is used up, or is not any more. */
  setFull(full: PotorooError | null): void {
    if (full !== null && this.room.full === null) this.report(full)
    this.room.full = full
    this.room.give()
  }

  /** Takes records of plain connections: they continue the stream of this incarnation. */
  admitPlain(bytes: Buffer, cuts: Cuts): void {
    this.append(this.plain, { bytes, cuts, from: 0, count: cuts.count })
  }

  /**
   * Takes records `first` and following of an acked stream from `writer`, passing over what is known (PROTOCOLS 2, S3).
   * Answers the bytes that the pipeline will take, or -1 where records in front of these are missing.
   */
  admit(stream: Stream, bytes: Buffer, cuts: Cuts, first: number, writer: string): number {
    // Its producer is told to send it again, here or elsewhere (D7).
    if (stream.state.phase !== 'home') return 0
    const verdict = judge(stream.admitted, first, first + cuts.count - 1)
    if (verdict === 'gap') return -1
    const known = verdict === 'known' ? cuts.count : stream.admitted + 1 - first
    this.counters.repeats += known
    if (known === cuts.count) return 0
    stream.trail = stream.trail.follow(stream.admitted, writer)
    return this.append(stream, { bytes, cuts, from: known, count: cuts.count - known })
  }

  /** Appends what follows the last record that `stream` has; answers its bytes. */
  private append(stream: Stream, records: FoundRecords): number {
    const now = this.clock.now()
    const { count } = records
    const size = sizeOf(records)
    const first = stream.admitted + 1
    stream.admitted += count
    stream.time = now
    stream.admittedHere = true
    this.counters.records += count
    this.counters.bytes += size
    const { batch, isNew, heldBytes } = this.journal.append(stream, records, first, now)
    this.room.buffered += heldBytes
    if (isNew) {
      this.unwritten++
      if (stream.acked) stream.wait(batch)
    }
    return size
  }

  addressOf(worker: string): Address | null {
    return this.context.addressOf(worker, this.source)
  }

  // ── The pipeline ─────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The next batch, from its record `taken` on; `null` when there is none now, and `onReady` follows. The caller raises
   * `taken` as it takes records, takes the whole batch before it polls again, and does not keep its bytes.
   */
  poll(): IngestBatch | null {
    return this.delivery.poll()
  }

  /** This member's rows of an epoch that is cut here (D2): those of all members together are the source's. */
  cut(): StreamRow[] {
    const { current } = this.delivery
    current?.stream.take(current.position, current)
    return this.streams.rows()
  }

  /**
   * How far the pipeline has taken a stream, as far as a cut would say now; `null` where this member does not answer
   * for it.
   */
  takenOf(producer: string, incarnation: string): number | null {
    const stream = this.streams.get(producer, incarnation)
    const phase = stream?.state.phase
    if (stream === null || (phase !== 'home' && phase !== 'reading')) return null
    const { current } = this.delivery
    return current?.stream === stream ? current.position : stream.position
  }

  /**
   * Answers when what was cut is durable in the journal. To be awaited before the epoch is acknowledged (D6).
   */
  secure(done: () => void): void {
    this.journal.whenDurable(done)
  }

  // ── Recovery ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Goes to the rows of a manifest, at the start and whenever the pipeline goes back to an epoch: feeds again what the
   * journal has behind them. `done` comes when producers can be welcomed; the replay then follows at `poll`'s pace.
   */
  reset(rows: readonly StreamRow[], done: (error: PotorooError | null) => void): void {
    this.room.shut = null
    this.delivery.clear()
    this.streams.reset(rows)
    this.homes.begin(this.context.generation)
    this.damages.length = 0
    this.journal.sealOpen()
    this.producers.gather()
    const claim = (found: ReadonlyMap<Stream, Found>): void => this.homes.claim(found)
    this.recovery.begin(this.unwritten, claim, (error) => {
      if (error !== null) return done(error)
      this.homes.open()
      for (const { from, message } of this.early.splice(0)) this.onMessage(from, message)
      this.producers.answerAll()
      done(null)
    })
  }

  /**
   * What journals lack in the middle of acked streams behind the rows of the last reset: producers may have it, others,
   * or nobody.
   */
  get holes(): readonly PotorooError[] {
    return this.streams.torn.map(holeOf)
  }

  lack(error: PotorooError): void {
    this.damages.push(error)
  }

  streamOf(key: string, acked: boolean): Stream {
    return this.streams.ofKeyOrNew(key, acked)
  }

  isExpired(stream: Stream, time: number): boolean {
    return !stream.isKnown && this.ages()(time) > this.limits.producerTtlMs
  }

  private ages(): (time: number) => number {
    return this.context.ages.look(this.limits.producerTtlMs * CLOCKS_DIFFER)
  }

  /** Whether anything is known of a stream. */
  knows(producer: string, incarnation: string): boolean {
    return this.streams.get(producer, incarnation) !== null
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

  /** Stops reading and acks, for `reason`: no lease, no epoch completes, the pipeline drains … (PROTOCOLS 2, S7). */
  hold(reason: string): void {
    this.room.held = reason
  }

  /**
   * Takes nothing more in, until the next `reset`; what has come in is fed, by this worker or by whoever has its
   * stream.
   */
  shut(reason: string): void {
    this.room.shut = reason
    this.homes.offerTails()
  }

  /** No program has it any more. */
  end(): void {
    this.homes.end()
    this.recovery.end()
  }

  /** Goes on after `hold`, and begins after the first `reset`. */
  release(): void {
    this.room.held = null
    this.room.give()
    this.producers.answerAll()
    for (const stream of this.streams.values()) this.tell(stream)
    this.options.onReady()
  }

  // ── The journal ──────────────────────────────────────────────────────────────────────────────────────────────────

  onWritten(batch: IngestBatch): void {
    this.unwritten--
    this.delivery.push(batch)
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
    if (this.delivery.waits) this.options.onReady()
  }

  /** Tells the stream's producer what is journaled and stable (D5). */
  private tell(stream: Stream): void {
    if (this.room.held === null && stream.state.phase === 'home') stream.session?.onAcks()
  }
}
