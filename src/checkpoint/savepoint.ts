/**
 * Savepoints: a complete epoch that a person asked for, in a folder of its own that nothing but the person removes
 * (PROTOCOLS 12).
 *
 * U1. Every pack is linked into the folder first, its manifest is written last: a savepoint is there when its manifest
 *     is, and then it is whole.
 * U2. Its manifest is the epoch's, with the packs' paths in the folder. A name is given once.
 */
import type { Limits } from '../base/limits.ts'
import type { Clock } from '../env/clock.ts'
import { forEach } from './for-each.ts'
import { savepointManifest, savepointPack } from './layout.ts'
import { encodeManifest, type Manifest } from './manifest.ts'
import type { Store, StoreDoneVoid } from './store.ts'
import { writeOnce } from './write-once.ts'

export interface SavepointSeams {
  readonly store: Store
  readonly clock: Clock
  readonly limits: Limits
}

/** The manifest of `manifest`'s epoch as the savepoint `name` (U2). */
export function savepointOf(manifest: Manifest, name: string): Manifest {
  const packs = manifest.packs.map((pack) => ({ ...pack, path: savepointPack(manifest.pipeline, name, pack.path) }))
  return { ...manifest, packs }
}

/**
 * Makes the savepoint `name` of the complete epoch of `manifest` (U1). Answers `E_STORE_TAKEN` where another savepoint has
 * that name, `E_STORE` where it could not be made; what has been linked stays and does no harm.
 */
export function makeSavepoint(seams: SavepointSeams, manifest: Manifest, name: string, done: StoreDoneVoid): void {
  const { store, limits } = seams
  const linkOne = ({ path }: Manifest['packs'][number], end: StoreDoneVoid) =>
    store.link(path, savepointPack(manifest.pipeline, name, path), end)
  forEach(manifest.packs, limits.storeParallel, linkOne, (error) => {
    if (error) return done(error)
    const path = savepointManifest(manifest.pipeline, name)
    writeOnce(seams, path, encodeManifest(savepointOf(manifest, name)), limits.storeReads, done)
  })
}
