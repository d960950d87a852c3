/** Promises where none can be waited for. */
import { fail } from '../base/errors.ts'

/** Refuses what a step has answered too early. */
export function refusePromise(promise: Promise<unknown>): never {
  disregard(promise)
  throw fail('E_PROMISE')
}

/** That a promise which was refused is rejected later is no news, and must not end the worker. */
export function disregard(promise: Promise<unknown>): void {
  promise.catch(() => {})
}
