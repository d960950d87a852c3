/**
 * One worker's part in the checkpoints of one pipeline, within one generation (PROTOCOLS 5): it lets the barrier
 * through its tasks, has their state saved in one pack, says so, and learns how the epoch ended.
 *
 *     idle ─barrier─► saving ─every part saved─► packing ─pack durable─► waiting ─fate─► idle
 *                        │ abandoned, failed        │ abandoned, failed
 *                        ▼                          ▼
 *                     dropping ─all passed─► idle  idle
 *
 * D1. A barrier is acted on at first sight, whether the coordinator sent it or a channel brought it. It carries the
 *     fate of the epoch before, and the stores hear that before they freeze again: a delta is what has changed since
 *     the last *complete* epoch.
 * D2. `tellSaved` comes only when every part has been saved and the pack with all of it is durable.
 * D3. An abandoned epoch's barrier passes all the same; only what was saved is dropped. `tellPassed` comes only when it
 *     has passed every part.
 * D4. Sinks commit, producers hear `stable` and anything is trimmed only after the epoch's record has been *read* in
 *     the chain by this worker. The coordinator's word is enough only for what lies in memory (D1).
 */
import { assert } from '../base/assert.ts'
import type { Json } from '../base/json.ts'
import { decide, type Step, type Table } from '../base/table.ts'
import type { Barrier, Fate } from './barrier.ts'
import type { Counts, Snapshot } from './manifest.ts'
import type { PackHandle } from './pack-format.ts'

/** What one part, a task of this worker, has saved beside what it put into the pack. */
export interface PartSnapshot {
  readonly role: 'source' | 'keyed' | 'sink'
  readonly step: string
  /** For the manifest; `null` where the task puts nothing there. */
  readonly snapshot: Json
  readonly counts: Counts
}

interface Common {
  /** The tasks that a barrier passes on this worker. */
  readonly parts: ReadonlySet<string>
  /** The last epoch whose barrier was seen, 0 before the first. */
  readonly epoch: number
  /** The last epoch of this generation whose record was read in the chain, 0 before the first. */
  readonly committed: number
}

interface UnderWay extends Common {
  /** Parts that the barrier has not passed yet. */
  readonly ahead: ReadonlySet<string>
}

export type ParticipantState =
  | (Common & { readonly phase: 'idle' })
  | (UnderWay & { readonly phase: 'saving'; readonly saved: ReadonlyMap<string, PartSnapshot> })
  | (Common & { readonly phase: 'packing'; readonly saved: ReadonlyMap<string, PartSnapshot> })
  /** The coordinator has been told; the epoch may be complete already. */
  | (Common & { readonly phase: 'waiting' })
  | (UnderWay & { readonly phase: 'dropping' })
  | (Common & { readonly phase: 'stopped' })

export type ParticipantEvent =
  | { readonly kind: 'barrier'; readonly barrier: Barrier }
  /** The barrier has passed a part: it has frozen, or dropped, its state and sent the barrier on. */
  | { readonly kind: 'partPassed'; readonly epoch: number; readonly part: string }
  /** A part has handed over everything that it saves; a sink: all that came before has left its control. */
  | { readonly kind: 'partSaved'; readonly epoch: number; readonly part: string; readonly snapshot: PartSnapshot }
  | { readonly kind: 'partFailed'; readonly epoch: number; readonly part: string; readonly reason: string }
  /** The pack is durable; `null` where there was nothing to write. */
  | { readonly kind: 'packed'; readonly epoch: number; readonly pack: PackHandle | null }
  | { readonly kind: 'packFailed'; readonly epoch: number; readonly reason: string }
  /** The coordinator says how an epoch ended. */
  | { readonly kind: 'fate'; readonly fate: Fate }
  /** This worker has read the epoch's record in the chain, and it counts. */
  | { readonly kind: 'recorded'; readonly epoch: number }
  | { readonly kind: 'stop' }

