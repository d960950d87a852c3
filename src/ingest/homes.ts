/**
 * Who answers for the streams of one source: carries out what `home-table.ts` decides, for every stream of the source.
 *
 * H1. A generation begins with the homes of the manifest, or their heirs; what was granted or given before means
 *     nothing (PROTOCOLS 2, S5). A connection whose stream is not this member's any more is sent on, or waits until it
 *     is again.
 * H2. A stream that no member answers for is granted by the coordinator: to whoever asks first, and for the generation.
 * H3. Every stream of which a journal has more than its row is wanted by somebody: the journal's worker where that is a
 *     member, otherwise its heir (PROTOCOLS 2, S6, S8). So no tail waits for its producer, who may be dead; and none is
 *     lost with a worker that leaves, which stays until it has none (PROTOCOLS 11).
 * H4. A home that forgets a stream says so to all members. The coordinator keeps no word of whose it was, for producers
 *     come and go as long as a generation lasts, and nobody goes on from what it knew of it itself (`streams.ts`, T6).
 */
import { assert } from '../base/assert.ts'
import type { PotorooError } from '../base/errors.ts'
import { decide } from '../base/table.ts'
import type { Clock, Timer } from '../env/clock.ts'
import type { Extent, Extents } from './extents.ts'
import type { DoorGeneration, DoorMessage } from './generation.ts'
import { type HomeEffect, type HomeEvent, type HomeState, homeTable } from './home-table.ts'
import type { Journal } from './journal.ts'
import type { Recovery } from './recovery.ts'
import type { Stream, StreamRow } from './stream.ts'
import type { Streams } from './streams.ts'
import type { Found } from './survey.ts'

/** How long a tail waits before it asks a home for its stream, again and again: producers come first. */
const TAIL_MS = 2000
/** How long it waits before a journal that could not be read is tried again. */
const RETRY_MS = 1000
/** Runs of a tail that are offered at a time. */
const TAIL_RUNS = 64
/** For how long a producer that comes back after it was sent away cannot reach the home (`home-table.ts`, O4). */
const INSISTS_MS = 30_000
/** Producers that were sent away and are remembered. */
const SENT_AWAY_MAX = 10_000

export interface HomesOptions {
  readonly source: string
  readonly worker: string
  readonly clock: Clock
  readonly streams: Streams
  readonly recovery: Recovery
  readonly journal: Journal
  /** This worker's own plain stream, which is nobody else's. */
  readonly plain: Stream
  /** Whether streams of workers that are gone have homes from the beginning (`SourceOptions.appoints`). */
  appoints(): boolean
  /** A stream leaves with the next epoch: asks for it. */
  askEpoch(): void
  /** Asks the coordinator; the answer comes by `onNamed`. */
  askCoordinator(stream: Stream): void
  /** Tells all members that this one has forgotten `stream`, which it was home of (H4). */
  giveUp(stream: Stream): void
  /** Whether producers can be sent to `worker`. */
  isReachable(worker: string): boolean
  /** Hellos that wait for the stream can be answered now. */
  answer(stream: Stream): void
  failed(error: PotorooError): void
}

export class Homes {
  private readonly options: HomesOptions
  private generation: DoorGeneration
  /** What this worker's journal had behind their rows when the generation began, and what was given away with more. */
  private own = new Map<Stream, Extents>()
  /** Streams among them that others answer for, or nobody. */
  private readonly tails = new Set<Stream>()
  /** What the generation's survey has found of streams that were not this member's, until they are. */
  private found = new Map<Stream, Found>()
  /** When producers were sent away, by stream key. */
  private readonly sentAway = new Map<string, number>()
  /** Streams whose homes have just said no: their producers are sent there, not asked for again at once. */
  private readonly denied = new Set<string>()
  private timer: Timer | null = null
  private round = 0

  constructor(options: HomesOptions, generation: DoorGeneration) {
    this.options = options
    this.generation = generation
  }

