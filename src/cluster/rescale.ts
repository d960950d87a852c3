/**
 * The coordinator's side of a change of owners (PROTOCOLS 11, 17), as a total table: join, leave, rebalance. One
 * instance lives as long as its generation.
 *
 *                                              ┌──── too slow ────┐
 *                                              ▼                  │
 *     idle ─request─► gathering ─► copying ─► freshening ─► copying ─► holding ─► handing ─► committing
 *       ▲                             │            │           │          │          │           │ the next
 *       └─────────── release ─────────┴────────────┴───────────┴──────────┴──────────┘           ▼ record
 *                                                                                             stopped
 *
 * H1. Up to the commit nothing has changed: any failure releases the hold, and the generation goes on as it was.
 * H2. The generation record with the new owners is the commit. It is appended only when every pipeline holds behind a
 *     complete epoch and every receiver has read the rest; whether it stands is undecided until the chain has been
 *     read, and until then nothing is released. What then begins the generation is `recovery.ts`, as after a failure.
 * H3. After the commit nothing here fails: what is lost then is an ordinary recovery.
 * H4. A pipeline that holds, or comes to hold, for a rescale that was given up is released whenever that is learned. It
 *     is released from that attempt: what belongs to the one under way stays where it is.
 * H5. An answer counts only for the attempt under way, from the worker in its incarnation.
 * H6. A pipeline that does not hold in time is named, and ends the attempt; with `skipStalled` the others go on without
 *     it, and after the commit it is restored from its last epoch.
 * H7. The links of a newcomer may end within the generation, and begin anew: what was on the way is gone. An attempt
 *     counts on the sessions that its request has named, and is given up where there has been another.
 */
import { decide, type Step, type Table } from '../base/table.ts'
import { accept, admits, answer, busy, nameOf, turnAway, workerOf } from './admission.ts'
import type {
  Common,
  Copied,
  Decided,
  In,
  Of,
  Requests,
  RescaleEffect,
  RescaleEvent,
  RescaleFrame,
  RescaleState,
  Revocable,
  Round,
  UnderWay,
  Waiting,
} from './rescale-state.ts'
import { type Target, targetOf } from './target.ts'

type Next = {
  idle: 'gathering' | 'stopped'
  gathering: 'idle' | 'copying' | 'freshening' | 'holding' | 'handing' | 'committing' | 'stopped'
  copying: 'idle' | 'freshening' | 'holding' | 'handing' | 'committing' | 'stopped'
  freshening: 'idle' | 'copying' | 'holding' | 'handing' | 'committing' | 'stopped'
  holding: 'idle' | 'handing' | 'committing' | 'stopped'
  handing: 'idle' | 'committing' | 'stopped'
  committing: 'idle' | 'stopped'
  stopped: never
}

const NONE: readonly RescaleEffect[] = []

/** What may be copied after a round before everything holds. */
const followUp = { base: 'recent', recent: 'newer', newer: 'newest', newest: null } as const

/** The state at the beginning of a generation. */
export function startRescale(frame: RescaleFrame): In<'idle'> {
  return { phase: 'idle', frame, attempt: 0 }
}

/** The next state and the effects of `event`. */
export function stepRescale(state: RescaleState, event: RescaleEvent): Step<RescaleState, RescaleEffect> {
  return decide('rescale', table, state, event)
}

