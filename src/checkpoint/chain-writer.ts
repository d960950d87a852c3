/**
 * Appends to the chain (PROTOCOLS 1).
 *
 * A5. A record is created exclusively at the first free n. Who loses n reads it, folds it and tries the next one,
 *     unless the generation has changed: then it stops. Who loses again reads to the end of the chain before it tries:
 *     to create takes longer than to read, so one by one it would stay behind a coordinator of many pipelines for as
 *     long as these run.
 * A6. A create whose outcome is unknown is tried again at the same n with the same bytes, never at another n; so is one
 *     that `exists`, until a read says whose record stands there. One that was `created` is not read: it is durable,
 *     and mine.
 * A7. What stands at n is believed only as A3 of `chain-reader.ts` says: where the chain is far beyond n, that name may
 *     have been removed and made again.
 * A8. Who cannot decide an append within `storeTimeoutMs` is told so once, and resigns (PROTOCOLS 4): where the sync of
 *     a folder has failed, this process decides nothing more (`file-store.ts`, F3), but the next one can. What the
 *     store says meanwhile is passed on as soon as it has said so for a while, for nothing else would show why no
 *     worker comes or goes.
 * A9. Of each record that counts its owner hears when that was first tried: no newer generation stood then (PROTOCOLS
 *     7). What was waited for before its turn says nothing of it.
 */
import { assert } from '../base/assert.ts'
import { PotorooError } from '../base/errors.ts'
import type { Clock, Timer } from '../env/clock.ts'
import type { Random } from '../env/random.ts'
import type { ChainReader } from './chain-reader.ts'
import type { Cluster } from './cluster.ts'
import { chainRecord } from './layout.ts'
import { type ChainRecord, decodeRecord, encodeRecord, type RecordBody, type Stamp } from './record.ts'
import type { Writer } from './store.ts'

/** How an append ended. */
export type Appended =
  /** The record stands in the chain and has been folded; `counts` as G1 of `fold.ts` says. */
  | { readonly kind: 'appended'; readonly record: ChainRecord; readonly counts: boolean }
  /** A higher generation stands before it: nothing was appended, and this worker decides nothing any more. */
  | { readonly kind: 'superseded'; readonly generation: number }
  /** `make` answered `null`: nothing was appended. */
  | { readonly kind: 'withdrawn' }
  /** The chain cannot be read on (`E_STORE_DAMAGED`, `E_STORE_VERSION`). */
  | { readonly kind: 'failed'; readonly error: PotorooError }
  /** The writer was closed: the record may stand in the chain, now or later. */
  | { readonly kind: 'undecided' }

export type Append = (outcome: Appended) => void

/**
 * Makes the record to append after `cluster`, or `null` when it is not wanted there, also because it is there already.
 * Pure: asked again for each n.
 */
export type MakeRecord = (cluster: Cluster) => RecordBody | null

export interface ChainWriterEvents {
  /** An append is not decided for more than a moment, because of `error`: once for each append. */
  waits(error: PotorooError): void
  /** One that has waited `ms` milliseconds is decided. */
  goesOn(ms: number): void
  /** Nothing could be decided in time (A8), because of `error`; `null` where the store has not answered at all. */
  resign(error: PotorooError | null): void
  /** A record counts that was first tried at `requestMs`, by the monotonic clock (A9). */
  counted(requestMs: number, generation: number): void
}

const unheard: ChainWriterEvents = { waits: () => {}, goesOn: () => {}, resign: () => {}, counted: () => {} }

/** One record on its way to one n. */
interface Attempt {
  readonly stamp: Stamp
  readonly bytes: Buffer
  readonly generation: number
  readonly make: MakeRecord
  /** How many others were lost before it. */
  readonly losses: number
  /** When it was first tried, by the monotonic clock. */
  readonly requestMs: number
}

/** The first pause before an undecided create is tried again, in milliseconds; doubles up to `storeRetryMs`. */
const FIRST_PAUSE_MS = 10

export class ChainWriter {
  private readonly reader: ChainReader
  private readonly clock: Clock
  private readonly random: Random
  private readonly writer: Writer
  private readonly events: ChainWriterEvents
  private pause: Timer | null = null
  /** Runs while a record is undecided (A8). */
  private patience: Timer | null = null
  private current: { readonly done: Append; readonly release: () => void; readonly sinceMs: number } | null = null
  /** Why the current append is undecided, by what was said last. */
  private trouble: PotorooError | null = null
  /** Whether `waits` was said of the current append. */
  private waiting = false
  private closed = false

  constructor(
    reader: ChainReader,
    seams: { readonly clock: Clock; readonly random: Random },
    writer: Writer,
    events = unheard,
  ) {
    this.reader = reader
    this.clock = seams.clock
    this.random = seams.random
    this.writer = writer
    this.events = events
  }

