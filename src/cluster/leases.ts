/**
 * Leases guard only what cannot be fenced: plain sinks, reading sources, acknowledgements (PROTOCOLS 7). Times, no
 * clock: every time is one of the caller's own monotonic clock, in milliseconds; none is ever sent.
 *
 * L1. The coordinator's lease runs from the *request* of its last append that counted, or of its last finding that the
 *     next chain record is absent: at that moment no newer generation stood.
 * L2. A worker's lease runs from its own request, and never beyond what the coordinator's had left when it answered.
 * L3. So every lease of a generation has ended `leaseMs` after the next generation record was made, as long as no clock
 *     runs faster than another by more than the margin makes up for.
 * L4. What cannot be fenced is silent in a new generation until each former member has acknowledged it, or is known to
 *     be gone, or `leaseMs` + margin has passed since its record was read. Members of generations before that one count
 *     until their own time has passed.
 */
import type { Member } from '../checkpoint/cluster.ts'

export interface LeaseSettings {
  readonly leaseMs: number
  /** For clocks that run at different speeds, and for a write that was begun before its lease was looked at. */
  readonly marginMs: number
}

/** Until when a worker or the coordinator may do what a lease guards; -Infinity before the first. */
export type Lease = number

export const noLease: Lease = Number.NEGATIVE_INFINITY

/** The coordinator's lease after an append or a finding that was asked for at `requestMs` (L1). */
export function renewLease(lease: Lease, requestMs: number, settings: LeaseSettings): Lease {
  return Math.max(lease, requestMs + settings.leaseMs)
}

/** What the coordinator grants a member that asks now, in milliseconds; 0 where it has nothing to give (L2). */
export function grantOf(lease: Lease, nowMs: number): number {
  return Math.max(0, lease - nowMs)
}

/** A worker's lease after a grant of `grantMs` to what it asked at `requestMs` (L2). */
export function takeGrant(lease: Lease, requestMs: number, grantMs: number): Lease {
  return grantMs > 0 ? Math.max(lease, requestMs + grantMs) : lease
}

export function holdsLease(lease: Lease, nowMs: number): boolean {
  return nowMs < lease
}

/** Incarnations that may still act under a lease of an earlier generation, with the time when that has passed (L4). */
export type Formers = ReadonlyMap<string, number>

export const noFormers: Formers = new Map()

/** Stands for members of generations that this worker has never read of: records that are gone from the chain. */
const UNKNOWN = ''

/**
 * The formers after a generation record was read at `nowMs` that follows `before` (members of the generation before
 * it). `missed` says that records in between were not read. The reader itself is no former of its own.
 */
export function formersAfter(
  formers: Formers,
  before: readonly Member[],
  missed: boolean,
  self: string,
  nowMs: number,
  settings: LeaseSettings,
): Formers {
  const untilMs = nowMs + settings.leaseMs + settings.marginMs
  const next = new Map([...formers].filter(([, ends]) => ends > nowMs))
  for (const { incarnation } of before) if (incarnation !== self) next.set(incarnation, untilMs)
  if (missed) next.set(UNKNOWN, untilMs)
  return next
}

/** The formers after `incarnation` has acknowledged the newest generation, or is known to be gone. */
export function withoutFormer(formers: Formers, incarnation: string): Formers {
  if (!formers.has(incarnation)) return formers
  const next = new Map(formers)
  next.delete(incarnation)
  return next
}

/**
 * When what cannot be fenced may speak: at once where no former is left, else when the last one's time has passed (L4).
 */
export function speaksAt(formers: Formers): number {
  return Math.max(Number.NEGATIVE_INFINITY, ...formers.values())
}
