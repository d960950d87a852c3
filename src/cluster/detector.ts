/**
 * Who is alive, as one worker hears it: the decision that the heartbeat thread and the simulator both run (PROTOCOLS
 * 4). Pure: one event in, the next state and the changed verdicts out.
 *
 * F1. Silence means suspect at `suspectMs` and dead at `deadMs`; one heartbeat makes a silent peer alive again.
 * F2. An observer that did not run accuses nobody for that time (`silence.ts`).
 * F3. Evidence shortens the wait, never replaces the chain: all links closed and a new dial refused, or the
 *     supervisor's notice that the process has ended, means dead now. The notice is final for that incarnation.
 * F4. A worker is heard only while heartbeats *and* the data link arrive: a link may be down for `linkGraceMs`. Nobody
 *     is heard before the first heartbeat: who is reached by links alone, as where a firewall lets one port through,
 *     would be taken in and given up again, for ever.
 * F5. Every verdict is about one incarnation. What is heard late of an earlier one says nothing about the next: which
 *     of two is newer the chain says, not the order in which they are heard.
 * F6. A link is told of when it stands and when it ends, not in between: who is linked is never forgotten.
 */
import { longer } from './silence.ts'

export type Verdict = 'alive' | 'suspect' | 'dead'

export interface DetectorSettings {
  readonly suspectMs: number
  readonly deadMs: number
  readonly linkGraceMs: number
  /** The most that one tick may add to a silence (F2): a little more than the time between two ticks. */
  readonly lookMs: number
}

/** One incarnation of another worker, as this one hears it. */
export interface Peer {
  readonly worker: string
  /** Since the last heartbeat; as long as that of the dead before the first. */
  readonly silentMs: number
  /** For how long no data link has stood; 0 while one does, infinite before the first. */
  readonly unlinkedMs: number
  /** A dial was refused since the last heartbeat. While no link stands: nobody is there any more (F3). */
  readonly refused: boolean
  /** The supervisor says that the process has ended. */
  readonly exited: boolean
}

export interface DetectorState {
  readonly settings: DetectorSettings
  readonly tickMs: number
  /** By incarnation (F5). Who has been silent for long and is not linked is forgotten (F6). */
  readonly peers: ReadonlyMap<string, Peer>
}

export type DetectorEvent =
  | { readonly kind: 'tick'; readonly nowMs: number }
  | { readonly kind: 'heard'; readonly worker: string; readonly incarnation: string }
  | { readonly kind: 'linked'; readonly worker: string; readonly incarnation: string }
  | { readonly kind: 'unlinked'; readonly worker: string; readonly incarnation: string }
  | { readonly kind: 'dialRefused'; readonly worker: string; readonly incarnation: string }
  | { readonly kind: 'exited'; readonly worker: string; readonly incarnation: string }

/** A verdict that has changed. */
export interface Change {
  readonly worker: string
  readonly incarnation: string
  readonly verdict: Verdict
}

export interface Detected {
  readonly next: DetectorState
  readonly changes: readonly Change[]
}

export function startDetector(settings: DetectorSettings, nowMs: number): DetectorState {
  return { settings, tickMs: nowMs, peers: new Map() }
}

/** The next state and the verdicts that `event` changed. */
export function detect(state: DetectorState, event: DetectorEvent): Detected {
  if (event.kind === 'tick') return tick(state, event.nowMs)
  const { worker, incarnation } = event
  const known = state.peers.get(incarnation) ?? unheard(worker, state.settings)
  const after = observe(known, event.kind)
  const peers = new Map(state.peers).set(incarnation, after)
  const verdict = verdictOf(after, state.settings)
  const changed = verdictOf(known, state.settings) !== verdict
  return { next: { ...state, peers }, changes: changed ? [{ worker, incarnation, verdict }] : [] }
}

/** What `peer` is taken for (F1, F3). */
function verdictOf(peer: Peer, settings: DetectorSettings): Verdict {
  if (isGone(peer) || peer.silentMs >= settings.deadMs) return 'dead'
  return peer.silentMs >= settings.suspectMs ? 'suspect' : 'alive'
}

/** The workers that are heard both ways (F4), for the beat. */
export function heardBy(state: DetectorState): readonly { readonly worker: string; readonly incarnation: string }[] {
  const { settings, peers } = state
  return [...peers].flatMap(([incarnation, peer]) =>
    verdictOf(peer, settings) !== 'dead' && peer.unlinkedMs < settings.linkGraceMs
      ? [{ worker: peer.worker, incarnation }]
      : [],
  )
}

/** Incarnations that are dead by evidence: nobody waits for their beats to stop (F3). */
export function goneBy(state: DetectorState): ReadonlySet<string> {
  return new Set([...state.peers].flatMap(([incarnation, peer]) => (isGone(peer) ? [incarnation] : [])))
}

/** Whether evidence says so (F3). */
function isGone({ exited, refused, unlinkedMs }: Peer): boolean {
  return exited || (refused && unlinkedMs > 0)
}

/** F4. */
function unheard(worker: string, { deadMs }: DetectorSettings): Peer {
  return { worker, silentMs: deadMs, unlinkedMs: Number.POSITIVE_INFINITY, refused: false, exited: false }
}

function observe(peer: Peer, kind: Exclude<DetectorEvent['kind'], 'tick'>): Peer {
  switch (kind) {
    case 'heard':
      return { ...peer, silentMs: 0, refused: false }
    case 'linked':
      return { ...peer, unlinkedMs: 0, refused: false }
    case 'unlinked':
      // Grows from here; what was never linked stays so.
      return { ...peer, unlinkedMs: Math.max(peer.unlinkedMs, Number.MIN_VALUE) }
    case 'dialRefused':
      // A link that stands contradicts it, for as long as it stands: its end may be known here only later.
      return { ...peer, refused: true }
    case 'exited':
      return { ...peer, exited: true }
  }
}

function tick(state: DetectorState, nowMs: number): Detected {
  const { settings } = state
  const since = nowMs - state.tickMs
  const peers = new Map<string, Peer>()
  const changes: Change[] = []
  for (const [incarnation, peer] of state.peers) {
    const silentMs = longer(peer.silentMs, since, settings.lookMs)
    const unlinkedMs = peer.unlinkedMs > 0 ? longer(peer.unlinkedMs, since, settings.lookMs) : 0
    if (silentMs >= 10 * settings.deadMs && unlinkedMs > 0) continue
    const after = { ...peer, silentMs, unlinkedMs }
    peers.set(incarnation, after)
    const verdict = verdictOf(after, settings)
    if (verdict !== verdictOf(peer, settings)) changes.push({ worker: peer.worker, incarnation, verdict })
  }
  return { next: { settings, tickMs: nowMs, peers }, changes }
}
