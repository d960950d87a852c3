/**
 * Collects what a sink is given, as rows. It stands outside of the simulated world and outlives every process of it.
 *
 * L1. `rows` up to `committed` are what complete epochs hold: what a transactional sink shows. Behind it stands what
 *     barriers have closed off and no epoch has made final.
 * L2. A snapshot is how many rows there are at its barrier, also those of an epoch that was abandoned. A life that begins
 *     from it takes back what stands behind.
 */
import type { Base, Json, SinkContext, Writer, WriterStatus } from '../connectors/connector.ts'
import type { SinkDescription } from '../model/connector.ts'
import { deepCopy } from '../state/deep-copy.ts'

export class Collector {
  /** Every row that was written in any life, in that order: what a sink sees that takes nothing back. */
  readonly attempts: unknown[] = []
  readonly rows: unknown[] = []
  committed = 0
  /** Encoded, and not written yet. */
  private fresh: unknown[] = []

  /** Rows of complete epochs, in order. */
  get output(): readonly unknown[] {
    return this.rows.slice(0, this.committed)
  }

  /** The encoder of `sink`, which lets nothing pass that the sink itself would refuse, and keeps what passes. */
  encoder({ encode }: SinkDescription<unknown>): (value: unknown) => string | Uint8Array {
    return (value) => {
      const encoded = encode(value)
      this.fresh.push(deepCopy(value, { left: Infinity }))
      return encoded
    }
  }

  open(context: SinkContext): Writer {
    this.fresh = []
    return new CollectingWriter(this, context)
  }

  /** The rows that were encoded since the last time. */
  take(): readonly unknown[] {
    const { fresh } = this
    this.fresh = []
    for (const row of fresh) this.attempts.push(row)
    return fresh
  }
}

class CollectingWriter implements Writer {
  readonly status: WriterStatus = {
    state: 'ready',
    queuedBytes: 0,
    writtenBytes: 0,
    records: 0,
    peers: 0,
    dropped: 0,
  }
  readonly room = true
  private readonly collector: Collector
  private readonly context: SinkContext
  /** Written since the last barrier. */
  private open: unknown[] = []

  constructor(collector: Collector, context: SinkContext) {
    this.collector = collector
    this.context = context
  }

  restore({ snapshots }: Base, done: () => void): void {
    const { collector } = this
    const length = (snapshots[0] as number | undefined) ?? 0
    collector.rows.length = length
    collector.committed = length
    this.context.env.clock.soon(done)
  }

  write(bytes: Buffer, records: number): boolean {
    this.status.records += records
    this.status.writtenBytes += bytes.length
    for (const row of this.collector.take()) this.open.push(row)
    return true
  }

  barrier(_epoch: number, _generation: number, done: (snapshot: Json) => void): void {
    const { rows } = this.collector
    for (const row of this.open) rows.push(row)
    this.open = []
    const { length } = rows
    this.context.env.clock.soon(() => done(length))
  }

  commit(_epoch: number, snapshot: Json): void {
    this.collector.committed = Math.max(this.collector.committed, snapshot as number)
  }

  floor(): void {}

  end(done: () => void): void {
    this.context.env.clock.soon(done)
  }

  close(): void {
    this.status.state = 'closed'
  }
}
