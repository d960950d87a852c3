/**
 * The coordinator of one pipeline's checkpoints, within one generation (PROTOCOLS 5): it begins epochs, hears what
 * every member has saved, has the manifest written and the record appended, and says how each epoch ended.
 *
 *     idle ─tick, request─► collecting ─all saved─► writing ─manifest─► recording ─read in the chain─► idle
 *                               │ late, refused        │ failed, late                 │ savepoint      │ rescale, drain
 *                               ▼                      ▼                              ▼                ▼
 *                           clearing ─all passed─►   idle                    linking ─linked─► idle   resting ─resume─► idle
 *
 * C1. At most one epoch is under way. The next barrier is sent only when the fate of the one before is known, and
 *     carries it.
 * C2. An epoch is complete only when its record has been read in the chain. While that is undecided nothing else
 *     happens: it is neither abandoned nor repeated (PROTOCOLS 1).
 * C3. Abandoning never cancels an alignment. No barrier is sent before the abandoned one has passed every task of every
 *     member, so that no channel ever holds two.
 * C4. An answer counts only from a member of this generation in its own incarnation, and for the epoch under way.
 * C5. After `maxAbandoned` failures in a row sources stop, and the reason names who is late; the next complete epoch
 *     lets them go on. Epochs go on being tried meanwhile.
 * C6. A savepoint is announced when its folder holds everything; its epoch is complete before that, whatever comes of
 *     it.
 * C7. Where the pipeline has failed on a member, no epoch comes about in this generation any more: sources stop, and
 *     whatever is asked for is refused at once. The member says so again at each barrier, so that nothing under way is
 *     cut short for it.
 */
import { assert } from '../base/assert.ts'
import { decide, type Step, type Table } from '../base/table.ts'
import { type Fate, holds, type Purpose, periodic } from './barrier.ts'
import type {
  Answer,
  CoordinatorEffect,
  CoordinatorEvent,
  CoordinatorPlan,
  CoordinatorState,
  Decided,
  In,
  Of,
  UnderWay,
} from './coordinator-state.ts'

type Next = {
  idle: 'collecting' | 'broken' | 'stopped'
  collecting: 'writing' | 'clearing' | 'idle' | 'broken' | 'stopped'
  clearing: 'idle' | 'broken' | 'stopped'
  writing: 'recording' | 'idle' | 'broken' | 'stopped'
  recording: 'idle' | 'linking' | 'resting' | 'stopped'
  linking: 'idle' | 'stopped'
  resting: 'idle' | 'stopped'
  broken: 'stopped'
  stopped: never
}

/** Why a request is refused where another one with a purpose has its place: soon there is room for it. */
export const WAITS = 'another request is waiting'
const NONE: readonly CoordinatorEffect[] = []

/** The state at the beginning of a generation; `epoch` is the greatest number of an epoch so far. */
export function startCoordinator(plan: CoordinatorPlan, epoch: number, nowMs: number): In<'idle'> {
  assert(plan.members.size > 0, 'a generation has members')
  const dueMs = nowMs + plan.intervalMs
  return { phase: 'idle', plan, epoch, fate: null, failures: 0, held: false, dueMs, requested: null }
}

/** The next state and the effects of `event`. */
export function stepCoordinator(
  state: CoordinatorState,
  event: CoordinatorEvent,
): Step<CoordinatorState, CoordinatorEffect> {
  return decide('checkpoint coordinator', table, state, event)
}

/**
 * When a tick has something to decide, by the monotonic clock in milliseconds: one that comes sooner changes nothing.
 */
export function tickAt(state: CoordinatorState): number {
  if (state.phase === 'idle') return state.dueMs
  // C2: undecided until something stands in the chain.
  return 'lateMs' in state && state.phase !== 'recording' ? state.lateMs : Infinity
}

