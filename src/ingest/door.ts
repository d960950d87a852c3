/**
 * The door of a worker: one journal, and the sources that stand behind it.
 *
 * What a worker's driver owes it, in this order:
 *
 *     Door.open                      before the worker's incarnation stands in a generation record (W6)
 *     door.enter(generation, reach)  for each generation, once its record has been read in the chain
 *     door.source(…).reset(rows)     with the base's rows, of all members; its answer comes when producers can be welcomed
 *     source.release()               and `hold`, as the lease says (PROTOCOLS 2, S7)
 *     source.cut()                   this member's rows: all members' rows together are the source's (`rows.ts`)
 *     coverage.complete(rows)        once the epoch's record has been read in the chain
 *     coverage.floor(rows), trim()   once a floor record has been read; with the rows of all members where it `keepsForOthers`
 *     door.onMessage(from, message)  for every message of `DoorMessage` that came on a link of the generation
 *     source.listensAt(address)      where producers reach the source: the others are told
 *
 * W1. A worker finds the segments of its earlier incarnations before it begins its own journal, and writes none of
 *     them.
 * W2. Sources share the journal's bytes: one that holds back more than its share has to wait, the others go on.
 * W3. Before it comes to that, floors are raised for those who hold back most: `isCrowdedBy` says whose (PROTOCOLS 3).
 * W4. Nothing is acknowledged before the store was seen to have no seal on this incarnation, after its sync (PROTOCOLS
 *     2, S8).
 * W5. The coordinator grants a stream that nobody answers for to the member that asks first, for the generation
 *     (PROTOCOLS 2, S3), or until that one has forgotten the stream: what it says then comes before it could ask for it
 *     again.
 * W6. A worker has a segment of its own before anybody hears of this incarnation, and at any time after: so whoever
 *     seals what lies in a journal misses no incarnation that may write it (PROTOCOLS 2, S8).
 * W7. A source that no program has any more asks nobody for anything. What the journal has of it stays only where it
 *     may be opened again (`DoorOptions.isKept`).
 */
