/**
 * The checkpoints that the chain holds of a pipeline: what there is, and whether it is whole. Needs no running
 * pipeline.
 *
 * V1. An epoch is verified object by object, each by a question of its own: whoever asks sees how far it has come, and
 *     no answer takes longer than reading one pack.
 * V2. What was given up in the chain while it was read is gone, and not damaged.
 */
import { fail, type PotorooError } from '../../base/errors.ts'
import type { EpochEntry, PipelineEntry } from '../../checkpoint/cluster.ts'
import { lastEpoch } from '../../checkpoint/cluster.ts'
import type { Damage } from '../../checkpoint/damage.ts'
import type { Manifest } from '../../checkpoint/manifest.ts'
import { type EpochObject, type ObjectSeams, objectsOf, readManifest, type Settled, verifyObject } from './objects.ts'
import { listSavepoints } from './savepoints.ts'

/** A checkpoint as `list` shows it. */
export interface CheckpointEntry {
  readonly epoch: number
  readonly generation: number
  /** Wall time of its completion, in milliseconds since 1970; 0 where the manifest cannot be read. */
  readonly timeMs: number
  readonly keys: number
  /** Bytes of all packs that it needs, and of those among them that were written for it. */
  readonly bytes: number
  readonly newBytes: number
  /** Savepoints that were made of it. */
  readonly savepoints: readonly string[]
  /** What is wrong with its manifest, or `null`. */
  readonly damage: string | null
}

/** A checkpoint as `verify` begins with it. */
export interface CheckpointContent {
  readonly entry: CheckpointEntry
  /** What is to be verified (V1). */
  readonly objects: readonly { readonly kind: EpochObject['kind']; readonly path: string; readonly bytes: number }[]
}

/** Which pipeline, and what the chain says of it. */
export interface Checkpointed {
  readonly name: string
  readonly entry: PipelineEntry
  /** What the chain says once it has been read to its end. */
  latest(): Promise<PipelineEntry | undefined>
}

/** The checkpoints that are kept, oldest first: the last one is what a recovery restores. */
export async function listCheckpoints(seams: ObjectSeams, pipeline: Checkpointed): Promise<CheckpointEntry[]> {
  const { name, entry } = pipeline
  const savepoints = await savepointNames(seams, name)
  const listed = await Promise.all(
    entry.epochs.map(async (epoch) =>
      entryOf(epoch, await readManifest(seams, epoch.manifest), savepoints.get(epoch.epoch)),
    ),
  )
  if (listed.every(({ damage }) => damage === null)) return listed
  const latest = await pipeline.latest()
  return listed.filter(({ epoch, damage }) => damage === null || isKept(latest, epoch))
}

/** V2. */
function isKept(latest: PipelineEntry | undefined, epoch: number): boolean {
  return latest?.epochs.some((one) => one.epoch === epoch) ?? false
}

/** What `epoch` consists of, the newest one where it is `null`. */
export async function openCheckpoint(
  seams: ObjectSeams,
  pipeline: Checkpointed,
  epoch: number | null,
): Promise<CheckpointContent> {
  const { found, manifest } = await find(seams, pipeline, epoch)
  const savepoints = await savepointNames(seams, pipeline.name)
  const entry = entryOf(found, manifest, savepoints.get(found.epoch))
  const objects = manifest.kind === 'intact' ? objectsOf(manifest.value) : []
  return {
    entry,
    objects: objects.map((object) => {
      const bytes = object.kind === 'pack' ? object.pack.bytes : 0
      return { kind: object.kind, path: object.path, bytes }
    }),
  }
}

/** Reads all of object number `index` of `epoch`, and answers what is damaged. */
export async function verifyOne(
  seams: ObjectSeams,
  pipeline: Checkpointed,
  epoch: number,
  index: number,
): Promise<readonly Damage[]> {
  const { manifest } = await find(seams, pipeline, epoch)
  const object = manifest.kind === 'intact' ? objectsOf(manifest.value)[index] : undefined
  if (object === undefined) throw fail('E_CONTROL_REQUEST', { reason: `epoch ${epoch} has no object ${index}` })
  const damages = await verifyObject(seams, object)
  if (damages.length > 0 && !isKept(await pipeline.latest(), epoch)) throw noCheckpoint(pipeline, epoch)
  return damages
}

async function find(
  seams: ObjectSeams,
  pipeline: Checkpointed,
  epoch: number | null,
): Promise<{ readonly found: EpochEntry; readonly manifest: Settled<Manifest> }> {
  const { entry } = pipeline
  const found = epoch === null ? lastEpoch(entry) : entry.epochs.find((one) => one.epoch === epoch)
  if (found == null) throw noCheckpoint(pipeline, epoch)
  const manifest = await readManifest(seams, found.manifest)
  if (manifest.kind !== 'intact' && !isKept(await pipeline.latest(), found.epoch)) throw noCheckpoint(pipeline, epoch)
  return { found, manifest }
}

function noCheckpoint({ name }: Checkpointed, epoch: number | null): PotorooError {
  return fail('E_NO_CHECKPOINT', { pipeline: name, which: epoch === null ? '' : ` of epoch ${epoch}` })
}

function entryOf(
  { epoch, generation }: EpochEntry,
  manifest: Settled<Manifest>,
  savepoints: readonly string[] = [],
): CheckpointEntry {
  if (manifest.kind === 'damaged') {
    const damage = manifest.damage.reason
    return { epoch, generation, timeMs: 0, keys: 0, bytes: 0, newBytes: 0, savepoints, damage }
  }
  const { packs, counts, timeMs } = manifest.value
  const sum = (some: typeof packs): number => some.reduce((bytes, pack) => bytes + pack.bytes, 0)
  const own = packs.filter((pack) => pack.epoch === epoch)
  return {
    epoch,
    generation,
    timeMs,
    keys: counts.keys,
    bytes: sum(packs),
    newBytes: sum(own),
    savepoints,
    damage: null,
  }
}

async function savepointNames(seams: ObjectSeams, pipeline: string): Promise<ReadonlyMap<number, string[]>> {
  const names = new Map<number, string[]>()
  for (const { epoch, name } of await listSavepoints(seams, pipeline)) {
    names.set(epoch, [...(names.get(epoch) ?? []), name])
  }
  return names
}
