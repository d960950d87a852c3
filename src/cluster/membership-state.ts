/**
 * What a worker knows of its place in the cluster, what can happen to that, and what it asks to be done: the vocabulary
 * of `membership.ts` and `claim.ts`.
 */
import type { Step } from '../base/table.ts'
import { type Cluster, emptyCluster, type Member } from '../checkpoint/cluster.ts'
import type { Bases } from './generation.ts'
import type { Beating } from './standing.ts'

export interface MembershipSettings {
  readonly worker: string
  /** How long a cold start waits for the last generation's workers (`claim.ts`, V2). */
  readonly startGraceMs: number
  /** Workers that a new cluster waits for, up to `startGraceMs`. */
  readonly expected: number
  /** Workers that a cluster may have. */
  readonly workers: number
  /** How long the next in line waits for the one before it (`claim.ts`, V3). */
  readonly turnMs: number
  /** How long a contested set must stand (`claim.ts`, V4): longer than a beat is believed after its worker has died. */
  readonly settleMs: number
  /** The time between two requests to the coordinator. */
  readonly askMs: number
}

/** How far this worker's own proposal has come (`claim.ts`, V1). */
export type Bid = 'none' | 'rereading' | 'appending'

export interface Claim {
  /** The incarnations of the set. */
  readonly set: string
  /** By the monotonic clock. */
  readonly sinceMs: number
}

export interface Common {
  readonly settings: MembershipSettings
  readonly incarnation: string
  /** As this worker has read it. */
  readonly cluster: Cluster
  readonly bid: Bid
  /** The set that would be the next generation, and since when; `null` while the one that stands needs no other. */
  readonly claim: Claim | null
  /** When the coordinator was last asked for something; -Infinity before. */
  readonly askedMs: number
  readonly wantsOut: boolean
  /** This worker has nothing that others would lack (`wantsOut`): only key groups and splits, which move. */
  readonly empty: boolean
  /** Where damage was found: the bases that the next generation record has to name. */
  readonly bases: Bases
}

/** How far a member has come in its generation. */
export type Progress = 'restoring' | 'ready' | 'active'

export type MembershipState =
  | (Common & { readonly phase: 'booting' })
  /** It has read the chain and is no member; `sinceMs`: when that began. */
  | (Common & { readonly phase: 'following'; readonly sinceMs: number })
  | (Common & { readonly phase: 'joining'; readonly sinceMs: number })
  | (Common & { readonly phase: 'restoring' })
  | (Common & { readonly phase: 'ready' })
  | (Common & { readonly phase: 'active' })
  /** Works like an active member, and waits until it has nothing that others would lack. */
  | (Common & { readonly phase: 'leaving' })
  | (Common & { readonly phase: 'minority'; readonly was: Progress })
  | (Common & { readonly phase: 'fenced' })
  | (Common & { readonly phase: 'gone' })

export type MembershipEvent =
  /** The chain has been read, to its end at first and record by record later. */
  | { readonly kind: 'chain'; readonly cluster: Cluster; readonly nowMs: number }
  /** A seal stands on this incarnation's journal. */
  | { readonly kind: 'sealed' }
  /** The beats have been read; `reread`: after the chain was read to its end, as `reread` had asked. */
  | { readonly kind: 'beats'; readonly beating: Beating; readonly reread: boolean; readonly nowMs: number }
  /** A new incarnation, with empty state. */
  | { readonly kind: 'reborn'; readonly incarnation: string }
  /** The coordinator's answer to `askToJoin`: it will come with a record, or not now, or never. */
  | { readonly kind: 'joinAnswered'; readonly answer: 'accepted' | 'later' | 'refused'; readonly reason: string }
  /** Nothing was appended, and nothing will be. */
  | { readonly kind: 'notAppended'; readonly nowMs: number }
  /** This worker's own part of `generation` is in memory. */
  | { readonly kind: 'restored'; readonly generation: number }
  /** The coordinator has heard of every member that it is ready. */
  | { readonly kind: 'activate'; readonly generation: number }
  /** As coordinator: a member cannot restore its part of the base, and can restore that of an older epoch. */
  | { readonly kind: 'startOver'; readonly pipeline: string; readonly epoch: number }
  | { readonly kind: 'leave' }
  /** This worker has no stream, journal tail, pending segment or dead letter. */
  | { readonly kind: 'emptied' }
  /** `reason` is what the store has said; empty where it has not answered. */
  | { readonly kind: 'storeTimeout'; readonly reason: string }

export type MembershipEffect =
  /** Read the chain to its end, then all beats; answer `chain` where it has grown, then `beats` (`claim.ts`, V1). */
  | { readonly kind: 'reread' }
  /** Append a generation record after `generation`, or answer `notAppended`. */
  | { readonly kind: 'propose'; readonly after: number; readonly members: readonly Member[]; readonly bases: Bases }
  /** Bring this worker's part of `generation` into memory: what it holds and may keep, and what it lacks. */
  | { readonly kind: 'restore'; readonly generation: number }
  | { readonly kind: 'tellReady'; readonly generation: number }
  /** Exchange data of `generation`. */
  | { readonly kind: 'begin'; readonly generation: number }
  | { readonly kind: 'stopWork'; readonly reason: 'minority' | 'generation' | 'fenced' }
  | { readonly kind: 'resumeWork' }
  | { readonly kind: 'askToJoin'; readonly coordinator: Member }
  | { readonly kind: 'askToLeave'; readonly coordinator: Member }
  /** Drop all state and draw a new incarnation; answer `reborn`. */
  | { readonly kind: 'beginAnew' }
  /** Tell every member of this generation that its record stands. */
  | { readonly kind: 'tellGeneration'; readonly generation: number }
  | { readonly kind: 'exit'; readonly reason: 'left' | 'refused' | 'twice' | 'storeTimeout'; readonly detail: string }

export type In<P extends MembershipState['phase']> = Extract<MembershipState, { phase: P }>
export type Decided<P extends MembershipState['phase']> = Step<In<P>, MembershipEffect>
export type Of<K extends MembershipEvent['kind']> = Extract<MembershipEvent, { kind: K }>

/** A worker that has just drawn `incarnation`. Its first event is `chain`. */
export function startMembership(settings: MembershipSettings, incarnation: string): In<'booting'> {
  return {
    ...{ phase: 'booting', settings, incarnation, cluster: emptyCluster, bid: 'none', claim: null },
    ...{ askedMs: Number.NEGATIVE_INFINITY, wantsOut: false, empty: false, bases: [] },
  }
}

/** What every phase has. */
export function common(s: Common): Common {
  const { settings, incarnation, cluster, bid, claim, askedMs, wantsOut, empty, bases } = s
  return { settings, incarnation, cluster, bid, claim, askedMs, wantsOut, empty, bases }
}

/** Who this worker is. */
export function identity(s: Common): { readonly worker: string; readonly incarnation: string } {
  return { worker: s.settings.worker, incarnation: s.incarnation }
}

/** The coordinator that the last generation record names; nobody's incarnation before the first. */
export function coordinatorOf(cluster: Cluster): Member {
  const member = cluster.members.find((one) => one.worker === cluster.coordinator)
  return member ?? { worker: cluster.coordinator, incarnation: '', address: '' }
}

/** Nothing changes. */
export function stay<S>(state: S): Step<S, MembershipEffect> {
  return { next: state, effects: [] }
}
