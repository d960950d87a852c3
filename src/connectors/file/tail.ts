/**
 * Reads a file block by block, ahead of who takes the blocks, and goes on in its successor when it is rotated.
 *
 * T1. At most one block is read ahead.
 * T2. A file is known by its first bytes and its number, not by its name. One that is no longer at its path is looked
 *     for among the files that it may have been rotated to, and read to its end before its successor.
 * T3. A followed file is given up only when its successor has a byte and the old file, read once more after that, has
 *     no more. (Whoever writes the old one after it has begun the new one is not heard.)
 * T4. A successor may begin as the old file does, as where both begin with a line of names. Its number tells them
 *     apart: nobody else has that of a file that is open, so the old one stays open until its successor is.
 * T5. A followed file that was not read for a while may have been emptied under its name, and have grown beyond where
 *     it was read: so before it is read on, it is seen that it still begins as it did.
 */

import { crc32 } from '../../base/crc.ts'
import { fail, type PotorooError } from '../../base/errors.ts'
import type { Timer } from '../../env/clock.ts'
import type { DiskError, File } from '../../env/disk.ts'
import type { Context } from '../connector.ts'
import { diskFault } from './fault.ts'
import { findAgain, HEAD_BYTES, type Head, headOf, isSame, NOTHING, openSuccessor, type Stand } from './succession.ts'

const BLOCK_BYTES = 256 << 10
/** How often the end of a followed file is looked at, in milliseconds. */
const LOOK_MS = 200

export class Tail {
  private readonly path: string
  private readonly follow: boolean
  private readonly context: Context
  private file: File | null = null
  /** The file before, until its successor is open (T4). */
  private before: File | null = null
  private firstBytes: Buffer = Buffer.alloc(0)
  /** The number of the file on its volume, once it is known. */
  private inode: string | null = null
  /** How the last file began of which that is known. */
  private lastHead: Head
  private ahead: Buffer | null = null
  private readAt = 0
  /** When it was read last. */
  private readMs = 0
  private reading = false
  /** The end was reached, a successor has begun, and this is the last look (T3). */
  private last = false
  private over = false
  /** The file was emptied under its name: nothing tells what comes next from it. */
  cut = false
  private closed = false
  private timer: Timer | null = null

  /** `stand`: where to go on; `null`: at the beginning of whatever is there. */
  constructor(path: string, follow: boolean, stand: Stand | null, context: Context) {
    this.path = path
    this.follow = follow
    this.context = context
    this.lastHead = stand?.head ?? NOTHING
    if (stand === null) this.open(path)
    else this.resume(stand)
  }

  /** The next bytes, or `null` when none have been read yet; `wake` says when there are. */
  take(): Buffer | null {
    const block = this.ahead
    this.ahead = null
    if (block !== null) this.read()
    return block
  }

  /** The file has no more bytes and never will: `next` goes on, where the file is followed. */
  get ended(): boolean {
    return this.over && this.ahead === null
  }

  /** How the file begins that the last block came from, as far as it has been read. */
  get head(): Head {
    const { firstBytes, inode } = this
    if (firstBytes.length === 0 || inode === null) return this.lastHead
    return { ...headOf(firstBytes), inode }
  }

  /** Goes on in the file that came after this one. */
  next(): void {
    this.over = false
    this.last = false
    this.lastHead = this.cut ? NOTHING : this.head
    this.cut = false
    this.firstBytes = Buffer.alloc(0)
    this.inode = null
    this.before = this.file
    this.file = null
    const { readAt } = this
    this.readAt = 0
    this.openNext({ head: this.lastHead, at: readAt })
  }

  close(): void {
    this.closed = true
    this.timer?.cancel()
    this.file?.close(() => {})
    this.before?.close(() => {})
    this.file = null
    this.before = null
    this.ahead = null
  }

  private open(path: string): void {
    this.context.env.disk.open(path, 'read', (error, file) => {
      if (this.closed) return error === null ? file.close(() => {}) : undefined
      // A file that is to be followed may come later, or was just renamed and comes again.
      if (error !== null && error.code === 'absent' && this.follow) return this.later(() => this.open(this.path))
      if (error !== null) return this.fail(diskFault('open', error))
      this.begin(file, 0)
    })
  }

  private begin(file: File, at: number): void {
    this.before?.close(() => {})
    this.before = null
    this.file = file
    this.readAt = at
    file.inode((error, inode) => {
      if (this.closed || file !== this.file) return
      if (error !== null) return this.fail(diskFault('measure', error))
      this.inode = inode
      this.read()
    })
  }

  /** Finds the file that was being read, under its path or another name (T2). */
  private resume(stand: Stand): void {
    const { clock, disk } = this.context.env
    findAgain(disk, clock, this.path, stand, (error, found) => {
      if (this.closed) return found?.file.close(() => {})
      if (error !== null) return this.fail(diskFault('open', error))
      if (found === null && stand.at === 0) {
        // What is read once may be exchanged before that; of what is followed some is lost where it was there at all.
        if (this.follow && stand.head.bytes > 0) this.warnOfMissed()
        return this.open(this.path)
      }
      if (found === null) return this.gone(stand)
      found.file.read(0, HEAD_BYTES, (unreadable, bytes) => {
        if (this.closed) return found.file.close(() => {})
        if (unreadable !== null) return this.fail(diskFault('read', unreadable))
        this.firstBytes = Buffer.from(bytes)
        this.begin(found.file, stand.at)
      })
    })
  }

