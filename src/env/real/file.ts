/**
 * An open file of the operating system: a queue of operations, of which one is under way (`disk.ts`, K1).
 *
 * A short write is continued, a short read ends at the end of the file only.
 */
import { assert } from '../../base/assert.ts'
import type { Done, DoneVoid, File } from '../disk.ts'
import type { Calls } from './calls.ts'
import { diskError } from './disk-error.ts'

type SystemError = NodeJS.ErrnoException | null

export class RealFile implements File {
  readonly path: string
  private readonly descriptor: number
  private readonly calls: Calls
  private readonly waiting: (() => void)[] = []
  private busy = false
  private closing = false

  constructor(path: string, descriptor: number, calls: Calls) {
    this.path = path
    this.descriptor = descriptor
    this.calls = calls
  }

  write(parts: readonly Uint8Array[], position: number, done: DoneVoid): void {
    this.enqueue(() => {
      this.writeFrom(parts, position, (error) => this.finish('write', error, done))
    })
  }

  read(position: number, length: number, done: Done<Buffer>): void {
    this.enqueue(() => {
      const bytes = Buffer.allocUnsafe(length)
      this.readInto(bytes, 0, position, (error, filled) => {
        this.next()
        if (error) done(diskError('read', this.path, error), undefined as never)
        else done(null, filled === length ? bytes : bytes.subarray(0, filled))
      })
    })
  }

  sync(done: DoneVoid): void {
    this.enqueue(() => this.calls.fdatasync(this.descriptor, (error) => this.finish('sync', error, done)))
  }

  size(done: Done<number>): void {
    this.enqueue(() =>
      this.calls.fstat(this.descriptor, (error, stats) => {
        this.next()
        if (error) done(diskError('measure', this.path, error), undefined as never)
        else done(null, stats.size)
      }),
    )
  }

  inode(done: Done<string>): void {
    this.enqueue(() =>
      this.calls.fstat(this.descriptor, { bigint: true }, (error, stats) => {
        this.next()
        if (error) done(diskError('measure', this.path, error), undefined as never)
        else done(null, String(stats.ino))
      }),
    )
  }

  truncate(length: number, done: DoneVoid): void {
    this.enqueue(() => this.calls.ftruncate(this.descriptor, length, (error) => this.finish('truncate', error, done)))
  }

  close(done: DoneVoid): void {
    this.enqueue(() => this.calls.close(this.descriptor, (error) => this.finish('close', error ?? null, done)))
    this.closing = true
  }

  private enqueue(operation: () => void): void {
    assert(!this.closing, 'a closed file takes no operation')
    if (this.busy) {
      this.waiting.push(operation)
    } else {
      this.busy = true
      operation()
    }
  }

  private finish(operation: string, error: SystemError, done: DoneVoid): void {
    this.next()
    done(diskError(operation, this.path, error))
  }

  private next(): void {
    const operation = this.waiting.shift()
    if (operation === undefined) this.busy = false
    else operation()
  }

  private writeFrom(parts: readonly Uint8Array[], position: number, done: (error: SystemError) => void): void {
    // With nothing to write the system answers at once, in the same call; K1 of `disk.ts` wants it later.
    if (parts.length === 0) return void setImmediate(done, null)
    this.calls.writev(this.descriptor, parts, position, (error, written) => {
      if (error) return done(error)
      const rest = unwritten(parts, written)
      if (rest.length === 0) done(null)
      else this.writeFrom(rest, position + written, done)
    })
  }

  private readInto(
    bytes: Buffer,
    filled: number,
    position: number,
    done: (error: SystemError, filled: number) => void,
  ): void {
    this.calls.read(this.descriptor, bytes, filled, bytes.length - filled, position + filled, (error, count) => {
      const total = filled + count
      if (error || count === 0 || total === bytes.length) done(error, total)
      else this.readInto(bytes, total, position, done)
    })
  }
}

/** What is left of `parts` after their first `written` bytes. */
export function unwritten(parts: readonly Uint8Array[], written: number): readonly Uint8Array[] {
  let skip = written
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!
    if (skip < part.length) return [part.subarray(skip), ...parts.slice(i + 1)]
    skip -= part.length
  }
  return []
}
