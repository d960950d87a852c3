/** The times of the cluster's tables, from the limits. */
import type { Limits } from '../base/limits.ts'
import type { BeatSettings } from './beats.ts'
import type { DetectorSettings } from './detector.ts'
import type { LeaseSettings } from './leases.ts'
import type { MembershipSettings } from './membership-state.ts'
import type { RescaleSettings } from './rescale-state.ts'

/** A look that comes later than this share of its interval adds nothing more to a silence (Q1 of `silence.ts`). */
const LATE = 1.5

export function beatSettings(limits: Limits): BeatSettings {
  return { silenceMs: limits.beatSilenceMs, lookMs: LATE * limits.beatMs }
}

export function detectorSettings(limits: Limits): DetectorSettings {
  const { suspectMs, deadMs, linkGraceMs, heartbeatMs } = limits
  return { suspectMs, deadMs, linkGraceMs, lookMs: LATE * heartbeatMs }
}

export function leaseSettings(limits: Limits): LeaseSettings {
  return { leaseMs: limits.leaseMs, marginMs: limits.leaseMarginMs }
}

/**
 * `expected`: how many workers a new cluster waits for at its first start; `null` for a worker whose store nobody else
 * reaches, which waits for nobody.
 */
export function membershipSettings(limits: Limits, worker: string, expected: number | null): MembershipSettings {
  const { workers, turnMs, settleMs, askMs } = limits
  const startGraceMs = expected === null ? 0 : limits.startGraceMs
  return { worker, expected: expected ?? 1, workers, startGraceMs, turnMs, settleMs, askMs }
}

export function rescaleSettings(limits: Limits): RescaleSettings {
  const { gatherMs, moveCopyMs, moveFreshMs, moveHoldMs, moveHandMs, workers } = limits
  return { gatherMs, copyMs: moveCopyMs, freshMs: moveFreshMs, holdMs: moveHoldMs, handMs: moveHandMs, workers }
}
