/**
 * What a run leaves behind for its checkers: what was sent and acknowledged, what the user's functions were called
 * with, what came out, and what the state is in the end. Plain data; nothing of the engine.
 *
 * Every record has a *cause*, a text that names it for ever: at a source `life#sequence`; behind a `flatMap` and a tee
 * with `/index` added; behind a stateful step `visit@step`, after the call that made it.
 *
 * A *visit* is one call of a stateful step's function. Its number stands in the state that the call leaves, so every
 * state leads back, visit by visit, to the history that made it, and to nothing else: what a recovery took back is on
 * another branch.
 */
import type { Key } from '../../../src/base/hash.ts'
import type { Plan } from '../../../src/model/plan.ts'

export interface Visit {
  readonly number: number
  readonly step: string
  /** The number of the program that called it. */
  readonly program: number
  readonly key: Key
  readonly cause: string
  readonly value: unknown
  /** When its record came in, as the function was told; `null` where it is told nothing. */
  readonly time: number | null
  /** The visit that left the state which this one found; 0 where there was none. */
  readonly before: number
  /** The call dropped its key. */
  forgot: boolean
}

/** A dead letter: a record that was refused at a source, by a step, or by a sink's encoder. */
export interface Letter {
  readonly step: string
  readonly cause: string
}

/** A run of records from one place in one order: an incarnation of a producer, a connection, a file. */
export interface Life {
  readonly name: string
  readonly source: string
  /** Of what stream its records are: those of two copies of one outbox are of one. */
  readonly stream: string
  /** Its first record. */
  readonly first: number
  readonly made: number
  /** Records up to this one must be there. */
  readonly owed: number
  /** Records must be 1 to n without a gap; otherwise some may be missing. */
  readonly whole: boolean
  /**
   * A copy of its outbox has gone on instead: what it had behind `owed` may be missing, also in front of what is there.
   */
  readonly forked: boolean
  /** Records that somebody has given up, by name: they need not be there. */
  readonly lost: readonly { readonly first: number; readonly last: number }[]
  /** The record's bytes, without its cause. */
  readonly record: (sequence: number) => Buffer
}

/** One state as it stands in the end. */
export interface FinalState {
  readonly at: number
  readonly state: unknown
}

/** What came out of a sink: whole lines, `cause|text`. */
export interface Output {
  readonly step: string
  /**
   * `exactly`: every line once. `once`: every record once, of whatever attempt. `at-least`: every line. `some`: nothing
   * that was not made.
   */
  readonly promise: 'exactly' | 'once' | 'at-least' | 'some'
  readonly lines: readonly string[]
  /** Of what is promised `once`: by what id each line came. */
  readonly ids?: readonly string[]
}

export interface Evidence {
  readonly plan: Plan
  /** How many worked on it, at most. */
  readonly workers: number
  /** Visits by number; the first stands at 1. */
  readonly visits: readonly (Visit | undefined)[]
  readonly lives: readonly Life[]
  /** States that were part of a complete epoch and in fair weather: the final ones come from them. */
  readonly before: ReadonlyMap<string, ReadonlyMap<Key, FinalState>>
  /** By step, by key. */
  readonly states: ReadonlyMap<string, ReadonlyMap<Key, FinalState>>
  readonly outputs: readonly Output[]
  readonly letters: readonly Letter[]
  /** Clocks were right all the time, and nobody was away with records that others did not wait for. */
  readonly timely: boolean
  /** Records, and answers of calls, some of which were given back to their steps after they had been refused. */
  readonly replayed?: ReadonlySet<string>
  /** Letters that somebody has asked to be taken out; of those that are `done` an epoch says so. */
  readonly purged?: readonly (Letter & { readonly done: boolean })[]
  /** Functions of steps without state refuse nothing from some moment on. */
  readonly mended?: boolean
  /** Programs with other steps followed one another: a record that comes again by another one may have another id. */
  readonly reshaped?: boolean
}

/** Adds one complaint; checkers stop early when there are enough. */
export type Complain = (what: string) => void