export type ParticipantEffect =
  /** Cut the sources and send the barrier behind their last record; begin a pack; every part saves as it passes. */
  | { readonly kind: 'begin'; readonly barrier: Barrier }
  /** Finish the pack; answer `packed` or `packFailed`. */
  | { readonly kind: 'finishPack'; readonly epoch: number }
  /** Parts save nothing more of this epoch; the pack goes away. */
  | { readonly kind: 'drop'; readonly epoch: number }
  /** Tell every store: what this epoch saved is the new base, or has changed since the base still. */
  | { readonly kind: 'settle'; readonly fate: Fate }
  | { readonly kind: 'tellSaved'; readonly epoch: number; readonly snapshot: Snapshot }
  | { readonly kind: 'tellRefused'; readonly epoch: number; readonly reason: string }
  | { readonly kind: 'tellPassed'; readonly epoch: number }
  /** Read the chain up to this epoch's record; answer `recorded`. */
  | { readonly kind: 'readChain'; readonly epoch: number }
  /** Commit the sinks, tell producers `stable` (D4). */
  | { readonly kind: 'commit'; readonly epoch: number }

type Next = {
  idle: 'saving' | 'packing' | 'stopped'
  saving: 'packing' | 'dropping' | 'idle' | 'stopped'
  packing: 'waiting' | 'idle' | 'stopped'
  waiting: 'idle' | 'saving' | 'packing' | 'stopped'
  dropping: 'idle' | 'stopped'
  stopped: never
}

type In<P extends ParticipantState['phase']> = Extract<ParticipantState, { phase: P }>
type Decided<P extends ParticipantState['phase']> = Step<In<P>, ParticipantEffect>

const NONE: readonly ParticipantEffect[] = []

/** The state at the beginning of a generation, for a worker with these tasks. */
export function startParticipant(parts: ReadonlySet<string>): In<'idle'> {
  return { phase: 'idle', parts, epoch: 0, committed: 0 }
}

/** The next state and the effects of `event`. */
export function stepParticipant(
  state: ParticipantState,
  event: ParticipantEvent,
): Step<ParticipantState, ParticipantEffect> {
  return decide('checkpoint participant', table, state, event)
}

