/**
 * The objects that an epoch needs beside its manifest: every pack and every file of dead letters, and whether each is
 * whole.
 */
import type { Damage, Examined } from '../../checkpoint/damage.ts'
import { decodeManifest, letterFilesOf, type Manifest, type PackEntry } from '../../checkpoint/manifest.ts'
import type { PackChunk } from '../../checkpoint/pack-format.ts'
import { type ChunkSeams, openPack, readChunks } from '../../checkpoint/pack-reader.ts'
import { examine } from '../../checkpoint/patience.ts'
import { decodeLetters } from '../letters/dead-letters.ts'

/** With what objects are read. */
export type ObjectSeams = ChunkSeams

export type EpochObject =
  | { readonly kind: 'pack'; readonly path: string; readonly pack: PackEntry }
  | { readonly kind: 'letters'; readonly path: string }

/** What `manifest` names, in a fixed order. */
export function objectsOf({ packs, sinks }: Manifest): readonly EpochObject[] {
  return [
    ...packs.map((pack) => ({ kind: 'pack', path: pack.path, pack }) as const),
    ...sinks.flatMap(letterFilesOf).map((path) => ({ kind: 'letters', path }) as const),
  ]
}

/** The bytes of an object, `null` where there is none. Rejects where the store is away. */
export async function readObject(seams: ObjectSeams, path: string): Promise<Settled<Buffer | null>> {
  const look = (answer: (examined: Examined<Buffer | null>) => void): void =>
    seams.store.read(path, (error, value) => answer(error ? { kind: 'failed', error } : { kind: 'intact', value }))
  return settled(await new Promise<Examined<Buffer | null>>((resolve) => examine(seams, path, look, resolve)))
}

/** The manifest at `path`; rejects where it is of a later release, or the store is away. */
export async function readManifest(seams: ObjectSeams, path: string): Promise<Settled<Manifest>> {
  const found = await readObject(seams, path)
  return found.kind === 'intact' ? settled(decodeManifest(path, found.value)) : found
}

/** What is known of an object in the end. */
export type Settled<T> = Exclude<Examined<T>, { kind: 'failed' }>

function settled<T>(examined: Examined<T>): Settled<T> {
  if (examined.kind === 'failed') throw examined.error
  return examined
}

/** Reads every byte of an object and answers what is damaged. Rejects where the store is away. */
export function verifyObject(seams: ObjectSeams, object: EpochObject): Promise<readonly Damage[]> {
  return object.kind === 'pack' ? verifyPack(seams, object.pack) : verifyLetters(seams, object.path)
}

function verifyPack(seams: ObjectSeams, pack: PackEntry): Promise<readonly Damage[]> {
  return new Promise((resolve, reject) => {
    const look = (answer: (outcome: Examined<readonly PackChunk[]>) => void): void =>
      openPack(seams.store, pack, answer)
    examine(seams, pack.path, look, (outcome) => {
      if (outcome.kind === 'failed') reject(outcome.error)
      else if (outcome.kind === 'damaged') resolve([outcome.damage])
      else if (outcome.value.length === 0) resolve([])
      else {
        const ignore = () => {}
        readChunks(seams, pack.path, outcome.value, ignore, resolve)
      }
    })
  })
}

async function verifyLetters(seams: ObjectSeams, path: string): Promise<readonly Damage[]> {
  const found = await readObject(seams, path)
  const examined = found.kind === 'intact' ? settled(decodeLetters(path, found.value)) : found
  return examined.kind === 'damaged' ? [examined.damage] : []
}
