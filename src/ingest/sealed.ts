/**
 * Journals in reach that somebody may still write who is no member (PROTOCOLS 2, S8): sealed, then read. They are those
 * of workers that are no members, and what earlier incarnations have in this worker's own.
 *
 * Z1. A journal is read only after every incarnation that may have something in it is sealed: those that the chain
 *     names, and those whose segments lie there. It is listed anew after the last seal; only that list counts.
 * Z2. Nothing is added to it, cut or removed. It belongs to its worker; but what is relied on is written once more as
 *     it stands (`harden.ts`).
 * Z3. Nobody is answered before all have been read: what cannot be sealed or read now is tried again, and told once.
 *     Several are read at a time: whoever has been in a cluster has a folder there, and on a volume of a server one
 *     after another would take a second for every few hundred of them, in each generation.
 * Z4. Who has worked in no generation yet has nothing in its journal, and is not sealed: a worker that waits to be
 *     taken in would have to begin anew with each change that it misses. That is so where its segments say that it was
 *     drawn behind a generation (`segment.ts`, G5) since which every record has been read, and none of them names it.
 * Z5. This worker's own journal is sealed like any other, but for its own incarnation, before it reads it first: an
 *     earlier one may be alive on another machine, and has acknowledged what it wrote since the journal was opened
 *     here. Nothing comes after that. What heirs have fed of it meanwhile is not fed twice: it stands in the rows, or
 *     was rolled back with their generation.
 * Z6. A journal that is not found is empty only where this worker's own is found beside it, after that: otherwise the
 *     volume of all of them is gone, and it is tried again.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import type { Clock } from '../env/clock.ts'
import type { Disk, DiskError } from '../env/disk.ts'
import { findSegments } from './find.ts'
import { type Segment, segmentOfName } from './segment.ts'

/** How long it waits before a seal or a journal is tried again. */
const RETRY_MS = 500
/** Journals that are read at a time (Z3). */
const AT_ONCE = 16

/** A journal that several workers reach. */
export interface JournalReach {
  readonly worker: string
  readonly directory: string
  /** Its incarnations that were members, as far as the chain names them. */
  readonly incarnations: readonly string[]
  /** Every generation record after this one has been read: who was a member since is among `incarnations`. */
  readonly since: number
}

/** The seals in the store: `sealed/<worker>/<incarnation>`. */
export interface Seals {
  /** Seals the journal of an incarnation; no error where it is sealed already. */
  seal(worker: string, incarnation: string, done: (error: PotorooError | null) => void): void
  /** Whether the journal of this worker's own incarnation is sealed, read by its exact name. */
  isSealed(done: (error: PotorooError | null, sealed: boolean) => void): void
}

export interface SealedOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly seals: Seals
  readonly worker: string
  readonly incarnation: string
  /** Where this worker's own journal lies, where the others lie beside it (Z6). */
  readonly beside: string | null
  /** What earlier incarnations of this worker have in its journal, now that nothing comes behind it (Z5). */
  earlier(segments: readonly Segment[]): void
  failed(error: PotorooError): void
}

type Done = (error: PotorooError | null, segments: readonly Segment[]) => void

export class SealedJournals {
  private readonly options: SealedOptions
  /** What is known to be sealed, for ever. */
  private readonly sealed = new Set<string>()
  /** Segments of all of them, or `null` while they are looked for. */
  private segments: readonly Segment[] | null = []
  private waiting: ((segments: readonly Segment[]) => void)[] = []
  /** How far Z5 has come. */
  private ofOwn: 'never asked' | 'asked' | 'sealed' = 'never asked'
  private round = 0
  /** What was told of in this round (Z3). */
  private readonly told = new Set<string>()

  constructor(options: SealedOptions) {
    this.options = options
  }

  /** Another generation begins, in which the journals in `reach` are of no member, or this worker's own. */
  begin(reach: readonly JournalReach[]): void {
    const round = ++this.round
    const wanted = this.ofOwn === 'sealed' ? reach.filter(({ worker }) => !this.isOwn(worker)) : reach
    if (wanted.some(({ worker }) => this.isOwn(worker))) this.ofOwn = 'asked'
    this.waiting = []
    this.told.clear()
    this.segments = wanted.length === 0 ? [] : null
    if (this.segments === null) this.collect(round, wanted)
  }

  /** This worker's own journal is being looked through: what is found there is not to go meanwhile. */
  get looksAtOwn(): boolean {
    return this.ofOwn === 'asked'
  }

