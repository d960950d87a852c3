/**
 * Whether a worker's loop goes on, as the thread beside it sees it: a counter in shared memory that a timer of the loop
 * raises. Pure.
 *
 * U1. A loop is stuck when its counter has stood for `stuckMs`. Time in which the observer did not look does not count:
 *     a process that was stopped as a whole is not stuck (Q1 of `cluster/silence.ts`).
 */
import { longer } from '../../../cluster/silence.ts'

export interface PulseSettings {
  readonly stuckMs: number
  readonly lookMs: number
}

export interface Pulse {
  readonly count: number
  readonly lookedMs: number
  /** For how long the counter has stood. */
  readonly stillMs: number
}

/** What a look has found: the loop goes on, has been found stuck, is stuck still, or goes on again after `stillMs`. */
export type Found = 'beats' | 'stops' | 'stands' | 'returns'

export function startPulse(count: number, nowMs: number): Pulse {
  return { count, lookedMs: nowMs, stillMs: 0 }
}

export function look(
  pulse: Pulse,
  count: number,
  nowMs: number,
  settings: PulseSettings,
): { readonly next: Pulse; readonly found: Found } {
  const wasStuck = pulse.stillMs >= settings.stuckMs
  const moved = count !== pulse.count
  const stillMs = moved ? 0 : longer(pulse.stillMs, nowMs - pulse.lookedMs, settings.lookMs)
  const next = { count, lookedMs: nowMs, stillMs }
  if (moved) return { next, found: wasStuck ? 'returns' : 'beats' }
  if (stillMs < settings.stuckMs) return { next, found: 'beats' }
  return { next, found: wasStuck ? 'stands' : 'stops' }
}
