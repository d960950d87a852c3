/**
 * The life of one worker in a cluster (PROTOCOLS 4, 6), as a total table. It decides when to take over, when to stop
 * and when to begin anew; the chain decides what is so.
 *
 *     booting ─chain read─► following ─coordinator beats─► joining
 *                               │ own generation record      │ a record names it
 *                               ▼                            ▼
 *                           restoring ─own part─► ready ─all parts─► active ◄──► leaving ─a record without it─► gone
 *                               └──────────┬────────┴──────────────────┘
 *              not in the largest set ▼    ▼ a record without it, a seal
 *                               minority   fenced ─new incarnation─► booting
 *
 * M1. A generation is proposed only by a worker that belongs to the largest set of beating members that all hear each
 *     other; its members are that set. Who is a member and not in the set stops sources and sinks (`minority`).
 * M2. A generation in which a member's incarnation has changed is over. Who boots is no member before a record names
 *     its new incarnation; it never resumes what an earlier one was.
 * M3. Who reads a generation record without itself, or a seal on its journal, draws a new incarnation and begins with
 *     empty state before it asks to join. A record without a worker that had asked for it is the end of its leave.
 * M4. A worker that cannot decide an append for `storeTimeoutMs` ends: it may not know what it has appended.
 * M5. Of two processes under one name the one ends that is no member: the other would be fenced for each time that it
 *     is let in.
 * M6. Who is to leave and is no member ends once it has nothing that others would lack. What an earlier life has left
 *     in its journal it brings in first: it joins, and leaves as a member.
 */
import { assert } from '../base/assert.ts'
import { decide, type Step, type Table } from '../base/table.ts'
import { abandoned, claimOf, conclude, contend, isSettled, withdraw } from './claim.ts'
import { LAST_EPOCH } from './generation.ts'
import {
  type Common,
  common,
  coordinatorOf,
  type Decided,
  type In,
  identity,
  type MembershipEffect,
  type MembershipEvent,
  type MembershipState,
  type Of,
  type Progress,
  startMembership,
  stay,
} from './membership-state.ts'
import { includes, standingOf } from './standing.ts'

type Next = {
  booting: 'following' | 'restoring' | 'gone'
  following: 'joining' | 'restoring' | 'fenced' | 'gone'
  joining: 'following' | 'restoring' | 'fenced' | 'gone'
  restoring: 'ready' | 'minority' | 'fenced' | 'gone'
  ready: 'active' | 'leaving' | 'restoring' | 'minority' | 'fenced' | 'gone'
  active: 'leaving' | 'restoring' | 'minority' | 'fenced' | 'gone'
  leaving: 'restoring' | 'minority' | 'fenced' | 'gone'
  minority: 'restoring' | 'ready' | 'active' | 'leaving' | 'fenced' | 'gone'
  fenced: 'booting' | 'gone'
  gone: never
}

const NONE: readonly MembershipEffect[] = []

/** The next state and the effects of `event`. */
export function stepMembership(
  state: MembershipState,
  event: MembershipEvent,
): Step<MembershipState, MembershipEffect> {
  const step: Step<MembershipState, MembershipEffect> = decide('membership', table, state, event)
  return event.kind === 'beats' && event.reread ? conclude(state, step) : step
}

/** Whether this worker is the coordinator of the generation that it works in. */
export function coordinates(state: MembershipState): boolean {
  const { cluster, settings, incarnation } = state
  return cluster.coordinator === settings.worker && includes(cluster.members, { worker: settings.worker, incarnation })
}

