/**
 * An outbox in a folder: survives kill -9 of the client, and with `sync` the loss of power.
 *
 *     identity.json           producer, source and incarnation, what is stable, and who has opened it (`writers.ts`)
 *     lock                    held by the process that uses the folder
 *     0000000000000001.batches   frames of batches from that sequence on, as they are sent, one behind another
 *
 * D1. A batch is written before it is sent (`outbox.ts`, U1); a file is removed when all its batches are stable, and
 *     never the last one, whose name says which sequence is next.
 * D2. A frame that was cut short at the end of the last file was never sent: it is cut off. Damage anywhere else is
 *     named and nothing is sent: what follows it may have been acknowledged already, or not.
 * D3. With `sync`, what is found is written once more and synced before it is sent: the process that wrote it may have
 *     ended before its own sync, or by one that failed, and a loss of power would give its sequences to other records.
 */
import {
  closeSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writevSync,
} from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { fail } from '../base/errors.ts'
import { readAcked } from '../protocol/acked.ts'
import { FRAME_HEADER_BYTES } from '../protocol/frame.ts'
import { hardenFile, makeFolder, readFrames, syncAbove, syncFolder, takeLock } from './folder.ts'
import { newId } from './id.ts'
import type { DiskOutbox } from './options.ts'
import { NOTHING_NOTED, type OutboxBatch, type OutboxNote, type OutboxStore } from './outbox.ts'

/** A file is followed by another one when it has this many bytes. */
const FILE_BYTES = 8 << 20
const FILE_NAME = /^(\d{16})\.batches$/

interface OutboxFile {
  readonly first: number
  readonly path: string
}

/** Opens the outbox in `options.path`; throws `E_OUTBOX`, `E_OUTBOX_OWNER`, `E_OUTBOX_LOCKED` or `E_OUTBOX_DAMAGED`. */
export function openDiskOutbox(
  options: DiskOutbox,
  producer: string,
  source: string,
): { readonly incarnation: string; readonly store: OutboxStore } {
  const { path } = options
  let lock: DatabaseSync | null = null
  try {
    makeFolder(path)
    if (options.sync === true) syncAbove(path)
    lock = takeLock(path)
    if (lock === null) throw fail('E_OUTBOX_LOCKED', { path })
    const identity = identify(path, producer, source)
    return { incarnation: identity.incarnation, store: new FolderStore(options, lock, identity) }
  } catch (error) {
    lock?.close()
    if (error instanceof Error && 'remedy' in error) throw error
    throw fail('E_OUTBOX', { path, reason: (error as Error).message }, error)
  }
}

interface Identity extends OutboxNote {
  readonly producer: string
  readonly source: string
  readonly incarnation: string
}

/** Whose the folder is; a new incarnation in a new folder. */
function identify(path: string, producer: string, source: string): Identity {
  const known = readIfThere(identityOf(path))
  if (known === null) {
    const identity = { producer, source, incarnation: newId(), ...NOTHING_NOTED }
    writeIdentity(path, identity)
    return identity
  }
  const found: Partial<Identity> = JSON.parse(known)
  if (found.producer !== producer || found.source !== source || typeof found.incarnation !== 'string') {
    throw fail('E_OUTBOX_OWNER', { path, producer: String(found.producer), source: String(found.source) })
  }
  return { ...NOTHING_NOTED, ...found, producer, source, incarnation: found.incarnation }
}

function identityOf(path: string): string {
  return join(path, 'identity.json')
}

function writeIdentity(path: string, identity: Identity): void {
  const file = identityOf(path)
  writeFileSync(`${file}.new`, `${JSON.stringify(identity)}\n`, { mode: 0o600, flush: true })
  renameSync(`${file}.new`, file)
  syncFolder(path)
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

class FolderStore implements OutboxStore {
  readonly found: OutboxBatch[] = []
  next = 1
  private readonly path: string
  private readonly sync: boolean
  private readonly lock: DatabaseSync
  private identity: Identity
  private readonly files: OutboxFile[] = []
  private descriptor: number
  private length = 0

  constructor(options: DiskOutbox, lock: DatabaseSync, identity: Identity) {
    this.identity = identity
    this.path = options.path
    this.sync = options.sync ?? false
    this.lock = lock
    const names = readdirSync(this.path)
      .filter((name) => FILE_NAME.test(name))
      .sort()
    for (const name of names) {
      const first = Number(FILE_NAME.exec(name)![1])
      if (this.files.length === 0) this.next = first
      const file = { first, path: join(this.path, name) }
      if (first !== this.next) throw fail('E_OUTBOX_DAMAGED', { path: file.path, offset: 0 })
      this.length = this.load(file, name === names.at(-1))
      this.files.push(file)
    }
    const last = this.files.at(-1)
    this.descriptor = last === undefined ? this.begin() : openSync(last.path, 'r+')
    if (last !== undefined) ftruncateSync(this.descriptor, this.length)
  }

  /** Reads the batches of a file and answers the bytes that are whole (D2). */
  private load(file: OutboxFile, isLast: boolean): number {
    const bytes = readFileSync(file.path)
    const damaged = (offset: number, cause?: unknown): Error =>
      fail('E_OUTBOX_DAMAGED', { path: file.path, offset }, cause)
    const whole = readFrames(
      bytes,
      isLast,
      (frame, at) => {
        const { message, body } = readAcked(frame)
        if (message.kind !== 'batch' || message.first !== this.next) throw damaged(at)
        const { first, count } = message
        const bodyAt = at + FRAME_HEADER_BYTES + body
        const end = at + FRAME_HEADER_BYTES + frame.payload.length
        this.found.push({ first, count, head: bytes.subarray(at, bodyAt), body: bytes.subarray(bodyAt, end) })
        this.next = first + count
      },
      damaged,
    )
    if (isLast && this.sync) hardenFile(file.path, bytes.subarray(0, whole))
    return whole
  }

  /** Begins a file for the batches from `next` on. */
  private begin(): number {
    const first = this.next
    const path = join(this.path, `${String(first).padStart(16, '0')}.batches`)
    const descriptor = openSync(path, 'wx', 0o600)
    if (this.sync) syncFolder(this.path)
    this.files.push({ first, path })
    this.length = 0
    return descriptor
  }

  append(batch: OutboxBatch): void {
    try {
      if (this.length >= FILE_BYTES) {
        const full = this.descriptor
        this.descriptor = this.begin()
        closeSync(full)
      }
      this.write([batch.head, batch.body])
      if (this.sync) fdatasyncSync(this.descriptor)
      this.next = batch.first + batch.count
    } catch (error) {
      throw this.unusable(error)
    }
  }

  private write(parts: readonly Uint8Array[]): void {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0)
    const written = writevSync(this.descriptor, parts, this.length)
    if (written < bytes) throw new Error(`${written} of ${bytes} bytes were written`)
    this.length += bytes
  }

  get noted(): OutboxNote {
    return this.identity
  }

  note(note: OutboxNote): void {
    try {
      this.identity = { ...this.identity, ...note }
      writeIdentity(this.path, this.identity)
    } catch (error) {
      throw this.unusable(error)
    }
  }

  drop(stable: number): boolean {
    const { length } = this.files
    try {
      while (this.files.length > 1 && this.files[1]!.first <= stable + 1)
        rmSync(this.files.shift()!.path, { force: true })
    } catch (error) {
      throw this.unusable(error)
    }
    return this.files.length < length
  }

  private unusable(error: unknown): Error {
    return fail('E_OUTBOX', { path: this.path, reason: (error as Error).message }, error)
  }

  close(): void {
    closeSync(this.descriptor)
    this.lock.close()
  }
}
