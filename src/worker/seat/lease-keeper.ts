/**
 * The leases of one incarnation (PROTOCOLS 7): carries out `cluster/leases.ts` for a member, and for the coordinator
 * that grants them.
 *
 * L1. A lease belongs to one generation: whoever reads the next record has none before it has asked again.
 * L2. A worker whose store nobody else reaches holds every lease: the lock on its folder is a better one.
 */
import type { Limits } from '../../base/limits.ts'
import type { Member } from '../../checkpoint/cluster.ts'
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
} from '../../cluster/leases.ts'
import { leaseSettings } from '../../cluster/settings.ts'
import type { Clock } from '../../env/clock.ts'

/** Requests whose answers may still come. */
const MOST_ASKED = 16

export class LeaseKeeper {
  private readonly clock: Clock
  private readonly limits: Limits
  private readonly alone: boolean
  private readonly changed: (held: boolean) => void
  private lease: Lease = noLease
  private formers: Formers = noFormers
  private generation = 0
  private counter = 0
  /** Whether work goes on as far as the lease is concerned. */
  private working = true
  /** When each request was made. */
  private readonly asked = new Map<number, number>()

  /** `changed` hears whether a lease is held each time `mind` finds that it is otherwise. */
  constructor(clock: Clock, limits: Limits, alone: boolean, changed: (held: boolean) => void) {
    this.clock = clock
    this.limits = limits
    this.alone = alone
    this.changed = changed
  }

  /** Another generation stands, after one of `before`; `missed`: records between them were not read. */
  begin(generation: number, before: readonly Member[], missed: boolean, self: string): void {
    const settings = leaseSettings(this.limits)
    this.formers = formersAfter(this.formers, before, missed, self, this.clock.monotonic(), settings)
    this.generation = generation
    this.lease = noLease
    this.asked.clear()
  }

  /** An incarnation does nothing any more for a generation before `generation`. */
  seen(incarnation: string, generation: number): void {
    if (generation >= this.generation) this.formers = withoutFormer(this.formers, incarnation)
  }

  gone(incarnations: ReadonlySet<string>): void {
    for (const incarnation of incarnations) this.formers = withoutFormer(this.formers, incarnation)
  }

  // ── The coordinator's ────────────────────────────────────────────────────────────────────────────────────────────

  /** No newer generation stood when `requestMs` was. */
  found(requestMs: number): void {
    this.lease = renewLease(this.lease, requestMs, leaseSettings(this.limits))
  }

  /** What a member that asks now is granted, in milliseconds. */
  grant(): number {
    return grantOf(this.lease, this.clock.monotonic())
  }

  // ── A member's ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** A request is made now: its number. */
  ask(): number {
    const counter = ++this.counter
    this.asked.set(counter, this.clock.monotonic())
    const [oldest] = this.asked.keys()
    if (this.asked.size > MOST_ASKED) this.asked.delete(oldest!)
    return counter
  }

  granted(counter: number, ms: number): void {
    const requestMs = this.asked.get(counter)
    this.asked.delete(counter)
    if (requestMs !== undefined) this.lease = takeGrant(this.lease, requestMs, ms)
  }

  /** Stops work where the lease has run out, and lets it go on where there is one again. */
  mind(): void {
    const { held } = this
    if (held === this.working) return
    this.working = held
    this.changed(held)
  }

  /** Work has begun anew: nobody has stopped it. */
  resumed(): void {
    this.working = true
  }

  /** Whether this worker may read and acknowledge now (PROTOCOLS 2, S7). */
  get held(): boolean {
    return this.alone || holdsLease(this.lease, this.clock.monotonic())
  }

  /** Whether it may do what no generation fences, too. */
  get speaks(): boolean {
    return this.held && (this.alone || this.clock.monotonic() >= speaksAt(this.formers))
  }
}
