/**
 * The coordinator's side of a new generation, from its record to its beginning (PROTOCOLS 1, 4), as a total table. One
 * instance lives as long as its generation; a rescale joins it where the record stands already.
 *
 *     appending ─appended─► restoring ─ready from all─► active
 *         │ not appended         │ broken, damaged         │ broken
 *         └──────────────────────┴───► over ◄──────────────┘
 *
 * K1. The record stands in the chain, and counts, before anybody is told of the generation.
 * K2. A generation begins when every member has said, in the incarnation that the record names, that its part is ready.
 * K3. What is lost on the way ends the generation; the next one starts over, and is proposed by the rules of membership,
 *     so that a member which is lost is left out and one that is slow is not.
 * K4. Where a member finds damage, the next generation record names the older base that it found whole (PROTOCOLS 1, 3);
 *     what others find damaged in that one, the generation after it names.
 * K5. A member that was ready is told again that the generation has begun whenever it says so again: its link may have
 *     lost the first word.
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
  | (Common & { readonly phase: 'appending' })
  | (Common & { readonly phase: 'restoring'; readonly missing: ReadonlySet<string> })
  | (Common & { readonly phase: 'active' })
  | (Common & { readonly phase: 'over' })

interface Answer {
  readonly worker: string
  readonly incarnation: string
  readonly generation: number
}

export type RecoveryEvent =
  /** The record stands in the chain as number `n`, and counts. */
  | { readonly kind: 'appended'; readonly n: number }
  /** Nothing was appended, and nothing will be. */
  | { readonly kind: 'notAppended' }
  | ({ readonly kind: 'ready' } & Answer)
  /** A member cannot restore the base of a pipeline; `instead` is an older epoch that it can. */
  | ({ readonly kind: 'damaged'; readonly pipeline: string; readonly instead: number } & Answer)
  /** The generation is over: a member is lost or has another incarnation, or a newer record stands. */
  | { readonly kind: 'broken' }

export type RecoveryEffect =
  /** Append the generation's record; answer `appended` or `notAppended`. */
  | { readonly kind: 'appendGeneration'; readonly plan: RecoveryPlan }
  /** Tell every member that a record stands at `n`: it reads the chain, restores its part and says that it is ready. */
  | { readonly kind: 'tellGeneration'; readonly generation: number; readonly n: number }
  /** Tell these members that everyone is ready. */
  | { readonly kind: 'tellActivate'; readonly generation: number; readonly workers: readonly string[] }
  /** A further generation is needed, with an older base of this pipeline (K4). */
  | { readonly kind: 'startOver'; readonly pipeline: string; readonly epoch: number }

type Next = {
  appending: 'restoring' | 'over'
  restoring: 'active' | 'over'
  active: 'over'
  over: never
}

type In<P extends RecoveryState['phase']> = Extract<RecoveryState, { phase: P }>
type Decided<P extends RecoveryState['phase']> = Step<In<P>, RecoveryEffect>

const NONE: readonly RecoveryEffect[] = []

/** Begins a recovery with the record that is to be appended. */
export function startRecovery(plan: RecoveryPlan): Decided<'appending'> {
  return {
    next: { phase: 'appending', plan },
    effects: [{ kind: 'appendGeneration', plan }],
  }
}

/** Goes on from a rescale whose record stands in the chain as number `n`. */
export function joinRecovery(plan: RecoveryPlan, n: number): Decided<'restoring'> {
  return tell({ phase: 'appending', plan }, n)
}

/** The next state and the effects of `event`. */
export function stepRecovery(state: RecoveryState, event: RecoveryEvent): Step<RecoveryState, RecoveryEffect> {
  return decide('recovery', table, state, event)
}

const table: Table<RecoveryState, RecoveryEvent, RecoveryEffect, Next> = {
  appending: {
    appended: (s, e) => tell(s, e.n),
    notAppended: over,
    ready: 'ignore', // Of a generation before: this one is not in the chain.
    damaged: 'ignore',
    broken: 'ignore', // Whether the record stands is not known yet: the append says.
  },
  restoring: {
    appended: 'impossible',
    notAppended: 'impossible',
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
    broken: over,
  },
  active: {
    appended: 'impossible',
    notAppended: 'impossible',
    ready: (s, e) => {
      if (!counts(s, e)) return stay(s)
      const { generation } = s.plan
      return { next: s, effects: [{ kind: 'tellActivate', generation, workers: [e.worker] }] }
    },
    damaged: 'ignore', // It has said that it is ready.
    broken: over,
  },
  over: {
    appended: 'impossible',
    notAppended: 'impossible',
    ready: 'ignore',
    damaged: 'ignore',
    broken: 'ignore',
  },
}

function stay<S>(state: S): Step<S, RecoveryEffect> {
  return { next: state, effects: NONE }
}

function tell(s: In<'appending'>, n: number): Decided<'restoring'> {
  const { plan } = s
  const missing = new Set(plan.members.map((member) => member.worker))
  return {
    next: { phase: 'restoring', plan, missing },
    effects: [{ kind: 'tellGeneration', generation: plan.generation, n }],
  }
}

function counts(s: Common, answer: Answer): boolean {
  const { generation, members } = s.plan
  const member = members.find((one) => one.worker === answer.worker)
  return answer.generation === generation && member?.incarnation === answer.incarnation
}

/** A member needs an older base (K4). */
function startOver(s: In<'restoring'>, e: Extract<RecoveryEvent, { kind: 'damaged' }>): Decided<'over' | 'restoring'> {
  if (!counts(s, e)) return stay(s)
  const { pipeline, instead } = e
  return { next: { phase: 'over', plan: s.plan }, effects: [{ kind: 'startOver', pipeline, epoch: instead }] }
}

function over(s: RecoveryState): Decided<'over'> {
  return { next: { phase: 'over', plan: s.plan }, effects: NONE }
}
