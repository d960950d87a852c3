/**
 * What the journals at hand have of a source's streams behind their positions: this worker's own, and sealed ones
 * (PROTOCOLS 2, S8).
 *
 * E1. Survey and replay judge by the same rule (`judge`), so the replay feeds exactly what the survey has promised.
 * E2. A hole ends an acked stream: its producer or another journal closes it (PROTOCOLS 2, S4 and S6). A plain stream
 *     has nobody who could, so it goes on behind the hole, which is reported.
 * E4. A batch of a stream without a row counts for `producerTtlMs` of record time, and a row is kept for longer
 *     (`Streams.expire`): what was known once is never taken for new. What does not count, the journal need not keep.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import type { Disk, DiskError } from '../env/disk.ts'
import { Extents } from './extents.ts'
import { type EntryHeader, partsOfKey } from './format.ts'
import { harden } from './harden.ts'
import { type ScanVisitor, SegmentScan } from './scan.ts'
import type { Lasts, Segment } from './segment.ts'
import type { Stream } from './stream.ts'
import type { Trail } from './trail.ts'

/** What a batch from `first` to `last` is to a stream that was followed up to `end`. */
export function judge(end: number, first: number, last: number): 'known' | 'next' | 'gap' {
  if (last <= end) return 'known'
  return first <= end + 1 ? 'next' : 'gap'
}

/** Where a source's streams are found, and who is told of damage. */
export interface SurveyTarget {
  readonly source: string
  /** Of the worker that asks: its own segments are being written. */
  readonly incarnation: string
  /** The stream of `key`, made when it was not known. */
  streamOf(key: string, acked: boolean): Stream
  /** Whether a batch of record time `time` is too old for a stream without a row (E4). */
  isExpired(stream: Stream, time: number): boolean
  report(error: PotorooError): void
  /** Of what was reported: damage that may have taken records above a stream's position. */
  lack(error: PotorooError): void
}

/** What the journals have of one stream. */
export class Found {
  readonly all = new Extents()
  /** In this worker's own journal. */
  readonly own = new Extents()
  /** What survives a loss of power, as far as the segments of earlier incarnations and of others go. */
  readonly hard = new Extents()
  /** Workers in whose sealed journals something of it lies. */
  readonly sealedOf = new Set<string>()
  /** Who has brought which records, in the order of reading. */
  private readonly brought: { readonly writer: string; readonly first: number; last: number }[] = []

  /** Takes note of records `first` to `last`, which `writer` has brought. */
  note(writer: string, first: number, last: number): void {
    this.all.add(first, last)
    const latest = this.brought.at(-1)
    if (latest?.writer === writer && first === latest.last + 1) latest.last = last
    else this.brought.push({ writer, first, last })
  }

  /**
   * The trail of `stream` once all has been fed that goes on behind its position, in the order of the replay
   * (`replay.ts`, E5).
   */
  trailOf({ position, fedTrail }: Stream): Trail {
    let trail = fedTrail
    let at = position
    for (let from = -1; from < at; ) {
      from = at
      for (const { writer, first, last } of this.brought) {
        if (judge(at, first, last) !== 'next') continue
        trail = trail.follow(at, writer)
        at = last
      }
    }
    return trail
  }
}

/** A segment that is to be read from the entry at `from` on. */
export interface Needed {
  readonly segment: Segment
  readonly from: number
}

/** The journals at hand. */
export interface Journals {
  readonly own: readonly Needed[]
  readonly sealed: readonly Needed[]
}

/** What of `segments` may hold batches of `source` above the streams' positions. */
export function neededBy(segments: readonly Segment[], source: string, positionOf: (key: string) => number): Needed[] {
  return neededIn(segments, (lasts) => {
    for (const [key, { last }] of lasts) if (partsOfKey(key).source === source && last > positionOf(key)) return true
    return false
  })
}

/** What of `segments` may hold batches of these streams, by their keys, above these positions. */
export function neededOf(segments: readonly Segment[], positions: ReadonlyMap<string, number>): Needed[] {
  return neededIn(segments, (lasts) => {
    // A producer that comes is one of many that a journal may know, a recovery may want more than a stretch has.
    if (positions.size > lasts.size) {
      for (const [key, { last }] of lasts) if (last > (positions.get(key) ?? Infinity)) return true
    } else {
      for (const [key, position] of positions) if ((lasts.get(key)?.last ?? 0) > position) return true
    }
    return false
  })
}

function neededIn(segments: readonly Segment[], isNeeded: (lasts: Lasts) => boolean): Needed[] {
  return segments.flatMap((segment) => {
    const from = segment.gone ? null : segment.neededFrom(isNeeded)
    return from === null ? [] : { segment, from }
  })
}