  /** Calls `fn` with the segments of all sealed journals, once in this generation, and at once where they are known. */
  whenRead(fn: (segments: readonly Segment[]) => void): void {
    if (this.segments !== null) fn(this.segments)
    else this.waiting.push(fn)
  }

  private collect(round: number, reach: readonly JournalReach[]): void {
    const found: (readonly Segment[])[] = reach.map(() => [])
    let next = 0
    let left = reach.length
    const take = (): void => {
      const index = next++
      const one = reach[index]
      if (one === undefined) return
      this.openAtLast(round, one, (segments) => {
        if (this.isOwn(one.worker)) this.own(segments)
        else found[index] = segments
        if (--left === 0) this.finish(found.flat())
        else take()
      })
    }
    for (let i = 0; i < AT_ONCE; i++) take()
  }

  /** Answers once it could be sealed and read (Z3); not at all once another round has begun. */
  private openAtLast(round: number, reach: JournalReach, done: (segments: readonly Segment[]) => void): void {
    this.open(reach, (error, segments) => {
      if (round !== this.round) return
      if (error === null) return done(segments)
      if (!this.told.has(error.message)) this.options.failed(error)
      this.told.add(error.message)
      this.options.clock.after(RETRY_MS, () => {
        if (round === this.round) this.openAtLast(round, reach, done)
      })
    })
  }

  private own(segments: readonly Segment[]): void {
    this.ofOwn = 'sealed'
    this.options.earlier(segments)
  }

  private finish(segments: readonly Segment[]): void {
    this.segments = segments
    const { waiting } = this
    this.waiting = []
    for (const fn of waiting) fn(segments)
  }

  /** Seals one journal and lists it. */
  private open(reach: JournalReach, done: Done): void {
    this.namesIn(reach.directory, (error, names) => {
      if (error !== null) return done(unreadable(error), [])
      const segments = names?.map((name) => segmentOfName(reach.directory, name)) ?? []
      const found = segments.flatMap((segment) =>
        segment === null || isNewcomers(segment, reach) ? [] : [segment.incarnation],
      )
      const writers = [...reach.incarnations, ...found].filter((one) => !this.isSelf(reach.worker, one))
      this.seal(reach.worker, new Set(writers), (failed) => {
        if (failed !== null) done(failed, [])
        else if (names === null) done(null, [])
        else this.list(reach, done)
      })
    })
  }

  /** What lies in a folder; `null` where that is not there (Z6). */
  private namesIn(directory: string, done: (error: DiskError | null, names: readonly string[] | null) => void): void {
    const { disk, beside } = this.options
    disk.list(directory, (error, names) => {
      if (error?.code !== 'absent') done(error, names)
      else if (beside === null) done(null, null)
      else disk.list(beside, (gone) => done(gone, null))
    })
  }

  private seal(worker: string, incarnations: ReadonlySet<string>, done: (error: PotorooError | null) => void): void {
    const left = [...incarnations].filter((incarnation) => !this.sealed.has(`${worker}\0${incarnation}`))
    const next = (): void => {
      const incarnation = left.pop()
      if (incarnation === undefined) return done(null)
      this.options.seals.seal(worker, incarnation, (error) => {
        if (error !== null) return done(error)
        this.sealed.add(`${worker}\0${incarnation}`)
        next()
      })
    }
    next()
  }

  private isOwn(worker: string): boolean {
    return worker === this.options.worker
  }

  private isSelf(worker: string, incarnation: string): boolean {
    return this.isOwn(worker) && incarnation === this.options.incarnation
  }

  /** Lists a journal whose incarnations are sealed; another one may have begun meanwhile (Z1). */
  private list(reach: JournalReach, done: Done): void {
    findSegments(this.options.disk, reach.directory, (error, segments) => {
      if (error !== null) return done(unreadable(error), [])
      const { worker } = reach
      const isSealed = ({ incarnation }: Segment): boolean => this.sealed.has(`${worker}\0${incarnation}`)
      const others = segments.filter((segment) => !this.isSelf(worker, segment.incarnation))
      const written = others.filter((segment) => !isNewcomers(segment, reach))
      if (!written.every(isSealed)) return this.open(reach, done)
      // A store that was put back knows nothing of those who have worked since.
      if (this.isOwn(worker)) return done(null, others)
      for (const segment of written) segment.worker = worker
      done(null, written)
    })
  }
}

/** Z4. */
function isNewcomers({ incarnation, first }: Segment, { incarnations, since }: JournalReach): boolean {
  return first > since && !incarnations.includes(incarnation)
}

function unreadable(error: DiskError): PotorooError {
  return fail('E_JOURNAL', { path: error.path, reason: error.reason }, error)
}