const table: Table<RescaleState, RescaleEvent, RescaleEffect, Next> = {
  idle: {
    request: (s, e) => {
      const { frame, attempt } = s
      if (!admits(s, e)) return turnAway(s, e)
      const requests: Requests = new Map([[nameOf(e.request), e.request]])
      const dueMs = e.nowMs + frame.settings.gatherMs
      return { next: { phase: 'gathering', frame, attempt, requests, dueMs }, effects: [accept(e.request)] }
    },
    tick: 'ignore',
    arrived: 'ignore', // H5
    epochComplete: releaseLate,
    epochFailed: 'ignore',
    pipelineEnded: 'ignore',
    lost: 'ignore',
    notAppended: 'impossible', // H2: a decided append was answered.
    stop,
  },
  gathering: {
    request: (s, e) => {
      if (!admits(s, e)) return turnAway(s, e)
      const requests = new Map(s.requests).set(nameOf(e.request), e.request)
      return { next: { ...s, requests }, effects: [accept(e.request)] }
    },
    tick: (s, e) => (e.nowMs >= s.dueMs ? begin(s, e) : stay(s)),
    arrived: 'ignore',
    epochComplete: releaseLate,
    epochFailed: 'ignore',
    pipelineEnded: 'ignore',
    lost: (s, e) => {
      const requests = new Map([...s.requests].filter(([, request]) => workerOf(request) !== e.worker))
      const { frame, attempt } = s
      return requests.size > 0
        ? { next: { ...s, requests }, effects: NONE }
        : { next: { phase: 'idle', frame, attempt }, effects: NONE }
    },
    notAppended: 'impossible',
    stop,
  },
  copying: {
    request: meanwhile,
    tick: (s, e) => (e.nowMs >= s.lateMs ? giveUp(s, `${names(s.missing)} did not get everything in time`) : stay(s)),
    arrived: (s, e) => {
      const missing = heardFrom(s, e, s.round)
      if (missing === null) return stay(s)
      if (missing.size > 0) return { next: { ...s, missing }, effects: NONE }
      const round = followUp[s.round]
      const isFresh = round === null || (s.round !== 'base' && e.nowMs - s.sinceMs <= s.frame.settings.freshMs)
      return isFresh ? hold(s, e.nowMs) : freshen(s, round, e.nowMs)
    },
    epochComplete: releaseEarlier,
    epochFailed: 'ignore', // An ordinary one, or of an attempt before.
    pipelineEnded: (s, e) => ({ next: without(s, e.pipeline), effects: NONE }),
    lost: (s, e) => giveUp(s, e.reason),
    notAppended: 'impossible',
    stop,
  },
  freshening: {
    request: meanwhile,
    tick: (s, e) => {
      if (e.nowMs >= s.lateMs) return stalled(s, (rest) => freshened(rest, e.nowMs))
      return { next: { ...s, again: new Set() }, effects: epochsOf(s.again, false) }
    },
    arrived: 'ignore',
    epochComplete: (s, e) => {
      if (e.holds) return releaseEarlier(s, e)
      if (!s.missing.has(e.pipeline)) return stay(s)
      return freshened({ ...s, missing: except(s.missing, e.pipeline) }, e.nowMs)
    },
    epochFailed: (s, e) => {
      if (!s.missing.has(e.pipeline)) return stay(s)
      return { next: { ...s, again: new Set(s.again).add(e.pipeline) }, effects: NONE }
    },
    pipelineEnded: (s, e) => freshened(forgo(s, e.pipeline), e.nowMs),
    lost: (s, e) => giveUp(s, e.reason),
    notAppended: 'impossible',
    stop,
  },
  holding: {
    request: meanwhile,
    tick: (s, e) => (e.nowMs >= s.lateMs ? stalled(s, (rest) => allHold(rest, e.nowMs)) : stay(s)),
    arrived: 'ignore',
    epochComplete: (s, e) => {
      if (!e.holds || !s.missing.has(e.pipeline)) return holdsToo(s, e)
      const held = new Set(s.held).add(e.pipeline)
      return allHold({ ...s, held, missing: except(s.missing, e.pipeline) }, e.nowMs)
    },
    epochFailed: (s, e) => {
      if (!s.missing.has(e.pipeline)) return stay(s)
      if (skips(s)) return allHold(forgo(s, e.pipeline), e.nowMs)
      return giveUp(s, `pipeline ${e.pipeline}: ${e.reason}`)
    },
    pipelineEnded: (s, e) => allHold(forgo(s, e.pipeline), e.nowMs),
    lost: (s, e) => giveUp(s, e.reason),
    notAppended: 'impossible',
    stop,
  },
  handing: {
    request: meanwhile,
    tick: (s, e) => (e.nowMs >= s.lateMs ? giveUp(s, `${names(s.missing)} did not get everything in time`) : stay(s)),
    arrived: (s, e) => {
      const missing = heardFrom(s, e, 'last')
      if (missing === null) return stay(s)
      return missing.size > 0 ? { next: { ...s, missing }, effects: NONE } : commit(s)
    },
    epochComplete: holdsToo,
    epochFailed: 'ignore',
    pipelineEnded: (s, e) => ({ next: without(s, e.pipeline), effects: NONE }),
    lost: (s, e) => giveUp(s, e.reason),
    notAppended: 'impossible',
    stop,
  },
  committing: {
    request: busy,
    tick: 'ignore', // H2
    arrived: 'ignore',
    epochComplete: holdsToo,
    epochFailed: 'ignore',
    pipelineEnded: 'ignore',
    lost: 'ignore', // H2: once it is known whether the record stands, membership ends the generation that does.
    notAppended: (s, e) => giveUp(s, e.reason),
    stop,
  },
  stopped: {
    request: (s, e) => turnAway(s, e),
    tick: 'ignore',
    arrived: 'ignore',
    epochComplete: 'ignore', // The next generation knows by the chain; nobody holds over its record.
    epochFailed: 'ignore',
    pipelineEnded: 'ignore',
    lost: 'ignore', // H3
    notAppended: 'ignore', // The chain has said why already.
    stop: 'ignore',
  },
}

