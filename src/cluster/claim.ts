/**
 * When a worker claims the next generation (PROTOCOLS 4): the part of `membership.ts` that judges the beats.
 *
 * V1. Nothing is proposed on what was known before: the proposer reads the chain to its end and all beats once more,
 *     and proposes only what still holds then; and only for the generation after the one it has read. What was read
 *     once more is for that proposal alone: one that did not come of it begins anew.
 * V2. At a cold start (nobody beats in the incarnation that the last record names) the proposer waits up to
 *     `startGraceMs` for the last generation's workers.
 * V3. Only one of the set proposes at first, the coordinator before the others in the order of ids; the next in line
 *     follows after `turnMs`. That saves work; the chain alone makes it safe.
 * V4. While some candidate beats and is not in the set, the set may be wrong for a moment: a worker that has just died
 *     beats still when others no longer hear it, and one that has just come back beats before they do. So may the set
 *     of a reader that has hardly begun. Nothing follows, neither a proposal nor `minority`, before the same set has
 *     stood for `settleMs`.
 */
import type { Step } from '../base/table.ts'
import {
  type Bid,
  type Claim,
  type Common,
  coordinatorOf,
  type MembershipEffect,
  type MembershipState,
  type Of,
} from './membership-state.ts'
import { includes, type Standing } from './standing.ts'

const NONE: readonly MembershipEffect[] = []

/** Takes a step towards a new generation, where one is needed and it is this worker's turn (V1-V4). */
export function contend<S extends MembershipState>(
  s: S,
  e: Of<'beats'>,
  standing: Standing,
): Step<S, MembershipEffect> {
  const claim = claimOf(s, standing, e.nowMs)
  if (s.bid === 'appending') return { next: { ...s, claim }, effects: NONE }
  const included = standing.largest.some((member) => member.worker === s.settings.worker)
  if (claim === null || !included) return { next: { ...s, claim }, effects: NONE }
  const ripe = isSettled(s, claim, standing, e.nowMs)
  if (s.bid === 'rereading' && e.reread) {
    if (!ripe) return { next: { ...s, claim }, effects: NONE }
    const { generation } = s.cluster
    return {
      next: { ...s, bid: 'appending', claim },
      effects: [{ kind: 'propose', after: generation, members: standing.largest, bases: s.bases }],
    }
  }
  if (s.bid === 'none' && ripe && e.nowMs - claim.sinceMs >= turnOf(s, standing) * s.settings.turnMs) {
    return { next: { ...s, bid: 'rereading', claim }, effects: [{ kind: 'reread' }] }
  }
  return { next: { ...s, claim }, effects: NONE }
}

/** The claim of the largest set, as old as the set is; `null` where no new generation is needed, or not yet (V2). */
export function claimOf(s: MembershipState, standing: Standing, nowMs: number): Claim | null {
  if (!needsGeneration(s, standing, nowMs)) return null
  const set = standing.largest.map((member) => member.incarnation).join(' ')
  return s.claim?.set === set ? s.claim : { set, sinceMs: nowMs }
}

function needsGeneration(s: MembershipState, standing: Standing, nowMs: number): boolean {
  const { cluster, settings } = s
  if (standing.alive) return standing.missing.length > 0 || s.bases.length > 0
  const expected = cluster.generation === 0 ? standing.largest.length >= settings.expected : standing.complete
  return expected || !('sinceMs' in s) || nowMs - s.sinceMs >= settings.startGraceMs
}

/** Whether the set has stood for long enough (V4). */
export function isSettled(s: Common, claim: Claim, standing: Standing, nowMs: number): boolean {
  return !standing.contested || nowMs - claim.sinceMs >= s.settings.settleMs
}

/** How many propose before this worker (V3). */
function turnOf(s: MembershipState, standing: Standing): number {
  const { cluster, settings } = s
  const workers = standing.largest.map((member) => member.worker)
  const first = includes(standing.largest, coordinatorOf(cluster)) ? cluster.coordinator : null
  const order = first === null ? workers : [first, ...workers.filter((worker) => worker !== first)]
  return order.indexOf(settings.worker)
}

/**
 * All has been read once more, and `step` is what came of it for `s`: a bid that waited for that waits no more (V1).
 */
export function conclude(
  s: MembershipState,
  step: Step<MembershipState, MembershipEffect>,
): Step<MembershipState, MembershipEffect> {
  const { next, effects } = step
  return s.bid === 'rereading' && next.bid === 'rereading' ? { next: { ...next, bid: 'none' }, effects } : step
}

/** Nothing was appended: others have their turn before this worker tries again. */
export function withdraw<S extends MembershipState>(s: S, e: Of<'notAppended'>): Step<S, MembershipEffect> {
  const claim = s.claim && { ...s.claim, sinceMs: e.nowMs }
  return { next: { ...s, bid: 'none', claim }, effects: NONE }
}

/** A bid ends where it is no longer wanted; what is being appended is undecided until the chain is read. */
export function abandoned(bid: Bid): Bid {
  return bid === 'appending' ? bid : 'none'
}
