/** The file in which `receive` keeps records, each in its frame. */
import { createReadStream, createWriteStream, existsSync, fdatasync, truncateSync, type WriteStream } from 'node:fs'
import { fail } from '../base/errors.ts'
import { Assembler } from '../connectors/assembler.ts'
import type { Framing } from '../model/connector.ts'
import { RECORD_BYTES } from '../protocol/delivery.ts'

/** How long after it was written at the latest what stands in the file is being brought to the disk. */
const SYNC_MS = 200

type Sync = (descriptor: number, done: (error: NodeJS.ErrnoException | null) => void) => void
/** What is said of a pipe, and of a device: they have no disk. */
const NO_DISK = 'EINVAL'

/**
 * A file that records are added to. An inbox lets go of what was handed over some epochs ago, so that has to be on the
 * disk by then: while a sync takes longer than it may nothing more is taken.
 */
export class RecordFile {
  private readonly stream: WriteStream
  private readonly sync: Sync
  private readonly failed: (error: Error) => void
  /** Something was written since the last sync was asked for. */
  private dirty = false
  private syncing: Promise<void> | null = null
  private timer: NodeJS.Timeout | null = null

  /** `anew`: what is there is overwritten. `failed` hears that the disk has failed. */
  constructor(path: string, anew: boolean, failed: (error: Error) => void, sync: Sync = fdatasync) {
    this.stream = createWriteStream(path, { flags: anew ? 'w' : 'a', flush: true })
    this.stream.on('error', failed)
    this.failed = failed
    this.sync = sync
  }

  /** A promise: write no more until it resolves. */
  write(bytes: Buffer): void | Promise<void> {
    const { stream } = this
    this.dirty = true
    this.timer ??= setTimeout(() => this.harden(), SYNC_MS)
    const full = !stream.write(bytes)
    if (this.syncing !== null) return this.syncing
    if (full) return new Promise((resolve) => stream.once('drain', resolve))
  }

  private harden(): void {
    this.timer = null
    const { stream } = this
    if (!this.dirty || this.syncing !== null || stream.closed) return
    this.dirty = false
    this.syncing = new Promise((resolve) => {
      // Behind what was written by then.
      stream.write('', () =>
        this.sync((stream as unknown as { fd: number }).fd, (error) => {
          this.syncing = null
          if (error !== null && error.code !== NO_DISK) return this.failed(error)
          resolve()
        }),
      )
    })
  }

  /** Resolves when all of it is on the disk. */
  close(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer)
    return new Promise((resolve) => this.stream.end(resolve))
  }
}

/** Whole records in `path`, from whose end a part of one is cut off. */
export async function recordsIn(path: string, framing: Framing): Promise<number> {
  if (!existsSync(path)) return 0
  let [records, bytes] = [0, 0]
  const assembler = new Assembler(framing, RECORD_BYTES, (_, { count }) => {
    records += count
  })
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    assembler.push(chunk)
    bytes += chunk.length
  }
  if (assembler.pending > 0) truncateSync(path, bytes - assembler.pending)
  return records
}

/**
 * Throws where `record` in its frame reads as another number of records: an inbox goes on by how many there are in the
 * file.
 */
export function requireOne(framing: Framing, record: Buffer): void {
  let records = 0
  const assembler = new Assembler(framing, RECORD_BYTES, (_, { count }) => {
    records += count
  })
  for (const part of framing.frame(record)) assembler.push(Buffer.from(part))
  if (records === 1 && assembler.pending === 0) return
  const reason = `a record of ${record.length} bytes reads as ${records} in the frames of --framing ${framing.kind}`
  throw fail('E_USAGE', { reason: `${reason}: with --inbox choose another one for --out, such as length-prefix` })
}
