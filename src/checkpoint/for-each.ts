/** A loop over callbacks. */
import type { PotorooError } from '../base/errors.ts'
import type { StoreDoneVoid } from './store.ts'

/**
 * Calls `work` for every item, in order, at most `parallel` at a time. After the first error nothing new is begun, and
 * `done` answers it, once, when what is under way has ended. With no items it answers at once. `work` may answer inside
 * its own call.
 */
export function forEach<T>(
  items: readonly T[],
  parallel: number,
  work: (item: T, done: StoreDoneVoid) => void,
  done: StoreDoneVoid,
): void {
  let next = 0
  let open = 0
  let failed: PotorooError | null = null
  let isProceeding = false
  const proceed = (): void => {
    // Where `work` answers inside its own call, the loop that called it goes on.
    if (isProceeding) return
    isProceeding = true
    while (open < parallel && next < items.length && failed === null) {
      open++
      work(items[next++]!, (error) => {
        open--
        failed ??= error
        proceed()
      })
    }
    isProceeding = false
    if (open === 0) done(failed)
  }
  proceed()
}
