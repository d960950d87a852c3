/**
 * Whose code runs now: what a pipeline's file and its steps begin is marked with its program, and so is all that comes
 * of it later, in timers, callbacks and promises. An error whose stack has no place in it, as that of a socket which
 * nobody listens to, tells by that alone whose it is.
 *
 * K1. Our own code begins things in the turns of a pipeline too, so nobody asks for the mark where a stack says more.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

const marks = new AsyncLocalStorage<string>()
const passed = new WeakSet<object>()

/** Calls `call` as the program with `hash`. */
export function asProgram<T>(hash: string, call: () => T): T {
  try {
    return marks.run(hash, call)
  } catch (error) {
    if (typeof error === 'object' && error !== null) passed.add(error)
    throw error
  }
}

/**
 * The hash of the program that has begun what runs now, and by which `error` was thrown; `null` where there is none, or
 * where the error was thrown out of a call of `asProgram`, and so has left that in the middle.
 */
export function markOf(error: Error): string | null {
  return passed.has(error) ? null : (marks.getStore() ?? null)
}