  /** The streams stand at the rows of `generation`'s base: says whose each of them is (H1). */
  begin(generation: DoorGeneration): void {
    this.generation = generation
    this.round++
    this.own = new Map()
    this.tails.clear()
    this.found = new Map()
    this.denied.clear()
    this.timer?.cancel()
    this.timer = null
    const { worker, streams, plain } = this.options
    for (const stream of streams.values()) {
      const home = stream === plain ? worker : this.homeOf(stream)
      if (home === worker) {
        // A connection that was told to wait has to send again what was passed over.
        if (stream.state.phase !== 'home') stream.state = { phase: 'reading' }
        stream.home = worker
      } else {
        stream.state = { phase: 'away', home: home ?? '' }
        stream.letGo()
      }
    }
  }

  /** Nothing is asked for any more. */
  end(): void {
    this.round++
    this.tails.clear()
    this.timer?.cancel()
    this.timer = null
  }

  private homeOf({ hasRow, home, source, producer, incarnation }: Stream): string | null {
    if (!hasRow) return null
    const { generation, options } = this
    const heir = generation.homeOf(home, { source, producer, incarnation })
    return heir === null && options.appoints() ? generation.takerOf(home) : heir
  }

  /** The journals at hand have been read: `found` is what they have behind the streams' rows. */
  claim(found: ReadonlyMap<Stream, Found>): void {
    for (const stream of [...this.options.streams.values()]) {
      const of = found.get(stream)
      if (of !== undefined && of.own.last > stream.position) this.own.set(stream, of.own)
      if (of !== undefined && stream.state.phase === 'away') this.claimOne(stream, of)
      if (stream.session !== null) this.keepConnection(stream)
    }
  }

  /** What was found is being made use of: producers can be welcomed. */
  open(): void {
    for (const stream of [...this.options.streams.values()]) {
      if (stream.state.phase !== 'reading') continue
      this.step(stream, { kind: 'read' })
      stream.session?.onRewind()
    }
    if (this.tails.size > 0) this.timer = this.options.clock.after(TAIL_MS, this.offerTails)
  }

  /** A journal here has records of a stream that is not this member's (H3). */
  private claimOne(stream: Stream, found: Found): void {
    const own = this.own.has(stream)
    this.found.set(stream, found)
    if (own) this.tails.add(stream)
    const orphan = stream.state.phase === 'away' && stream.state.home === ''
    if (orphan && (own || this.inherits(stream, found)))
      this.step(stream, { kind: 'wanted', present: false, insists: true })
  }

  /** Whether it falls to this member to see to what sealed journals have of a stream that nobody answers for. */
  private inherits({ source, producer, incarnation }: Stream, { sealedOf }: Found): boolean {
    const { worker } = this.options
    const { coordinator } = this.generation
    const name = { source, producer, incarnation }
    return [...sealedOf].some((gone) => (this.generation.homeOf(gone, name) ?? coordinator) === worker)
  }

  /** The connection of an earlier generation: goes on here, or where the stream is (H1). */
  private keepConnection(stream: Stream): void {
    const { state } = stream
    if (state.phase !== 'away') return
    if (state.home === '') this.step(stream, { kind: 'wanted', present: false, insists: true })
    else stream.session!.onMoved(state.home)
  }

  /** A producer says hello: whether this member is the home and can answer, or where else it has to go. */
  want(stream: Stream): 'home' | 'wait' | { readonly home: string } {
    const { clock, isReachable } = this.options
    const now = clock.monotonic()
    if (stream.state.phase === 'away' && stream.state.home === '') this.step(stream, asked)
    if (stream.state.phase === 'away' && stream.state.home !== '') {
      const sent = this.sentAway.get(stream.key) ?? -Infinity
      const denied = this.denied.delete(stream.key)
      const insists = !denied && (now - sent < INSISTS_MS || !isReachable(stream.state.home))
      this.step(stream, { kind: 'wanted', present: true, insists })
    }
    const { state } = stream
    if (state.phase === 'home') return 'home'
    if (state.phase !== 'away' || state.home === '') return 'wait'
    if (this.sentAway.size >= SENT_AWAY_MAX) this.sentAway.clear()
    this.sentAway.set(stream.key, now)
    return { home: state.home }
  }

