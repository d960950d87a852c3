/**
 * Collects what a sink is given, as rows. It stands outside of the simulated world and outlives every process of it.
 *
 * L1. `rows` up to `committed` are what complete epochs hold: what a transactional sink shows. Behind it stands what
 *     barriers have closed off and no epoch has made final.
 * L2. A snapshot is how many rows there are at its barrier, also those of an epoch that was abandoned. A life that
 *     begins from it takes back what stands behind.
 * L3. Only the writer of the newest generation is heard: another one is of a worker that the others go on without.
 */

import { deepCopy } from '../base/deep-copy.ts'
import { type Base, type Json, newStatus, type SinkContext, type Writer } from '../connectors/connector.ts'
import { encodedBy, framedBy } from '../dataflow/sink-task.ts'
import type { SinkDescription } from '../model/connector.ts'

export class Collector {
  /** Every row that was written in any life, in that order: what a sink sees that takes nothing back. */
  readonly attempts: unknown[] = []
  readonly rows: unknown[] = []
  committed = 0
  /** L3. */
  writer: Writer | null = null
  generation = 0

  /** Rows of complete epochs, in order. */
  get output(): readonly unknown[] {
    return this.rows.slice(0, this.committed)
  }

  /**
   * What a life of a worker has in place of the `sink` of `step`: an encoder, which lets nothing pass that the sink
   * itself would refuse, and keeps what passes for the writer.
   */
  life(sink: SinkDescription<unknown>, step: string): Life {
    const fresh: unknown[] = []
    return {
      encode: (value) => {
        const encoded = encodedBy(sink, step, value)
        framedBy(sink, step, encoded)
        fresh.push(deepCopy(value))
        return encoded
      },
      open: (context) => {
        fresh.length = 0
        return new CollectingWriter(this, context, fresh)
      },
    }
  }
}

interface Life {
  readonly encode: (value: unknown) => string | Uint8Array
  readonly open: (context: SinkContext) => Writer
}

class CollectingWriter implements Writer {
  readonly status = newStatus('ready')
  readonly room = true
  private readonly collector: Collector
  private readonly context: SinkContext
  /** Encoded, and not written yet. */
  private readonly fresh: unknown[]
  /** Written since the last barrier. */
  private open: unknown[] = []

  constructor(collector: Collector, context: SinkContext, fresh: unknown[]) {
    this.collector = collector
    this.context = context
    this.fresh = fresh
  }

  restore({ snapshots, generation }: Base, done: () => void): void {
    const { collector } = this
    if (generation >= collector.generation) {
      const length = (snapshots[0] as number | undefined) ?? 0
      collector.writer = this
      collector.generation = generation
      collector.rows.length = length
      collector.committed = length
    }
    this.open = []
    this.context.env.clock.soon(done)
  }

  write(bytes: Buffer, records: number): boolean {
    this.status.records += records
    this.status.writtenBytes += bytes.length
    for (const row of this.fresh.splice(0)) {
      this.collector.attempts.push(row)
      this.open.push(row)
    }
    return true
  }

  barrier(_epoch: number, _generation: number, done: (snapshot: Json) => void): void {
    const { rows, writer } = this.collector
    if (writer === this) for (const row of this.open) rows.push(row)
    this.open = []
    const { length } = rows
    this.context.env.clock.soon(() => done(length))
  }

  commit(_epoch: number, snapshot: Json): void {
    const { collector } = this
    if (collector.writer === this) collector.committed = Math.max(collector.committed, snapshot as number)
  }

  floor(): void {}

  end(done: () => void): void {
    this.context.env.clock.soon(done)
  }

  close(): void {
    this.status.state = 'closed'
  }
}
