/**
 * An inbox in a folder: what was acknowledged survives kill -9 of the receiver, and the loss of power.
 *
 *     lock                     held by the process that uses the folder
 *     0000000000000001.inbox   frames, one behind another: streams, batches of records, marks
 *
 * B1. A file begins with what is known of every stream, so that it can be read without those before it.
 * B2. A file goes when everything in it was handed over, and no id in it can come again (`memory.ts`, N1). Loose ids
 *     (`memory.ts`, N2) are written again before.
 * B3. What was written since the last sync, and a power loss has taken or torn in whichever order, was never
 *     acknowledged: the last file is cut there. Damage anywhere else is named, and nothing is handed over. Which it is a
 *     file says by itself: how far a sync has gone is written before anything of it is acknowledged (`synced`). Files of
 *     earlier versions do not say it: there only what nothing follows is cut off.
 * B4. What an earlier life has left is acknowledged when it comes again, so it is written once more and synced first:
 *     that life may have ended before its sync did, or by one that failed, behind which the next sync succeeds and
 *     writes nothing.
 */
import { join } from 'node:path'
import { ByteReader, ByteWriter } from '../../base/bytes.ts'
import { fail, type PotorooError } from '../../base/errors.ts'
import { appendRecord, readRecords } from '../../protocol/delivery.ts'
import { readFrames, syncAbove } from '../folder.ts'
import { headOfRow, IDS, type Row, readRow, rowFrame, syncedIn } from './inbox-rows.ts'
import type { Entry, Intake, Stream } from './intake.ts'
import type { Kept } from './receiver.ts'
import { type InboxDisk, type InboxFile, type Surroundings, thisMachine } from './surroundings.ts'

const FILE_NAME = /^(\d{16})\.inbox$/
/** Records that were handed over, and are let go together. */
const SHED = 10_000
/**
 * A sink that was not heard for so long, while the receiver listened, is forgotten: its pipeline is gone, or has begun
 * anew.
 */
const FORGET_MS = 7 * 24 * 3600 * 1000

/** A file of the folder, and what is in it. */
interface Held {
  readonly path: string
  /** Of one that is followed by another. */
  bytes: number
  /** Sequence of the last record in it. */
  last: number
  /** By stream: the greatest epoch after which something in it was sent. */
  readonly after: Map<Stream, number>
}

export class DiskInbox {
  /** Records that were kept and are to be handed over. */
  readonly found: Kept[] = []
  /** Sequence of the first record in the files, 0 where they have none. */
  oldest = 0
  /** Sequence of the next record. */
  next = 1
  handed = 0
  private readonly path: string
  private readonly intake: Intake
  private readonly around: Surroundings
  private readonly disk: InboxDisk
  private readonly lock: { close(): void }
  private readonly failed: (error: PotorooError) => void
  private readonly after: number | null
  /** Bytes that the last sweep wrote of loose ids. */
  private looseBytes = 0
  private readonly files: Held[] = []
  private serial = 0
  private readonly numbers = new Map<Stream, number>()
  /** The number of the next stream: none is given twice, for files of before may still name its first owner. */
  private nextNumber = 0
  private readonly heardMs = new Map<Stream, number>()
  private readonly openedMs: number
  private file: InboxFile | null = null
  private length = 0
  private syncing = false
  private over = false
  private readonly waiting: (() => void)[] = []

  /**
   * Opens the inbox in `path` and gives `intake` what it remembers. Finds what follows the record `after`, or, where
   * that is `null`, what was not handed over. Throws `E_INBOX`, `E_INBOX_LOCKED`, `E_INBOX_DAMAGED`.
   */
  constructor(
    path: string,
    intake: Intake,
    failed: (error: PotorooError) => void,
    after: number | null = null,
    around: Surroundings = thisMachine,
  ) {
    const { clock, disk } = around
    this.path = path
    this.intake = intake
    this.failed = failed
    this.after = after
    this.around = around
    this.disk = disk
    this.openedMs = clock.wall() - clock.monotonic()
    let lock: { close(): void } | null = null
    try {
      disk.makeFolder(path)
      syncAbove(path, (folder) => disk.syncFolder(folder))
      lock = disk.lock(path)
      if (lock === null) throw fail('E_INBOX_LOCKED', { path })
      this.lock = lock
      this.load()
      this.forgiveAbsence()
      this.begin()
      this.sweep()
    } catch (error) {
      lock?.close()
      if (error instanceof Error && 'remedy' in error) throw error
      throw this.unusable(error as Error)
    }
  }

  // ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private load(): void {
    const names = this.disk
      .list(this.path)
      .filter((file) => FILE_NAME.test(file))
      .sort()
    const streams: Stream[] = []
    for (const file of names) {
      const path = join(this.path, file)
      const loading = { path, bytes: 0, last: 0, after: new Map<Stream, number>() }
      this.serial = Number(FILE_NAME.exec(file)![1])
      this.files.push(loading)
      this.loadFile(loading, streams, file === names.at(-1))
    }
    this.shed(1)
  }

  private loadFile(file: Held, streams: Stream[], isLast: boolean): void {
    const bytes = this.disk.read(file.path)
    /** As the file says; -1: it says nothing. */
    let synced = -1
    const at = readFrames(
      bytes,
      isLast,
      ({ tag, payload }) => {
        const body = new ByteReader(payload)
        const row = readRow(tag, body)
        if (row.kind === 'synced') synced = row.bytes
        else this.take(file, streams, row, body)
      },
      (offset, cause) => fail('E_INBOX_DAMAGED', { path: file.path, offset }, cause),
      (damage, behind) => {
        for (const frame of behind) synced = Math.max(synced, syncedIn(frame))
        return synced < 0 ? behind.length > 0 : damage < synced
      },
    )
    file.bytes = at
    // Another file follows, behind which nothing may be torn any more.
    if (isLast) this.disk.harden(file.path, bytes.subarray(0, at))
  }

  /**
   * What the clock of the machine said when the inbox was opened, and the time since then: a clock that is set makes
   * nobody silent.
   */
  private now(): number {
    return this.openedMs + this.around.clock.monotonic()
  }

  /** While nobody listens nobody is heard: the time since the last of them was counts for none. */
  private forgiveAbsence(): void {
    const awayMs = Math.max(0, this.now() - Math.max(...this.heardMs.values()))
    for (const [stream, ms] of this.heardMs) this.heardMs.set(stream, ms + awayMs)
  }

  private take(file: Held, streams: Stream[], row: Exclude<Row, { kind: 'synced' }>, body: ByteReader): void {
    if (row.kind === 'handled') {
      this.handed = Math.max(this.handed, row.sequence)
      this.next = Math.max(this.next, this.handed + 1)
      this.shed(SHED)
      return
    }
    if (row.kind === 'stream') {
      const { pipeline, step, history, generation, base, floor, heardMs } = row
      const stream = this.intake.stream({ pipeline, step, history })
      const { memory } = stream
      streams[row.stream] = stream
      this.numbers.set(stream, row.stream)
      this.nextNumber = Math.max(this.nextNumber, row.stream + 1)
      this.heardMs.set(stream, heardMs)
      if (memory.generation !== generation || memory.base !== base) memory.begin(generation, base)
      memory.floor(floor)
      return
    }
    const stream = streams[row.stream]!
    if (row.kind === 'loose') {
      for (const id of row.ids) stream.memory.loosen(id)
      return
    }
    const { first, count, after, again } = row
    readRecords(body, count, (id, bytes, i) => {
      if (id !== '') stream.memory.take(id, after)
      if (this.oldest === 0) this.oldest = first + i
      if (first + i > (this.after ?? 0)) this.found.push({ sequence: first + i, stream, id, bytes: Buffer.from(bytes) })
    })
    for (const id of again) stream.memory.take(id, after)
    this.note(file, stream, after, first + count - 1)
    this.next = Math.max(this.next, first + count)
  }

  /** Lets go of what was handed over, where that are so many: files hold what was for much longer, to know its ids. */
  private shed(least: number): void {
    const { found } = this
    const gone = Math.min(found.length, this.handed + 1 - (found[0]?.sequence ?? Infinity))
    if (this.after === null && gone >= least) found.splice(0, gone)
  }

  // ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Writes an entry, whose first record has the sequence `next`; `kept` is called once it is on the disk. */
  append(entry: Entry, kept: () => void): void {
    this.attempt(() => {
      this.writeEntry(entry)
      this.waiting.push(kept)
      this.sync()
      this.goOn()
    })
  }

  private writeEntry({ stream, after, records, again }: Entry): void {
    const first = this.next
    const { length: count } = records
    const body = new ByteWriter(records.reduce((sum, { id, bytes }) => sum + 4 * id.length + bytes.length + 16, 64))
    for (const { id, bytes } of records) appendRecord(body, id, bytes)
    for (let at = 0; at === 0 || at < again.length; at += IDS) {
      const part = again.slice(at, at + IDS)
      const row = { kind: 'batch', stream: this.numberOf(stream), after, first, count: 0, again: part } as const
      if (at === 0) this.write({ ...row, count }, body.take())
      else this.write({ ...row, first: first + count })
    }
    this.next = first + count
    this.note(this.files.at(-1)!, stream, after, this.next - 1)
  }

  /** A stream stands elsewhere. */
  moved(stream: Stream): void {
    this.attempt(() => {
      this.heardMs.set(stream, this.now())
      this.writeStream(stream)
      // A sink that has nothing to send says its floor all the same, for months.
      this.goOn()
      this.sweep()
    })
  }

  /** Nothing was ever taken: the first record follows `sequence`. */
  beginBehind(sequence: number): void {
    this.next = sequence + 1
    this.handled(sequence)
  }

  /** Everything up to `sequence` was handed over. */
  handled(sequence: number): void {
    if (this.over) return
    this.handed = sequence
    this.attempt(() => this.write({ kind: 'handled', sequence }))
  }

  /** Whatever the disk says. */
  private attempt(act: () => void): void {
    try {
      act()
    } catch (error) {
      throw this.unusable(error as Error)
    }
  }

  /** Writes nothing any more: whoever comes may have the folder at once. */
  close(): void {
    if (this.over) return
    this.over = true
    this.waiting.length = 0
    this.lock.close()
    // A sync that is under way ends before its file is closed.
    if (!this.syncing) this.file!.close()
  }

  /** One sync at a time, for everything that was written before it. */
  private sync(): void {
    if (this.syncing || this.waiting.length === 0) return
    this.syncing = true
    const covered = this.waiting.splice(0)
    const { file, length } = this
    file!.sync((error) => {
      this.syncing = false
      if (this.over) return file!.close()
      if (error !== null) return this.failed(this.unusable(error))
      try {
        // Before anything of it is acknowledged (B3).
        this.write({ kind: 'synced', bytes: length })
        this.goOn()
      } catch (unwritten) {
        return this.failed(this.unusable(unwritten as Error))
      }
      for (const kept of covered) kept()
      this.sync()
    })
  }

  /**
   * Begins another file where this one is full; not while it is being synced: were that to fail, the sync with which a
   * file is left would succeed and have written nothing.
   */
  private goOn(): void {
    if (this.length >= this.around.fileBytes && !this.syncing) this.begin()
  }

  private numberOf(stream: Stream): number {
    if (!this.numbers.has(stream)) this.writeStream(stream)
    return this.numbers.get(stream)!
  }

  private writeStream(stream: Stream): void {
    const { memory, name } = stream
    const { generation, base, floorEpoch: floor } = memory
    if (!this.numbers.has(stream)) this.numbers.set(stream, this.nextNumber++)
    const heardMs = this.heardMs.get(stream) ?? 0
    this.write({ kind: 'stream', stream: this.numbers.get(stream)!, ...name, generation, base, floor, heardMs })
  }

  private write(row: Row, body: Uint8Array | null = null): void {
    const parts = body === null ? [rowFrame(row)] : [headOfRow(row, body), body]
    this.file!.write(parts, this.length)
    this.length += parts.reduce((sum, { length }) => sum + length, 0)
  }

  private note(file: Held, stream: Stream, after: number, last: number): void {
    file.last = Math.max(file.last, last)
    file.after.set(stream, Math.max(file.after.get(stream) ?? 0, after))
  }

  /** Begins a file (B1). */
  private begin(): void {
    const { connected } = this.intake
    const silent = [...this.intake.all].filter(
      (stream) => this.now() - (this.heardMs.get(stream) ?? 0) > FORGET_MS && !connected.has(stream),
    )
    for (const stream of silent) this.intake.forget(stream.name)
    // Also of those that have made room for others: each has all the ids that it remembered.
    const known = new Set(this.intake.all)
    for (const stream of this.numbers.keys()) {
      if (known.has(stream)) continue
      this.numbers.delete(stream)
      this.heardMs.delete(stream)
    }
    const path = join(this.path, `${String(++this.serial).padStart(16, '0')}.inbox`)
    // It has its name once its beginning is on the disk: that is never cut off.
    const made = `${path}.new`
    this.disk.remove(made)
    // A file that another one follows is whole (B3), also where the power fails between the two.
    this.file?.syncNow()
    const file = this.disk.create(made)
    if (this.file !== null) {
      this.file.close()
      this.files.at(-1)!.bytes = this.length
    }
    this.file = file
    this.length = 0
    this.files.push({ path, bytes: 0, last: 0, after: new Map() })
    for (const stream of this.intake.all) this.writeStream(stream)
    this.write({ kind: 'handled', sequence: this.handed })
    this.write({ kind: 'synced', bytes: this.length })
    file.syncNow()
    this.disk.rename(made, path)
    this.disk.syncFolder(this.path)
  }

  /**
   * B2; not before more goes than is written for it, or ids that never come would be written again for each file that
   * goes.
   */
  private sweep(): void {
    const known = new Set(this.intake.all)
    const isOver = ({ last, after }: Held): boolean =>
      last <= this.handed &&
      [...after].every(([stream, epoch]) => epoch < stream.memory.floorEpoch || !known.has(stream))
    const over = this.files.slice(0, -1).filter(isOver)
    const bytes = over.reduce((sum, file) => sum + file.bytes, 0)
    if (over.length === 0 || bytes < 2 * this.looseBytes) return
    const before = this.length
    for (const stream of this.intake.all) {
      const loose = [...stream.memory.looseIds]
      const number = this.numberOf(stream)
      for (let at = 0; at < loose.length; at += IDS) {
        this.write({ kind: 'loose', stream: number, ids: loose.slice(at, at + IDS) })
      }
    }
    this.looseBytes = this.length - before
    this.waiting.push(() => this.remove(over))
    for (const file of over) this.files.splice(this.files.indexOf(file), 1)
    this.sync()
  }

  private remove(files: readonly Held[]): void {
    try {
      for (const { path } of files) this.disk.remove(path)
    } catch (error) {
      this.failed(this.unusable(error as Error))
    }
  }

  private unusable(error: Error): PotorooError {
    return fail('E_INBOX', { path: this.path, reason: error.message }, error)
  }
}
