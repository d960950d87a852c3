/**
 * A member's side of a change of owners (PROTOCOLS 11), as a total table: it sends the key groups that it gives away and
 * collects those that it gets. A worker that is joining has one, too. By what way they are sent is not said here: they go by
 * the store (`mover-driver.ts`, M2).
 *
 *     idle ─announce─► moving ─release, generation─► idle
 *
 * U1. What arrives counts for the attempt that it was sent in, and for no other. Attempts are counted anew in each
 *     generation, so every one that is read is told here, also to a worker that it does not name.
 * U2. Nothing that has arrived is used before the next generation record has been read.
 */
import { decide, type Step, type Table } from '../base/table.ts'
import type { Move } from './assignment.ts'
import type { Round } from './rescale-state.ts'

type Epochs = readonly (readonly [pipeline: string, epoch: number])[]

interface Common {
  readonly worker: string
  /** Parts that came before their announcement: attempt, round and sender. */
  readonly early: readonly Arrival[]
}

interface Arrival {
  readonly attempt: number
  readonly round: Round
  readonly from: string
}

export type MoverState =
  | (Common & { readonly phase: 'idle' })
  | (Common & {
      readonly phase: 'moving'
      readonly attempt: number
      readonly gives: readonly Move[]
      readonly takes: readonly Move[]
      /** From whom all of a round has arrived. */
      readonly arrived: ReadonlyMap<Round, ReadonlySet<string>>
    })

export type MoverEvent =
  /** The coordinator says what is to move: the moves that this worker is part of. */
  | { readonly kind: 'announce'; readonly attempt: number; readonly moves: readonly Move[] }
  | { readonly kind: 'sendRound'; readonly attempt: number; readonly round: Round; readonly epochs: Epochs }
  /** Everything of a round has come from this giver. */
  | { readonly kind: 'partsArrived'; readonly attempt: number; readonly round: Round; readonly from: string }
  /** The attempt was given up. */
  | { readonly kind: 'release'; readonly attempt: number }
  /** Another generation has been read in the chain. */
  | { readonly kind: 'generation' }

export type MoverEffect =
  /** Send to `to` what a round covers of these key groups; answer with `partsArrived` over there. */
  | {
      readonly kind: 'sendParts'
      readonly attempt: number
      readonly round: Round
      readonly to: string
      readonly keyGroups: readonly number[]
      readonly epochs: Epochs
    }
  /** Tell the coordinator that everything of the round is here. */
  | { readonly kind: 'tellArrived'; readonly attempt: number; readonly round: Round }
  /** Forget what has arrived and was not adopted. */
  | { readonly kind: 'dropArrived' }

type Next = { idle: 'moving'; moving: 'idle' }
type In<P extends MoverState['phase']> = Extract<MoverState, { phase: P }>
type Decided<P extends MoverState['phase']> = Step<In<P>, MoverEffect>

const NONE: readonly MoverEffect[] = []
/** Rounds of two attempts from every other worker. */
const MOST_EARLY = 256

export function startMover(worker: string): In<'idle'> {
  return { phase: 'idle', worker, early: [] }
}

/** The next state and the effects of `event`. */
export function stepMover(state: MoverState, event: MoverEvent): Step<MoverState, MoverEffect> {
  return decide('mover', table, state, event)
}

const table: Table<MoverState, MoverEvent, MoverEffect, Next> = {
  idle: {
    announce,
    sendRound: 'ignore', // U1: of an attempt that was given up.
    partsArrived: (s, e) => ({ next: remember(s, e), effects: NONE }),
    release: 'ignore',
    generation: (s) => ({
      next: startMover(s.worker),
      effects: s.early.length > 0 ? [{ kind: 'dropArrived' }] : NONE,
    }),
  },
  moving: {
    announce: (s, e) => {
      if (e.attempt <= s.attempt) return { next: s, effects: NONE }
      const begun = announce(s, e)
      return { next: begun.next, effects: [{ kind: 'dropArrived' }, ...begun.effects] }
    },
    sendRound: (s, e) => {
      if (e.attempt !== s.attempt) return { next: s, effects: NONE }
      const { attempt, round, epochs } = e
      const effects = s.gives.map(
        ({ to, keyGroups }) => ({ kind: 'sendParts', attempt, round, to, keyGroups, epochs }) as const,
      )
      return { next: s, effects }
    },
    partsArrived: (s, e) => {
      if (e.attempt > s.attempt) return { next: remember(s, e), effects: NONE }
      return e.attempt === s.attempt ? arrive(s, e) : { next: s, effects: NONE }
    },
    release: (s, e) => {
      if (e.attempt !== s.attempt) return { next: s, effects: NONE }
      // What a giver has sent in attempts that follow stays: the coordinator's word about them may be late.
      return { next: { ...startMover(s.worker), early: s.early }, effects: [{ kind: 'dropArrived' }] }
    },
    generation: (s) => ({ next: startMover(s.worker), effects: [{ kind: 'dropArrived' }] }),
  },
}

function announce(s: MoverState, e: Extract<MoverEvent, { kind: 'announce' }>): Decided<'moving'> {
  const { worker } = s
  const { attempt, moves } = e
  const gives = moves.filter((move) => move.from === worker)
  const takes = moves.filter((move) => move.to === worker)
  let state: In<'moving'> = {
    ...{ phase: 'moving', worker, attempt, gives, takes, arrived: new Map() },
    early: s.early.filter((one) => one.attempt > attempt),
  }
  const effects: MoverEffect[] = []
  for (const one of s.early.filter((early) => early.attempt === attempt)) {
    const step = arrive(state, one)
    state = step.next
    effects.push(...step.effects)
  }
  return { next: state, effects }
}

function arrive(s: In<'moving'>, { round, from, attempt }: Arrival): Decided<'moving'> {
  const senders = new Set(s.arrived.get(round)).add(from)
  const next = { ...s, arrived: new Map(s.arrived).set(round, senders) }
  const all = s.takes.every((move) => senders.has(move.from))
  return { next, effects: all ? [{ kind: 'tellArrived', attempt, round }] : NONE }
}

/** Keeps in mind what arrived before the coordinator's word did; forgets the oldest beyond the limit. */
function remember<S extends MoverState>(s: S, { attempt, round, from }: Arrival): S {
  return { ...s, early: [...s.early, { attempt, round, from }].slice(-MOST_EARLY) }
}
