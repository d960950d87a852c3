/**
 * Another time of day for what runs in it: `Date` and `performance` tell a time that has been moved by years, so that
 * what depends on the day, or the year, differs from run to run as what depends on milliseconds does.
 *
 * N1. The right time is back when the work has ended, however it ends. Works that are given together take turns: one
 *     within another would take a moved time for the right one, and leave it behind.
 */
import type { Prng } from '../base/prng.ts'

const MOST_MS = 20 * 365 * 86_400_000

/** Settles when the last work that was given has (N1). */
let last: Promise<unknown> = Promise.resolve()

/** Settles as `work` does. */
export function inOtherTime<T>(random: Prng, work: () => Promise<T>): Promise<T> {
  const turn = last.then(() => inMovedTime(random, work))
  last = turn.catch(() => {})
  return turn
}

async function inMovedTime<T>(random: Prng, work: () => Promise<T>): Promise<T> {
  const { Date: date, performance: clock } = globalThis
  const { now } = date
  const read = clock.now
  const movedMs = Math.floor(random.between(-MOST_MS, MOST_MS))
  const moved = (): number => Reflect.apply(now, date, []) + movedMs
  globalThis.Date = new Proxy(date, {
    apply: () => new date(moved()).toString(),
    construct: (target, given, by) => Reflect.construct(target, given.length === 0 ? [moved()] : given, by),
    get: (target, name) => (name === 'now' ? moved : Reflect.get(target, name)),
  })
  clock.now = () => Reflect.apply(read, clock, []) + Math.abs(movedMs)
  try {
    return await work()
  } finally {
    globalThis.Date = date
    clock.now = read
  }
}
