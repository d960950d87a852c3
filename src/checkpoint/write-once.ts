/**
 * Writes an object that stands at its name for ever: manifests, seals, the cluster's own.
 *
 * An unknown outcome is tried again under the same name with the same bytes, and what stands there is read (`store.ts`,
 * O2): the same bytes are as good as mine, other ones are not. After `attempts` tries it is left undecided, which does
 * no harm where the name is used for nothing else.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Clock } from '../env/clock.ts'
import { folderOf } from './layout.ts'
import type { Store, StoreDoneVoid } from './store.ts'

/** The first pause before another try, in milliseconds; doubles up to `storeRetryMs`. */
const FIRST_PAUSE_MS = 10

/**
 * Makes `bytes` stand durably at `path`. Answers `E_STORE_TAKEN` where others do, `E_STORE` where that stays undecided.
 */
export function writeOnce(
  seams: { readonly store: Store; readonly clock: Clock; readonly limits: Limits },
  path: string,
  bytes: Buffer,
  attempts: number,
  done: StoreDoneVoid,
): void {
  const { store, clock, limits } = seams
  const attempt = (left: number, pauseMs: number): void => {
    store.createExclusive(path, bytes, (outcome, error) => {
      if (outcome === 'created') return done(null)
      settle(store, path, bytes, (settled, taken) => {
        if (settled) done(taken)
        else if (left <= 1) done(error ?? fail('E_STORE', { operation: 'create', path, reason: 'it stays undecided' }))
        else clock.after(pauseMs, () => attempt(left - 1, Math.min(2 * pauseMs, limits.storeRetryMs)))
      })
    })
  }
  attempt(attempts, FIRST_PAUSE_MS)
}

/** Reads what stands at `path`: settled when something does, durably. */
function settle(
  store: Store,
  path: string,
  bytes: Buffer,
  done: (settled: boolean, taken: PotorooError | null) => void,
): void {
  store.read(path, (error, found) => {
    if (error || found === null) return done(false, null)
    if (!found.equals(bytes)) return done(true, fail('E_STORE_TAKEN', { path }))
    store.makeDurable(folderOf(path), (failed) => done(failed === null, null))
  })
}