const table: Table<MembershipState, MembershipEvent, MembershipEffect, Next> = {
  booting: {
    chain: (s, e) => {
      const { cluster } = e
      // Others may have heard it, and made it a member, before it had read anything.
      if (includes(cluster.members, identity(s))) return enter({ ...s, cluster })
      return { next: { ...s, phase: 'following', cluster, sinceMs: e.nowMs }, effects: NONE }
    },
    sealed: 'ignore', // Of an earlier incarnation.
    beats: 'ignore',
    reborn: 'impossible',
    joinAnswered: 'ignore',
    notAppended: 'ignore',
    restored: 'ignore',
    activate: 'ignore',
    startOver: 'ignore',
    leave: wantOut,
    emptied: 'ignore', // What its journal has is not known yet.
    storeTimeout,
  },
  following: {
    chain: outsideChain,
    sealed: fence,
    beats: (s, e) => {
      if (e.beating.twice !== 'no') return e.beating.twice === 'yes' ? end(s, 'twice', '') : stay(s)
      const standing = standingOf(s.cluster, e.beating, s.settings.workers)
      if (isStranger(s) && standing.alive) return ask(s, e)
      return contend(s, e, standing)
    },
    reborn: 'impossible',
    joinAnswered: 'ignore', // It has turned away from that coordinator.
    notAppended: withdraw,
    restored: 'ignore',
    activate: 'ignore',
    startOver: 'ignore',
    leave: wantOut,
    emptied: leaveOutside,
    storeTimeout,
  },
  joining: {
    chain: outsideChain,
    sealed: fence,
    beats: (s, e) => {
      if (e.beating.twice !== 'no') return e.beating.twice === 'yes' ? end(s, 'twice', '') : stay(s)
      return standingOf(s.cluster, e.beating, s.settings.workers).alive
        ? ask(s, e)
        : { next: follow(s, e.nowMs), effects: NONE }
    },
    reborn: 'impossible',
    joinAnswered: (s, e) => (e.answer === 'refused' ? end(s, 'refused', e.reason) : stay(s)),
    notAppended: 'ignore', // It bids for nothing while it joins.
    restored: 'ignore',
    activate: 'ignore',
    startOver: 'ignore',
    leave: wantOut,
    emptied: leaveOutside,
    storeTimeout,
  },
  restoring: {
    chain: memberChain,
    sealed: fence,
    beats: memberBeats,
    reborn: 'impossible',
    joinAnswered: 'ignore',
    notAppended: withdraw,
    restored: (s, e) => {
      const { generation } = s.cluster
      if (e.generation !== generation) return stay(s)
      return { next: { ...s, phase: 'ready' }, effects: [{ kind: 'tellReady', generation }] }
    },
    activate: (s, e) => {
      assert(e.generation < s.cluster.generation, 'a generation begins when every member is ready')
      return stay(s)
    },
    startOver: noteDamage,
    leave: wantOut,
    emptied: noteEmpty,
    storeTimeout,
  },
  ready: {
    chain: memberChain,
    sealed: fence,
    beats: (s, e) => {
      const judged = memberBeats(s, e)
      return judged.next.phase === 'ready' ? tellAgain(judged.next, judged.effects, e.nowMs) : judged
    },
    reborn: 'impossible',
    joinAnswered: 'ignore',
    notAppended: withdraw,
    restored: 'ignore',
    activate: (s, e) => {
      const { generation } = s.cluster
      assert(e.generation <= generation, 'who is ready has read the record')
      if (e.generation < generation) return stay(s)
      return { next: { ...s, phase: s.wantsOut ? 'leaving' : 'active' }, effects: [{ kind: 'begin', generation }] }
    },
    startOver: noteDamage,
    leave: wantOut,
    emptied: noteEmpty,
    storeTimeout,
  },
  active: {
    chain: memberChain,
    sealed: fence,
    beats: memberBeats,
    reborn: 'impossible',
    joinAnswered: 'ignore',
    notAppended: withdraw,
    restored: 'ignore',
    activate: 'ignore', // Told twice.
    startOver: noteDamage,
    leave: (s) => ({ next: { ...s, phase: 'leaving', wantsOut: true }, effects: NONE }),
    emptied: noteEmpty,
    storeTimeout,
  },
  leaving: {
    chain: memberChain,
    sealed: fence,
    beats: (s, e) => {
      const judged = memberBeats(s, e)
      return judged.next.phase === 'leaving' ? askOut(judged.next, judged.effects, e.nowMs) : judged
    },
    reborn: 'impossible',
    joinAnswered: 'ignore',
    notAppended: withdraw,
    restored: 'ignore',
    activate: 'ignore',
    startOver: noteDamage,
    leave: 'ignore',
    emptied: noteEmpty,
    storeTimeout,
  },
  minority: {
    chain: memberChain,
    sealed: fence,
    beats: minorityBeats,
    reborn: 'impossible',
    joinAnswered: 'ignore',
    notAppended: withdraw,
    restored: (s, e) => {
      const { generation } = s.cluster
      if (e.generation !== generation || s.was !== 'restoring') return stay(s)
      return { next: { ...s, was: 'ready' }, effects: [{ kind: 'tellReady', generation }] }
    },
    activate: (s, e) => {
      const { generation } = s.cluster
      assert(e.generation < generation || s.was !== 'restoring', 'a generation begins when every member is ready')
      // Its data are exchanged, while sources and sinks stay stopped.
      if (e.generation < generation || s.was !== 'ready') return stay(s)
      return { next: { ...s, was: 'active' }, effects: [{ kind: 'begin', generation }, stopped('minority')] }
    },
    startOver: noteDamage, // The others may propose first, or never come to it.
    leave: wantOut,
    emptied: noteEmpty,
    storeTimeout,
  },
  fenced: {
    chain: (s, e) => ({ next: { ...s, cluster: e.cluster }, effects: NONE }),
    sealed: 'ignore',
    beats: 'ignore',
    reborn: (s, e) => {
      assert(e.incarnation !== s.incarnation, 'M3: an incarnation is drawn anew')
      const { settings, wantsOut } = s
      return { next: { ...startMembership(settings, e.incarnation), wantsOut }, effects: NONE }
    },
    joinAnswered: 'ignore',
    notAppended: 'ignore',
    restored: 'ignore',
    activate: 'ignore',
    startOver: 'ignore',
    leave: wantOut,
    emptied: 'ignore', // Of the state that it drops.
    storeTimeout,
  },
  gone: {
    chain: 'ignore',
    sealed: 'ignore',
    beats: 'ignore',
    reborn: 'ignore',
    joinAnswered: 'ignore',
    notAppended: 'ignore',
    restored: 'ignore',
    activate: 'ignore',
    startOver: 'ignore',
    leave: 'ignore',
    emptied: 'ignore',
    storeTimeout: 'ignore',
  },
}

