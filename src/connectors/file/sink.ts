/**
 * Writes files that hold the output of complete epochs and nothing else (PROTOCOLS 8).
 *
 * What is written between two barriers goes to a pending segment. A barrier is acknowledged when its segment is
 * durable; the snapshot lists it. The commit of the epoch makes it visible: by renaming it, or by appending it to one
 * growing file.
 *
 * W1. A snapshot lists every segment whose commit is not known to be durable, also those of earlier epochs: an
 *     abandoned epoch's segment is committed with the next one, and an interrupted commit is made up for. Where there
 *     is none, nothing is left that a program without this sink would lack.
 * W2. Commits, restores and sweeps of a writer run one at a time, in the order in which they were asked for. A restore
 *     drops those that have not begun: what they were to do was decided about another history.
 * W3. A failure is final: the writer answers nothing after it, so no epoch completes on what is not there.
 * W4. A writer that was closed takes no further step: another may have followed it, in another process. In this one
 *     that waits for what is under way (`landing.ts`, L1).
 */
import { assert } from '../../base/assert.ts'
import { fail, type PotorooError } from '../../base/errors.ts'
import { makeDurableDirectory } from '../../env/directory.ts'
import type { SinkDescription } from '../../model/connector.ts'
import { type Base, type Json, newStatus, type SinkConnector, type SinkContext, type Writer } from '../connector.ts'
import type { FileSinkSettings } from './describe.ts'
import { diskFault } from './fault.ts'
import { plainPath } from './find.ts'
import { Landing } from './landing.ts'
import { LateCommit } from './late-commit.ts'
import { claimPlace } from './owner.ts'
import { appendSegments, type Behind, placeOf, publishSegments, type Sweep, sweepSegments } from './publish.ts'
import { RevocableDisk } from './revocable.ts'
import { type Held, heldIn, Segment, type SegmentRow, segmentName, writerOf } from './segment.ts'

export const fileSinkConnector: SinkConnector = {
  kind: 'file',
  parallel: (description) => !(description.settings as FileSinkSettings).append,
  place: (description) => plainPath((description.settings as FileSinkSettings).path),
  open: (description, context) => new FileWriter(description, context),
  finish: (description, { clock, disk }, snapshots, done) => {
    const { path, append } = description.settings as FileSinkSettings
    const late = new LateCommit(disk, path)
    const held = snapshots.map(heldIn)
    // One growing file has one writer.
    if (append) clock.soon(() => late.append(held[0]!, done))
    else
      clock.soon(() =>
        late.rename(
          held.flatMap(({ segments }) => segments),
          done,
        ),
      )
    return () => late.close()
  },
}

/** A barrier that waits for its segment. */
interface Waiting {
  readonly segment: Segment | null
  row: SegmentRow | null
  readonly done: (snapshot: Json) => void
}

class FileWriter implements Writer {
  readonly status = newStatus('opening')
  private readonly context: SinkContext
  private readonly landing: Landing
  /** For everything but the segment that is being written, which is this writer's own (W4). */
  private readonly disk: RevocableDisk
  private readonly path: string
  private readonly directory: string
  private readonly append: boolean
  private generation = 0
  private epoch = 0
  /** Whether the folder had to be made: what should stand in it went with the one before. */
  private anew = false
  /** The epoch up to which earlier generations may have left segments that nobody lists (`floor`). */
  private leftUpTo = Infinity
  /** Length of the growing file up to the last durable commit. */
  private length = 0
  /** Segments that are durable and whose commit is not. */
  private sealed: readonly SegmentRow[] = []
  private segment: Segment | null = null
  private waiting: Waiting[] = []
  private blocked = false
  /** Called when everything taken is in the hands of the system, and what was asked for is done. */
  private ending: (() => void) | null = null
  private readonly jobs: ((next: () => void) => void)[] = []
  private busy = false

  constructor(description: SinkDescription<unknown>, context: SinkContext) {
    const { path, append } = description.settings as FileSinkSettings
    this.context = context
    this.landing = new Landing(context.env.disk, plainPath(path))
    this.disk = new RevocableDisk(this.landing)
    this.path = path
    this.directory = placeOf(path).directory
    this.append = append
  }

