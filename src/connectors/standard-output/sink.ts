/**
 * Writes to standard output. A barrier is acknowledged when the system has taken everything before it.
 */
import { fail } from '../../base/errors.ts'
import type { Timer } from '../../env/clock.ts'
import { type Base, type Json, newStatus, type SinkConnector, type SinkContext, type Writer } from '../connector.ts'

export const stdoutSinkConnector: SinkConnector = {
  kind: 'stdout',
  parallel: () => true,
  open: (_description, context) => new StdoutWriter(context),
}

/** How soon to ask again whether this worker may speak, in milliseconds. */
const LEASE_MS = 20

interface Waiting {
  readonly upTo: number
  readonly done: () => void
}

class StdoutWriter implements Writer {
  readonly status = newStatus('ready', 1)
  private readonly context: SinkContext
  private queue: Buffer[] = []
  private accepted = 0
  /** Bytes of the write that is under way; there is at most one. */
  private writing = 0
  private waiting: Waiting[] = []
  private blocked = false
  private lease: Timer | null = null

  constructor(context: SinkContext) {
    this.context = context
  }

  get room(): boolean {
    return !this.blocked
  }

  restore(_base: Base, done: () => void): void {
    this.queue = []
    this.waiting = []
    this.accepted = this.status.writtenBytes + this.writing
    this.blocked = false
    this.context.env.clock.soon(done)
  }

  write(bytes: Buffer, records: number): boolean {
    this.status.records += records
    this.accepted += bytes.length
    this.queue.push(bytes)
    this.flush()
    this.blocked = this.accepted - this.status.writtenBytes >= this.context.limits.writerBytes
    return !this.blocked
  }

  barrier(_epoch: number, _generation: number, done: (snapshot: Json) => void): void {
    this.wait(() => done(null))
  }

  commit(): void {}

  floor(): void {}

  end(done: () => void): void {
    this.wait(done)
  }

  close(): void {
    this.status.state = 'closed'
    this.lease?.cancel()
    this.queue = []
    this.waiting = []
  }

  private wait(done: () => void): void {
    this.waiting.push({ upTo: this.accepted, done })
    this.context.env.clock.soon(() => this.settle())
  }

  private flush(): void {
    const { context, status } = this
    status.queuedBytes = this.accepted - status.writtenBytes
    if (this.writing > 0 || this.queue.length === 0 || status.state !== 'ready') return
    if (!context.maySpeak()) {
      this.lease ??= context.env.clock.after(LEASE_MS, () => {
        this.lease = null
        this.flush()
      })
      return
    }
    const bytes = this.queue.length === 1 ? this.queue[0]! : Buffer.concat(this.queue)
    this.queue = []
    this.writing = bytes.length
    context.standardOutput.write(bytes, (error) => this.written(bytes.length, error))
  }

  private written(bytes: number, error: Error | null): void {
    this.writing = 0
    if (this.status.state !== 'ready') return
    if (error !== null) {
      this.status.state = 'failed'
      this.context.failed(fail('E_STANDARD_OUTPUT', { step: this.context.step, reason: error.message }, error))
      return
    }
    this.status.writtenBytes += bytes
    this.flush()
    this.settle()
  }

  private settle(): void {
    while (this.waiting.length > 0 && this.waiting[0]!.upTo <= this.status.writtenBytes) this.waiting.shift()!.done()
    if (this.blocked && this.status.queuedBytes < this.context.limits.writerBytes) {
      this.blocked = false
      this.context.wake()
    }
  }
}
