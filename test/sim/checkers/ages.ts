/**
 * Judges when the keys of a step with a time to live began anew, by the times that its function was told.
 *
 * T1. A record finds no state that was over for it: none that no record had touched for the time to live in front of
 *     it.
 * T2. A key begins anew only when it was over: for the record that it begins with, or for one in front of that, which
 *     was refused and left nothing. Not where clocks differ, or where a worker was away whose records come back with
 *     it: others need not wait.
 */
import type { Key } from '../../../src/base/hash.ts'
import type { Complain, Evidence, Visit } from './evidence.ts'
import type { Stretch } from './history.ts'

export class Ages {
  private readonly ttlMs: number
  private readonly complain: Complain
  /** Visits that found no state, by key, in whatever attempt; `null` where records may be late (T2). */
  private readonly beginnings: Map<Key, Visit[]> | null

  constructor({ visits, timely }: Evidence, step: string, ttlMs: number, complain: Complain) {
    this.ttlMs = ttlMs
    this.complain = complain
    const first = visits.filter((visit) => visit?.step === step && visit.before === 0) as Visit[]
    this.beginnings = timely ? Map.groupBy(first, ({ key }) => key) : null
  }

  /** Judges the stretches of one key, in order. */
  check(stretches: readonly Stretch[]): void {
    let touched = Number.NEGATIVE_INFINITY
    let before: Visit | null = null
    for (const { visits } of stretches) {
      for (const [i, visit] of visits.entries()) {
        const { time } = visit
        // Its function is told none.
        if (time === null) return
        const found = i > 0
        const over = time - touched > this.ttlMs
        if (found && over) this.complain(`${nameOf(visit)} finds a state that is ${time - touched} ms old (T1)`)
        if (!found && !over && before !== null && !this.wentBetween(before, visit, touched)) {
          this.complain(`${nameOf(visit)} begins anew after ${time - touched} ms (T2)`)
        }
        touched = found ? Math.max(touched, time) : time
        before = visit
      }
    }
  }

  /** Whether the key may have gone between two visits, when a record had `touched` it last. */
  private wentBetween({ number: after }: Visit, { key, number: until }: Visit, touched: number): boolean {
    if (this.beginnings === null) return true
    const between = this.beginnings.get(key)!.filter(({ number }) => number > after && number < until)
    return between.some(({ time }) => time! - touched > this.ttlMs)
  }
}

function nameOf({ step, key, cause }: Visit): string {
  return `${step}: ${cause} of ${String(key)}`
}
