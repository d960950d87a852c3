/**
 * The records that a producer may have to send again: every batch from the first that is not stable on.
 *
 * U1. A batch is in the outbox before its first byte is sent; with an outbox on disk it is in the file. So a sequence
 *     never names two records.
 * U2. A batch leaves when it is stable, never earlier.
 * U3. Batches follow one another without a gap.
 * U4. Once a record was stable the store says so: opened again, an outbox never offers a stream from record 1 on of
 *     which something counts already. A worker that has forgotten the stream would take it for new.
 */
import { batchHead, type Claim, RECORD_HEAD_BYTES } from '../protocol/acked.ts'
import { type KeptWriter, Writers } from './writers.ts'

export interface OutboxBatch {
  readonly first: number
  readonly count: number
  /** The frame as it is sent: its head and the records. */
  readonly head: Uint8Array
  readonly body: Uint8Array
}

/** In the place of one that has left. */
const GONE: OutboxBatch = { first: 0, count: 0, head: new Uint8Array(), body: new Uint8Array() }

/** The first record of `batch` that is longer than `limit`, or `null`. */
export function recordOver(
  { first, body }: OutboxBatch,
  limit: number,
): { readonly sequence: number; readonly bytes: number } | null {
  if (body.length - RECORD_HEAD_BYTES <= limit) return null
  const view = new DataView(body.buffer, body.byteOffset, body.length)
  for (let at = 0, sequence = first; at < body.length; sequence++) {
    const bytes = view.getUint32(at, true)
    if (bytes > limit) return { sequence, bytes }
    at += RECORD_HEAD_BYTES + bytes
  }
  return null
}

/** Keeps batches over a restart of the process. */
export interface OutboxStore {
  /** Batches found from an earlier life, and the sequence that follows them. */
  readonly found: readonly OutboxBatch[]
  readonly next: number
  /** What was noted last. */
  readonly noted: OutboxNote
  /** Puts `batch` on the disk, before it is sent. */
  append(batch: OutboxBatch): void
  /** Nothing up to `stable` is needed any more; answers whether that has freed room. */
  drop(stable: number): boolean
  /** Puts `note` on the disk for good, in place of the one before. */
  note(note: OutboxNote): void
  close(): void
}

/** What is known of an outbox beside its batches. */
export interface OutboxNote {
  /** Records up to here were said to be stable, at least. */
  readonly stable: number
  readonly writers: readonly KeptWriter[]
}

/** An outbox of which nothing is known. */
export const NOTHING_NOTED: OutboxNote = { stable: 0, writers: [] }

export class Outbox {
  /** Sequence of the next record. */
  next = 1
  /** Bytes of all batches. */
  bytes = 0
  private readonly store: OutboxStore | null
  private readonly writers: Writers
  private stable: number
  /** Of that, what the store says. */
  private noted: number
  private batches: OutboxBatch[] = []
  /** Index of the first batch that is not stable. */
  private head = 0
  /** Index of the next batch to send. */
  private cursor = 0

  /** `writer`: an id that no other opening of any outbox has. */
  constructor(store: OutboxStore | null, writer: string, now: () => number = Date.now) {
    const { stable, writers } = store?.noted ?? NOTHING_NOTED
    this.store = store
    this.stable = stable
    this.noted = stable
    if (store !== null) {
      this.next = store.next
      for (const batch of store.found) if (batch.first + batch.count - 1 > stable) this.push(batch)
    }
    this.writers = new Writers(writer, writers, this.next - 1, now)
  }

  /** What a hello says of who brings the records. */
  get claim(): Claim {
    return this.writers.claim(this.oldest)
  }

  /** To be called before anything is sent: the store knows who sends it (`writers.ts`, W1). */
  sign(): void {
    if (!this.writers.unsigned) return
    this.writers.sign()
    this.note()
  }

  private note(): void {
    this.store?.note({ stable: this.stable, writers: this.writers.kept(this.oldest) })
    this.noted = this.stable
  }

  /** The lowest sequence that can still be sent. */
  get oldest(): number {
    return this.batches[this.head]?.first ?? this.next
  }

  get length(): number {
    return this.batches.length - this.head
  }

  /** Adds `count` records, each behind its length in `body`. */
  append(count: number, body: Uint8Array): void {
    const first = this.next
    const batch = { first, count, head: batchHead(first, count, body), body }
    this.store?.append(batch)
    this.next = first + count
    this.push(batch)
  }

  private push(batch: OutboxBatch): void {
    this.batches.push(batch)
    this.bytes += batch.head.length + batch.body.length
  }

  /** Lets go of what is stable (U2). */
  drop(stable: number): void {
    const { batches, store } = this
    this.stable = Math.max(this.stable, stable)
    let { head } = this
    while (head < batches.length && batches[head]!.first + batches[head]!.count - 1 <= stable) {
      this.bytes -= batches[head]!.head.length + batches[head]!.body.length
      // Its memory goes at once, its place with many others.
      batches[head++] = GONE
    }
    if (head === this.head) return
    this.head = head
    this.cursor = Math.max(this.cursor, head)
    if (store !== null && (store.drop(stable) || this.noted === 0)) this.note()
    if (head > 1024 && head * 2 > batches.length) {
      this.batches = batches.slice(head)
      this.cursor -= head
      this.head = 0
    }
  }

  /** Sends from the batch on that has `resumeAfter + 1`; the worker passes over what it knows of it. */
  rewind(resumeAfter: number): void {
    let cursor = this.head
    while (cursor < this.batches.length) {
      const { first, count } = this.batches[cursor]!
      if (first + count - 1 > resumeAfter) break
      cursor++
    }
    this.cursor = cursor
  }

  /** The next batch to send, or `null`. */
  peek(): OutboxBatch | null {
    return this.batches[this.cursor] ?? null
  }

  /** `peek`'s batch has been sent. */
  advance(): void {
    this.cursor++
  }

  close(): void {
    const { store } = this
    if (store === null) return
    try {
      if (this.stable > this.noted) this.note()
    } catch {
      // Then more is sent again that is known.
    }
    store.close()
  }
}
