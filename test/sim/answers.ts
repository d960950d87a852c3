/**
 * What functions of `asyncMap` answer with in simulated systems: no promise, for that would be kept in turns of the
 * real event loop, but what the engine asks of one. Who runs a pipeline decides when it is heard.
 */
import type { Env } from '../../src/env/env.ts'

/** What an answer takes at most, in milliseconds. */
const ANSWER_MS = 3

/** Now and then an answer takes long: one in `oneIn`, and up to so many milliseconds. */
export interface LongAnswers {
  readonly oneIn: number
  readonly longMs: number
}

const LONG: LongAnswers = { oneIn: 100, longMs: 300 }

/** Says `fn` later. */
export type Later = (fn: () => void) => void

/** What one takes that takes long. */
export const LONG_MS = 300

/** An answer in a process: some time later, by its clock, in any order. */
export function answersOf({ clock, random }: Env, { oneIn, longMs } = LONG): Later {
  return (fn) => void clock.after(random.below(random.below(oneIn) === 0 ? longMs : ANSWER_MS), fn)
}

/** The value that `make` returns, or what it throws, at once. */
export function answer<T>(make: () => T): Promise<T> {
  return heardBy((ok, failed) => {
    let value: T
    try {
      value = make()
    } catch (error) {
      return failed(error)
    }
    ok(value)
  })
}

/** An answer that `hear` brings to whoever asks for it. */
export function heardBy<T>(hear: (ok: (value: T) => void, failed: (error: unknown) => void) => void): Promise<T> {
  // biome-ignore lint/suspicious/noThenProperty: it is all that the engine asks of a promise.
  return { then: hear } as unknown as Promise<T>
}
