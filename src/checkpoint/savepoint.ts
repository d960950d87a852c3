/**
 * Savepoints: a complete epoch that a person asked for, in a folder of its own that nothing but the person removes
 * (PROTOCOLS 12).
 *
 * U1. Every pack and every file of dead letters is linked into the folder first, its manifest is written last: a
 *     savepoint is there when its manifest is, and then it is whole.
 * U2. Its manifest is the epoch's, with the paths in the folder. A name is given once: for another epoch nothing is
 *     linked under it, which would keep that epoch's packs for as long as the savepoint stands.
 * U3. Until the manifest stands, what was linked may be removed as the leftovers of an attempt that came to nothing
 *     (`worker/pipelines/savepoints.ts`, V3). So all of it is linked once more after the manifest has been written.
 */
import { fail } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Clock } from '../env/clock.ts'
import { forEach } from './for-each.ts'
import { savepointManifest, savepointObject } from './layout.ts'
import { encodeManifest, letterFilesOf, type Manifest, type PartEntry } from './manifest.ts'
import type { Store, StoreDoneVoid } from './store.ts'
import { writeOnce } from './write-once.ts'

export interface SavepointSeams {
  readonly store: Store
  readonly clock: Clock
  readonly limits: Limits
}

/** The manifest of `manifest`'s epoch as the savepoint `name` (U2). */
function savepointOf(manifest: Manifest, name: string): Manifest {
  const move = (path: string): string => savepointObject(manifest.pipeline, name, path)
  const packs = manifest.packs.map((pack) => ({ ...pack, path: move(pack.path) }))
  const moveLetters = (part: PartEntry): PartEntry => {
    const files = letterFilesOf(part)
    return files.length === 0 ? part : { ...part, snapshot: files.map(move) }
  }
  return { ...manifest, packs, sinks: manifest.sinks.map(moveLetters) }
}

/**
 * Makes the savepoint `name` of the complete epoch of `manifest` (U1). Answers `E_STORE_TAKEN` where another savepoint
 * has that name, `E_STORE` where it could not be made; what has been linked stays and does no harm.
 */
export function makeSavepoint(seams: SavepointSeams, manifest: Manifest, name: string, done: StoreDoneVoid): void {
  const { store, limits } = seams
  const { pipeline } = manifest
  const path = savepointManifest(pipeline, name)
  const bytes = encodeManifest(savepointOf(manifest, name))
  store.read(path, (unread, found) => {
    if (unread) return done(unread)
    if (found !== null && !found.equals(bytes)) return done(fail('E_STORE_TAKEN', { path }))
    const objects = [...manifest.packs.map((pack) => pack.path), ...manifest.sinks.flatMap(letterFilesOf)]
    const linkOne = (object: string, end: StoreDoneVoid) =>
      store.link(object, savepointObject(pipeline, name, object), end)
    const linkAll = (end: StoreDoneVoid) => forEach(objects, limits.storeParallel, linkOne, end)
    linkAll((error) => {
      if (error) return done(error)
      writeOnce(seams, path, bytes, limits.storeReads, (failed) => (failed ? done(failed) : linkAll(done)))
    })
  })
}
