/**
 * What the server's end of an acked connection does with each message and event, as a total table.
 *
 *     greeting ──hello──▶ waiting ──▶ open ◀──rewound── rewinding
 *         └───────────────────┴────────┴──────────────────┴─────▶ over
 *
 * N1. Every phase decides every message; what a phase does not expect ends the connection with a reason.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import type { Table } from '../base/table.ts'
import type { AckedMessage } from '../protocol/acked.ts'
import type { HelloAnswer } from './streams.ts'

export type Hello = Extract<AckedMessage, { kind: 'hello' }>

export type SessionState =
  | { readonly phase: 'greeting' }
  /** The source cannot answer yet. */
  | { readonly phase: 'waiting'; readonly hello: Hello }
  /** `credit`: bytes that the client may still send. */
  | { readonly phase: 'open'; readonly credit: number }
  | { readonly phase: 'rewinding'; readonly resumeAfter: number; readonly credit: number }
  | { readonly phase: 'over' }

export type SessionEvent =
  | Hello
  | { readonly kind: 'batch'; readonly bytes: number }
  | Extract<AckedMessage, { kind: 'rewound' | 'ping' | 'pong' | 'end' }>
  /** A message that only a server sends. */
  | { readonly kind: 'foreign'; readonly name: string }
  /** The source has answered the hello. */
  | { readonly kind: 'answered'; readonly answer: HelloAnswer }
  /** `bytes` of credit have come back. */
  | { readonly kind: 'returned'; readonly bytes: number }
  /** What was admitted behind `resumeAfter` is lost. */
  | { readonly kind: 'rewind'; readonly resumeAfter: number; readonly credit: number }
  /** Another worker answers for the stream. */
  | { readonly kind: 'moved'; readonly worker: string }
  /** The connection is to end, for `error` where there is one. */
  | { readonly kind: 'leave'; readonly error: PotorooError | null }

export type SessionEffect =
  | { readonly kind: 'ask'; readonly hello: Hello }
  | { readonly kind: 'welcome'; readonly resumeAfter: number }
  | { readonly kind: 'send'; readonly message: Exclude<AckedMessage, { kind: 'batch' }> }
  /** Gives the batch in hand to the source. */
  | { readonly kind: 'admit' }
  | { readonly kind: 'turnAway'; readonly answer: Exclude<HelloAnswer, { kind: 'welcome' }> }
  | { readonly kind: 'close'; readonly error: PotorooError | null }

type Next = {
  greeting: 'waiting' | 'over'
  waiting: 'open' | 'over'
  open: 'rewinding' | 'over'
  rewinding: 'open' | 'over'
  over: 'over'
}

type Over = Extract<SessionState, { phase: 'over' }>

const pong = { kind: 'pong' } as const

/** Ends the connection for a message that does not belong here. */
function broken(reason: string): () => { next: Over; effects: SessionEffect[] } {
  return () => end(fail('E_ACKED_PROTOCOL', { reason }))
}

function end(error: PotorooError | null): { next: Over; effects: SessionEffect[] } {
  return { next: { phase: 'over' }, effects: [{ kind: 'close', error }] }
}

function foreign(_: SessionState, event: { readonly name: string }): { next: Over; effects: SessionEffect[] } {
  return end(fail('E_ACKED_PROTOCOL', { reason: `"${event.name}" is for servers to say` }))
}

function answerPing<S extends SessionState>(state: S): { next: S; effects: SessionEffect[] } {
  return { next: state, effects: [{ kind: 'send', message: pong }] }
}

function moved(_: SessionState, { worker }: { readonly worker: string }): { next: Over; effects: SessionEffect[] } {
  return { next: { phase: 'over' }, effects: [{ kind: 'turnAway', answer: { kind: 'redirect', worker } }] }
}

const leave = (_: SessionState, event: { readonly error: PotorooError | null }) => end(event.error)
const goodbye = () => end(null)
const silent = broken('nothing may be said before the hello')
const early = broken('nothing may be sent before the welcome')

export const sessionTable: Table<SessionState, SessionEvent, SessionEffect, Next> = {
  greeting: {
    hello: (_, hello) => ({ next: { phase: 'waiting', hello }, effects: [{ kind: 'ask', hello }] }),
    batch: silent,
    rewound: silent,
    ping: silent,
    pong: silent,
    end: goodbye,
    foreign,
    answered: 'impossible',
    returned: 'impossible',
    rewind: 'impossible',
    moved: 'impossible',
    leave,
  },
  waiting: {
    hello: broken('hello was said twice'),
    batch: early,
    rewound: early,
    ping: early,
    pong: early,
    end: goodbye,
    foreign,
    answered: (_, { answer }) =>
      answer.kind === 'welcome'
        ? { next: { phase: 'open', credit: 0 }, effects: [{ kind: 'welcome', resumeAfter: answer.resumeAfter }] }
        : { next: { phase: 'over' }, effects: [{ kind: 'turnAway', answer }] },
    returned: 'impossible',
    rewind: 'impossible',
    moved: 'impossible',
    leave,
  },
  open: {
    hello: broken('hello was said twice'),
    batch: (state, { bytes }) =>
      state.credit > 0
        ? { next: { phase: 'open', credit: state.credit - bytes }, effects: [{ kind: 'admit' }] }
        : end(fail('E_ACKED_PROTOCOL', { reason: 'a batch was sent without credit' })),
    // The answer to the first of two equal rewinds came; this is the second.
    rewound: 'ignore',
    ping: answerPing,
    pong: 'ignore',
    end: goodbye,
    foreign,
    answered: 'impossible',
    returned: (state, { bytes }) => ({ next: { phase: 'open', credit: state.credit + bytes }, effects: [] }),
    rewind: (_, { resumeAfter, credit }) => ({
      next: { phase: 'rewinding', resumeAfter, credit },
      effects: [{ kind: 'send', message: { kind: 'rewind', resumeAfter, credit } }],
    }),
    moved,
    leave,
  },
  rewinding: {
    hello: broken('hello was said twice'),
    // Sent before the rewind was read (`protocol/acked.ts`, Q4); its credit was given anew.
    batch: 'ignore',
    rewound: (state, { resumeAfter }) =>
      resumeAfter === state.resumeAfter
        ? { next: { phase: 'open', credit: state.credit }, effects: [] }
        : { next: state, effects: [] },
    ping: answerPing,
    pong: 'ignore',
    end: goodbye,
    foreign,
    answered: 'impossible',
    returned: 'ignore',
    rewind: (_, { resumeAfter, credit }) => ({
      next: { phase: 'rewinding', resumeAfter, credit },
      effects: [{ kind: 'send', message: { kind: 'rewind', resumeAfter, credit } }],
    }),
    moved,
    leave,
  },
  over: {
    hello: 'ignore',
    batch: 'ignore',
    rewound: 'ignore',
    ping: 'ignore',
    pong: 'ignore',
    end: 'ignore',
    foreign: 'ignore',
    answered: 'ignore',
    returned: 'ignore',
    rewind: 'ignore',
    moved: 'ignore',
    leave: 'ignore',
  },
}