const table: Table<ParticipantState, ParticipantEvent, ParticipantEffect, Next> = {
  idle: {
    barrier: (s, e) => (e.barrier.epoch > s.epoch ? begin(s, e.barrier, NONE) : stay(s)),
    partPassed: 'ignore', // Of an epoch that was dropped here.
    partSaved: 'ignore',
    partFailed: 'ignore',
    packed: 'ignore',
    packFailed: 'ignore',
    fate: 'ignore', // The barrier or the chain was quicker.
    recorded: commit,
    stop,
  },
  saving: {
    barrier: repeated,
    partPassed: (s, e) => (e.epoch === s.epoch ? { next: passed(s, e.part), effects: NONE } : stay(s)),
    partSaved: (s, e) => {
      if (e.epoch !== s.epoch) return stay(s)
      const saved = new Map(s.saved).set(e.part, e.snapshot)
      const { ahead: _, ...rest } = s
      return saved.size === s.parts.size
        ? pack({ ...rest, saved })
        : { next: { ...passed(s, e.part), saved }, effects: NONE }
    },
    partFailed: (s, e) => (e.epoch === s.epoch ? refuse(s, `${e.part}: ${e.reason}`) : stay(s)),
    packed: 'ignore',
    packFailed: (s, e) => (e.epoch === s.epoch ? refuse(s, e.reason) : stay(s)),
    fate: (s, e) => (e.fate.epoch === s.epoch ? abandoned(s, e.fate) : stay(s)),
    recorded: commitEarlier,
    stop,
  },
  packing: {
    barrier: repeated,
    partPassed: 'ignore',
    partSaved: 'ignore',
    partFailed: 'ignore', // Everything of it has been handed over.
    packed: (s, e) => {
      if (e.epoch !== s.epoch) return stay(s)
      const { saved, ...rest } = s
      return {
        next: { ...rest, phase: 'waiting' },
        effects: [{ kind: 'tellSaved', epoch: s.epoch, snapshot: snapshotOf(saved, e.pack) }],
      }
    },
    packFailed: (s, e) => {
      if (e.epoch !== s.epoch) return stay(s)
      const { epoch } = s
      const dropped = drop(s)
      return { next: dropped.next, effects: [{ kind: 'tellRefused', epoch, reason: e.reason }, ...dropped.effects] }
    },
    fate: (s, e) => (e.fate.epoch === s.epoch ? drop(s, e.fate) : stay(s)),
    recorded: commitEarlier,
    stop,
  },
  waiting: {
    barrier: (s, e) => {
      const { epoch, previous } = e.barrier
      if (epoch <= s.epoch) return stay(s)
      assert(previous?.epoch === s.epoch, 'C1: a barrier carries the fate of the one before')
      return begin(s, e.barrier, settle(previous))
    },
    partPassed: 'ignore',
    partSaved: 'ignore',
    partFailed: 'ignore',
    packed: 'ignore',
    packFailed: 'ignore',
    fate: (s, e) => {
      if (e.fate.epoch !== s.epoch) return stay(s)
      return { next: { ...s, phase: 'idle' }, effects: settle(e.fate) }
    },
    recorded: (s, e) => {
      if (e.epoch < s.epoch) return commit(s, e)
      const committed = commit(s, e)
      return {
        next: { ...committed.next, phase: 'idle' },
        effects: [{ kind: 'settle', fate: { epoch: s.epoch, outcome: 'complete' } }, ...committed.effects],
      }
    },
    stop,
  },
  dropping: {
    barrier: repeated,
    partPassed: stillPassing,
    partSaved: stillPassing,
    partFailed: 'ignore', // A part that fails to save lets the barrier through all the same.
    packed: 'ignore',
    packFailed: 'ignore',
    fate: 'ignore', // It was dropped here before the coordinator gave it up.
    recorded: commitEarlier,
    stop,
  },
  stopped: {
    barrier: 'ignore',
    partPassed: 'ignore',
    partSaved: 'ignore',
    partFailed: 'ignore',
    packed: 'ignore',
    packFailed: 'ignore',
    fate: 'ignore',
    recorded: 'ignore', // The next generation's restore repeats the commit.
    stop: 'ignore',
  },
}

function stay<S>(state: S): Step<S, ParticipantEffect> {
  return { next: state, effects: NONE }
}

/** First sight of a barrier (D1); `before` settles the epoch before. */
function begin(
  s: In<'idle' | 'waiting'>,
  barrier: Barrier,
  before: readonly ParticipantEffect[],
): Decided<'saving' | 'packing'> {
  const { parts, committed } = s
  const { epoch } = barrier
  const effects: ParticipantEffect[] = [...before, { kind: 'begin', barrier }]
  const saved: ReadonlyMap<string, PartSnapshot> = new Map()
  if (parts.size > 0) return { next: { phase: 'saving', parts, epoch, committed, ahead: parts, saved }, effects }
  const packed = pack({ parts, epoch, committed, saved })
  return { next: packed.next, effects: [...effects, ...packed.effects] }
}

/** The barrier that is here already, brought once more. */
function repeated<S extends In<'saving' | 'packing' | 'dropping'>>(s: S, e: { readonly barrier: Barrier }) {
  assert(e.barrier.epoch <= s.epoch, 'C1: one epoch is under way')
  return stay(s)
}

function passed<S extends UnderWay>(s: S, part: string): S {
  const ahead = new Set(s.ahead)
  ahead.delete(part)
  return { ...s, ahead }
}

/** Every part has been saved. */
function pack(s: Omit<In<'packing'>, 'phase'>): Decided<'packing'> {
  return { next: { ...s, phase: 'packing' }, effects: [{ kind: 'finishPack', epoch: s.epoch }] }
}

