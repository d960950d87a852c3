/**
 * The seals on journals, as objects in the store (PROTOCOLS 2, S8): `sealed/<worker>/<incarnation>`.
 *
 * Q1. A seal is made by exclusive create, and one that exists is as good; an outcome that is unknown is an error, and
 *     whoever asked tries again under the same name.
 * Q2. Whether there is one is read by its exact name, never from a list.
 */
import { fail } from '../base/errors.ts'
import { seal as sealPath } from '../checkpoint/layout.ts'
import type { Store, Writer } from '../checkpoint/store.ts'
import type { Seals } from '../ingest/sealed.ts'

/** The seals in `store`, as the worker `self` makes and looks for them. */
export function sealsIn(store: Store, self: Writer): Seals {
  const own = sealPath(self.worker, self.incarnation)
  return {
    seal(worker, incarnation, done) {
      const path = sealPath(worker, incarnation)
      const by = Buffer.from(JSON.stringify({ by: self.worker, incarnation: self.incarnation }))
      store.createExclusive(path, by, (outcome, error) => {
        if (outcome !== 'unknown') done(null)
        else done(error ?? fail('E_STORE', { operation: 'create', path, reason: 'the outcome is unknown' }))
      })
    },
    isSealed(done) {
      store.read(own, (error, bytes) => done(error, bytes !== null))
    },
  }
}
