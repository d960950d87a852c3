/**
 * Who holds a pipeline's sources back, and why: late checkpoints, too many dead letters, the end that was asked for,
 * the worker that may not work, or that ends. They go on when nobody does any more.
 *
 * H1. It holds sources alone: tasks that hold behind a barrier go on when what they hold for is over, whoever lets
 *     sources in.
 * H2. Once it is closed it lets nothing in and holds nothing: what stands behind a source is that of whoever follows.
 */
import type { Runtime } from '../../../dataflow/runtime.ts'
import type { OpenSources } from './sources.ts'

export type Holder = 'checkpoints' | 'deadLetters' | 'drain' | 'end' | 'worker'

export class SourceHolds {
  private readonly sources: OpenSources
  private readonly reasons = new Map<Holder, string>()
  private runtime: Runtime | null = null
  private closed = false

  constructor(sources: OpenSources) {
    this.sources = sources
  }

  /** The pipeline runs: sources are let in, unless somebody has held them before. */
  begin(runtime: Runtime): void {
    this.runtime = runtime
    if (this.reasons.size === 0) this.sources.release()
    else runtime.hold()
  }

  hold(holder: Holder, reason: string): void {
    if (this.closed) return
    this.reasons.set(holder, reason)
    this.runtime?.hold()
    this.sources.hold(reason)
  }

  release(holder: Holder): void {
    if (!this.reasons.delete(holder) || this.reasons.size > 0 || this.runtime === null) return
    this.runtime.admit()
    this.sources.release()
  }

  /** H2. */
  close(): void {
    this.closed = true
    this.runtime = null
  }

  has(holder: Holder): boolean {
    return this.reasons.has(holder)
  }

  /** Why no records are let in, or `null`. */
  get reason(): string | null {
    return this.reasons.values().next().value ?? null
  }
}
