/**
 * Who answers for one stream, as one member of the generation sees it (PROTOCOLS 2, S3-S6, S8), as a total table.
 *
 *     away ──▶ asking ──▶ reading ──▶ home ──▶ leaving ──▶ away
 *       └────▶ wanting ──────┘
 *
 * O1. A member takes a stream only when the generation says so, the coordinator grants it, or its home hands it over.
 * O2. A home admits nothing and feeds nothing before it has read what the journals have (PROTOCOLS 2, S8). Once it is
 *     leaving it admits nothing more, and feeds what it has admitted: who was told that it is journaled may have
 *     nothing to send again.
 * O3. A stream leaves with a complete epoch that says so, in front of whose barrier all of it was fed, and in which no
 *     step here held any of it, and not before (PROTOCOLS 2, S4).
 * O4. A producer that comes to the wrong member is sent to the home. When it comes back all the same it cannot reach
 *     the home, or does not know where that is: then the home is asked for the stream.
 * O5. A journal's tail asks for its stream only while no producer is connected, and only where it brings the home on
 *     (PROTOCOLS 2, S6).
 */
import type { Table } from '../base/table.ts'

export type HomeState =
  /** `home` answers for the stream; `''` where nobody does as far as is known here. */
  | { readonly phase: 'away'; readonly home: string }
  /** The coordinator has been asked. */
  | { readonly phase: 'asking' }
  /** `home` has been asked for the stream. */
  | { readonly phase: 'wanting'; readonly home: string }
  /** The stream is this member's: what the journals have of it is being read. */
  | { readonly phase: 'reading' }
  | { readonly phase: 'home' }
  /** Goes to member `to` with an epoch that is asked for when all of it has been fed. */
  | { readonly phase: 'leaving'; readonly to: string }

export type HomeEvent =
  /**
   * A producer is `present` here, or the tail of this worker's journal wants the stream; `insists`: being sent away
   * does not help.
   */
  | { readonly kind: 'wanted'; readonly present: boolean; readonly insists: boolean }
  /** The coordinator has said who answers for it. */
  | { readonly kind: 'named'; readonly home: string; readonly mine: boolean }
  /** The home has said who answers for it. */
  | { readonly kind: 'moved'; readonly home: string; readonly mine: boolean }
  /** What the journals have is known. */
  | { readonly kind: 'read' }
  /** Member `from` asks for the stream; `useful`: a producer is there, or its journal brings the stream on (O5). */
  | { readonly kind: 'asked'; readonly from: string; readonly useful: boolean }
  /** An epoch is complete that says whose the stream is: `to`. */
  | { readonly kind: 'completed'; readonly to: string }

export type HomeEffect =
  | { readonly kind: 'askCoordinator' }
  | { readonly kind: 'askHome'; readonly home: string; readonly present: boolean }
  | { readonly kind: 'read' }
  /** Producers that wait for the stream are answered now. */
  | { readonly kind: 'answer' }
  /** Admits nothing more of it. */
  | { readonly kind: 'freeze' }
  /** Asks for the epoch that it leaves with once all of it has been fed, and does not wait for the next one. */
  | { readonly kind: 'askEpoch' }
  /** Tells `to` that `home` answers for the stream; `null`: this member. */
  | { readonly kind: 'tell'; readonly to: string; readonly home: string | null }
  /** The stream is that of `to` now. */
  | { readonly kind: 'give'; readonly to: string }

type Next = {
  away: 'asking' | 'wanting'
  asking: 'reading' | 'away'
  wanting: 'reading' | 'away'
  reading: 'home'
  home: 'leaving'
  leaving: 'away'
}

const answer: HomeEffect = { kind: 'answer' }

export const homeTable: Table<HomeState, HomeEvent, HomeEffect, Next> = {
  away: {
    wanted: (state, { present, insists }) => {
      const { home } = state
      if (home === '') return { next: { phase: 'asking' }, effects: [{ kind: 'askCoordinator' }] }
      if (!insists) return { next: state, effects: [] }
      return { next: { phase: 'wanting', home }, effects: [{ kind: 'askHome', home, present }] }
    },
    named: 'ignore',
    moved: 'ignore',
    read: 'ignore',
    asked: (state, { from }) => ({ next: state, effects: [{ kind: 'tell', to: from, home: state.home }] }),
    completed: 'ignore',
  },
  asking: {
    wanted: 'ignore',
    named: (_, { home, mine }) =>
      mine
        ? { next: { phase: 'reading' }, effects: [{ kind: 'read' }] }
        : { next: { phase: 'away', home }, effects: [answer] },
    moved: 'ignore',
    read: 'ignore',
    asked: (state, { from }) => ({ next: state, effects: [{ kind: 'tell', to: from, home: '' }] }),
    completed: 'ignore',
  },
  wanting: {
    wanted: 'ignore',
    named: 'ignore',
    moved: (_, { home, mine }) =>
      mine
        ? { next: { phase: 'reading' }, effects: [{ kind: 'read' }] }
        : { next: { phase: 'away', home }, effects: [answer] },
    read: 'ignore',
    asked: (state, { from }) => ({ next: state, effects: [{ kind: 'tell', to: from, home: state.home }] }),
    completed: 'ignore',
  },
  reading: {
    wanted: 'ignore',
    named: 'ignore',
    moved: 'ignore',
    read: () => ({ next: { phase: 'home' }, effects: [answer] }),
    asked: (state, { from }) => ({ next: state, effects: [{ kind: 'tell', to: from, home: null }] }),
    completed: 'ignore',
  },
  home: {
    wanted: 'ignore',
    named: 'ignore',
    moved: 'ignore',
    read: 'ignore',
    asked: (state, { from, useful }) =>
      useful
        ? { next: { phase: 'leaving', to: from }, effects: [{ kind: 'freeze' }, { kind: 'askEpoch' }] }
        : { next: state, effects: [{ kind: 'tell', to: from, home: null }] },
    completed: 'ignore',
  },
  leaving: {
    wanted: 'ignore',
    named: 'ignore',
    moved: 'ignore',
    read: 'ignore',
    asked: (state, { from }) =>
      from === state.to
        ? { next: state, effects: [] }
        : { next: state, effects: [{ kind: 'tell', to: from, home: state.to }] },
    completed: (state, { to }) =>
      to === state.to
        ? { next: { phase: 'away', home: to }, effects: [{ kind: 'give', to }, answer] }
        : { next: state, effects: [] },
  },
}