// ── The chain ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** A worker that is no member reads on: a record may name it. */
function outsideChain<S extends In<'following' | 'joining'>>(
  s: S,
  e: Of<'chain'>,
): Decided<'following' | 'restoring'> | Step<S, MembershipEffect> {
  const { cluster } = e
  if (cluster.generation === s.cluster.generation) return { next: { ...s, cluster }, effects: NONE }
  if (includes(cluster.members, identity(s))) return enter({ ...s, cluster })
  return { next: follow({ ...s, cluster }, e.nowMs), effects: NONE }
}

/** A member reads on: the next generation names it, or it is fenced (M3), or it has left. */
function memberChain<S extends MembershipState>(
  s: S,
  e: Of<'chain'>,
): Decided<'restoring' | 'fenced' | 'gone'> | Step<S, MembershipEffect> {
  const { cluster } = e
  if (cluster.generation === s.cluster.generation) return { next: { ...s, cluster }, effects: NONE }
  if (includes(cluster.members, identity(s))) {
    const entered = enter({ ...s, cluster })
    return { next: entered.next, effects: [stopped('generation'), ...entered.effects] }
  }
  if (s.wantsOut && s.empty) {
    const left = end({ ...s, cluster }, 'left', '')
    // Its successor would find out by itself, later.
    return { next: left.next, effects: [{ kind: 'tellGeneration', generation: cluster.generation }, ...left.effects] }
  }
  return fence({ ...s, cluster })
}

/** Begins with its part of the generation that `s.cluster` is. */
function enter(s: Common): Decided<'restoring'> {
  return {
    next: { ...common(s), phase: 'restoring', bid: 'none', claim: null, empty: false, bases: [] },
    effects: [{ kind: 'restore', generation: s.cluster.generation }],
  }
}

function fence(s: Common): Decided<'fenced'> {
  return {
    next: { ...common(s), phase: 'fenced', bid: 'none', claim: null, empty: false },
    effects: [stopped('fenced'), { kind: 'beginAnew' }],
  }
}

// ── The beats ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** What the beats mean for a member: all is well, or it may take over, or it is in a minority (M1; `claim.ts`, V4). */
function memberBeats<S extends In<'restoring' | 'ready' | 'active' | 'leaving'>>(
  s: S,
  e: Of<'beats'>,
): Decided<'minority'> | Step<S, MembershipEffect> {
  const standing = standingOf(s.cluster, e.beating, s.settings.workers)
  const claim = claimOf(s, standing, e.nowMs)
  if (includes(standing.largest, identity(s))) return contend(s, e, standing)
  if (claim === null || !isSettled(s, claim, standing, e.nowMs)) return { next: { ...s, claim }, effects: NONE }
  const was: Progress = s.phase === 'leaving' ? 'active' : s.phase
  return {
    next: { ...common(s), phase: 'minority', bid: abandoned(s.bid), claim, was },
    effects: [stopped('minority')],
  }
}

