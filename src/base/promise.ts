/** Promises where none can be waited for. */
import { fail } from './errors.ts'

/** What a user's function has answered: no promise, of whose rejection nobody would hear. */
export function atOnce<T>(answer: T): T {
  if (answer instanceof Promise) refusePromise(answer)
  return answer
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
