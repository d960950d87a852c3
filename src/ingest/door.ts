/**
 * The door of a worker: one journal, and the sources that stand behind it.
 *
 * W1. A worker finds the segments of its earlier incarnations before it begins its own journal, and writes none of them.
 * W2. Sources share the journal's bytes: one that holds back more than its share has to wait, the others go on.
 * W3. Before it comes to that, floors are raised for those who hold back most: `isCrowdedBy` says whose (PROTOCOLS 3).
 */
import { fail, type PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import { makeDurableDirectory } from '../env/directory.ts'
import type { Disk } from '../env/disk.ts'
import type { Env } from '../env/env.ts'
import { findSegments } from './find.ts'
import { partsOfKey } from './format.ts'
import { Journal, type JournalStatus } from './journal.ts'
import type { Segment } from './segment.ts'
import { type DoorContext, IngestSource, type SourceOptions } from './source.ts'

/** The part of the journal's bytes from which on it is near its limit. */
const NEAR = 3 / 4

export interface DoorOptions {
  readonly env: Pick<Env, 'clock' | 'disk' | 'log'>
  readonly limits: Limits
  /** Where the segments lie; made when absent. */
  readonly directory: string
  readonly worker: string
  readonly incarnation: string
  readonly isMember?: DoorContext['isMember']
  readonly addressOf?: DoorContext['addressOf']
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

  private constructor(options: DoorOptions, found: readonly Segment[]) {
    const { env, limits, directory, worker, incarnation } = options
    const { disk, clock } = env
    this.options = options
    this.journal = new Journal({ disk, clock, limits, directory, worker, incarnation }, found, {
      written: (batch) => this.sources.get(batch.stream.source)?.onWritten(batch),
      durable: (batch) => this.sources.get(batch.stream.source)?.onDurable(batch),
      settled: () => {
        for (const source of this.sources.values()) source.onSettled()
      },
      failed: (error) => this.log(error),
    })
    this.context = {
      disk,
      clock,
      limits,
      worker,
      incarnation,
      journal: this.journal,
      isMember: options.isMember ?? ((other) => other === worker),
      addressOf: options.addressOf ?? (() => ({ host: '', port: 0 })),
    }
  }

  /** Finds what earlier incarnations have left in the directory and begins a journal of its own. */
  static open(options: DoorOptions, done: (error: PotorooError | null, door: Door | null) => void): void {
    const { disk } = options.env
    makeDurableDirectory(disk, options.directory, (error) => {
      if (error !== null) {
        // A name that could not be made durable never will be: an empty directory is better made anew.
        const failed = fail('E_JOURNAL', { path: error.path, reason: error.message }, error)
        return removeIfEmpty(disk, options.directory, () => done(failed, null))
      }
      findSegments(disk, options.directory, (error, found) => {
        if (error !== null) return done(fail('E_JOURNAL', { path: error.path, reason: error.message }, error), null)
        done(null, new Door(options, found))
      })
    })
  }

  /** Opens a source, or takes it over from the run before. It takes nothing in before its `reset` and `release`. */
  source(options: SourceOptions): IngestSource {
    this.forgotten.delete(options.id)
    const known = this.sources.get(options.id)
    known?.serve(options)
    const source = known ?? new IngestSource(options, this.context)
    this.sources.set(options.id, source)
    return source
  }

  /** The source `id` has ended for good: the journal keeps nothing for it. */
  forget(id: string): void {
    this.sources.delete(id)
    this.forgotten.add(id)
  }

  /** Removes what lies below every floor. To be called after the sources have been told of a new one. */
  trim(): void {
    const { segments } = this.journal
    const floorOf = (key: string): number => this.floorOf(key)
    segments.trim(floorOf, () => {
      const spacious = segments.bytes < this.options.limits.journalBytes / 2
      const read = [...this.sources.values()].some(({ reading }) => reading)
      if (!spacious && !read) segments.compact(floorOf)
      this.share()
    })
  }

  private floorOf(key: string): number {
    const { source } = partsOfKey(key)
    if (this.forgotten.has(source)) return Infinity
    const open = this.sources.get(source)
    if (open !== undefined) return open.floorOf(key)
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

  private heldBy(source: IngestSource): number {
    let bytes = 0
    for (const segment of this.journal.segments.list) {
      for (const [key, range] of segment.ranges) {
        if (partsOfKey(key).source === source.source && range.last > source.floorOf(key)) bytes += range.bytes
      }
    }
    return bytes
  }

  get status(): JournalStatus & { readonly bytes: number; readonly segments: number } {
    return { ...this.journal.status, bytes: this.journal.segments.bytes, segments: this.journal.segments.list.length }
  }

  /** Brings everything appended to the disk and ends the journal in order. */
  close(done: () => void): void {
    this.journal.close(done)
  }

  private log(error: PotorooError): void {
    this.options.env.log.error(error.code, { message: error.message })
  }
}

function removeIfEmpty(disk: Disk, directory: string, done: () => void): void {
  disk.list(directory, (error, names) => {
    if (error === null && names.length === 0) disk.removeTree(directory, done)
    else done()
  })
}
