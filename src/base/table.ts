/**
 * Protocols as total phase × event tables.
 *
 * T1. Every phase decides every event: a missing pair does not compile, `'impossible'` throws with both names.
 * T2. A handler is pure: it takes the state and the event and returns the next state and the effects. The caller
 *     executes the effects.
 * T3. `Next` names the legal moves: a handler that returns another phase does not compile.
 */
import { InvariantError } from './assert.ts'

/** A state is discriminated by `phase`, an event and an effect by `kind`. */
export interface Phased {
  readonly phase: string
}
export interface Kinded {
  readonly kind: string
}

/** What a handler returns. */
export interface Step<S, F> {
  readonly next: S
  readonly effects: readonly F[]
}

/** A decision for one pair: do nothing, it cannot happen, or compute. */
export type Decision<
  S extends Phased,
  E extends Kinded,
  F,
  P extends S['phase'],
  K extends E['kind'],
  To extends string,
> =
  | 'ignore'
  | 'impossible'
  | ((state: Extract<S, { phase: P }>, event: Extract<E, { kind: K }>) => Step<Extract<S, { phase: P | To }>, F>)

/** The whole protocol: `Next` maps each phase to the phases it may move to (it may always stay). */
export type Table<S extends Phased, E extends Kinded, F, Next extends Record<S['phase'], string>> = {
  readonly [P in S['phase']]: { readonly [K in E['kind']]: Decision<S, E, F, P, K, Next[P]> }
}

/** Decides `event` in `state` by `table`; `name` stands in the message when the pair is impossible. */
export function decide<S extends Phased, E extends Kinded, F>(
  name: string,
  // The table's own type is checked where it is written; here only the pair matters.
  table: { readonly [phase: string]: { readonly [kind: string]: unknown } },
  state: S,
  event: E,
): Step<S, F> {
  const decision = table[state.phase]?.[event.kind]
  if (decision === 'ignore') return { next: state, effects: [] }
  if (typeof decision === 'function') return decision(state, event) as Step<S, F>
  throw new InvariantError(`${name}: event "${event.kind}" in phase "${state.phase}" is impossible`)
}
