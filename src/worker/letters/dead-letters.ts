/**
 * The dead letters of a pipeline: a transactional sink of its epochs (PROTOCOLS 9).
 *
 *     a task reports a failure ─► pending, by task ─ the barrier passes the task ─► gathered
 *     the barrier has passed every task ─► one immutable file for all that is new ─► named in the manifest
 *
 * B1. A letter is in the first manifest whose epoch its record is in: recovery goes back to that manifest, and what
 *     failed after it fails again and is reported again. So every letter is there once.
 * B2. Files never change. Removing letters writes what is left of a file anew, with the next epoch, and with the files
 *     behind it; so do additions, which take small files with them, so that there are few: each is at least twice as
 *     long as the one after it.
 * B3. A file goes when the floor has passed the first epoch that no longer names it. What earlier generations have left
 *     is looked through once. The store may answer late, when the next generation writes already: files of that one
 *     stay.
 * B4. Letters are bounded in number and bytes: at the bound the sources stop, and what is under way may still add some.
 * B5. A letter is given back to its step, and leaves the list, only while no barrier is on its way: so both belong to
 *     the same epoch.
 * B6. A file belongs to one run or to one savepoint, which has links of its own: a run that begins with a savepoint
 *     writes its letters anew, with its first epoch.
 * B7. One record may become tens of thousands, each of which fails with a large value. `FLOOD_BYTES` beyond the bound
 *     no further letter is kept, and no epoch comes about that would lack one: the pipeline fails, and its last epoch
 *     has all that stands before these records.
 */
import { fail, type PotorooError } from '../../base/errors.ts'
import type { Json } from '../../base/json.ts'
import { damagedWhole, type Examined } from '../../checkpoint/damage.ts'
import { type Format, seal, unseal } from '../../checkpoint/envelope.ts'
import { forEach } from '../../checkpoint/for-each.ts'
import { epochOf, letterFile, letterFolder, letterWriterOf, type Run } from '../../checkpoint/layout.ts'
import { examine, type ReadSeams } from '../../checkpoint/patience.ts'
import { writeOnce } from '../../checkpoint/write-once.ts'
import { type DeadLetter, sizeOf } from './dead-letter.ts'

const format: Format = { kind: 'letters', version: 1 }

export type DeadLettersSeams = ReadSeams

/** What may be kept beyond the bound (B7): with it a file is still short enough for a text, which it is read as. */
const FLOOD_BYTES = 128 << 20
/** What is told of the error of the last one. */
const REASON_CHARACTERS = 200

export interface DeadLettersOptions {
  readonly run: Run
  readonly generation: number
  /** Whose files carry which name: each worker writes its own, so that two never write one. */
  readonly worker: string
  /** Tasks that a barrier passes. */
  readonly tasks: number
}

export interface DeadLettersEvents {
  /** The bound is reached (B4), or has been left again: `null`. */
  full(reason: PotorooError | null): void
  /** A file is damaged: its letters are lost. */
  damaged(error: PotorooError): void
}

/** A file of this run with its letters, or letters that wait for their file (`path` is `null`). */
interface Segment {
  path: string | null
  letters: readonly DeadLetter[]
}

interface Retired {
  readonly path: string
  /** The first epoch that no longer names it (B3). */
  readonly epoch: number
}

export class DeadLetters {
  private readonly seams: DeadLettersSeams
  private readonly options: DeadLettersOptions
  private readonly events: DeadLettersEvents
  private segments: Segment[] = []
  private retired: Retired[] = []
  /** Of each task, what it has reported since the barrier passed it. */
  private readonly pending = new Map<number, DeadLetter[]>()
  /** Of tasks that the barrier under way has passed. */
  private gathered: DeadLetter[] = []
  private passed = 0
  private bytes = 0
  private isFull = false
  /** Why no letter is kept any more (B7). */
  flooded: PotorooError | null = null
  private readonly queue: (() => void)[] = []

  constructor(seams: DeadLettersSeams, options: DeadLettersOptions, events: DeadLettersEvents) {
    this.seams = seams
    this.options = options
    this.events = events
  }

  /** Letters that stand in the list. */
  get count(): number {
    return this.segments.reduce((sum, { letters }) => sum + letters.length, 0)
  }

  // ── The way up ───────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Reads the files at `paths`, which the manifest of `epoch` names among others (`named`), and forgets what an attempt
   * after it has written, where `isOurs` says that its writer is this worker or one whose letters it has taken over.
   */
  open(
    paths: readonly string[],
    named: ReadonlySet<string>,
    isOurs: (worker: string) => boolean,
    epoch: number,
    done: () => void,
  ): void {
    const read = (path: string, end: (error: null) => void): void => this.read(path, () => end(null))
    forEach(paths, 1, read, () => {
      this.measure()
      this.sweep(named, isOurs, epoch, done)
    })
  }

