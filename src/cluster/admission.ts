/**
 * What a request for a change of owners is answered (`rescale.ts`): whether it can be met, now or at all, alone or
 * together with those that are gathered already.
 */
import type { Step } from '../base/table.ts'
import type { Common, In, Of, RescaleEffect, RescaleFrame, RescaleState, UnderWay } from './rescale-state.ts'
import { objectionTo, originWith, type Request, type Room } from './target.ts'

/** Whether it can be met now, with those that are gathered. */
export function admits(s: In<'idle' | 'gathering'>, e: Of<'request'>): boolean {
  return e.obstacle === null && objection(s, e) === null && objectionOfGathered(s, e) === null
}

/** Not now, or not at all. */
export function turnAway<S extends RescaleState>(s: S, e: Of<'request'>): Step<S, RescaleEffect> {
  const never = objection(s, e)
  if (never !== null) return { next: s, effects: [answer(e.request, 'refused', never)] }
  const reason = e.obstacle ?? objectionOfGathered(s, e) ?? 'a generation is beginning'
  return { next: s, effects: [answer(e.request, 'later', reason)] }
}

/** Why a request cannot be met in this generation at all. */
function objection({ frame }: Common, e: Of<'request'>): string | null {
  return objectionTo(frame, e.request, roomOf(frame, e))
}

/** Why it cannot be met together with those that are gathered: the last two who would stay ask both to leave. */
function objectionOfGathered(s: RescaleState, e: Of<'request'>): string | null {
  if (s.phase !== 'gathering') return null
  const { request } = e
  const others = [...s.requests].filter(([name]) => name !== nameOf(request)).map(([, one]) => one)
  // Loads were measured by those who have asked: one is enough.
  const measured = others.some(({ kind }) => kind === 'rebalance')
  if (request.kind === 'rebalance' && measured) return 'another rebalance is about to begin'
  return objectionTo(originWith(s.frame, others), request, roomOf(s.frame, e))
}

function roomOf({ settings: { workers } }: RescaleFrame, { room }: Of<'request'>): Room {
  if (room !== null && room.workers <= workers) return room
  return { workers, reason: `the cluster has ${workers} workers and takes no more` }
}

/** An attempt is under way: this request is part of it, or has to wait. */
export function busy<S extends UnderWay & RescaleState>(s: S, e: Of<'request'>): Step<S, RescaleEffect> {
  if (s.requests.has(nameOf(e.request))) return { next: s, effects: [accept(e.request)] }
  return { next: s, effects: [answer(e.request, 'later', 'another change of owners is under way')] }
}

export function accept(request: Request): RescaleEffect {
  return answer(request, 'accepted', '')
}

export function answer(request: Request, given: 'accepted' | 'later' | 'refused', reason: string): RescaleEffect {
  return { kind: 'answer', request, answer: given, reason }
}

/** Who asks for what: the same request made again takes the place of the first. */
export function nameOf(request: Request): string {
  const { kind } = request
  if (kind === 'renew') return kind
  if (kind === 'rebalance') return `rebalance ${request.number} of ${request.worker}`
  return kind === 'join' ? `join ${request.member.worker} ${request.member.incarnation}` : `leave ${request.worker}`
}

/** Who comes or goes by it; `null` where nobody does. */
export function workerOf(request: Request): string | null {
  if (request.kind === 'rebalance' || request.kind === 'renew') return null
  return request.kind === 'join' ? request.member.worker : request.worker
}