const table: Table<CoordinatorState, CoordinatorEvent, CoordinatorEffect, Next> = {
  idle: {
    tick: (s, e) => (e.nowMs >= s.dueMs ? begin(s, s.requested ?? periodic, e.nowMs) : stay(s)),
    request: (s, e) => beginFor(s, e.purpose, e.nowMs),
    saved: 'ignore', // C4: late, the epoch was abandoned.
    refused: 'ignore',
    passed: 'ignore',
    failedOn: breakOff,
    manifestWritten: 'ignore', // The manifest of an abandoned epoch: no record names it.
    manifestFailed: 'ignore',
    recorded: 'impossible', // C2: nothing was appended.
    linked: 'ignore',
    linkFailed: 'ignore',
    resume: 'ignore',
    stop,
  },
  collecting: {
    tick: (s, e) => (e.nowMs >= s.lateMs ? abandon(s, e.nowMs, `nothing from ${names(unsaved(s))} in time`) : stay(s)),
    request: queue,
    saved: (s, e) => {
      if (!counts(s, e)) return stay(s)
      const saved = new Map(s.saved).set(e.worker, e.snapshot)
      if (saved.size < s.plan.members.size) return { next: { ...s, saved }, effects: NONE }
      const { saved: _, ...rest } = s
      return {
        next: { ...rest, phase: 'writing' },
        effects: [{ kind: 'writeManifest', epoch: s.epoch, snapshots: saved }],
      }
    },
    refused: (s, e) => (counts(s, e) ? abandon(s, e.nowMs, `${e.worker}: ${e.reason}`) : stay(s)),
    passed: 'ignore', // Of an epoch abandoned before.
    failedOn: breakOff,
    manifestWritten: 'ignore',
    manifestFailed: 'ignore',
    recorded: 'impossible',
    linked: 'ignore',
    linkFailed: 'ignore',
    resume: 'ignore',
    stop,
  },
  clearing: {
    tick: (s, e) => (e.nowMs >= s.lateMs ? stillClearing(s, e.nowMs) : stay(s)),
    request: queue,
    saved: cleared, // It was saved before the member heard of the end.
    refused: 'ignore',
    passed: cleared,
    failedOn: breakOff,
    manifestWritten: 'ignore',
    manifestFailed: 'ignore',
    recorded: 'impossible',
    linked: 'ignore',
    linkFailed: 'ignore',
    resume: 'ignore',
    stop,
  },
  writing: {
    tick: (s, e) => (e.nowMs >= s.lateMs ? giveUp(s, e.nowMs, 'the store is late with the manifest') : stay(s)),
    request: queue,
    saved: 'ignore',
    refused: 'ignore',
    passed: 'ignore',
    failedOn: breakOff,
    manifestWritten: (s, e) => {
      if (e.epoch !== s.epoch) return stay(s)
      return { next: { ...s, phase: 'recording' }, effects: [{ kind: 'appendEpoch', epoch: s.epoch }] }
    },
    manifestFailed: (s, e) => (e.epoch === s.epoch ? giveUp(s, e.nowMs, e.reason) : stay(s)),
    recorded: 'impossible',
    linked: 'ignore',
    linkFailed: 'ignore',
    resume: 'ignore',
    stop,
  },
  recording: {
    tick: 'ignore', // C2: undecided until something stands in the chain.
    request: queue,
    saved: 'ignore',
    refused: 'ignore',
    passed: 'ignore',
    failedOn: 'ignore', // C2, C7
    manifestWritten: 'ignore', // Of an epoch that was given up because the store was late.
    manifestFailed: 'ignore',
    recorded: complete,
    linked: 'ignore',
    linkFailed: 'ignore',
    resume: 'ignore',
    stop,
  },
  linking: {
    tick: (s, e) => (e.nowMs >= s.lateMs ? endSavepoint(s, 'the store is late') : stay(s)),
    request: queue,
    saved: 'ignore',
    refused: 'ignore',
    passed: 'ignore',
    failedOn: 'ignore', // C7
    manifestWritten: 'ignore', // Of an epoch that was given up because the store was late.
    manifestFailed: 'ignore',
    recorded: 'impossible',
    linked: (s, e) => (e.epoch === s.epoch ? endSavepoint(s, null) : stay(s)),
    linkFailed: (s, e) => (e.epoch === s.epoch ? endSavepoint(s, e.reason) : stay(s)),
    resume: 'ignore',
    stop,
  },
  resting: {
    tick: 'ignore',
    request: (s, e) => (mayFollow(s, e.purpose) ? queue(s, e) : refuse(s, e.purpose, 'the pipeline holds')),
    saved: 'ignore',
    refused: 'ignore',
    passed: 'ignore',
    failedOn: 'ignore', // C7
    manifestWritten: 'ignore', // Of an epoch that was given up because the store was late.
    manifestFailed: 'ignore',
    recorded: 'impossible',
    linked: 'ignore',
    linkFailed: 'ignore',
    resume: ({ purpose: _, ...s }, e) => ({ next: { ...s, phase: 'idle', dueMs: e.nowMs }, effects: NONE }),
    stop,
  },
  broken: {
    tick: 'ignore',
    request: (s, e) => refuse(s, e.purpose, s.reason),
    saved: 'ignore',
    refused: 'ignore',
    passed: 'ignore',
    failedOn: 'ignore',
    manifestWritten: 'ignore',
    manifestFailed: 'ignore',
    recorded: 'impossible', // C7: what was being appended was waited for.
    linked: 'ignore',
    linkFailed: 'ignore',
    resume: 'ignore',
    stop,
  },
  stopped: {
    tick: 'ignore',
    request: (s, e) => refuse(s, e.purpose, 'this worker no longer coordinates the pipeline'),
    saved: 'ignore',
    refused: 'ignore',
    passed: 'ignore',
    failedOn: 'ignore',
    manifestWritten: 'ignore',
    manifestFailed: 'ignore',
    recorded: 'ignore', // It stands in the chain; the next generation's coordinator knows by reading it.
    linked: 'ignore',
    linkFailed: 'ignore',
    resume: 'ignore',
    stop: 'ignore',
  },
}