/** What an epoch's end means for the stores, and, if it is complete, that the chain has to be read (D4). */
function settle(fate: Fate): readonly ParticipantEffect[] {
  const { epoch, outcome } = fate
  if (outcome === 'abandoned')
    return [
      { kind: 'drop', epoch },
      { kind: 'settle', fate },
    ]
  return [
    { kind: 'settle', fate },
    { kind: 'readChain', epoch },
  ]
}

/** This worker cannot save its part: it says so at once, and lets the barrier through. */
function refuse(s: In<'saving'>, reason: string): Decided<'dropping' | 'idle'> {
  const dropped = abandoned(s, { epoch: s.epoch, outcome: 'abandoned' })
  return { next: dropped.next, effects: [{ kind: 'tellRefused', epoch: s.epoch, reason }, ...dropped.effects] }
}

/** The epoch is dropped while its barrier may still be on the way (D3). */
function abandoned(s: In<'saving'>, fate: Fate): Decided<'dropping' | 'idle'> {
  assert(fate.outcome === 'abandoned', 'D2: an epoch is complete only when every member has saved its part')
  const { saved: _, ...rest } = s
  if (s.ahead.size > 0) return { next: { ...rest, phase: 'dropping' }, effects: settle(fate) }
  const { ahead: __, ...common } = rest
  return { next: { ...common, phase: 'idle' }, effects: [...settle(fate), { kind: 'tellPassed', epoch: s.epoch }] }
}

/** The epoch is dropped after its barrier has passed every part. */
function drop(s: In<'packing'>, fate: Fate = { epoch: s.epoch, outcome: 'abandoned' }): Decided<'idle'> {
  assert(fate.outcome === 'abandoned', 'D2: an epoch is complete only when every member has saved its part')
  const { saved: _, ...rest } = s
  return { next: { ...rest, phase: 'idle' }, effects: [...settle(fate), { kind: 'tellPassed', epoch: s.epoch }] }
}

function stillPassing(
  s: In<'dropping'>,
  e: { readonly epoch: number; readonly part: string },
): Decided<'dropping' | 'idle'> {
  if (e.epoch !== s.epoch) return stay(s)
  const next = passed(s, e.part)
  if (next.ahead.size > 0) return { next, effects: NONE }
  const { ahead: _, ...common } = next
  return { next: { ...common, phase: 'idle' }, effects: [{ kind: 'tellPassed', epoch: s.epoch }] }
}

/** The record of `epoch` has been read: its effects may leave the worker (D4), once. */
function commit<S extends ParticipantState>(s: S, e: { readonly epoch: number }): Step<S, ParticipantEffect> {
  if (e.epoch <= s.committed) return stay(s)
  return { next: { ...s, committed: e.epoch }, effects: [{ kind: 'commit', epoch: e.epoch }] }
}

/** A record is read while a later epoch is under way. */
function commitEarlier<S extends ParticipantState>(s: S, e: { readonly epoch: number }): Step<S, ParticipantEffect> {
  assert(e.epoch < s.epoch, 'D2: an epoch is complete only when every member has saved its part')
  return commit(s, e)
}

function stop(s: ParticipantState): Decided<'stopped'> {
  const { parts, epoch, committed } = s
  return { next: { phase: 'stopped', parts, epoch, committed }, effects: NONE }
}

/** What this worker has saved, for the manifest. */
function snapshotOf(saved: ReadonlyMap<string, PartSnapshot>, pack: PackHandle | null): Snapshot {
  const parts = [...saved.values()]
  const of = (role: PartSnapshot['role']) =>
    parts.filter((part) => part.role === role).map(({ step, snapshot }) => ({ step, snapshot }))
  const keys = parts.reduce((sum, part) => sum + part.counts.keys, 0)
  const records = parts.reduce((sum, part) => sum + part.counts.records, 0)
  return { pack, sources: of('source'), sinks: of('sink'), counts: { keys, records } }
}
