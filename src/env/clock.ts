/** Time, as the worker sees it. Below the worker, time is an argument. */
export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Wall time in milliseconds since 1970; may jump either way. For people and record times only. */
  now(): number
  /** Milliseconds with fractions that never go back, from an unspecified origin. For durations. */
  monotonic(): number
  /** Calls `fn` once, not earlier than `ms` from now; what is below zero is due at once. */
  after(ms: number, fn: () => void): Timer
  /** Calls `fn` once, after the callbacks that are due now. */
  soon(fn: () => void): void
}
