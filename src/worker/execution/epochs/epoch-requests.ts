/**
 * What has been asked for of a pipeline's epochs, and who waits for it.
 *
 * R1. A request is answered by an epoch whose barrier was sent after it was made: one that was under way then does not
 *     hold everything that came before the request.
 * R2. Who asks for any checkpoint is served by one with a purpose too.
 * R3. Every request is answered once, at the latest by `end`.
 * R4. Behind the barrier of a drain nothing comes: who asks for an end that somebody has asked for already has it with
 *     that one, or has it not, also where its barrier has been sent.
 */
import type { Purpose } from '../../../checkpoint/barrier.ts'

/** Hears why the epoch did not come about, or `null`. */
export type Answered = (failure: string | null) => void

interface Waiting {
  readonly purpose: Purpose
  /** The last epoch whose barrier had been sent. */
  readonly after: number
  readonly done: Answered
}

export class EpochRequests {
  private waiting: Waiting[] = []
  private sent = 0
  /** The drain that is complete (R4). */
  private drained: Purpose | null = null

  /**
   * Adds a request; answers whether the coordinator has to hear of it, or an epoch that is to come serves it already.
   */
  add(purpose: Purpose, done: Answered): boolean {
    const { sent, drained } = this
    if (drained !== null && same(drained, purpose)) {
      done(null)
      return false
    }
    const comes = this.waiting.some(({ after }) => after === sent)
    const joined = purpose.kind === 'drain' ? this.waiting.find((one) => same(one.purpose, purpose)) : undefined
    this.waiting.push({ purpose, after: joined?.after ?? sent, done })
    return joined === undefined && (purpose.kind !== 'periodic' || !comes)
  }

  /** The barrier of `epoch` is sent. */
  send(epoch: number): void {
    this.sent = epoch
  }

  /** `epoch` is complete, and what its purpose asks for has come about. */
  complete(purpose: Purpose, epoch: number): void {
    if (purpose.kind === 'drain') this.drained = purpose
    this.settle((one) => one.after < epoch && (one.purpose.kind === 'periodic' || same(one.purpose, purpose)), null)
  }

  /** What was asked for last with this purpose does not come about; a drain for nobody (R4). */
  refuse(purpose: Purpose, reason: string): void {
    const last = this.waiting.findLast((one) => same(one.purpose, purpose))
    this.settle((one) => (purpose.kind === 'drain' ? same(one.purpose, purpose) : one === last), reason)
  }

  /** No epoch follows. */
  end(reason: string): void {
    this.settle(() => true, reason)
  }

  private settle(which: (one: Waiting) => boolean, failure: string | null): void {
    const settled = this.waiting.filter(which)
    this.waiting = this.waiting.filter((one) => !which(one))
    for (const { done } of settled) done(failure)
  }
}

function same(a: Purpose, b: Purpose): boolean {
  if (a.kind === 'savepoint') return b.kind === 'savepoint' && a.name === b.name
  // Who wants the end for good is not served by one behind which the pipeline runs again.
  if (a.kind === 'drain') return b.kind === 'drain' && a.stays === b.stays
  return a.kind === b.kind
}
