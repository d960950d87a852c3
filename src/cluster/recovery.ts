/**
 * The coordinator's side of a new generation, from its record to its beginning (PROTOCOLS 1, 4, 11), as a total table.
 * An instance begins when a worker reads in the chain a generation record of which it is the coordinator, whether a
 * recovery or a rescale has made it, and is over when it reads the next one.
 *
 *     restoring ─ready from all─► active
 *         │ damaged, superseded     │ damaged, superseded
 *         └───────────► over ◄──────┘
 *
 * K1. The record stands in the chain, and counts, before anybody is told of the generation.
 * K2. A generation begins when every member has said, in the incarnation that the record names, that its part is ready.
 * K3. A member that is lost on the way is missed here and nowhere else: the rules of membership propose the generation
 *     that leaves it out, and its record ends this one. So a member that was only slow comes in late, and is welcome.
 * K4. Where a member finds damage, the next generation record names the older base that it found whole (PROTOCOLS 1,
 *     3); what others find damaged in that one, the generation after it names.
 * K5. A member says that it is ready from time to time until it is told that the generation has begun: it may have read
 *     the record before this coordinator did.
 */
import { decide, type Step, type Table } from '../base/table.ts'
import type { Member } from '../checkpoint/cluster.ts'

export interface RecoveryPlan {
  readonly generation: number
  readonly members: readonly Member[]
}

interface Common {
  readonly plan: RecoveryPlan
}

export type RecoveryState =
  | (Common & { readonly phase: 'restoring'; readonly missing: ReadonlySet<string> })
  | (Common & { readonly phase: 'active' })
  | (Common & { readonly phase: 'over' })

interface Answer {
  readonly worker: string
  readonly incarnation: string
  readonly generation: number
}

export type RecoveryEvent =
  | ({ readonly kind: 'ready' } & Answer)
  /**
   * A member cannot restore the base of a pipeline; `instead` is an older epoch that it can. Or, where that is
   * `LAST_EPOCH`, its state has been spoiled since, and it has to be restored once more.
   */
  | ({ readonly kind: 'damaged'; readonly pipeline: string; readonly instead: number } & Answer)
  /** A newer generation record stands. */
  | { readonly kind: 'superseded' }

export type RecoveryEffect =
  /** Tell every member that the record stands: it reads the chain, restores its part and says that it is ready. */
  | { readonly kind: 'tellGeneration'; readonly generation: number }
  /** Tell these members that everyone is ready. */
  | { readonly kind: 'tellActivate'; readonly generation: number; readonly workers: readonly string[] }
  /** A further generation is needed, with an older base of this pipeline (K4). */
  | { readonly kind: 'startOver'; readonly pipeline: string; readonly epoch: number }

type Next = {
  restoring: 'active' | 'over'
  active: 'over'
  over: never
}

type In<P extends RecoveryState['phase']> = Extract<RecoveryState, { phase: P }>
type Decided<P extends RecoveryState['phase']> = Step<In<P>, RecoveryEffect>

const NONE: readonly RecoveryEffect[] = []

/** Begins once the record stands in the chain (K1). */
export function startRecovery(plan: RecoveryPlan): Decided<'restoring'> {
  const missing = new Set(plan.members.map((member) => member.worker))
  return {
    next: { phase: 'restoring', plan, missing },
    effects: [{ kind: 'tellGeneration', generation: plan.generation }],
  }
}

/** The next state and the effects of `event`. */
export function stepRecovery(state: RecoveryState, event: RecoveryEvent): Step<RecoveryState, RecoveryEffect> {
  return decide('recovery', table, state, event)
}

const table: Table<RecoveryState, RecoveryEvent, RecoveryEffect, Next> = {
  restoring: {
    ready: (s, e) => {
      if (!counts(s, e)) return stay(s)
      const missing = new Set(s.missing)
      missing.delete(e.worker)
      if (missing.size > 0) return { next: { ...s, missing }, effects: NONE }
      const { generation, members } = s.plan
      const workers = members.map((member) => member.worker)
      return {
        next: { phase: 'active', plan: s.plan },
        effects: [{ kind: 'tellActivate', generation, workers }],
      }
    },
    damaged: startOver,
    superseded: over,
  },
  active: {
    ready: (s, e) => {
      if (!counts(s, e)) return stay(s)
      const { generation } = s.plan
      return { next: s, effects: [{ kind: 'tellActivate', generation, workers: [e.worker] }] }
    },
    damaged: startOver, // Of a pipeline that it has brought up since, or that was spoiled.
    superseded: over,
  },
  over: {
    ready: 'ignore',
    damaged: 'ignore',
    superseded: 'ignore',
  },
}

function stay<S>(state: S): Step<S, RecoveryEffect> {
  return { next: state, effects: NONE }
}

function counts(s: Common, answer: Answer): boolean {
  const { generation, members } = s.plan
  const member = members.find((one) => one.worker === answer.worker)
  return answer.generation === generation && member?.incarnation === answer.incarnation
}

/** A member needs an older base (K4). */
function startOver<S extends In<'restoring' | 'active'>>(
  s: S,
  e: Extract<RecoveryEvent, { kind: 'damaged' }>,
): Step<S, RecoveryEffect> | Decided<'over'> {
  if (!counts(s, e)) return stay(s)
  const { pipeline, instead } = e
  return { next: { phase: 'over', plan: s.plan }, effects: [{ kind: 'startOver', pipeline, epoch: instead }] }
}

function over(s: RecoveryState): Decided<'over'> {
  return { next: { phase: 'over', plan: s.plan }, effects: NONE }
}
