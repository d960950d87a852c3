/** A loop over callbacks. */
import type { PotorooError } from '../base/errors.ts'
import type { StoreDoneVoid } from './store.ts'

/**
 * Calls `work` for every item, in order, at most `parallel` at a time. After the first error nothing new is begun, and
 * `done` answers it when what is under way has ended. With no items it answers at once. `work` never answers inside its
 * own call (`store.ts`, O5).
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
  const proceed = (): void => {
    while (open < parallel && next < items.length && failed === null) {
      open++
      work(items[next++]!, (error) => {
        open--
        failed ??= error
        proceed()
      })
    }
    if (open === 0) done(failed)
  }
  proceed()
}