import { fail, type PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import { makeDurableDirectory } from '../env/directory.ts'
import type { DiskError } from '../env/disk.ts'
import type { Env } from '../env/env.ts'
import { Ages } from './ages.ts'
import type { Address, DoorContext, SourceOptions } from './context.ts'
import { findSegments } from './find.ts'
import { sourceOfKey, streamKey } from './format.ts'
import { aloneIn, type DoorGeneration, type DoorMessage } from './generation.ts'
import { Journal, type JournalStatus } from './journal.ts'
import { type JournalReach, SealedJournals, type Seals } from './sealed.ts'
import type { Segment } from './segment.ts'
import { IngestSource } from './source.ts'
import type { Stream } from './stream.ts'
import { Vouch } from './vouch.ts'

/** The part of the journal's bytes from which on it is near its limit. */
const NEAR = 3 / 4

export interface DoorOptions {
  readonly env: Pick<Env, 'clock' | 'disk' | 'log'>
  readonly limits: Limits
  /** Where the segments lie; made when absent, unless `isPlaced`. */
  readonly directory: string
  /** It is there already, beside those of others: where it is not any more, the volume of all of them is gone. */
  readonly isPlaced?: boolean
  readonly worker: string
  readonly incarnation: string
  /** What the process knows of its clock; an incarnation that begins with one that is wrong would know nothing. */
  readonly ages?: Ages
  /** The first generation that the incarnation may work in. */
  readonly first?: number
  /** The seals in the store; without it the worker is alone, and nobody could seal anything. */
  readonly seals?: Seals
  /** The journal of this incarnation is sealed: nothing is acknowledged any more. */
  readonly onSealed?: (error: PotorooError) => void
  /** Whether a source that is not open may be opened again: what the journal has of others goes. */
  readonly isKept?: (id: string) => boolean
}

export class Door {
  private readonly options: DoorOptions
  private readonly journal: Journal
  private readonly context: DoorContext
  private readonly sources = new Map<string, IngestSource>()
  /** Sources that have ended for good: nothing of theirs is needed. */
  private readonly forgotten = new Set<string>()
  private readonly sealed: SealedJournals | null
  private generation: DoorGeneration
  /** What the coordinator has granted in this generation, by stream key (W5). */
  private readonly grants = new Map<string, string>()
  /** Where producers reach other members, by source and worker. */
  private readonly addresses = new Map<string, Map<string, Address>>()
  /** What members said of sources that are not open here yet. */
  private readonly early: { readonly from: string; readonly message: DoorMessage }[] = []

  private constructor(options: DoorOptions, found: readonly Segment[]) {
    const { env, limits, directory, isPlaced = false, worker, incarnation, first = 0, seals } = options
    const { disk, clock } = env
    const { ages = new Ages(clock) } = options
    this.options = options
    const vouch = seals === undefined ? null : new Vouch(clock, seals, (error) => this.onSealed(error))
    this.journal = new Journal({ disk, clock, limits, directory, worker, incarnation, first, vouch }, found, {
      written: (batch) => this.sources.get(batch.stream.source)?.onWritten(batch),
      durable: (batch) => this.sources.get(batch.stream.source)?.onDurable(batch),
      settled: () => {
        for (const source of this.sources.values()) source.onSettled()
      },
      failed: (error) => this.log(error),
      recovered: () => env.log.warn('journal.recovered'),
    })
    this.generation = aloneIn(0, worker)
    const earlier = (segments: readonly Segment[]): void => this.journal.segments.renew(segments)
    const beside = isPlaced ? directory : null
    const reads = {
      disk,
      clock,
      worker,
      incarnation,
      beside,
      earlier,
      failed: (error: PotorooError) => this.log(error),
    }
    this.sealed = seals === undefined ? null : new SealedJournals({ ...reads, seals })
    const door = this
    this.context = {
      ...{ disk, clock, ages, limits, worker, incarnation },
      journal: this.journal,
      get generation() {
        return door.generation
      },
      addressOf: (worker, source) => this.addresses.get(source)?.get(worker) ?? null,
      whenSealed: (fn) => (this.sealed === null ? fn([]) : this.sealed.whenRead(fn)),
      announce: (source) => this.announce(source),
      askCoordinator: (stream) => this.askCoordinator(stream),
      giveUp: (stream) => this.giveUp(stream),
    }
  }

  /** Finds what earlier incarnations have left in the directory and begins a journal of its own. */
  static open(options: DoorOptions, done: (error: PotorooError | null, door: Door | null) => void): void {
    const { env, directory, isPlaced = false } = options
    const { disk } = env
    const find = (error: DiskError | null): void => {
      if (error !== null) return done(fail('E_JOURNAL', { path: error.path, reason: error.reason }, error), null)
      findSegments(disk, directory, (error, found) => {
        if (error !== null) return done(fail('E_JOURNAL', { path: error.path, reason: error.reason }, error), null)
        const door = new Door(options, found)
        door.journal.whenOpen(() => done(null, door))
      })
    }
    if (isPlaced) find(null)
    else makeDurableDirectory(disk, directory, find)
  }

  /** Opens a source, or takes it over from the run before. It takes nothing in before its `reset` and `release`. */
  source(options: SourceOptions): IngestSource {
    this.forgotten.delete(options.id)
    const known = this.sources.get(options.id)
    known?.serve(options)
    const source = known ?? new IngestSource(options, this.context)
    this.sources.set(options.id, source)
    for (const { from, message } of this.early.splice(0)) this.onMessage(from, message)
    return source
  }

  // ── The cluster ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Another generation begins; its record has been read in the chain. `reach`: the journals that this worker reaches
   * and others do, its own among them. Sources are `reset` next, all of them.
   */
  enter(generation: DoorGeneration, reach: readonly JournalReach[] = []): void {
    this.generation = generation
    this.grants.clear()
    this.early.length = 0
    for (const source of this.sources.values()) source.forgetMessages()
    for (const known of this.addresses.values()) {
      for (const worker of known.keys()) if (!generation.members.includes(worker)) known.delete(worker)
    }
    // The journals of other members are theirs (PROTOCOLS 2, S6).
    const { worker: self } = this.options
    this.sealed?.begin(reach.filter(({ worker }) => worker === self || !generation.members.includes(worker)))
    for (const source of this.sources.values()) this.announce(source)
  }

  /** Tells the other members where producers reach `source` here. */
  private announce({ source, address }: Parameters<DoorContext['announce']>[0]): void {
    const { generation, options } = this
    if (address === null) return
    for (const member of generation.members) {
      if (member !== options.worker) generation.send(member, { kind: 'sourceOpen', source, ...address })
    }
  }

  /** Takes a message of another member's door. */
  onMessage(from: string, message: DoorMessage): void {
    const { source: id } = message
    if (message.kind === 'homeAsked') {
      const { source, producer, incarnation } = message
      const home = this.grant(source, producer, incarnation, from)
      this.generation.send(from, { kind: 'homeNamed', source, producer, incarnation, home })
      return
    }
    if (message.kind === 'homeNamed' && message.home === '') {
      const { source, producer, incarnation } = message
      this.revoke(streamKey(source, producer, incarnation), from)
      if (this.sources.get(id)?.knows(producer, incarnation) !== true) return
    }
    if (message.kind === 'sourceOpen') {
      const { host, port } = message
      const known = this.addresses.get(id)
      if (known === undefined) this.addresses.set(id, new Map([[from, { host, port }]]))
      else known.set(from, { host, port })
      return
    }
    const source = this.sources.get(id)
    if (source === undefined) this.early.push({ from, message })
    else source.onMessage(from, message)
  }

  private askCoordinator(stream: Stream): void {
    const { source, producer, incarnation } = stream
    const { generation } = this
    if (!this.coordinates)
      return generation.send(generation.coordinator, { kind: 'homeAsked', source, producer, incarnation })
    const home = this.grant(source, producer, incarnation, this.options.worker)
    this.sources.get(source)!.homes.onNamed(stream, home)
  }

  private get coordinates(): boolean {
    return this.generation.coordinator === this.options.worker
  }

  /**
   * Who answers for a stream that nobody answered for when the generation began: `asker` where nobody does yet (W5).
   */
  private grant(source: string, producer: string, incarnation: string, asker: string): string {
    const key = streamKey(source, producer, incarnation)
    const known = this.grants.get(key)
    if (known === undefined) this.grants.set(key, asker)
    return known ?? asker
  }

  /** Nobody need know any more that a stream was this member's, which has forgotten it (W5). */
  private giveUp({ source, producer, incarnation, key }: Stream): void {
    const { generation, options } = this
    this.revoke(key, options.worker)
    for (const member of generation.members) {
      if (member === options.worker) continue
      generation.send(member, { kind: 'homeNamed', source, producer, incarnation, home: '' })
    }
  }

  /** `worker` has forgotten the stream `key`; of another one's nobody says so, and that may be its home meanwhile. */
  private revoke(key: string, worker: string): void {
    if (this.grants.get(key) === worker) this.grants.delete(key)
  }

  private onSealed(error: PotorooError): void {
    this.log(error)
    for (const source of this.sources.values()) source.hold(error.message)
    this.options.onSealed?.(error)
  }

  // ── The journal ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** The source `id` has ended for good: the journal keeps nothing for it. */
  forget(id: string): void {
    this.end(id)
    this.forgotten.add(id)
  }

  /** Of the sources whose ids begin with `prefix` those of `ids` are all: another program has no others (W7). */
  retain(prefix: string, ids: ReadonlySet<string>): void {
    for (const id of [...this.sources.keys()]) if (id.startsWith(prefix) && !ids.has(id)) this.end(id)
  }

  private end(id: string): void {
    this.sources.get(id)?.end()
    this.sources.delete(id)
  }

  /** Removes what lies below every floor. To be called after the sources have been told of a new one. */
  trim(): void {
    const { segments } = this.journal
    if (this.sealed?.looksAtOwn === true) return
    const floorOf = (key: string): number => this.floorOf(key)
    segments.trim(floorOf, () => {
      const spacious = segments.bytes < this.options.limits.journalBytes / 2
      const read = [...this.sources.values()].some(({ reading }) => reading)
      if (!spacious) segments.measure(floorOf)
      if (!spacious && !read) segments.compact(floorOf)
      this.share()
    })
  }

  private floorOf(key: string): number {
    const source = sourceOfKey(key)
    if (this.forgotten.has(source)) return Infinity
    const open = this.sources.get(source)
    if (open !== undefined) return open.coverage.floorOf(key)
    return this.options.isKept?.(source) === false ? Infinity : 0
  }

  /** Stops the sources that hold back more than their share, all where none does, and lets the others go on (W2). */
  private share(): void {
    const { journal, sources } = this
    const limit = this.options.limits.journalBytes / Math.max(1, sources.size)
    const crowded = journal.segments.bytes >= this.options.limits.journalBytes
    const held = [...sources.values()].map((source) => ({ source, bytes: crowded ? this.heldBy(source) : 0 }))
    const someHold = held.some(({ bytes }) => bytes >= limit)
    for (const { source, bytes } of held) {
      const stops = crowded && (bytes >= limit || !someHold)
      source.setFull(stops ? fail('E_JOURNAL_FULL', { source: source.source, bytes, limit }) : null)
    }
  }

  /**
   * Whether the journal is near its limit, and sources whose ids begin with `prefix` are those who hold back more than
   * their share of it, or nobody does (W3).
   */
  isCrowdedBy(prefix: string): boolean {
    const { journal, sources } = this
    const near = NEAR * this.options.limits.journalBytes
    if (journal.segments.bytes < near) return false
    const share = near / Math.max(1, sources.size)
    const held = [...sources.values()].map((source) => ({ source, bytes: this.heldBy(source) }))
    const someHold = held.some(({ bytes }) => bytes >= share)
    return held.some(({ source, bytes }) => source.source.startsWith(prefix) && (bytes >= share || !someHold))
  }

  /** Whether the journal has records above their streams' positions, of sources that are asked for by their ids. */
  hasAbove(isAsked: (source: string) => boolean, positionOf: (key: string) => number): boolean {
    const isAbove = ([key, { last }]: [string, { readonly last: number }]): boolean =>
      isAsked(sourceOfKey(key)) && last > positionOf(key)
    return this.journal.segments.list.some((segment) => !segment.gone && [...segment.ranges].some(isAbove))
  }

  private heldBy({ source }: IngestSource): number {
    return this.journal.segments.keptOf(source)
  }

  get status(): JournalStatus & { readonly bytes: number; readonly segments: number } {
    return { ...this.journal.status, bytes: this.journal.segments.bytes, segments: this.journal.segments.list.length }
  }

  /** Brings everything appended to the disk and ends the journal in order. */
  close(done: () => void): void {
    this.journal.close(done)
  }

  /** Like `close`, as the process ends: a disk that fails is not waited for. */
  endWithProcess(done: () => void): void {
    this.journal.endWithProcess(done)
  }

  private log(error: PotorooError): void {
    this.options.env.log.error(error.code, { message: error.message })
  }
}