  /** What was read whole may be gone; what stands in its place is another file. */
  private gone({ at, whole }: Stand): void {
    const { env, step } = this.context
    env.disk.open(this.path, 'read', (error, other) => {
      if (error === null) other.close(() => {})
      if (this.closed) return
      if (error?.code === 'absent' && whole) this.end()
      else this.fail(fail('E_FILE_CHANGED', { step, path: this.path, offset: at }))
    })
  }

  private read(): void {
    const { file } = this
    if (file === null || this.reading || this.ahead !== null || this.over) return
    this.reading = true
    const recent = this.context.env.clock.monotonic() - this.readMs < LOOK_MS
    if (!this.follow || recent || this.firstBytes.length === 0) return this.readOn(file)
    const { bytes: length, crc } = this.head
    file.read(0, length, (error, bytes) => {
      if (error === null && bytes.length === length && crc32(bytes) === crc) return this.readOn(file)
      this.reading = false
      if (this.closed || file !== this.file) return
      if (error !== null) this.fail(diskFault('read', error))
      else this.emptied()
    })
  }

  private readOn(file: File): void {
    if (this.closed) return
    file.read(this.readAt, BLOCK_BYTES, (error, bytes) => {
      this.reading = false
      this.readMs = this.context.env.clock.monotonic()
      if (this.closed || file !== this.file) return
      if (error !== null) return this.fail(diskFault('read', error))
      if (bytes.length > 0) {
        if (this.readAt < HEAD_BYTES) this.keepHead(bytes)
        this.readAt += bytes.length
        this.ahead = bytes
        this.context.wake()
      } else {
        this.reachedEnd()
      }
    })
  }

  private keepHead(bytes: Buffer): void {
    this.firstBytes = Buffer.concat([this.firstBytes.subarray(0, this.readAt), bytes.subarray(0, HEAD_BYTES)])
    this.firstBytes = this.firstBytes.subarray(0, HEAD_BYTES)
  }

  private reachedEnd(): void {
    if (!this.follow || this.last) this.end()
    else this.later(() => this.look())
  }

  private end(): void {
    this.over = true
    this.context.wake()
  }

  /** Has the file shrunk, or has it a successor? Otherwise there may be more of it. */
  private look(): void {
    const file = this.file!
    file.size((error, size) => {
      if (this.closed) return
      if (error !== null) return this.fail(diskFault('measure', error))
      if (size < this.readAt) this.emptied()
      else if (size > this.readAt) this.read()
      else this.lookForSuccessor()
    })
  }

  /** Whatever it holds by now is read from its beginning. */
  private emptied(): void {
    const { step } = this.context
    this.context.warn(fail('E_FILE_SHRUNK', { step, path: this.path, offset: this.readAt }))
    this.cut = true
    this.end()
  }

  private lookForSuccessor(): void {
    this.context.env.disk.open(this.path, 'read', (absent, other) => {
      if (this.closed) return absent === null ? other.close(() => {}) : undefined
      if (absent !== null) return this.later(() => this.look())
      const done = (error: DiskError | null, replaced: boolean): void => {
        other.close(() => {})
        if (this.closed) return
        if (error !== null || !replaced) {
          this.later(() => this.look())
          return
        }
        this.last = true
        this.read()
      }
      other.inode((error, inode) => {
        if (error !== null || this.closed) return done(error, false)
        const begun = (): void => other.size((unknown, size) => done(unknown, size > 0))
        if (inode !== this.inode) return begun()
        // Where it is as long by now as before it was emptied under its name, it is read once more and seen to be so.
        isSame(other, { head: this.head, at: this.readAt }, (unknown, same) => {
          if (unknown !== null || same) done(unknown, false)
          else begun()
        })
      })
    })
  }

  /** Opens the file that was begun after the one that `before` describes, as soon as there is one. */
  private openNext(before: Stand): void {
    if (before.head.bytes === 0) {
      this.open(this.path)
      return
    }
    const { clock, disk } = this.context.env
    openSuccessor(disk, clock, this.path, before, (error, file, doubt) => {
      if (this.closed) return file?.close(() => {})
      if (error !== null) return this.fail(diskFault('open', error))
      if (file === null) return this.later(() => this.openNext(before))
      if (doubt === 'missed') this.warnOfMissed()
      if (doubt === 'alike') this.warnOfReplaced()
      this.begin(file, 0)
    })
  }

  private warnOfMissed(): void {
    this.context.warn(fail('E_FILE_MISSED', { step: this.context.step, path: this.path }))
  }

  private warnOfReplaced(): void {
    this.context.warn(fail('E_FILE_REPLACED', { step: this.context.step, path: this.path }))
  }

  private later(fn: () => void): void {
    this.timer = this.context.env.clock.after(LOOK_MS, fn)
  }

  private fail(error: PotorooError): void {
    this.close()
    this.context.failed(error)
  }
}
