/** The objects that an epoch needs beside its manifest: every pack and every file of dead letters, and whether each is whole. */
import type { Damage } from '../../checkpoint/damage.ts'
import { letterFilesOf, type Manifest, type PackEntry } from '../../checkpoint/manifest.ts'
import { type ChunkSeams, openPack, readChunks } from '../../checkpoint/pack-reader.ts'
import { decodeLetters } from '../letters/dead-letters.ts'
import { settle } from '../settle.ts'

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

/** Reads every byte of an object and answers what is damaged. Rejects where the store does not answer. */
export function verifyObject(seams: ObjectSeams, object: EpochObject): Promise<readonly Damage[]> {
  return object.kind === 'pack' ? verifyPack(seams, object.pack) : verifyLetters(seams, object.path)
}

function verifyPack(seams: ObjectSeams, pack: PackEntry): Promise<readonly Damage[]> {
  return new Promise((resolve, reject) => {
    openPack(seams.store, pack, (outcome) => {
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

async function verifyLetters({ store }: ObjectSeams, path: string): Promise<readonly Damage[]> {
  const bytes = await settle<Buffer | null>((done) => store.read(path, done))
  const examined = decodeLetters(path, bytes)
  if (examined.kind === 'failed') throw examined.error
  return examined.kind === 'damaged' ? [examined.damage] : []
}
