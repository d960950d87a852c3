/**
 * What is fixed when a cluster is made, because it shapes what lies in the store: every worker that opens the store later
 * goes by it, whatever its own settings say.
 */
import { fail } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Clock } from '../env/clock.ts'
import { type Format, seal, unseal } from './envelope.ts'
import { CLUSTER } from './layout.ts'
import type { Store, StoreDone } from './store.ts'
import { writeOnce } from './write-once.ts'

export interface Identity {
  readonly keyGroups: number
  readonly chainEra: number
}

const format: Format = { kind: 'cluster', version: 1 }
const none = undefined as never

/** The cluster that `store` holds; made from `limits` where it holds none. `E_STORE_DAMAGED`, `E_STORE_VERSION`, `E_STORE`. */
export function openCluster(
  seams: { readonly store: Store; readonly clock: Clock; readonly limits: Limits },
  done: StoreDone<Identity>,
): void {
  const { keyGroups, chainEra, storeReads } = seams.limits
  writeOnce(seams, CLUSTER, seal(format, { keyGroups, chainEra }), storeReads, (error) => {
    if (error === null) done(null, { keyGroups, chainEra })
    else if (error.code === 'E_STORE_TAKEN') readCluster(seams.store, done)
    else done(error, none)
  })
}

function readCluster(store: Store, done: StoreDone<Identity>): void {
  store.read(CLUSTER, (error, bytes) => {
    if (error) return done(error, none)
    if (bytes === null) return done(fail('E_STORE', { operation: 'read', path: CLUSTER, reason: 'it is gone' }), none)
    const unsealed = unseal(format, CLUSTER, bytes)
    if (unsealed.kind === 'value') done(null, unsealed.value as unknown as Identity)
    else if (unsealed.kind === 'newer') done(unsealed.error, none)
    else done(fail('E_STORE_DAMAGED', { path: CLUSTER, reason: unsealed.reason }), none)
  })
}
