/**
 * Savepoints in the store: what there is, whether it is whole, and its end. Needs no running pipeline.
 *
 * V1. A savepoint that a pipeline has begun with stays until no manifest of that run names anything in its folder.
 * V2. Others may have begun with it by the time that it is to go: the chain is read to its end before, and once more
 *     when it cannot be found any more. Who begins with one looks behind the record of that whether it is still there
 *     (`submission.ts`, S4). So of the two that meet at least one sees the other.
 * V3. What is left of one that was never finished, or is half gone, can be removed as well: nobody sees it, and it
 *     holds packs. Its name is taken meanwhile: who is about to finish it finds that, or looks behind it once more
 *     (`checkpoint/savepoint.ts`, U3).
 */
import { fail, type PotorooError } from '../../base/errors.ts'
import type { Cluster } from '../../checkpoint/cluster.ts'
import type { Damage, Examined } from '../../checkpoint/damage.ts'
import { type Format, seal } from '../../checkpoint/envelope.ts'
import { CHAIN, isEscapedName, savepointFolder, savepointManifest, unescapeName } from '../../checkpoint/layout.ts'
import { decodeManifest, type Manifest } from '../../checkpoint/manifest.ts'
import { writeOnce } from '../../checkpoint/write-once.ts'
import { readOn, settle, settleVoid } from '../settle.ts'
import { type ObjectSeams, objectsOf, readObject, verifyObject } from './objects.ts'

/** A savepoint as `list` shows it. */
export interface SavepointEntry {
  readonly name: string
  readonly epoch: number
  readonly keys: number
  readonly bytes: number
  /** Wall time of its epoch, in milliseconds since 1970. */
  readonly timeMs: number
  /** The program that wrote it. */
  readonly hash: string
}

/** What reading every byte of a savepoint has found. */
export interface VerifiedSavepoint {
  /** `null` where its manifest is damaged. */
  readonly entry: SavepointEntry | null
  readonly damages: readonly Damage[]
}

/** The savepoints of `pipeline`, oldest first. One that was begun and is not there is left out. */
export async function listSavepoints(seams: ObjectSeams, pipeline: string): Promise<readonly SavepointEntry[]> {
  const folder = savepointFolder(pipeline, 'x').replace(/\/x$/, '')
  const names = await settle<readonly string[]>((done) => seams.store.list(folder, done))
  const entries: SavepointEntry[] = []
  for (const escaped of names.filter(isEscapedName)) {
    const name = unescapeName(escaped)
    const path = savepointManifest(pipeline, name)
    const examined = await savepointAt(seams, path)
    if (examined === null) continue
    if (examined.kind === 'intact') entries.push(entryOf(name, examined.value))
    else entries.push({ name, epoch: 0, keys: 0, bytes: 0, timeMs: 0, hash: 'damaged' })
  }
  return entries.sort((a, b) => a.timeMs - b.timeMs)
}

/**
 * That `pipeline` has no savepoint of this name, and which ones it has: where nobody runs it there is no other way to
 * see them.
 */
export async function noSavepoint(seams: ObjectSeams, pipeline: string, savepoint: string): Promise<PotorooError> {
  const names = (await listSavepoints(seams, pipeline)).map(({ name }) => name)
  const known = names.length === 0 ? ', and no other' : `: it has ${names.join(', ')}`
  return fail('E_NO_SAVEPOINT', { pipeline, savepoint, known })
}

/** The manifest of a savepoint, `null` where none is there. */
async function savepointAt(seams: ObjectSeams, path: string): Promise<Examined<Manifest> | null> {
  const found = await readObject(seams, path)
  if (found.kind === 'damaged') return found
  return found.value === null ? null : decodeManifest(path, found.value)
}

function entryOf(name: string, { epoch, counts, packs, timeMs, hash }: Manifest): SavepointEntry {
  return { name, epoch, keys: counts.keys, bytes: packs.reduce((sum, pack) => sum + pack.bytes, 0), timeMs, hash }
}

/** Reads every byte of a savepoint. Answers what is damaged; rejects with `E_NO_SAVEPOINT` where there is none. */
export async function verifySavepoint(seams: ObjectSeams, pipeline: string, name: string): Promise<VerifiedSavepoint> {
  const path = savepointManifest(pipeline, name)
  const examined = await savepointAt(seams, path)
  if (examined === null) throw await noSavepoint(seams, pipeline, name)
  if (examined.kind === 'failed') throw examined.error
  if (examined.kind === 'damaged') return { entry: null, damages: [examined.damage] }
  const damages: Damage[] = []
  for (const object of objectsOf(examined.value)) damages.push(...(await verifyObject(seams, object)))
  return { entry: entryOf(name, examined.value), damages }
}

/** Who knows what the chain says, and reads what others have put into it since. */
export interface ChainFollower {
  readonly cluster: Cluster
  follow(then: () => void): void
}

const removed: Format = { kind: 'removed', version: 1 }

/**
 * Removes a savepoint: its manifest first, so that nobody finds half of one. Rejects with `E_SAVEPOINT_NEEDED` while
 * what the chain names still lies in it (V1, V2), with `E_STORE_TAKEN` where it comes about just then (V3).
 */
export async function removeSavepoint(
  seams: ObjectSeams,
  chain: ChainFollower,
  pipeline: string,
  name: string,
): Promise<void> {
  const { store, limits } = seams
  const folder = savepointFolder(pipeline, name)
  const manifest = savepointManifest(pipeline, name)
  const write = (bytes: Buffer) => settleVoid((done) => writeOnce(seams, manifest, bytes, limits.storeReads, done))
  const remove = (path: string) => settleVoid((done) => store.remove(path, done))
  const list = () => settle<readonly string[]>((done) => store.list(folder, done))
  const there = await settle<Buffer | null>((done) => store.read(manifest, done))
  if (there === null && (await list()).length === 0) throw await noSavepoint(seams, pipeline, name)
  await requireUnneeded(seams, chain, pipeline, name)
  if (there === null) await write(seal(removed, {}))
  else {
    await remove(manifest)
    try {
      await requireUnneeded(seams, chain, pipeline, name)
    } catch (error) {
      await write(there)
      throw error
    }
  }
  const paths = (await list()).map((object) => `${folder}/${object}`)
  for (const path of paths) if (path !== manifest) await remove(path)
  if (there === null) await remove(manifest)
}

async function requireUnneeded(
  seams: ObjectSeams,
  chain: ChainFollower,
  pipeline: string,
  name: string,
): Promise<void> {
  const { clock, limits } = seams
  if (!(await readOn(chain, clock, limits.storeTimeoutMs)))
    throw fail('E_STORE', { operation: 'read', path: CHAIN, reason: 'it does not come to its end' })
  if (await isNeeded(seams, chain.cluster, pipeline, name))
    throw fail('E_SAVEPOINT_NEEDED', { pipeline, savepoint: name })
}

/** V1. What the oldest manifest that is kept does not name, no later one does. */
async function isNeeded({ store }: ObjectSeams, cluster: Cluster, pipeline: string, name: string): Promise<boolean> {
  const entry = cluster.pipelines.get(pipeline)
  if (entry === undefined || entry.from !== savepointManifest(pipeline, name)) return false
  const [oldest] = entry.epochs
  if (oldest === undefined) return true
  const path = oldest.manifest
  const examined = decodeManifest(path, await settle<Buffer | null>((done) => store.read(path, done)))
  const folder = `${savepointFolder(pipeline, name)}/`
  return examined.kind !== 'intact' || examined.value.packs.some((pack) => pack.path.startsWith(folder))
}
