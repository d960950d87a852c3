/** The lease of a simulated worker, and for whom of an earlier generation it waits before it speaks. */
import type { Limits } from '../../src/base/limits.ts'
import type { Member } from '../../src/checkpoint/cluster.ts'
import {
  type Formers,
  formersAfter,
  grantOf,
  holdsLease,
  type Lease,
  noFormers,
  noLease,
  renewLease,
  speaksAt,
  takeGrant,
  withoutFormer,
} from '../../src/cluster/leases.ts'
import { leaseSettings } from '../../src/cluster/settings.ts'

export class SimLeases {
  private lease: Lease = noLease
  private formers: Formers = noFormers
  /** When each request was made, by its number. */
  private readonly asked = new Map<number, number>()
  private readonly limits: Limits

  constructor(limits: Limits) {
    this.limits = limits
  }

  /** A generation has begun, which came after that of the members `before`. */
  begin(before: readonly Member[], incarnation: string, nowMs: number): void {
    this.formers = formersAfter(this.formers, before, false, incarnation, nowMs, leaseSettings(this.limits))
    this.lease = noLease
    this.asked.clear()
  }

  /** A member of an earlier generation knows of this one. */
  seenBy(incarnation: string): void {
    this.formers = withoutFormer(this.formers, incarnation)
  }

  /** The coordinator has seen the end of the chain, by a request of `requestMs` (L1). */
  renew(requestMs: number): void {
    this.lease = renewLease(this.lease, requestMs, leaseSettings(this.limits))
  }

  ask(counter: number, nowMs: number): void {
    this.asked.set(counter, nowMs)
  }

  take(counter: number, ms: number): void {
    const requestMs = this.asked.get(counter)
    if (requestMs !== undefined) this.lease = takeGrant(this.lease, requestMs, ms)
  }

  /** What the coordinator may give somebody now. */
  grant(nowMs: number): number {
    return grantOf(this.lease, nowMs)
  }

  speaks(nowMs: number): boolean {
    return holdsLease(this.lease, nowMs) && nowMs >= speaksAt(this.formers)
  }
}