/** Back in the largest set: the generation goes on, or a new one is needed. */
function minorityBeats(
  s: In<'minority'>,
  e: Of<'beats'>,
): Decided<'minority' | 'restoring' | 'ready' | 'active' | 'leaving'> {
  const standing = standingOf(s.cluster, e.beating, s.settings.workers)
  if (!includes(standing.largest, identity(s))) {
    return { next: { ...s, bid: abandoned(s.bid), claim: claimOf(s, standing, e.nowMs) }, effects: NONE }
  }
  if (standing.missing.length > 0) return contend(s, e, standing)
  const phase = s.was === 'active' && s.wantsOut ? 'leaving' : s.was
  const next = { ...common(s), phase, claim: null } as In<Progress | 'leaving'>
  // What has not begun yet was stopped as well, and would begin so.
  return { next, effects: [{ kind: 'resumeWork' }] }
}

/** Says from time to time that it is ready: the coordinator may not have known of the generation at first. */
function tellAgain(s: In<'ready'>, effects: readonly MembershipEffect[], nowMs: number): Decided<'ready'> {
  if (nowMs - s.askedMs < s.settings.askMs) return { next: s, effects }
  const { generation } = s.cluster
  return { next: { ...s, askedMs: nowMs }, effects: [...effects, { kind: 'tellReady', generation }] }
}

/**
 * Damage was found, and the next generation has an older base; or it is needed to go back to the last one
 * (`LAST_EPOCH`).
 */
function noteDamage<S extends In<'restoring' | 'ready' | 'active' | 'leaving' | 'minority'>>(
  s: S,
  e: Of<'startOver'>,
): Step<S, MembershipEffect> {
  const known = s.bases.find(([pipeline]) => pipeline === e.pipeline)
  // Who goes back further goes back behind the last epoch, too.
  if (known !== undefined && e.epoch === LAST_EPOCH) return stay(s)
  const bases = [...s.bases.filter((base) => base !== known), [e.pipeline, e.epoch] as const]
  return { next: { ...s, bases }, effects: NONE }
}

// ── Joining and leaving ────────────────────────────────────────────────────────────────────────────────────────────

/** No member in any incarnation: it comes by joining. */
function isStranger(s: Common): boolean {
  return !s.cluster.members.some((member) => member.worker === s.settings.worker)
}

/** Asks the coordinator to be taken in, from time to time, once it beats. */
function ask(s: In<'following' | 'joining'>, e: Of<'beats'>): Decided<'following' | 'joining'> {
  const coordinator = coordinatorOf(s.cluster)
  const beats = e.beating.beats.get(coordinator.worker)?.incarnation === coordinator.incarnation
  if (!beats || s.bid === 'appending') return { next: follow(s, s.sinceMs), effects: NONE }
  if (e.nowMs - s.askedMs < s.settings.askMs) return stay(s)
  const { sinceMs } = s
  return {
    next: { ...common(s), phase: 'joining', bid: 'none', claim: null, askedMs: e.nowMs, sinceMs },
    effects: [{ kind: 'askToJoin', coordinator }],
  }
}

/** Asks the coordinator to be left out, from time to time, once it has nothing that others would lack. */
function askOut(s: In<'leaving'>, effects: readonly MembershipEffect[], nowMs: number): Decided<'leaving'> {
  if (!s.empty || nowMs - s.askedMs < s.settings.askMs) return { next: s, effects }
  return {
    next: { ...s, askedMs: nowMs },
    effects: [...effects, { kind: 'askToLeave', coordinator: coordinatorOf(s.cluster) }],
  }
}

function wantOut<S extends MembershipState>(s: S): Step<S, MembershipEffect> {
  return { next: { ...s, wantsOut: true }, effects: NONE }
}

/** M6. */
function leaveOutside<S extends In<'following' | 'joining'>>(s: S): Decided<'gone'> | Step<S, MembershipEffect> {
  return s.wantsOut ? end(s, 'left', '') : stay(s)
}

function noteEmpty<S extends MembershipState>(s: S): Step<S, MembershipEffect> {
  return { next: { ...s, empty: true }, effects: NONE }
}

// ── The end ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** M4. */
function storeTimeout(s: MembershipState, { reason }: { readonly reason: string }): Decided<'gone'> {
  return end(s, 'storeTimeout', reason)
}

function end(s: Common, reason: 'left' | 'refused' | 'twice' | 'storeTimeout', detail: string): Decided<'gone'> {
  return { next: { ...common(s), phase: 'gone', bid: 'none' }, effects: [{ kind: 'exit', reason, detail }] }
}

function stopped(reason: 'minority' | 'generation' | 'fenced'): MembershipEffect {
  return { kind: 'stopWork', reason }
}

function follow(s: Common, sinceMs: number): In<'following'> {
  return { ...common(s), phase: 'following', sinceMs }
}
