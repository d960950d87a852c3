/**
 * The leases of one worker (PROTOCOLS 7): carries out `cluster/leases.ts` for a member that asks for them, and for the
 * coordinator that grants them.
 *
 * L1. A lease belongs to one generation: whoever reads the next record has none before it has asked again.
 * L2. A worker whose store nobody else reaches holds every lease: the lock on its folder is a better one.
 */
import type { Limits } from '../../base/limits.ts'
import type { Cluster, Member } from '../../checkpoint/cluster.ts'
import {
  type Formers,
  formersAfter,
  grantOf,
  holdsLease,
  type Lease,
  type LeaseSettings,
  noFormers,
  noLease,
  renewLease,
  speaksAt,
  takeGrant,
  withoutFormer,
} from '../../cluster/leases.ts'
import { leaseSettings } from '../../cluster/settings.ts'
import type { Clock } from '../../env/clock.ts'
import type { ControlMessage, Message } from '../../transport/wire.ts'

/** Requests whose answers may still come. */
const MOST_ASKED = 16

export interface LeaseHost {
  readonly clock: Clock
  readonly limits: Limits
  /** Nobody else reaches the store (L2). */
  readonly alone: boolean
  /** As this worker has read it. */
  cluster(): Cluster
  /** Whether this worker coordinates the generation that stands. */
  coordinates(): boolean
  /** Whether it works in that generation, or waits for it to begin. */
  works(): boolean
  /** Incarnations that are known to have ended. */
  gone(): ReadonlySet<string>
  send(worker: string, message: ControlMessage): void
  /** Whether a lease is held, each time `mind` finds that it is otherwise. */
  changed(held: boolean): void
}

export class LeaseKeeper {
  private readonly host: LeaseHost
  private lease: Lease = noLease
  private formers: Formers = noFormers
  private generation = 0
  private counter = 0
  /** Whether work goes on as far as the lease is concerned. */
  private working = true
  /** When each request was made. */
  private readonly asked = new Map<number, number>()

  constructor(host: LeaseHost) {
    this.host = host
  }

  /** Another generation stands, after one of `before`; `missed`: records between them were not read. */
  begin(generation: number, before: readonly Member[], missed: boolean, self: string): void {
    const { now, settings } = this
    this.formers = formersAfter(this.formers, before, missed, self, now, settings)
    this.generation = generation
    this.lease = noLease
    this.asked.clear()
  }

  /** An incarnation does nothing any more for a generation before `generation`. */
  seen(incarnation: string, generation: number): void {
    if (generation >= this.generation) this.formers = withoutFormer(this.formers, incarnation)
  }

  // ── The coordinator's ────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * No newer generation than `generation` stood when `requestMs` was (PROTOCOLS 7). A record that counts says so of its
   * own, also the one that begins it: so whoever begins a generation has a lease to grant from the first moment.
   */
  found(requestMs: number, generation: number): void {
    const { host } = this
    if (generation !== host.cluster().generation || !host.coordinates()) return
    this.lease = renewLease(this.lease, requestMs, this.settings)
  }

  /** `worker` asks for a lease. */
  grant(worker: string, { generation, counter }: Message<'leaseAsked'>): void {
    const { host } = this
    if (!host.coordinates() || generation !== host.cluster().generation) return
    host.send(worker, { kind: 'leaseGranted', generation, counter, ms: grantOf(this.lease, this.now) })
  }

  // ── A member's ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Asks the coordinator for a lease, where this worker has use for one. */
  ask(): void {
    const { host } = this
    if (host.alone || !host.works()) return
    const { generation, coordinator } = host.cluster()
    const counter = ++this.counter
    this.asked.set(counter, this.now)
    const [oldest] = this.asked.keys()
    if (this.asked.size > MOST_ASKED) this.asked.delete(oldest!)
    host.send(coordinator, { kind: 'leaseAsked', generation, counter })
  }

  /** The coordinator of `generation` has granted one for `ms`, which may be 0. */
  granted({ generation, counter, ms }: Message<'leaseGranted'>): void {
    if (generation === this.host.cluster().generation) {
      const requestMs = this.asked.get(counter)
      this.asked.delete(counter)
      if (requestMs !== undefined) this.lease = takeGrant(this.lease, requestMs, ms)
    }
    this.mind()
  }

  /** Stops work where the lease has run out, and lets it go on where there is one again. */
  mind(): void {
    const { held } = this
    if (held === this.working) return
    this.working = held
    this.host.changed(held)
  }

  /** Work has begun anew: nobody has stopped it. */
  resumed(): void {
    this.working = true
  }

  /** Whether this worker may read and acknowledge now (PROTOCOLS 2, S7). */
  get held(): boolean {
    return this.host.alone || holdsLease(this.lease, this.now)
  }

  /** Whether it may do what no generation fences, too. */
  get speaks(): boolean {
    const { alone, gone } = this.host
    for (const incarnation of gone()) this.formers = withoutFormer(this.formers, incarnation)
    return this.held && (alone || this.now >= speaksAt(this.formers))
  }

  private get now(): number {
    return this.host.clock.monotonic()
  }

  private get settings(): LeaseSettings {
    return leaseSettings(this.host.limits)
  }
}
