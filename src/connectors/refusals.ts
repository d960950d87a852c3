/**
 * What an operator hears of connections that a listening source does not let in, for there are as many as may be: at
 * once, and once a minute as long as that goes on. Whoever holds all but one could make it happen without end.
 */
import { fail } from '../base/errors.ts'
import type { SourceContext, SourceStatus } from './connector.ts'

const TOGETHER_MS = 60_000

export class Refusals {
  private readonly context: SourceContext
  private readonly status: SourceStatus
  private toldMs = Number.NEGATIVE_INFINITY

  /** Counts them in `status`. */
  constructor(context: SourceContext, status: SourceStatus) {
    this.context = context
    this.status = status
  }

  add(): void {
    const { env, limits, step, warn } = this.context
    this.status.refused++
    const now = env.clock.monotonic()
    if (now - this.toldMs < TOGETHER_MS) return
    this.toldMs = now
    warn(fail('E_TOO_MANY_CONNECTIONS', { step, limit: limits.connections }))
  }
}