function stay<S>(state: S): Step<S, CoordinatorEffect> {
  return { next: state, effects: NONE }
}

/** Sends the next barrier (C1). */
function begin(s: In<'idle'>, purpose: Purpose, nowMs: number): Decided<'collecting'> {
  const epoch = s.epoch + 1
  const lateMs = nowMs + s.plan.timeoutMs
  const dueMs = nowMs + s.plan.intervalMs
  return {
    next: { ...s, phase: 'collecting', epoch, purpose, lateMs, dueMs, requested: null, saved: new Map() },
    effects: [{ kind: 'inject', epoch, purpose, previous: s.fate }],
  }
}

/**
 * A request comes; one that has waited since the epoch before goes first. Of two that want all to hold the second is
 * refused: the epoch of the first would answer both, and nobody would be left to say `resume` after its own.
 */
function beginFor(s: In<'idle'>, purpose: Purpose, nowMs: number): Decided<'collecting'> {
  if (s.requested === null) return begin(s, purpose, nowMs)
  const { next, effects } = begin(s, s.requested, nowMs)
  if (!holds(purpose) || s.requested.kind !== purpose.kind) {
    return { next: { ...next, requested: purpose, dueMs: nowMs }, effects }
  }
  const refused = refuse(next, purpose, WAITS)
  return { next, effects: [...effects, ...refused.effects] }
}

/**
 * Keeps one request for the next epoch. Who wants any epoch is served by one with a purpose, and takes nobody's place:
 * readers ask for one behind the other. Of two with a purpose the second is refused.
 */
function queue<S extends CoordinatorState>(s: S, e: { readonly purpose: Purpose; readonly nowMs: number }) {
  const { requested } = s
  if (requested !== null && requested.kind !== 'periodic') {
    return e.purpose.kind === 'periodic' ? stay(s) : refuse(s, e.purpose, WAITS)
  }
  return { next: { ...s, requested: e.purpose, dueMs: e.nowMs }, effects: NONE }
}

/**
 * Whether what is asked for while all hold waits until they go on, or another generation begins. Nothing follows a
 * drain; and a change of owners that holds is the only one that there is.
 */
function mayFollow(s: In<'resting'>, purpose: Purpose): boolean {
  return s.purpose.kind === 'rescale' && purpose.kind !== 'rescale'
}

function refuse<S>(s: S, purpose: Purpose, reason: string): Step<S, CoordinatorEffect> {
  return { next: s, effects: [{ kind: 'refuseRequest', purpose, reason }] }
}

/** C4. */
function counts(s: CoordinatorState, answer: Answer): boolean {
  return answer.epoch === s.epoch && s.plan.members.get(answer.worker) === answer.incarnation
}

function unsaved(s: In<'collecting'>): ReadonlySet<string> {
  return new Set([...s.plan.members.keys()].filter((worker) => !s.saved.has(worker)))
}

function names(workers: ReadonlySet<string>): string {
  return [...workers].join(', ')
}

/** C7. An epoch under way is abandoned, and nothing follows whose barrier it could meet. */
function breakOff<S extends In<'idle' | 'collecting' | 'clearing' | 'writing'>>(
  s: S,
  e: Of<'failedOn'>,
): Decided<'broken'> | Step<S, CoordinatorEffect> {
  if (s.plan.members.get(e.worker) !== e.incarnation) return stay(s)
  const reason = `it has failed on ${e.worker}: ${e.reason}`
  const { plan, epoch, failures, dueMs } = s
  const state: In<'idle' | 'collecting' | 'clearing' | 'writing'> = s
  const purpose = state.phase === 'collecting' || state.phase === 'writing' ? state.purpose : null
  const fate: Fate | null = purpose === null ? s.fate : { epoch, outcome: 'abandoned' }
  const told: CoordinatorEffect[] = purpose === null ? [] : [{ kind: 'tellFate', fate: fate!, purpose, reason }]
  const common = { plan, epoch, failures, dueMs, fate, held: true, requested: null }
  return {
    next: { ...common, phase: 'broken', reason },
    effects: [...told, { kind: 'holdSources', reason }, { kind: 'refuseAll', reason }],
  }
}

/** The epoch will never be complete: members drop what they have saved, and those that have not are waited for (C3). */
function abandon(s: In<'collecting'>, nowMs: number, reason: string): Decided<'idle' | 'clearing'> {
  const { saved: _, ...rest } = s
  const failed = fail(rest, nowMs, reason)
  const missing = unsaved(s)
  return { next: { ...failed.next, phase: 'clearing', missing }, effects: failed.effects }
}