  /** Reads and takes one file, again where that fails: a store that does not answer has lost nothing. */
  private read(path: string, done: () => void): void {
    const { seams } = this
    const look = (answer: (examined: Examined<readonly DeadLetter[]>) => void): void =>
      seams.store.read(path, (error, bytes) =>
        answer(error === null ? decodeLetters(path, bytes) : { kind: 'failed', error }),
      )
    examine(seams, path, look, (examined) => {
      this.take(path, examined)
      done()
    })
  }

  private take(path: string, examined: Examined<readonly DeadLetter[]>): void {
    if (examined.kind === 'intact') {
      const own = path.startsWith(`${letterFolder(this.options.run)}/`)
      this.segments.push({ path: own ? path : null, letters: examined.value })
      return
    }
    const reason = examined.kind === 'failed' ? examined.error.message : examined.damage.reason
    this.events.damaged(fail('E_STORE_DAMAGED', { path, reason }))
  }

  /** Files of epochs after the base were never named; older ones may be, by manifests above the floor (B3). */
  private sweep(
    named: ReadonlySet<string>,
    isOurs: (worker: string) => boolean,
    epoch: number,
    done: () => void,
  ): void {
    const folder = letterFolder(this.options.run)
    this.seams.store.list(folder, (_error, names) => {
      for (const name of names ?? []) {
        const path = `${folder}/${name}`
        const writer = letterWriterOf(name)
        if (writer === null || writer.generation >= this.options.generation) continue
        if (!named.has(path) && isOurs(writer.worker))
          this.retired.push({ path, epoch: (epochOf(name) ?? 0) > epoch ? 0 : epoch })
      }
      this.floor(0)
      done()
    })
  }

  // ── Failures and barriers ────────────────────────────────────────────────────────────────────────────────────────

  add(task: number, letter: DeadLetter): void {
    if (this.flooded !== null) return
    const pending = this.pending.get(task)
    if (pending === undefined) this.pending.set(task, [letter])
    else pending.push(letter)
    this.bytes += sizeOf(letter)
    this.check(this.count + this.waiting)
    if (this.bytes >= this.seams.limits.deadLetterBytes + FLOOD_BYTES) this.flood(letter)
  }

  /** B7. */
  private flood({ step, error }: DeadLetter): void {
    const { pipeline } = this.options.run
    const reason = error.message.slice(0, REASON_CHARACTERS)
    this.flooded = fail('E_DEAD_LETTERS_FLOOD', { pipeline, bytes: this.bytes, step, reason })
  }

  private get waiting(): number {
    let waiting = this.gathered.length
    for (const letters of this.pending.values()) waiting += letters.length
    return waiting
  }

  /** Whether no barrier is on its way, and what the last one asked for has been put together (B5). */
  get quiet(): boolean {
    return this.passed === 0 && this.queue.length <= 1
  }

  /**
   * The barrier has passed `task`. When it has passed every task, `done` answers what belongs into the epoch's
   * manifest, once it is durable, or why it cannot be written.
   */
  pass(task: number, epoch: number, done: (failure: PotorooError | null, snapshot: Json) => void): void {
    // One by one: as arguments of one call so many as there may be are too many.
    for (const letter of this.pending.get(task) ?? []) this.gathered.push(letter)
    this.pending.delete(task)
    if (++this.passed < this.options.tasks) return
    this.passed = 0
    const fresh = this.gathered
    this.gathered = []
    if (this.flooded !== null) return done(this.flooded, null)
    this.enqueue(() => this.save(epoch, fresh, done))
  }

  /** One file at a time: an epoch that was abandoned may still be writing. */
  private enqueue(turn: () => void): void {
    this.queue.push(turn)
    if (this.queue.length === 1) turn()
  }

  private save(
    epoch: number,
    fresh: readonly DeadLetter[],
    done: (failure: PotorooError | null, snapshot: Json) => void,
  ): void {
    const { seams } = this
    const next = () => {
      this.queue.shift()
      this.queue[0]?.()
    }
    const written = this.gather(epoch, fresh)
    if (written === null) {
      done(null, this.index())
      next()
      return
    }
    const { run, generation, worker } = this.options
    const path = letterFile(run, epoch, generation, worker)
    const { letters } = written
    const snapshot = [...this.index(), path]
    writeOnce(seams, path, seal(format, letters), seams.limits.storeReads, (error) => {
      if (error !== null) done(error, null)
      else {
        // Letters that were removed while it was written stand in the file, but not in the list.
        if (written.letters === letters) written.path = path
        else this.retired.push({ path, epoch: epoch + 1 })
        done(null, snapshot)
      }
      next()
    })
  }

