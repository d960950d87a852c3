/**
 * How long somebody has said nothing, as an observer may claim it.
 *
 * Q1. Time in which the observer itself did not look is nobody's silence: each look adds the time since the one before,
 *     but never more than `lookMs`. So an observer that was stopped, or whose timer came late, accuses nobody for it,
 *     and what waited in its sockets is heard before the silence is long enough.
 */

/** Silence grows from look to look; 0 when something was heard. In milliseconds of the observer's monotonic clock. */
export function longer(silentMs: number, sinceLookMs: number, lookMs: number): number {
  return silentMs + Math.min(Math.max(0, sinceLookMs), lookMs)
}
