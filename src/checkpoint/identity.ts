/**
 * What is fixed when a cluster is made, because it shapes what lies in the store: every worker that opens the store
 * later goes by it, whatever its own settings say.
 */
import { fail, PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Clock } from '../env/clock.ts'
import { type Format, seal, unseal } from './envelope.ts'
import { CLUSTER } from './layout.ts'
import type { Store, StoreDone } from './store.ts'
import { writeOnce } from './write-once.ts'

export interface Identity {
  /** Tells this store from all others, also those of its name; empty where an earlier version made it. */
  readonly id: string
  /** The cluster's name; empty where it was made by a worker alone. */
  readonly name: string
  readonly keyGroups: number
  readonly chainEra: number
}

/** What a worker is told of the cluster whose store it opens. */
export interface Expected {
  /** The id that a store which is made now gets. */
  readonly id: string
  /** Empty for a worker alone. */
  readonly name: string
  /** `null`: as many as the store has. */
  readonly keyGroups: number | null
}

const format: Format = { kind: 'cluster', version: 1 }
const none = undefined as never

/**
 * The cluster that `store` holds; made from `limits` where it holds none. `E_STORE_CLUSTER` and `E_STORE_KEY_GROUPS`
 * where it is another one than `expected`; `E_STORE_DAMAGED`, `E_STORE_VERSION`, `E_STORE`.
 */
export function openCluster(
  seams: { readonly store: Store; readonly clock: Clock; readonly limits: Limits },
  expected: Expected,
  done: StoreDone<Identity>,
): void {
  const { keyGroups, chainEra, storeReads } = seams.limits
  const { id, name } = expected
  const identity = { id, name, keyGroups, chainEra }
  const found = (error: PotorooError | null, there: Identity): void => {
    const other = error ?? differing(there, expected)
    done(other, other === null ? there : none)
  }
  writeOnce(seams, CLUSTER, seal(format, identity), storeReads, (error) => {
    if (error?.code === 'E_STORE_TAKEN') readCluster(seams.store, found)
    else found(error, identity)
  })
}

/** A store that a worker alone has made has no name to differ by. */
function differing({ name = '', keyGroups }: Identity, expected: Expected): PotorooError | null {
  if (name !== '' && expected.name !== '' && name !== expected.name) {
    return fail('E_STORE_CLUSTER', { theirs: name, ours: expected.name })
  }
  if (expected.keyGroups !== null && expected.keyGroups !== keyGroups) {
    return fail('E_STORE_KEY_GROUPS', { theirs: keyGroups, ours: expected.keyGroups })
  }
  return null
}

/** The cluster that `store` holds; `E_STORE` where it holds none. */
export function readCluster(store: Store, done: StoreDone<Identity>): void {
  store.read(CLUSTER, (error, bytes) => {
    if (error) return done(error, none)
    if (bytes === null) return done(fail('E_STORE', { operation: 'read', path: CLUSTER, reason: 'it is gone' }), none)
    const identity = decodeIdentity(CLUSTER, bytes)
    if (identity instanceof PotorooError) done(identity, none)
    else done(null, identity)
  })
}

/** The identity in the bytes of `path`, or `E_STORE_DAMAGED`, or `E_STORE_VERSION`. */
export function decodeIdentity(path: string, bytes: Buffer): Identity | PotorooError {
  const unsealed = unseal<Identity>(format, path, bytes)
  if (unsealed.kind === 'newer') return unsealed.error
  if (unsealed.kind === 'damaged') return fail('E_STORE_DAMAGED', { path, reason: unsealed.reason })
  const identity = unsealed.value
  return { ...identity, id: identity.id ?? '' }
}
