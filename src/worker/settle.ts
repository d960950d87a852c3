/** Waiting for what answers by callback. The rooms below know no promises; above the worker everything waits. */
import type { Clock } from '../env/clock.ts'

/** Resolves with the value that `call` answers, or rejects with its error. */
export function settle<T>(call: (done: (error: Error | null, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => call((error, value) => (error === null ? resolve(value) : reject(error))))
}

/** Resolves when `call` has answered, or rejects with its error. */
export function settleVoid(call: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => call((error) => (error === null ? resolve() : reject(error))))
}

/** Resolves after `ms` milliseconds. */
export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(Math.max(0, ms), resolve))
}

/**
 * What `act` answers, or `undefined` where it does not within `ms`: a worker that has lost its seat meanwhile may
 * answer nothing.
 */
export function answered<T>(
  clock: Clock,
  ms: number,
  act: (done: (answer: T) => void) => void,
): Promise<T | undefined> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => resolve(undefined))
    act((answer) => {
      timer.cancel()
      resolve(answer)
    })
  })
}

/** Whether `chain` is read to its end within `ms`: then all has been that stood there before this call. */
export async function readOn(chain: { follow(then: () => void): void }, clock: Clock, ms: number): Promise<boolean> {
  return (await answered<true>(clock, ms, (done) => chain.follow(() => done(true)))) ?? false
}