/** Every member has saved, but the epoch does not come about: nothing has to be cleared. */
function giveUp(s: In<'writing'>, nowMs: number, reason: string): Decided<'idle'> {
  const { purpose: _, lateMs: __, ...rest } = s
  const failed = fail(s, nowMs, reason)
  const { fate, failures, held } = failed.next
  return { next: { ...rest, phase: 'idle', fate, failures, held }, effects: failed.effects }
}

/** Counts a failure, tells the fate, and stops the sources after too many of them (C5). */
function fail<S extends UnderWay>(s: S, nowMs: number, reason: string): Step<S, CoordinatorEffect> {
  const fate: Fate = { epoch: s.epoch, outcome: 'abandoned' }
  const effects: CoordinatorEffect[] = [{ kind: 'tellFate', fate, purpose: s.purpose, reason }]
  if (s.purpose.kind !== 'periodic') effects.push({ kind: 'refuseRequest', purpose: s.purpose, reason })
  const counted = countFailure(s, nowMs, reason)
  return { next: { ...counted.next, fate }, effects: [...effects, ...counted.effects] }
}

function countFailure<S extends UnderWay>(s: S, nowMs: number, reason: string): Step<S, CoordinatorEffect> {
  const failures = s.failures + 1
  const held = failures >= s.plan.maxAbandoned
  return {
    next: { ...s, failures, held, lateMs: nowMs + s.plan.timeoutMs },
    effects: held && !s.held ? [{ kind: 'holdSources', reason }] : NONE,
  }
}

/** The abandoned barrier is still on its way: that is as bad as another failure (C5). */
function stillClearing(s: In<'clearing'>, nowMs: number): Decided<'clearing'> {
  return countFailure(s, nowMs, `the barrier of epoch ${s.epoch} has not passed ${names(s.missing)}`)
}

function cleared(s: In<'clearing'>, e: Answer): Decided<'idle' | 'clearing'> {
  if (!counts(s, e)) return stay(s)
  const missing = new Set(s.missing)
  missing.delete(e.worker)
  if (missing.size > 0) return { next: { ...s, missing }, effects: NONE }
  const { purpose: _, lateMs: __, missing: ___, ...rest } = s
  return { next: { ...rest, phase: 'idle' }, effects: NONE }
}

/** The epoch's record stands in the chain (C2). */
function complete(
  s: In<'recording'>,
  e: { readonly epoch: number; readonly nowMs: number },
): Decided<'recording' | 'idle' | 'linking' | 'resting'> {
  if (e.epoch !== s.epoch) return stay(s)
  const { purpose, lateMs: _, ...rest } = s
  const fate: Fate = { epoch: s.epoch, outcome: 'complete' }
  const effects: CoordinatorEffect[] = [{ kind: 'tellFate', fate, purpose, reason: '' }]
  if (s.held) effects.push({ kind: 'releaseSources' })
  const common = { ...rest, fate, failures: 0, held: false }
  if (purpose.kind === 'savepoint') {
    effects.push({ kind: 'linkSavepoint', epoch: s.epoch, name: purpose.name })
    const lateMs = e.nowMs + s.plan.timeoutMs
    return { next: { ...common, phase: 'linking', purpose, lateMs, savepoint: purpose.name }, effects }
  }
  return { next: holds(purpose) ? { ...common, phase: 'resting', purpose } : { ...common, phase: 'idle' }, effects }
}

function endSavepoint(s: In<'linking'>, failure: string | null): Decided<'idle'> {
  const { purpose, savepoint: name, lateMs: _, ...rest } = s
  const effect: CoordinatorEffect =
    failure === null
      ? { kind: 'announceSavepoint', epoch: s.epoch, name }
      : { kind: 'refuseRequest', purpose, reason: failure }
  return { next: { ...rest, phase: 'idle' }, effects: [effect] }
}

/** The generation is over: what is under way is left to the next one, which knows by the chain how it ended. */
function stop(s: CoordinatorState): Decided<'stopped'> {
  const { plan, epoch, fate, failures, held, dueMs, requested } = s
  const effects: CoordinatorEffect[] = []
  const reason = 'the generation has ended'
  const isUnderWay = 'purpose' in s && s.phase !== 'clearing' && s.phase !== 'resting'
  if (isUnderWay && s.purpose.kind !== 'periodic') {
    effects.push({ kind: 'refuseRequest', purpose: s.purpose, reason })
  }
  if (requested !== null) effects.push({ kind: 'refuseRequest', purpose: requested, reason })
  return { next: { phase: 'stopped', plan, epoch, fate, failures, held, dueMs, requested: null }, effects }
}
