/**
 * When an object that cannot be read counts as damaged: a bad sector of a disk never becomes readable.
 *
 * E1. It is tried `storeReads` times with pauses, and once more after something else could be read. A store from which
 *     nothing can be read is away, which says nothing about what lies in it: it is waited for, unless somebody waits
 *     for an answer, who is told so.
 */
import type { Limits } from '../base/limits.ts'
import type { Clock } from '../env/clock.ts'
import { damagedWhole, type Examined } from './damage.ts'
import { CLUSTER, chainRecord } from './layout.ts'
import type { Store } from './store.ts'

export interface ReadSeams {
  readonly store: Store
  readonly clock: Clock
  readonly limits: Limits
  /** Somebody waits for an answer: a store that is away is none that he has time for. */
  readonly hurried?: boolean
}

/**
 * What `look` finds of the object at `path`; looked at again where it fails for other reasons than damage, which counts
 * as damage in the end (E1).
 */
export function examine<T>(
  seams: ReadSeams,
  path: string,
  look: (answer: (examined: Examined<T>) => void) => void,
  done: (examined: Examined<T>) => void,
): void {
  const attempt = (left: number): void =>
    look((examined) => {
      if (examined.kind !== 'failed' || examined.error.code !== 'E_STORE') return done(examined)
      const { message } = examined.error
      tryAgain(seams, left, attempt, (away) => done(away ? examined : damagedWhole(path, message)))
    })
  attempt(seams.limits.storeReads)
}

/**
 * A read has failed of which `left` were left, that one included. Calls `again` with what is left then, now or after a
 * pause, or `giveUp`, where the object is damaged or the store `away`.
 */
export function tryAgain(
  { store, clock, limits, hurried = false }: ReadSeams,
  left: number,
  again: (left: number) => void,
  giveUp: (away: boolean) => void,
): void {
  const pause = (then: number): unknown => clock.after(limits.storeRetryMs, () => again(then))
  if (left > 1) return void pause(left - 1)
  givesAnything(store, (there) => {
    if (!there && !hurried) pause(1)
    else if (there && left === 1) again(0)
    else giveUp(!there)
  })
}

/** What every store holds, whatever else: of two objects one may lie on a bad sector itself. */
function givesAnything(store: Store, done: (gives: boolean) => void): void {
  store.read(CLUSTER, (error) => {
    if (error === null) done(true)
    else store.read(chainRecord(0), (failed) => done(failed === null))
  })
}
