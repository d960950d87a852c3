/**
 * Carries out what `removal.ts` decides: lists, reads the manifests from the floor on that it does not know yet,
 * removes. The coordinator runs it when it has read a floor record. Nothing depends on it being finished, or on being
 * run only once. What cannot be listed or removed is passed over: otherwise one object of somebody else's would keep
 * all that comes after it.
 */
import type { Limits } from '../base/limits.ts'
import type { Cluster, EpochEntry, PipelineEntry } from './cluster.ts'
import { forEach } from './for-each.ts'
import {
  CHAIN,
  chainRecord,
  foldersOf,
  letterFolder,
  manifestFolder,
  PIPELINES,
  packFolder,
  type Run,
  TEMPORARY,
  unescapeName,
} from './layout.ts'
import { decodeManifest } from './manifest.ts'
import type { NamedPacks } from './named-packs.ts'
import { withoutCluster } from './record.ts'
import { garbageOf, oldFirsts, oldRecords, oldRecordsSince, oldRuns, oldTemporaries } from './removal.ts'
import type { Store, StoreDone, StoreDoneVoid } from './store.ts'

interface RemovalSeams {
  readonly store: Store
  readonly limits: Limits
}

interface SweeperSeams extends RemovalSeams {
  /** What manifests name, of those that are known. */
  readonly named: NamedPacks
}

/** Removes what `pipeline` no longer needs; `entry` must have been read in the chain. Answers how many objects went. */
export function sweepPipeline(
  seams: SweeperSeams,
  pipeline: string,
  entry: PipelineEntry,
  done: StoreDone<number>,
): void {
  const { store, named } = seams
  const run: Run = { pipeline, run: entry.run }
  named.forget(manifestFolder(run), entry.floor)
  store.list(manifestFolder(run), (error, manifests) => {
    if (error) return done(error, 0)
    store.list(packFolder(run), (failed, packs) => {
      if (failed) return done(failed, 0)
      readAll(seams, entry, (kept) => removeAll(seams, garbageOf(run, entry, { manifests, packs }, kept), done))
    })
  })
}

/**
 * Removes records of eras that are over, and of their first ones the cluster (`removal.ts`, X4); `cluster` must have
 * been read. `before` is the era in which this process did so last, `null` where it has not. Answers how many records
 * went.
 */
export function sweepChain(
  seams: RemovalSeams,
  { next }: Cluster,
  before: number | null,
  done: StoreDone<number>,
): void {
  const { store, limits } = seams
  const { chainEra } = limits
  const remove = (paths: readonly string[]): void =>
    removeAll(seams, paths, (_, gone) => {
      const shorten = (n: number, end: StoreDoneVoid) => shortenRecord(store, n, () => end(null))
      forEach(oldFirsts(next, chainEra), 1, shorten, () => done(null, gone))
    })
  if (before !== null) return remove(oldRecordsSince(before, next, chainEra))
  store.list(CHAIN, (error, names) => {
    if (error) done(error, 0)
    else remove(oldRecords(names, next, chainEra))
  })
}

/**
 * Removes temporary files that workers have left which are no members (`removal.ts`, X6). `before` are those that there
 * were an era ago; answers those that there are now.
 */
export function sweepTemporaries(
  { store }: Pick<RemovalSeams, 'store'>,
  cluster: Cluster,
  before: ReadonlySet<string>,
  done: (now: ReadonlySet<string>) => void,
): void {
  store.list(TEMPORARY, (error, names) => {
    if (error) return done(before)
    const old = oldTemporaries(names, before, cluster)
    const remove = (name: string, end: StoreDoneVoid) => store.remove(`${TEMPORARY}/${name}`, () => end(null))
    forEach(old, 1, remove, () => done(new Set(names)))
  })
}

/** Takes the cluster out of record `n`; one that cannot be read, or written, stays as it is. */
function shortenRecord(store: Store, n: number, done: () => void): void {
  const path = chainRecord(n)
  store.read(path, (error, bytes) => {
    const short = error === null && bytes !== null ? withoutCluster(path, n, bytes) : null
    if (short === null) done()
    else store.replace(path, short, done)
  })
}

/**
 * Removes what is left of runs that the chain no longer names: pipelines that were taken out, or submitted anew under
 * their name. Their folders go as well: otherwise each sweep would look through those of all runs that there ever were.
 * `cluster` must have been read. Answers how many objects went.
 */
export function sweepRuns(seams: SweeperSeams, cluster: Cluster, done: StoreDone<number>): void {
  const { store, named } = seams
  const paths: string[] = []
  const folders: string[] = []
  const collect = (folder: string, end: StoreDoneVoid) =>
    store.list(folder, (error, names) => {
      if (error === null) for (const name of names) paths.push(`${folder}/${name}`)
      end(null)
    })
  const collectRun = (run: Run, end: StoreDoneVoid) => {
    named.forget(manifestFolder(run), Infinity)
    folders.push(...foldersOf(run))
    forEach([manifestFolder(run), packFolder(run), letterFolder(run)], 1, collect, end)
  }
  const collectPipeline = (name: string, end: StoreDoneVoid) =>
    store.list(`${PIPELINES}/${name}`, (error, names) => {
      if (error) end(null)
      else forEach(oldRuns(unescapeName(name), names, cluster), 1, collectRun, end)
    })
  store.list(PIPELINES, (error, names) => {
    if (error) return done(error, 0)
    forEach(names, 1, collectPipeline, () => {
      removeAll(seams, paths, (_, gone) => {
        // One with somebody else's objects in it stays.
        const remove = (folder: string, end: StoreDoneVoid) => store.removeFolder(folder, () => end(null))
        forEach(folders, 1, remove, () => done(null, gone))
      })
    })
  })
}

/**
 * The packs that the manifests from the floor on name, `null` for each of these that cannot be read (`removal.ts`, X2).
 */
function readAll(
  { store, named }: SweeperSeams,
  entry: PipelineEntry,
  done: (packs: readonly (readonly string[] | null)[]) => void,
): void {
  const readOne = ({ manifest: path }: EpochEntry, end: StoreDoneVoid) => {
    if (named.of(path) !== null) return end(null)
    store.read(path, (error, bytes) => {
      const examined = error === null ? decodeManifest(path, bytes) : null
      if (examined?.kind === 'intact') named.note(path, examined.value)
      end(null)
    })
  }
  forEach(entry.epochs, 1, readOne, () => done(entry.epochs.map(({ manifest }) => named.of(manifest))))
}

function removeAll(seams: RemovalSeams, paths: readonly string[], done: StoreDone<number>): void {
  let gone = 0
  const remove = (path: string, end: StoreDoneVoid) =>
    seams.store.remove(path, (error) => {
      if (error === null) gone++
      end(null)
    })
  forEach(paths, seams.limits.storeParallel, remove, () => done(null, gone))
}
