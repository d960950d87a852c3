/**
 * Who brings what an outbox holds. Each opening of an outbox is a writer with an id of its own, which the hello names
 * together with those before it. So a worker sees when a record was brought by a writer that this outbox never was:
 * then it is a copy, or one that has lost its end (decision 0018).
 *
 * W1. A writer stands in the store before the first record is sent under its id: whoever opens the outbox later, or a
 *     copy of it, knows it. One that has sent nothing leaves no trace.
 * W2. It is listed while record `oldest - 1` or a later one may be its. No worker goes on in front of `oldest - 1`: the
 *     one who brought the record behind which it goes on is always listed.
 */
import { type Claim, EARLIER_WRITERS } from '../protocol/acked.ts'

/** A writer as the store keeps it. */
export interface KeptWriter {
  readonly writer: string
  /** The last record that it may have brought; `null` while it may bring more. */
  readonly last: number | null
  /** When it began to bring records, in milliseconds since 1970. */
  readonly since: number
}

export class Writers {
  private readonly writer: string
  private readonly now: () => number
  private earlier: { readonly writer: string; readonly last: number; readonly since: number }[]
  /** When this one began to bring records; `null` where it has not. */
  private since: number | null = null

  /** `kept`: what the store has; `last`: the last record in it. */
  constructor(writer: string, kept: readonly KeptWriter[], last: number, now: () => number) {
    this.writer = writer
    this.now = now
    this.earlier = kept.map((one) => ({ ...one, last: one.last ?? last }))
  }

  /** Whether it has yet to be noted that this one brings records (W1). */
  get unsigned(): boolean {
    return this.since === null
  }

  sign(): void {
    this.since = this.now()
  }

  /** What the store is to keep. */
  kept(oldest: number): KeptWriter[] {
    const own = this.since === null ? [] : [{ writer: this.writer, last: null, since: this.since }]
    return [...this.listed(oldest), ...own]
  }

  /** What a hello says that can send from `oldest` on. */
  claim(oldest: number): Claim {
    const listed = this.listed(oldest)
    const earlier = listed.map(({ writer, last }) => ({ writer, last }))
    const began = listed[0]?.since ?? this.since
    return { writer: this.writer, earlier, ageMs: began === null ? 0 : Math.max(0, Math.floor(this.now() - began)) }
  }

  private listed(oldest: number): typeof this.earlier {
    this.earlier = this.earlier.filter(({ last }) => last >= oldest - 1).slice(-EARLIER_WRITERS)
    return this.earlier
  }
}