// ── The way to the commit ──────────────────────────────────────────────────────────────────────────────────────────

/** (1) Bases are copied in the background. */
function begin(s: In<'gathering'>, e: Of<'tick'>): Decided<'idle' | 'copying' | 'holding' | 'handing' | 'committing'> {
  const { frame, requests } = s
  const attempt = s.attempt + 1
  const target = targetOf(frame, [...requests.values()])
  if (target === null) return { next: { phase: 'idle', frame, attempt }, effects: NONE }
  const moving = {
    ...{ frame, attempt, requests, target, pipelines: new Set(e.pipelines), held: new Set<string>() },
    lateMs: e.nowMs + frame.settings.copyMs,
  }
  const announce: RescaleEffect = { kind: 'announce', attempt, moves: target.moves }
  const missing = receivers(target)
  if (missing.size === 0) return after([announce], hold({ ...moving, missing }, e.nowMs))
  return {
    next: { ...moving, phase: 'copying', round: 'base', sinceMs: e.nowMs, missing },
    effects: [announce, { kind: 'askRound', attempt, round: 'base' }],
  }
}

/**
 * (2) An epoch of each pipeline at once, so that what changes until the hold is little; what it changed is copied in
 * `round`.
 */
function freshen(s: Waiting, round: Copied, nowMs: number): Decided<'freshening' | 'copying'> {
  const moving = underWay(s, nowMs + s.frame.settings.holdMs)
  const freshening: In<'freshening'> = {
    ...{ ...moving, phase: 'freshening', round, sinceMs: nowMs },
    ...{ again: new Set(), missing: s.pipelines },
  }
  return after(epochsOf(s.pipelines, false), freshened(freshening, nowMs))
}

/** (2) What those epochs changed is copied, too. */
function freshened(s: In<'freshening'>, nowMs: number): Decided<'freshening' | 'copying'> {
  if (s.missing.size > 0) return stay(s)
  const { attempt, round, sinceMs } = s
  const moving = underWay(s, nowMs + s.frame.settings.copyMs)
  return {
    next: { ...moving, phase: 'copying', round, sinceMs, missing: receivers(s.target) },
    effects: [{ kind: 'askRound', attempt, round }],
  }
}

/** (3) The barrier behind which every task holds. */
function hold(s: Waiting, nowMs: number): Decided<'holding' | 'handing' | 'committing'> {
  const moving = underWay(s, nowMs + s.frame.settings.holdMs)
  return after(epochsOf(s.pipelines, true), allHold({ ...moving, phase: 'holding', missing: s.pipelines }, nowMs))
}

/** (4), (5) Every pipeline holds behind a complete epoch: what it covers is read ahead, too. */
function allHold(s: In<'holding'>, nowMs: number): Decided<'holding' | 'handing' | 'committing'> {
  if (s.missing.size > 0) return stay(s)
  const { attempt } = s
  const moving = underWay(s, nowMs + s.frame.settings.handMs)
  const handing: In<'handing'> = { ...moving, phase: 'handing', missing: receivers(s.target) }
  if (handing.missing.size === 0) return commit(handing)
  return { next: handing, effects: [{ kind: 'askRound', attempt, round: 'last' }] }
}

/** (6) The commit (H2). */
function commit(s: In<'handing'>): Decided<'committing'> {
  const { target, frame } = s
  return {
    next: { ...underWay(s, s.lateMs), phase: 'committing' },
    effects: [{ kind: 'appendRescale', after: frame.generation, target }],
  }
}

/** Some pipelines have not come to their epoch in time: without `skipStalled` that is the end of the attempt (H6). */
function stalled<S extends In<'freshening' | 'holding'>, N>(
  s: S,
  goOn: (rest: S) => Step<N, RescaleEffect>,
): Step<N | In<'idle'>, RescaleEffect> {
  if (!skips(s)) return giveUp(s, `pipeline ${names(s.missing)} did not complete its checkpoint in time`)
  const pipelines = new Set([...s.pipelines].filter((pipeline) => !s.missing.has(pipeline)))
  return goOn({ ...s, pipelines, missing: new Set<string>() })
}