  /** Streams that this member does not answer for, of which the journal here has records that their homes may lack. */
  get tailed(): number {
    return this.tails.size
  }

  /** Whether nothing is known of a stream but who answers for it: it need not be remembered for that. */
  isBlank(stream: Stream): boolean {
    const { hasRow, given, admittedHere, state } = stream
    if (hasRow || given !== null || admittedHere || state.phase !== 'away') return false
    return !this.own.has(stream) && !this.found.has(stream)
  }

  /** `stream` has been dropped from the source's (H4). */
  forget(stream: Stream): void {
    this.own.delete(stream)
    this.found.delete(stream)
    this.sentAway.delete(stream.key)
    this.denied.delete(stream.key)
    if (stream.state.phase === 'home') this.options.giveUp(stream)
  }

  // ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

  onNamed(stream: Stream, home: string): void {
    this.step(stream, { kind: 'named', home, mine: home === this.options.worker })
  }

  onMessage(from: string, stream: Stream, message: Exclude<DoorMessage, { kind: 'homeAsked' | 'sourceOpen' }>): void {
    switch (message.kind) {
      case 'homeNamed':
        if (message.home === '') this.onForgotten(from, stream)
        else this.onNamed(stream, message.home)
        break
      case 'handoverAsked': {
        const { present, tail } = message
        const helps = stream.session === null && tail.some((run) => bringsOn(stream, run))
        this.step(stream, { kind: 'asked', from, useful: present || helps })
        break
      }
      case 'streamMoved':
        this.onMoved(stream, message)
    }
  }

  /** Member `from`, whose the stream was, has forgotten it (H4). */
  private onForgotten(from: string, stream: Stream): void {
    const { state, forgotten, givenMs } = stream
    if (forgotten || (state.phase !== 'away' && state.phase !== 'wanting') || state.home !== from) return
    stream.forgotten = true
    stream.given = null
    this.tails.delete(stream)
    // Others may not have heard that it went on from here.
    if (givenMs > 0) this.options.giveUp(stream)
    this.options.answer(stream)
  }

  private onMoved(stream: Stream, message: Extract<DoorMessage, { kind: 'streamMoved' }>): void {
    const { home, position, sessions, time, writer, before } = message
    const mine = home === this.options.worker
    if (mine && stream.state.phase === 'wanting') {
      const { producer, incarnation, acked } = stream
      stream.adopt([producer, incarnation, position, home, sessions, time, acked, writer, ...before])
      stream.letGo()
    }
    // What the home has is no tail any more.
    if ((this.own.get(stream)?.last ?? 0) <= position) this.tails.delete(stream)
    if (!mine) this.denied.add(stream.key)
    this.step(stream, { kind: 'moved', home, mine })
  }

  /**
   * An epoch is complete in which this member has reported `row` of the stream. One that was cut before the stream came
   * back from the same member says the same, with fewer sessions, and nothing about this leave. Where steps held some
   * of it at the barrier, it is a later epoch that gives it away: what follows would come in elsewhere, and overtake
   * that.
   */
  onComplete(stream: Stream, [, , position, home, sessions]: StreamRow, held: boolean): void {
    const { state } = stream
    if (held || state.phase !== 'leaving' || home !== state.to || sessions !== stream.sessions + 1) return
    assert(position === stream.position, 'O3: a stream is given away where its epoch says')
    this.step(stream, { kind: 'completed', to: home })
  }

  /** The pipeline has taken more of the stream: one that leaves does so with an epoch behind all of it. */
  onFed(stream: Stream): void {
    if (stream.state.phase === 'leaving' && stream.isFed) this.options.askEpoch()
  }