  get room(): boolean {
    return !this.blocked
  }

  restore(base: Base, done: () => void): void {
    this.segment?.abandon()
    for (const { segment } of this.waiting) segment?.abandon()
    this.segment = null
    this.waiting = []
    this.sealed = []
    this.blocked = false
    this.ending = null
    this.generation = base.generation
    this.epoch = base.epoch
    this.leftUpTo = base.epoch
    this.jobs.length = 0
    this.run((next) => this.landing.begin(next))
    this.run((next) => {
      this.openFolder(() => {
        this.finish(base.snapshots.map(heldIn), base.back ? 'cut' : 'keep', () => {
          const writer = writerOf(this.context.writer)
          this.sweep({ generation: base.generation, writer, above: base.epoch, below: 0 }, () => {
            this.status.state = 'ready'
            next()
            done()
          })
        })
      })
    })
  }

  write(bytes: Buffer, records: number): boolean {
    assert(this.generation > 0, 'a writer is restored before it writes')
    this.status.records += records
    if (bytes.length > 0) {
      this.segment ??= this.begin()
      this.segment.write(bytes)
      this.count()
    }
    this.blocked = this.status.queuedBytes >= this.context.limits.writerBytes
    return !this.blocked
  }

  barrier(epoch: number, generation: number, done: (snapshot: Json) => void): void {
    const { segment } = this
    const entry: Waiting = { segment, row: null, done }
    this.epoch = epoch
    this.generation = generation
    this.segment = null
    this.waiting.push(entry)
    if (segment === null) {
      this.context.env.clock.soon(() => this.answer())
      return
    }
    segment.seal((row) => {
      entry.row = row
      this.answer()
    })
  }

  commit(_epoch: number, snapshot: Json): void {
    if (snapshot === null) return
    const { segments } = heldIn(snapshot)
    this.run((next) => {
      // What an earlier commit has settled meanwhile needs no second one; it is a beginning of what is sealed.
      const open = new Set(this.sealed.map((row) => row.name))
      const rows = segments.filter((row) => open.has(row.name))
      if (rows.length === 0) return next()
      this.publish(this.length, rows, 'keep', () => {
        for (const { bytes } of rows) this.status.writtenBytes += bytes
        next()
      })
    })
  }

  floor(epoch: number): void {
    // What earlier generations have left is all gone by now: to look for it among ever more files would cost ever more.
    if (this.leftUpTo < 0) return
    // Everything that earlier generations had promised was finished when this one began.
    const sweep = { generation: this.generation, writer: null, above: Infinity, below: epoch }
    if (epoch > this.leftUpTo) this.leftUpTo = -1
    this.run((next) => this.sweep(sweep, next))
  }

  end(done: () => void): void {
    this.ending = done
    this.context.env.clock.soon(() => this.count())
  }

  close(): void {
    this.status.state = 'closed'
    this.disk.revoke()
    this.segment?.abandon()
    this.segment = null
    this.waiting = []
    this.jobs.length = 0
    this.landing.leave()
  }

  private begin(): Segment {
    // The epoch that the next barrier ends is not known yet; it is not before this one.
    const name = segmentName(this.path, this.generation, this.epoch + 1, this.context.writer)
    return new Segment(
      this.landing,
      this.directory,
      name,
      () => this.count(),
      (operation, error) => this.fail(diskFault(operation, error)),
    )
  }

  /** Answers the barriers whose segments are durable, in order. */
  private answer(): void {
    while (this.status.state !== 'failed') {
      const entry = this.waiting[0]
      if (entry === undefined || (entry.segment !== null && entry.row === null)) return
      this.waiting.shift()
      if (entry.row !== null) this.sealed = [...this.sealed, entry.row]
      entry.done(this.held())
    }
  }

  /** What is left to do. A growing file has its length: it is cut there by who goes back. */
  private held(): Json {
    const { append, length, sealed: segments } = this
    return append || segments.length > 0 ? ({ length, segments } satisfies Held as unknown as Json) : null
  }

