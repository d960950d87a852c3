/**
 * The life of a session, as a total table.
 *
 *     absent ──attached──▶ open ◀──attached── interrupted      any ──ended──▶ over
 *                            └────detached────────▲
 *
 * K1. Only the end of a wait, or a fault that no other connection can mend, ends a session before its generation does.
 */
import type { PotorooError } from '../base/errors.ts'
import type { Table } from '../base/table.ts'

export type LinkState =
  /** No connection has ever served it; it is awaited until `until`. */
  | { readonly phase: 'absent'; readonly until: number }
  | { readonly phase: 'open' }
  | { readonly phase: 'interrupted'; readonly until: number; readonly reason: string }
  | { readonly phase: 'over' }

/** Times are those of the monotonic clock, in milliseconds. */
export type LinkEvent =
  /** A connection serves it from now on. */
  | { readonly kind: 'attached' }
  /** Its connection has ended. */
  | { readonly kind: 'detached'; readonly until: number; readonly reason: string }
  /** The other side is there and asks for patience. */
  | { readonly kind: 'notYet'; readonly until: number }
  | { readonly kind: 'tick'; readonly now: number }
  /** It cannot go on. */
  | { readonly kind: 'failed'; readonly error: PotorooError }
  /** Its generation is over here. */
  | { readonly kind: 'retired' }

export type LinkEffect =
  /** Sends again what the other side does not have. */
  | { readonly kind: 'resume' }
  | { readonly kind: 'lost'; readonly why: 'absent' | 'interrupted'; readonly reason: string }
  | { readonly kind: 'failed'; readonly error: PotorooError }

type Next = {
  absent: 'open' | 'over'
  open: 'interrupted' | 'over'
  interrupted: 'open' | 'over'
  over: 'over'
}

type Over = Extract<LinkState, { phase: 'over' }>
type Open = Extract<LinkState, { phase: 'open' }>
type Step<S> = { next: S; effects: LinkEffect[] }

const over: Over = { phase: 'over' }
const attached = (): Step<Open> => ({ next: { phase: 'open' }, effects: [{ kind: 'resume' }] })
const failed = (_: LinkState, { error }: { readonly error: PotorooError }): Step<Over> => ({
  next: over,
  effects: [{ kind: 'failed', error }],
})
const retired = (): Step<Over> => ({ next: over, effects: [] })

export const linkTable: Table<LinkState, LinkEvent, LinkEffect, Next> = {
  absent: {
    attached,
    detached: 'impossible',
    notYet: (_, { until }) => ({ next: { phase: 'absent', until }, effects: [] }),
    tick: (state, { now }) =>
      now < state.until
        ? { next: state, effects: [] }
        : { next: over, effects: [{ kind: 'lost', why: 'absent', reason: 'it is not there' }] },
    failed,
    retired,
  },
  open: {
    // Another connection takes the place of this one.
    attached,
    detached: (_, { until, reason }) => ({ next: { phase: 'interrupted', until, reason }, effects: [] }),
    notYet: 'ignore',
    tick: 'ignore',
    failed,
    retired,
  },
  interrupted: {
    attached,
    detached: 'impossible',
    // What has begun in a generation is active there: no patience is due.
    notYet: 'ignore',
    tick: (state, { now }) =>
      now < state.until
        ? { next: state, effects: [] }
        : { next: over, effects: [{ kind: 'lost', why: 'interrupted', reason: state.reason }] },
    failed,
    retired,
  },
  over: {
    attached: 'impossible',
    detached: 'ignore',
    notYet: 'ignore',
    tick: 'ignore',
    failed: 'ignore',
    retired: 'ignore',
  },
}
