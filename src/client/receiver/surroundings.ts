/**
 * What a receiver knows of the machine that it runs on, and what its user does not set. Simulations have another one,
 * under which receivers and their inboxes run with all their own code.
 */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writevSync,
} from 'node:fs'
import { hardenFile, makeFolder, syncFolder, takeLock } from '../folder.ts'

export interface ReceiverClock {
  /** Wall time in milliseconds since 1970. */
  wall(): number
  /** Milliseconds that never go back. */
  monotonic(): number
  /** Calls `fn` once, after what is due now. */
  soon(fn: () => void): void
  /** Calls `fn` every `ms`, until what it answers is called. */
  every(ms: number, fn: () => void): () => void
}

/** A file that is written. */
export interface InboxFile {
  /** Writes all of `parts` one behind another, from `position` on. Throws where that is not all on the disk. */
  write(parts: readonly Uint8Array[], position: number): void
  /** Makes durable what was written before the call, beside other work. */
  sync(done: (error: Error | null) => void): void
  /** The same, done when it returns. */
  syncNow(): void
  close(): void
}

/** Folders and files: each call is done when it returns, or throws. */
export interface InboxDisk {
  /** Makes a folder and those above it where there are none. */
  makeFolder(path: string): void
  /** Takes a folder for this process alone, until it ends; `null`: another process has it. */
  lock(path: string): { close(): void } | null
  list(path: string): readonly string[]
  read(path: string): Buffer
  /** Makes a file; throws where it is there. */
  create(path: string): InboxFile
  /** Writes once more what a file holds, cuts it there and syncs it. */
  harden(path: string, bytes: Buffer): void
  rename(from: string, to: string): void
  /** No error where there is none. */
  remove(path: string): void
  /** Makes the names in a folder durable. */
  syncFolder(path: string): void
}

export interface Surroundings {
  readonly clock: ReceiverClock
  readonly disk: InboxDisk
  /** A file of an inbox is followed by another one when it has this many bytes. */
  readonly fileBytes: number
  /** After so long a sink that is silent is asked whether it is there, in milliseconds. */
  readonly keepAliveMs: number
}

class OpenFile implements InboxFile {
  private readonly descriptor: number
  private readonly path: string

  constructor(path: string) {
    this.path = path
    this.descriptor = openSync(path, 'wx', 0o600)
  }

  write(parts: readonly Uint8Array[], position: number): void {
    const size = parts.reduce((sum, { length }) => sum + length, 0)
    const written = writevSync(this.descriptor, parts, position)
    if (written < size) throw new Error(`${written} of ${size} bytes were written to ${this.path}`)
  }

  sync(done: (error: Error | null) => void): void {
    fdatasync(this.descriptor, done)
  }

  syncNow(): void {
    fdatasyncSync(this.descriptor)
  }

  close(): void {
    closeSync(this.descriptor)
  }
}

/** This machine. */
export const thisMachine: Surroundings = {
  clock: {
    wall: () => Date.now(),
    monotonic: () => performance.now(),
    soon: (fn) => void setImmediate(fn),
    every: (ms, fn) => {
      const timer = setInterval(fn, ms)
      return () => clearInterval(timer)
    },
  },
  disk: {
    makeFolder: (path) => makeFolder(path),
    lock: takeLock,
    list: (path) => readdirSync(path),
    read: (path) => readFileSync(path),
    create: (path) => new OpenFile(path),
    harden: hardenFile,
    rename: renameSync,
    remove: (path) => rmSync(path, { force: true }),
    syncFolder,
  },
  fileBytes: 16 << 20,
  keepAliveMs: 5000,
}