  /** Makes the folder, where there is none, and sees that the files of this path are this store's (`owner.ts`). */
  private openFolder(then: () => void): void {
    const folder = this.directory || '/'
    this.disk.list(folder, (unlisted, names) => {
      this.anew = unlisted?.code === 'absent'
      makeDurableDirectory(this.disk, folder, (error) => {
        if (error !== null) return this.fail(diskFault('make', error))
        claimPlace(this.disk, this.path, unlisted === null ? names : [], this.context, (fault) => {
          if (fault === null) then()
          else this.fail(fault)
        })
      })
    })
  }

  /** Finishes what `snapshots` list, as far as that was begun or not. */
  private finish(snapshots: readonly Held[], behind: Behind, next: () => void): void {
    const rows = snapshots.flatMap((held) => held.segments)
    if (!this.append) {
      this.publish(0, rows, behind, next)
      return
    }
    assert(snapshots.length <= 1, 'one growing file has one writer')
    this.lengthOf(snapshots[0], (length) => this.publish(length, rows, behind, next))
  }

  /** Makes `rows` visible, in a growing file behind its first `length` bytes; goes on only when that is durable. */
  private publish(length: number, rows: readonly SegmentRow[], behind: Behind, next: () => void): void {
    const { disk } = this
    const settled = (fault: PotorooError | null): void => {
      if (fault !== null) return this.fail(fault)
      const names = new Set(rows.map((row) => row.name))
      this.sealed = this.sealed.filter((row) => !names.has(row.name))
      this.length = rows.reduce((sum, row) => sum + row.bytes, length)
      next()
    }
    if (this.append) appendSegments(disk, this.path, length, rows, behind, settled)
    else publishSegments(disk, this.directory, rows, (fault, taken) => settled(fault ?? this.judge(rows, taken)))
  }

  /**
   * What it means that the segments `taken` are not there any more (`publish.ts`, B6): a fault where they went with
   * their folder.
   */
  private judge(rows: readonly SegmentRow[], taken: readonly string[]): PotorooError | null {
    const [name] = taken
    if (name === undefined) return null
    const { bytes } = rows.find((row) => row.name === name)!
    if (this.anew) return fail('E_SEGMENT_GONE', { path: `${this.directory}/${name}`, bytes })
    const { step, warn } = this.context
    warn(fail('E_SEGMENT_TAKEN', { step, count: taken.length, directory: this.directory, name }))
    return null
  }

  /** Where the segments of `held` begin; for a first start, behind what the file already holds. */
  private lengthOf(held: Held | undefined, done: (length: number) => void): void {
    if (held !== undefined) {
      done(held.length)
      return
    }
    this.disk.open(this.path, 'read', (absent, file) => {
      if (absent !== null && absent.code === 'absent') return done(0)
      if (absent !== null) return this.fail(diskFault('open', absent))
      file.size((error, size) => {
        file.close(() => {})
        if (error !== null) this.fail(diskFault('measure', error))
        else done(size)
      })
    })
  }

  private sweep(sweep: Sweep, next: () => void): void {
    sweepSegments(this.disk, this.path, sweep, (fault) => {
      if (fault === null) next()
      else this.fail(fault)
    })
  }

  /** Runs `job` after those before it (W2). */
  private run(job: (next: () => void) => void): void {
    this.jobs.push(job)
    if (!this.busy) this.nextJob()
  }

  private nextJob(): void {
    const job = this.jobs.shift()
    this.busy = job !== undefined
    if (job === undefined) this.count()
    else job(() => this.nextJob())
  }

  private count(): void {
    const { status, segment, waiting } = this
    let queued = segment === null ? 0 : segment.bytes - segment.written
    for (const each of waiting) if (each.segment !== null) queued += each.segment.bytes - each.segment.written
    status.queuedBytes = queued
    if (this.blocked && queued < this.context.limits.writerBytes) {
      this.blocked = false
      this.context.wake()
    }
    if (queued === 0 && !this.busy && this.ending !== null) {
      const done = this.ending
      this.ending = null
      done()
    }
  }

  private fail(error: PotorooError): void {
    if (this.status.state === 'failed' || this.status.state === 'closed') return
    this.status.state = 'failed'
    this.jobs.length = 0
    this.waiting = []
    this.context.failed(error)
  }
}
