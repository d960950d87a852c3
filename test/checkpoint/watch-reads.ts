/** A store whose reads are written down. */
import type { Store } from '../../src/checkpoint/store.ts'

/** `store`, and the paths that are read in it, whole or in part, in order. */
export function watchReads(under: Store): { readonly store: Store; readonly reads: string[] } {
  const reads: string[] = []
  const store = Object.create(under) as Store
  store.read = (path, done) => {
    reads.push(path)
    under.read(path, done)
  }
  store.readRange = (path, position, length, done) => {
    reads.push(path)
    under.readRange(path, position, length, done)
  }
  return { store, reads }
}