  /**
   * Asks the homes of streams of which the journal here has more (`home-table.ts`, O5), now and as long as there are
   * any.
   */
  readonly offerTails = (): void => {
    this.timer?.cancel()
    this.timer = null
    for (const stream of this.tails) {
      if (stream.state.phase === 'home') this.tails.delete(stream)
      else this.step(stream, { kind: 'wanted', present: false, insists: true })
    }
    if (this.tails.size > 0) this.timer = this.options.clock.after(TAIL_MS, this.offerTails)
  }

  // ── Effects ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private step(stream: Stream, event: HomeEvent): void {
    const { next, effects } = decide<HomeState, HomeEvent, HomeEffect>('home', homeTable, stream.state, event)
    stream.state = next
    for (const effect of effects) this.execute(stream, effect)
  }

  private execute(stream: Stream, effect: HomeEffect): void {
    const { worker, answer, askCoordinator } = this.options
    switch (effect.kind) {
      case 'askCoordinator':
        askCoordinator(stream)
        break
      case 'askHome':
        this.askHome(stream, effect.home, effect.present)
        break
      case 'read':
        this.read(stream)
        break
      case 'answer':
        answer(stream)
        // Whose it is may have been asked for a connection that stands (H1).
        if (stream.session !== null) this.keepConnection(stream)
        break
      case 'freeze':
        stream.session?.onReplaced()
        break
      case 'askEpoch':
        this.onFed(stream)
        break
      case 'tell':
        this.tell(stream, effect.to, effect.home ?? worker)
        break
      case 'give':
        this.give(stream, effect.to)
    }
  }

  private give(stream: Stream, to: string): void {
    const { position } = stream
    stream.given = stream.rowFor(to)
    stream.givenMs = this.options.clock.now()
    stream.home = to
    stream.letGo()
    this.tell(stream, to, to)
    // What lies behind a gap is a tail like any other.
    if ((this.own.get(stream)?.last ?? 0) <= position) return
    this.tails.add(stream)
    this.timer ??= this.options.clock.after(TAIL_MS, this.offerTails)
  }

  private askHome(stream: Stream, home: string, present: boolean): void {
    const { source, producer, incarnation, position } = stream
    const tail = this.own.get(stream)?.above(position, TAIL_RUNS) ?? []
    this.generation.send(home, { kind: 'handoverAsked', source, producer, incarnation, present, tail })
  }

  private tell(stream: Stream, to: string, home: string): void {
    const { source, producer, incarnation, given, admitted, sessions, time, fedTrail } = stream
    const { writer, before } = fedTrail
    const position = given !== null && home === to ? given[2] : admitted
    this.generation.send(to, {
      ...{ kind: 'streamMoved', source, producer, incarnation, home },
      ...{ position, sessions: given?.[4] ?? sessions, time, writer, before },
    })
  }

  /** Reads what the journals at hand have of a stream that has become this member's (`home-table.ts`, O2). */
  private read(stream: Stream): void {
    const { recovery, journal, worker, clock, failed } = this.options
    const { round } = this
    if (stream.hasRow && stream.home !== worker) stream.sessions++
    stream.home = worker
    stream.given = null
    // The recovery of the whole source goes on with it (`open`).
    if (recovery.underWay) return
    const found = this.found.get(stream) ?? null
    this.found.delete(stream)
    const written = (): void => {
      if (round !== this.round) return
      recovery.follow(stream, found, (error) => {
        if (round !== this.round) return
        if (error !== null) {
          failed(error)
          clock.after(RETRY_MS, written)
          return
        }
        this.tails.delete(stream)
        this.step(stream, { kind: 'read' })
        stream.session?.onRewind()
      })
    }
    // Batches of it that were taken here before may be on their way to the disk.
    if (stream.admittedHere) journal.whenDurable(written)
    else written()
  }
}

/** A producer is here, and nobody answers for its stream. */
const asked: HomeEvent = { kind: 'wanted', present: true, insists: true }

/** Whether a run of records in another journal brings `stream` on here (`home-table.ts`, O5). */
function bringsOn({ acked, admitted }: Stream, { first, last }: Extent): boolean {
  return last > admitted && (first <= admitted + 1 || !acked)
}