/** Reads `journals` for the streams that `wants` names by their keys. */
export function survey(
  disk: Disk,
  journals: Journals,
  target: SurveyTarget,
  wants: (key: string) => boolean,
  done: (error: DiskError | null, found: ReadonlyMap<Stream, Found>) => void,
): void {
  const { own, sealed } = journals
  const all = [...sealed, ...own]
  const found = new Map<Stream, Found>()
  // An acknowledgement will say that it survives a loss of power; of what is plain nobody says so.
  const isWaitedFor = (header: EntryHeader): boolean =>
    header.kind === 'acked' && isBatchOf(header, target.source) && wants(header.key) && isAhead(target, header)
  const next = (index: number): void => {
    const needed = all[index]
    if (needed === undefined) return done(null, found)
    const { segment, from } = needed
    const isOwn = index >= sealed.length
    const live = isOwn && segment.incarnation === target.incarnation
    const scan = (hard: boolean): void => {
      const visitor: ScanVisitor = {
        wants: (header) => isBatchOf(header, target.source) && wants(header.key),
        entry(header, bytes) {
          if (bytes !== null) note(target, found, header, isOwn ? null : segment.worker, hard)
          return true
        },
        damage(from, to, header) {
          const error = damageOf(segment, from, to, header)
          target.report(error)
          if (mayLack(target, header)) target.lack(error)
        },
        torn: () => {},
        done: (error) => (error === null || (error.code === 'absent' && !isOwn) ? next(index + 1) : done(error, found)),
      }
      new SegmentScan(disk, segment, visitor, from).start()
    }
    // One that is being written is its writer's to sync: a failure of ours would be unknown to it (`journal.ts`, J3).
    // Others first: a sync that fails may take bytes away that could be read before.
    if (live) scan(true)
    else harden(disk, needed, isWaitedFor, scan)
  }
  next(0)
}

export function isBatchOf(header: EntryHeader, source: string): boolean {
  return (header.kind === 'plain' || header.kind === 'acked') && partsOfKey(header.key).source === source
}

function note(
  target: SurveyTarget,
  found: Map<Stream, Found>,
  header: EntryHeader,
  sealedOf: string | null,
  hard: boolean,
): void {
  const stream = target.streamOf(header.key, header.kind === 'acked')
  const last = header.first + header.count - 1
  if (last <= stream.position) return
  if (target.isExpired(stream, header.time)) {
    stream.lapsed = Math.max(stream.lapsed, last)
    return
  }
  let of = found.get(stream)
  if (of === undefined) found.set(stream, (of = new Found()))
  of.note(header.writer, header.first, last)
  if (sealedOf === null) of.own.add(header.first, last)
  else of.sealedOf.add(sealedOf)
  if (hard) of.hard.add(header.first, last)
  stream.time = Math.max(stream.time, header.time)
}

/** Whether damage that hides the entry of `header`, or nobody knows which, may hide what is not known already. */
function mayLack(target: SurveyTarget, header: EntryHeader | null): boolean {
  return header === null || isAhead(target, header)
}

/** Whether the batch of `header` has records above its stream's position. */
function isAhead(target: SurveyTarget, header: EntryHeader): boolean {
  return header.first + header.count - 1 > target.streamOf(header.key, header.kind === 'acked').position
}

/** How far `stream` goes on behind its position in what was found of it; reports what a plain one has lost (E2). */
export function follow(stream: Stream, found: Found | undefined, report: (error: PotorooError) => void): number {
  const { position, acked } = stream
  stream.hole = null
  if (found === undefined) return position
  if (acked) {
    const end = found.all.runFrom(position)
    const [beyond] = found.all.above(end, 1)
    if (beyond !== undefined) stream.hole = { first: end + 1, last: beyond.first - 1 }
    return end
  }
  let end = Math.max(position, stream.countsBehind)
  for (const { first, last } of found.all.above(position)) {
    if (first > end + 1) report(holeOf({ ...identityOf(stream), hole: { first: end + 1, last: first - 1 } }))
    end = last
  }
  return end
}

function identityOf({ producer, source }: Stream): { producer: string; source: string } {
  return { producer, source }
}

/** The error that names what the journal lacks of a stream. */
export function holeOf({ producer, source, hole }: Pick<Stream, 'producer' | 'source' | 'hole'>): PotorooError {
  return fail('E_JOURNAL_HOLE', { producer, source, first: hole?.first, last: hole?.last })
}

function damageOf(segment: Segment, from: number, to: number, header: EntryHeader | null): PotorooError {
  let lost = ''
  if (header !== null && header.count > 0) {
    const { source, producer } = partsOfKey(header.key)
    lost = `: records ${header.first} to ${header.first + header.count - 1} of ${producer} for source ${source}`
  }
  return fail('E_JOURNAL_DAMAGED', { path: segment.path, from, to, lost })
}
