/**
 * The life of one connection between two workers, as a total table. The upper row dials, the lower one accepts.
 *
 *     dialling ──connected──▶ asking ──about──▶ told ──welcome, judged──▶ open
 *     greeting ──hello──▶ introduced ──about──▶ judging ──judged──▶ open          any ──▶ over
 *
 * H5. Nothing of a session is said or heard before both sides have said who they are. In `open` frames go past this
 *     table, to the session.
 */
import type { Table } from '../base/table.ts'
import type { About, Answer, Hello, Verdict, Welcome } from './handshake.ts'
import type { Message } from './wire.ts'

export type HandshakeState =
  | { readonly phase: 'dialling' }
  | { readonly phase: 'asking' }
  | { readonly phase: 'told'; readonly about: About }
  | { readonly phase: 'greeting' }
  | { readonly phase: 'introduced'; readonly hello: Hello }
  | { readonly phase: 'judging' }
  | { readonly phase: 'open' }
  | { readonly phase: 'over' }

export type HandshakeEvent =
  | { readonly kind: 'connected' }
  | Hello
  | About
  | Welcome
  | Message<'notYet'>
  | Message<'refused'>
  /** Any other message. */
  | { readonly kind: 'other'; readonly name: string }
  | { readonly kind: 'judged'; readonly verdict: Verdict }
  /** The handshake has lasted too long. */
  | { readonly kind: 'late'; readonly ms: number }
  /** The connection is gone, or of no use any more. */
  | { readonly kind: 'leave'; readonly error: Error | null }

export type HandshakeEffect =
  /** Says hello, and about. */
  | { readonly kind: 'introduce' }
  /** Asks what is made of the dial; `judged` follows at once. */
  | { readonly kind: 'judge'; readonly hello: Hello; readonly about: About }
  /** Looks at who answers; `leave` follows at once where that is the wrong one. */
  | { readonly kind: 'examine'; readonly about: About }
  /** Asks what is made of the welcome; `judged` follows at once. */
  | { readonly kind: 'weigh'; readonly welcome: Welcome }
  /** Tells the caller. */
  | { readonly kind: 'answer'; readonly verdict: Verdict }
  /** Gives the connection to the session. */
  | { readonly kind: 'open'; readonly version: number }
  /** The other side says no, or not now. */
  | { readonly kind: 'turnedAway'; readonly answer: Answer }
  /** A message does not belong here: the other side is at fault. */
  | { readonly kind: 'offended'; readonly name: string; readonly phase: string }
  | { readonly kind: 'close'; readonly error: Error | null }

type Next = {
  dialling: 'asking' | 'over'
  asking: 'told' | 'over'
  told: 'open' | 'over'
  greeting: 'introduced' | 'over'
  introduced: 'judging' | 'over'
  judging: 'open' | 'over'
  open: 'over'
  over: 'over'
}

type End = { next: { phase: 'over' }; effects: HandshakeEffect[] }

function end(...effects: HandshakeEffect[]): End {
  return { next: { phase: 'over' }, effects }
}

/** Ends the connection because of a message that does not belong here. */
function unexpected(state: HandshakeState, event: { readonly kind: string; readonly name?: string }): End {
  return end({ kind: 'offended', name: event.name ?? event.kind, phase: state.phase })
}

const leave = (_: HandshakeState, event: { readonly error: Error | null }): End =>
  end({ kind: 'close', error: event.error })
const late = (_: HandshakeState, { ms }: { readonly ms: number }): End =>
  end({ kind: 'close', error: new Error(`no handshake within ${ms} ms`) })
const turnedAway = (_: HandshakeState, answer: Answer): End =>
  end({ kind: 'turnedAway', answer }, { kind: 'close', error: null })

const nothingYet = {
  hello: unexpected,
  about: unexpected,
  welcome: unexpected,
  notYet: unexpected,
  refused: unexpected,
}
const nothingMore = {
  connected: 'impossible',
  hello: 'impossible',
  about: 'impossible',
  welcome: 'impossible',
  notYet: 'impossible',
  refused: 'impossible',
  other: 'impossible',
  judged: 'impossible',
} as const

export const handshakeTable: Table<HandshakeState, HandshakeEvent, HandshakeEffect, Next> = {
  dialling: {
    ...nothingYet,
    connected: () => ({ next: { phase: 'asking' }, effects: [{ kind: 'introduce' }] }),
    other: unexpected,
    judged: 'impossible',
    late,
    leave,
  },
  asking: {
    ...nothingYet,
    connected: 'impossible',
    about: (_, about) => ({ next: { phase: 'told', about }, effects: [{ kind: 'examine', about }] }),
    // A refusal may come from somebody who does not say who it is.
    refused: turnedAway,
    other: unexpected,
    judged: 'impossible',
    late,
    leave,
  },
  told: {
    ...nothingYet,
    connected: 'impossible',
    welcome: (state, welcome) => ({ next: state, effects: [{ kind: 'weigh', welcome }] }),
    notYet: turnedAway,
    refused: turnedAway,
    other: unexpected,
    judged: (_, { verdict }) =>
      verdict.kind === 'welcome'
        ? { next: { phase: 'open' }, effects: [{ kind: 'open', version: verdict.version }] }
        : end({ kind: 'close', error: verdict.kind === 'refuse' ? verdict.error : null }),
    late,
    leave,
  },
  greeting: {
    ...nothingYet,
    connected: 'impossible',
    hello: (_, hello) => ({ next: { phase: 'introduced', hello }, effects: [] }),
    other: unexpected,
    judged: 'impossible',
    late,
    leave,
  },
  introduced: {
    ...nothingYet,
    connected: 'impossible',
    about: (state, about) => ({ next: { phase: 'judging' }, effects: [{ kind: 'judge', hello: state.hello, about }] }),
    other: unexpected,
    judged: 'impossible',
    late,
    leave,
  },
  judging: {
    ...nothingMore,
    judged: (_, { verdict }) =>
      verdict.kind === 'welcome'
        ? {
            next: { phase: 'open' },
            effects: [
              { kind: 'answer', verdict },
              { kind: 'open', version: verdict.version },
            ],
          }
        : end({ kind: 'answer', verdict }),
    late: 'impossible',
    leave,
  },
  open: { ...nothingMore, late: 'ignore', leave },
  over: {
    connected: 'ignore',
    hello: 'ignore',
    about: 'ignore',
    welcome: 'ignore',
    notYet: 'ignore',
    refused: 'ignore',
    other: 'ignore',
    judged: 'ignore',
    late: 'ignore',
    leave: 'ignore',
  },
}