  /** Appends what `make` makes, as long as the generation stays what it is now. Answers when the outcome is known. */
  append(make: MakeRecord, done: Append): void {
    const { generation } = this.reader.cluster
    this.reader.exclusively((release) => {
      this.current = { done, release, sinceMs: this.clock.monotonic() }
      this.trouble = null
      this.waiting = false
      this.patience = this.clock.after(this.reader.limits.storeTimeoutMs, () => this.events.resign(this.trouble))
      this.tryNext(generation, make)
    })
  }

  /** Stops trying: what is undecided stays so, and later appends end the same way. */
  close(): void {
    this.closed = true
    this.patience?.cancel()
    this.pause?.cancel()
    if (this.pause !== null) this.end({ kind: 'undecided' })
  }

  /** Tries the first free n (A5). */
  private tryNext(generation: number, make: MakeRecord, losses = 0): void {
    const { cluster, limits } = this.reader
    const superseded = cluster.generation !== generation
    const body = superseded || this.closed ? null : make(cluster)
    if (body !== null) {
      const { worker, incarnation } = this.writer
      const stamp: Stamp = { n: cluster.next, writer: worker, incarnation, nonce: this.random.id() }
      const before = stamp.n % limits.chainEra === 0 ? cluster : null
      const bytes = encodeRecord(body, stamp, before, this.reader.nonces)
      const requestMs = this.clock.monotonic()
      this.create({ stamp, bytes, generation, make, losses, requestMs }, FIRST_PAUSE_MS)
    } else if (this.closed) {
      this.end({ kind: 'undecided' })
    } else if (superseded) {
      this.end({ kind: 'superseded', generation: cluster.generation })
    } else {
      this.end({ kind: 'withdrawn' })
    }
  }

  private create(attempt: Attempt, pauseMs: number): void {
    this.pause = null
    const { stamp, bytes } = attempt
    const path = chainRecord(stamp.n)
    this.reader.store.createExclusive(path, bytes, (outcome, error) => {
      this.trouble = error
      if (outcome !== 'created') return this.settle(attempt, pauseMs)
      // As all others read it.
      const decoded = decodeRecord(path, stamp.n, bytes)
      if (decoded instanceof PotorooError) this.end({ kind: 'failed', error: decoded })
      else this.take(attempt, decoded.record, pauseMs)
    })
  }

  /** Reads what stands at n, mine or another's (A6). */
  private settle(attempt: Attempt, pauseMs: number): void {
    this.reader.readRecord(attempt.stamp.n, (error, record) => {
      if (error !== null && error.code !== 'E_STORE') return this.end({ kind: 'failed', error })
      this.trouble ??= error
      if (error !== null || record === null) return this.retry(attempt, pauseMs)
      this.take(attempt, record, pauseMs)
    })
  }

  /** `record` stands durably at n. */
  private take(attempt: Attempt, record: ChainRecord, pauseMs: number): void {
    this.reader.isBehind(record.n, (failed, behind) => {
      if (failed) return this.retry(attempt, pauseMs)
      if (behind) return this.catchUp(attempt, pauseMs)
      const counts = this.reader.accept(record)
      if (!isSame(record, attempt.stamp)) return this.lose(attempt)
      if (counts) this.events.counted(attempt.requestMs, record.generation)
      this.end({ kind: 'appended', record, counts })
    })
  }

  /** Another's record stands at n: goes on behind it, or behind all that stands there by now (A5). */
  private lose({ generation, make, losses }: Attempt): void {
    const again = (): void => this.tryNext(generation, make, losses + 1)
    if (losses === 0) return again()
    this.reader.readFurther((error) => {
      // What cannot be read for now is met again by the next attempt.
      if (error !== null && error.code !== 'E_STORE') this.end({ kind: 'failed', error })
      else again()
    })
  }

  /** The chain has gone far beyond n: reads it before trying again (A7). */
  private catchUp(attempt: Attempt, pauseMs: number): void {
    this.reader.jump(attempt.stamp.n, (error) => {
      if (error) this.retry(attempt, pauseMs)
      else this.tryNext(attempt.generation, attempt.make)
    })
  }

  private retry(attempt: Attempt, pauseMs: number): void {
    const { storeRetryMs } = this.reader.limits
    const longer = Math.min(2 * pauseMs, storeRetryMs)
    if (pauseMs >= storeRetryMs) this.tellWaits()
    if (this.closed) this.end({ kind: 'undecided' })
    else this.pause = this.clock.after(pauseMs, () => this.create(attempt, longer))
  }

  private tellWaits(): void {
    if (this.waiting || this.trouble === null) return
    this.waiting = true
    this.events.waits(this.trouble)
  }

  private end(outcome: Appended): void {
    this.pause = null
    this.patience?.cancel()
    this.patience = null
    const current = this.current
    assert(current !== null, 'A4: an append ends in its turn')
    this.current = null
    if (this.waiting && !this.closed) this.events.goesOn(this.clock.monotonic() - current.sinceMs)
    current.release()
    current.done(outcome)
  }
}

/** Whether `record` is the one that was stamped so (`record.ts`, R1). */
function isSame(record: ChainRecord, stamp: Stamp): boolean {
  return record.nonce === stamp.nonce && record.incarnation === stamp.incarnation && record.writer === stamp.writer
}
