/** Promises that wait until something has come to a number, which rises from one to the next. */

interface Waiter<T> {
  readonly until: number
  resolve(value: T): void
  reject(error: Error): void
}

export class Waiters<T> {
  private readonly waiting: Waiter<T>[] = []

  get length(): number {
    return this.waiting.length
  }

  /** Waits for `until`, which is no less than that of whoever waits already. */
  wait(until: number): Promise<T> {
    return new Promise((resolve, reject) => this.waiting.push({ until, resolve, reject }))
  }

  /** It has come to `number`: whoever waited for that, or less, has what `answer` makes of what was waited for. */
  reach(number: number, answer: (until: number) => T): void {
    let settled = 0
    while (settled < this.waiting.length && this.waiting[settled]!.until <= number) settled++
    for (const { until, resolve } of this.waiting.splice(0, settled)) resolve(answer(until))
  }

  /** It never will. */
  fail(error: Error): void {
    for (const { reject } of this.waiting.splice(0)) reject(error)
  }
}
