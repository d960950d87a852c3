/**
 * The life of a worker's process under `up`, as a total table: what ends is started again, later each time, and what
 * keeps ending is left alone, unless it says that the world has failed it: a disk that is full for an hour has room
 * again when somebody has made some, and nobody is to have to think of the workers then.
 *
 *     running ─crash─► waiting ─due─► running          running ─status 0─► left (its cluster, in order)
 *        │ stop          │ stop        └─ too often, but for status 1, or a wrong request ─► givenUp
 *        ▼               ▼
 *     stopping ─exit─► ended
 */
import { decide, type Step, type Table } from '../base/table.ts'
import { EXIT_DONE, EXIT_FAILED, EXIT_WRONG } from './exit.ts'

/** The pause before the first new start; it doubles with each crash that is remembered. */
const FIRST_MS = 200
const LONGEST_MS = 10_000
/** A crash is remembered for so long. */
export const MEMORY_MS = 60_000
/** So many crashes that are remembered, and the process is left alone where it does not say what has failed. */
export const CRASHES = 6

interface In<P extends string> {
  readonly phase: P
  /** When it crashed, within `MEMORY_MS` before the last crash. */
  readonly crashes: readonly number[]
  /** Starts after the first. */
  readonly restarts: number
}

export type ChildState =
  | In<'running'>
  | In<'waiting'>
  | In<'stopping'>
  | In<'left'>
  /** It was to end; `inOrder`: with status 0, or there was no process. */
  | (In<'ended'> & { readonly inOrder: boolean })
  /** `wrong`: it says itself that another start would end like this one. */
  | (In<'givenUp'> & { readonly wrong: boolean })

export type ChildEvent =
  /** The process has ended; `null`: by a signal. */
  | { readonly kind: 'exited'; readonly status: number | null; readonly nowMs: number }
  | { readonly kind: 'due' }
  | { readonly kind: 'stop' }

export type ChildEffect =
  | { readonly kind: 'start' }
  | { readonly kind: 'wait'; readonly ms: number }
  /** Asks the process to end in order. */
  | { readonly kind: 'dismiss' }

type Next = {
  running: 'waiting' | 'stopping' | 'left' | 'givenUp'
  waiting: 'running' | 'ended'
  stopping: 'ended'
  left: never
  ended: never
  givenUp: never
}

/** A process that has just been started. */
export const started: ChildState = { phase: 'running', crashes: [], restarts: 0 }

/** The next state and what is to be done. */
export function superviseChild(state: ChildState, event: ChildEvent): Step<ChildState, ChildEffect> {
  return decide('child', table, state, event)
}

const table: Table<ChildState, ChildEvent, ChildEffect, Next> = {
  running: {
    exited: ({ crashes: before, restarts }, { status, nowMs }) => {
      if (status === EXIT_DONE) return { next: { phase: 'left', crashes: before, restarts }, effects: [] }
      const crashes = [...before.filter((ms) => nowMs - ms < MEMORY_MS), nowMs]
      const wrong = status === EXIT_WRONG
      if (wrong || (crashes.length >= CRASHES && status !== EXIT_FAILED)) {
        return { next: { phase: 'givenUp', wrong, crashes, restarts }, effects: [] }
      }
      const ms = Math.min(LONGEST_MS, FIRST_MS * 2 ** (crashes.length - 1))
      return { next: { phase: 'waiting', crashes, restarts }, effects: [{ kind: 'wait', ms }] }
    },
    due: 'impossible',
    stop: (state) => ({ next: { ...state, phase: 'stopping' }, effects: [{ kind: 'dismiss' }] }),
  },
  waiting: {
    exited: 'impossible',
    due: (state) => ({
      next: { ...state, phase: 'running', restarts: state.restarts + 1 },
      effects: [{ kind: 'start' }],
    }),
    stop: (state) => ({ next: { ...state, phase: 'ended', inOrder: true }, effects: [] }),
  },
  stopping: {
    exited: (state, { status }) => ({
      next: { ...state, phase: 'ended', inOrder: status === EXIT_DONE },
      effects: [],
    }),
    due: 'impossible',
    stop: 'ignore',
  },
  left: { exited: 'impossible', due: 'impossible', stop: 'ignore' },
  ended: {
    exited: 'impossible',
    due: 'ignore', // It was told to stop while it waited.
    stop: 'ignore',
  },
  givenUp: { exited: 'impossible', due: 'impossible', stop: 'ignore' },
}