/** Nothing has changed (H1). */
function giveUp(s: Revocable | In<'committing'>, reason: string): Decided<'idle'> {
  const { frame, attempt, requests, pipelines, held } = s
  // Before that phase none was asked to hold.
  const asked = s.phase === 'copying' || s.phase === 'freshening' ? [] : [...new Set([...pipelines, ...held])]
  return {
    next: { phase: 'idle', frame, attempt },
    effects: [
      { kind: 'release', attempt, pipelines: asked },
      ...[...requests.values()].map((request) => answer(request, 'later', reason)),
    ],
  }
}

/** As `busy`, and the end of an attempt in which something may not have arrived (H7). */
function meanwhile<S extends Revocable>(s: S, e: Of<'request'>): Step<S | In<'idle'>, RescaleEffect> {
  const { request } = e
  const before = s.requests.get(nameOf(request))
  const whole = before?.kind !== 'join' || request.kind !== 'join' || before.sessions === request.sessions
  return whole ? busy(s, e) : giveUp(s, `a link of ${before.member.worker} has begun anew`)
}

/** H4, where no attempt is under way. */
function releaseLate<S extends Common & RescaleState>(s: S, e: Of<'epochComplete'>): Step<S, RescaleEffect> {
  return e.holds ? { next: s, effects: [released(e.pipeline, s.attempt)] } : stay(s)
}

/** H4, where the next attempt has not asked anybody to hold yet. */
function releaseEarlier<S extends Waiting & RescaleState>(s: S, e: Of<'epochComplete'>): Step<S, RescaleEffect> {
  return e.holds ? { next: s, effects: [released(e.pipeline, s.attempt - 1)] } : stay(s)
}

function released(pipeline: string, attempt: number): RescaleEffect {
  return { kind: 'release', attempt, pipelines: [pipeline] }
}

function stop(s: RescaleState): Decided<'stopped'> {
  const { frame, attempt } = s
  const requests = 'requests' in s ? [...s.requests.values()] : []
  const effects = requests.map((request) => answer(request, 'later', 'another generation has begun'))
  return { next: { phase: 'stopped', frame, attempt }, effects }
}

// ── Small parts ────────────────────────────────────────────────────────────────────────────────────────────────────

/** Those that are still waited for after an answer of `round`; `null` for an answer that does not count (H5). */
function heardFrom(s: Waiting, e: Of<'arrived'>, round: Round): ReadonlySet<string> | null {
  const member = s.target.members.find((one) => one.worker === e.worker)
  if (e.attempt !== s.attempt || e.round !== round || member?.incarnation !== e.incarnation) return null
  return except(s.missing, e.worker)
}

function receivers(target: Target): ReadonlySet<string> {
  return new Set(target.moves.map((move) => move.to))
}

function skips(s: UnderWay): boolean {
  return [...s.requests.values()].some((request) => request.skipStalled)
}

function underWay(s: UnderWay, lateMs: number): UnderWay {
  const { frame, attempt, requests, target, pipelines, held } = s
  return { frame, attempt, requests, target, pipelines, held, lateMs }
}

/** `s` without a pipeline: one that has ended, or that is skipped. */
function without<S extends UnderWay>(s: S, pipeline: string): S {
  return { ...s, pipelines: except(s.pipelines, pipeline), held: except(s.held, pipeline) }
}

/** The same, where the phase waits for pipelines. */
function forgo<S extends In<'freshening' | 'holding'>>(s: S, pipeline: string): S {
  return { ...without(s, pipeline), missing: except(s.missing, pipeline) }
}

function epochsOf(pipelines: ReadonlySet<string>, holds: boolean): readonly RescaleEffect[] {
  return [...pipelines].map((pipeline) => ({ kind: 'requestEpoch', pipeline, holds }))
}

/** A pipeline that was skipped holds after all: it has to be released if the attempt is given up. */
function holdsToo<S extends In<'holding' | 'handing' | 'committing'>>(
  s: S,
  e: Of<'epochComplete'>,
): Step<S, RescaleEffect> {
  return e.holds ? { next: { ...s, held: new Set(s.held).add(e.pipeline) }, effects: NONE } : stay(s)
}

function except(names: ReadonlySet<string>, name: string): ReadonlySet<string> {
  const rest = new Set(names)
  rest.delete(name)
  return rest
}

function after<S>(effects: readonly RescaleEffect[], step: Step<S, RescaleEffect>): Step<S, RescaleEffect> {
  return { next: step.next, effects: [...effects, ...step.effects] }
}

function names(missing: ReadonlySet<string>): string {
  return [...missing].join(', ')
}

function stay<S>(state: S): Step<S, RescaleEffect> {
  return { next: state, effects: NONE }
}
