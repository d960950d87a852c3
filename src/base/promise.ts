/** Promises where none can be waited for. */
import { fail } from './errors.ts'

/** What a user's function has answered: no promise, of whose rejection nobody would hear. */
export function atOnce<T>(answer: T): T {
  if (answer instanceof Promise) refusePromise(answer)
  return answer
}

/** One of several `answers` of a user's function. Where it is a promise, others of them mostly are as well. */
export function oneAtOnce<T>(answer: T, answers: Iterable<unknown>): T {
  if (!(answer instanceof Promise)) return answer
  // What is still to be made by asking for it, as by a generator, is not asked for.
  if (Array.isArray(answers) || answers instanceof Set) {
    for (const other of answers) if (other instanceof Promise) disregard(other)
  }
  return refusePromise(answer)
}

/** Refuses what a user's function has answered too early. */
export function refusePromise(promise: Promise<unknown>): never {
  disregard(promise)
  throw fail('E_PROMISE')
}

/** That a promise which was refused is rejected later is no news, and must not end the worker. */
export function disregard(promise: Promise<unknown>): void {
  promise.catch(() => {})
}