  /** Puts everything that needs a new file into one segment (B2); `null` where nothing does. */
  private gather(epoch: number, fresh: readonly DeadLetter[]): Segment | null {
    this.retired = this.retired.map((one) => (one.epoch === Infinity ? { ...one, epoch } : one))
    const firstLoose = this.segments.findIndex(({ path }) => path === null)
    const files = firstLoose < 0 ? [...this.segments] : this.segments.slice(0, firstLoose)
    // Also files that stand behind: the list keeps its order.
    const anew = this.segments.slice(files.length)
    for (const { path } of anew) if (path !== null) this.retired.push({ path, epoch })
    let letters = [...anew.flatMap((segment) => segment.letters), ...fresh]
    this.segments = files
    if (letters.length === 0) return null
    for (let last = files.at(-1); last !== undefined && last.letters.length < 2 * letters.length; last = files.at(-1)) {
      files.pop()
      this.retired.push({ path: last.path!, epoch })
      letters = [...last.letters, ...letters]
    }
    const others = new Set(files.flatMap((file) => file.letters.map(({ id }) => id)))
    const segment: Segment = { path: null, letters: distinct(letters, others) }
    files.push(segment)
    return segment
  }

  /** The files that the list stands in. */
  private index(): string[] {
    return this.segments.flatMap(({ path }) => (path === null ? [] : [path]))
  }

  /** The floor has been raised to `epoch`: what no manifest from there on names goes (B3). */
  floor(epoch: number): void {
    const gone = this.retired.filter((retired) => retired.epoch <= epoch)
    this.retired = this.retired.filter((retired) => retired.epoch > epoch)
    for (const { path } of gone) this.seams.store.remove(path, () => {})
  }

  // ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Up to `limit` letters behind the first `from`, oldest first. */
  list(from: number, limit: number): readonly DeadLetter[] {
    return this.segments.flatMap(({ letters }) => letters).slice(from, from + limit)
  }

  find(id: string): DeadLetter | null {
    for (const { letters } of this.segments) {
      const found = letters.find((letter) => letter.id === id)
      if (found !== undefined) return found
    }
    return null
  }

  /** Takes letters out of the list: for good with the next complete epoch. Answers how many. */
  remove(ids: ReadonlySet<string>): number {
    let removed = 0
    for (const segment of this.segments) {
      const left = segment.letters.filter(({ id }) => !ids.has(id))
      if (left.length === segment.letters.length) continue
      removed += segment.letters.length - left.length
      segment.letters = left
      // What is left is written anew, by an epoch that cannot have ended before this change (B2).
      if (segment.path !== null) this.retired.push({ path: segment.path, epoch: Infinity })
      segment.path = null
    }
    this.measure()
    return removed
  }

  private measure(): void {
    const standing = [...this.segments.map(({ letters }) => letters), this.gathered, ...this.pending.values()]
    this.bytes = standing.flat().reduce((sum, letter) => sum + sizeOf(letter), 0)
    this.check(this.count + this.waiting)
  }

  /** B4. */
  private check(count: number): void {
    const { deadLetters, deadLetterBytes } = this.seams.limits
    const full = count >= deadLetters || this.bytes >= deadLetterBytes
    if (full === this.isFull) return
    this.isFull = full
    const { pipeline } = this.options.run
    this.events.full(full ? fail('E_DEAD_LETTERS_FULL', { pipeline, count, bytes: this.bytes }) : null)
  }
}

/** The letters in the file at `path`, which `bytes` are, `null` where nothing stood there. */
export function decodeLetters(path: string, bytes: Buffer | null): Examined<readonly DeadLetter[]> {
  if (bytes === null) return damagedWhole(path, 'it is absent')
  const unsealed = unseal<readonly DeadLetter[]>(format, path, bytes)
  if (unsealed.kind === 'newer') return { kind: 'failed', error: unsealed.error }
  if (unsealed.kind === 'damaged') return damagedWhole(path, unsealed.reason)
  return { kind: 'intact', value: unsealed.value }
}

/**
 * Letters with ids that no other has: several outputs of one call may fail at one place, and one of them once more when
 * it is tried again. `taken` are ids of letters in other files.
 */
function distinct(letters: readonly DeadLetter[], taken: Set<string>): DeadLetter[] {
  const numbers = new Map<string, number>()
  return letters.map((letter) => {
    let { id } = letter
    let n = numbers.get(id) ?? 1
    while (taken.has(id)) id = `${letter.id}~${++n}`
    numbers.set(letter.id, n)
    taken.add(id)
    return id === letter.id ? letter : { ...letter, id }
  })
}
