/**
 * What was read of the store before it is needed: manifests, indexes of packs, and chunks. Who is about to get key groups
 * reads them while everything runs; what is left to be read when nothing runs is what has changed since.
 *
 * A1. None of it ever changes in the store, and all of it was compared with its checksum; what is damaged or absent is not
 *     kept, and looked at anew by whoever needs it.
 * A2. It holds at most `readAheadBytes` of chunks. What does not fit is read when it is needed.
 */
import type { PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Damage } from './damage.ts'
import { forEach } from './for-each.ts'
import type { Manifest } from './manifest.ts'
import type { PackChunk } from './pack-format.ts'
import { readChunks } from './pack-reader.ts'
import { type Known, Survey, type SurveySeams } from './survey.ts'

export class ReadAhead {
  readonly manifests = new Map<string, Manifest>()
  readonly packs = new Map<string, readonly PackChunk[]>()
  /** By pack and position. */
  private readonly chunks = new Map<string, Map<number, Buffer>>()
  private readonly bytesMax: number
  private bytes = 0

  constructor({ readAheadBytes }: Pick<Limits, 'readAheadBytes'>) {
    this.bytesMax = readAheadBytes
  }

  chunk(path: string, { position }: PackChunk): Buffer | undefined {
    return this.chunks.get(path)?.get(position)
  }

  keep(path: string, { position }: PackChunk, bytes: Buffer): void {
    if (this.bytes + bytes.length > this.bytesMax) return
    const known = this.chunks.get(path) ?? new Map<number, Buffer>()
    if (known.has(position)) return
    this.chunks.set(path, known.set(position, bytes))
    this.bytes += bytes.length
  }

  clear(): void {
    this.manifests.clear()
    this.packs.clear()
    this.chunks.clear()
    this.bytes = 0
  }
}

/** Reads what a restore of the key groups that are `wanted` would read now. Nothing depends on what comes of it. */
export function readAhead(
  seams: SurveySeams & { readonly ahead: ReadAhead },
  known: Known,
  wanted: (keyGroup: number) => boolean,
  done: () => void,
): void {
  const { ahead, limits } = seams
  const survey = new Survey(seams, known)
  survey.decide((_, decided) => {
    if (decided?.kind !== 'restore') return done()
    survey.keep(ahead)
    const packs = new Map<string, PackChunk[]>()
    for (const { keyGroup, chunks } of decided.chains) {
      if (!wanted(keyGroup)) continue
      for (const { pack, chunk } of chunks) packs.set(pack.path, [...(packs.get(pack.path) ?? []), chunk])
    }
    const readPack = ([path, chunks]: readonly [string, readonly PackChunk[]], end: (error: null) => void) =>
      readThrough(
        seams,
        path,
        chunks,
        (chunk, bytes) => ahead.keep(path, chunk, bytes),
        () => end(null),
      )
    forEach([...packs], limits.storeParallel, readPack, done)
  })
}

/** As `readChunks`, without reading what was read ahead. */
export function readThrough(
  seams: SurveySeams,
  path: string,
  chunks: readonly PackChunk[],
  each: (chunk: PackChunk, bytes: Buffer) => void,
  done: (error: PotorooError | null, damages: readonly Damage[]) => void,
): void {
  const { ahead } = seams
  const there = new Map<PackChunk, Buffer>()
  for (const chunk of chunks) {
    const bytes = ahead?.chunk(path, chunk)
    if (bytes !== undefined) there.set(chunk, bytes)
  }
  if (there.size === 0) return readChunks(seams, path, chunks, each, done)
  const end = (error: PotorooError | null, damages: readonly Damage[]): void => {
    // In the order of the pack, as they apply.
    const all = [...there].toSorted(([a], [b]) => a.position - b.position)
    for (const [chunk, bytes] of all) each(chunk, bytes)
    done(error, damages)
  }
  const missing = chunks.filter((chunk) => !there.has(chunk))
  if (missing.length === 0) return seams.clock.soon(() => end(null, []))
  readChunks(seams, path, missing, (chunk, bytes) => there.set(chunk, bytes), end)
}
