/** Drops what it is given, at once and for good. */

import type { Clock } from '../../env/clock.ts'
import { type Base, type Json, newStatus, type SinkConnector, type Writer } from '../connector.ts'

export const nullSinkConnector: SinkConnector = {
  kind: 'null',
  parallel: () => true,
  open: (_description, context) => new NullWriter(context.env.clock),
}

class NullWriter implements Writer {
  readonly status = newStatus('ready')
  readonly room = true
  private readonly clock: Clock

  constructor(clock: Clock) {
    this.clock = clock
  }

  restore(_base: Base, done: () => void): void {
    this.clock.soon(done)
  }

  write(bytes: Buffer, records: number): boolean {
    this.status.records += records
    this.status.writtenBytes += bytes.length
    return true
  }

  barrier(_epoch: number, _generation: number, done: (snapshot: Json) => void): void {
    this.clock.soon(() => done(null))
  }

  commit(): void {}

  floor(): void {}

  end(done: () => void): void {
    this.clock.soon(done)
  }

  close(): void {
    this.status.state = 'closed'
  }
}
