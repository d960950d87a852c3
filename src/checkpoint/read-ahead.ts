/**
 * What was read of the store before it is needed: manifests, indexes of packs, and chunks, or the tables that were made
 * of these. Who is about to get key groups reads them while everything runs; what is left when nothing runs is what has
 * changed since.
 *
 * A1. None of it ever changes in the store, and all of it was compared with its checksum; what is damaged or absent is
 *     not kept, and looked at anew by whoever needs it.
 * A2. It holds at most `readAheadBytes` of chunks, those that tables were made of included. What does not fit is read
 *     when it is needed.
 * A3. What was decided is kept where nothing was damaged: then it follows from the last epoch alone.
 * A4. A table counts where the chunks that it was made of are the first ones of what is restored, by the program that
 *     it was made with. It is given away once: from then on it changes.
 */
import type { Limits } from '../base/limits.ts'
import type { KeyTable } from '../state/key-table.ts'
import type { Damage } from './damage.ts'
import { forEach } from './for-each.ts'
import type { Manifest } from './manifest.ts'
import type { PackChunk } from './pack-format.ts'
import { readChunks } from './pack-reader.ts'
import type { ChunkPlace, GroupChain, Restore } from './resolve.ts'
import { type Known, Survey, type SurveySeams } from './survey.ts'

/** The table of a key group, and what it was made of: the first chunks of the group's chain, or all of them. */
export interface Made {
  readonly table: KeyTable
  readonly of: readonly ChunkPlace[]
}

export class ReadAhead {
  readonly manifests = new Map<string, Manifest>()
  readonly packs = new Map<string, readonly PackChunk[]>()
  /** By the path of the last epoch's manifest (A3). */
  readonly decisions = new Map<string, Restore>()
  /** By pack and position. */
  private readonly chunks = new Map<string, Map<number, Buffer>>()
  private readonly tables = new Map<string, Made>()
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

  /** Puts a table in the place of the chunks that it was made of. */
  make(submitted: number, { step, keyGroup }: GroupChain, made: Made): void {
    this.tables.set(tableName(submitted, step, keyGroup), made)
    for (const { pack, chunk } of made.of) this.chunks.get(pack.path)?.delete(chunk.position)
  }

  /** The table that `chain` begins with, of the program that record `submitted` has put there (A4). */
  made(submitted: number, { step, keyGroup, chunks }: GroupChain): Made | undefined {
    const made = this.tables.get(tableName(submitted, step, keyGroup))
    const begins = made?.of.every(({ pack, chunk }, i) => {
      const place = chunks[i]
      return place?.pack.path === pack.path && place.chunk.position === chunk.position
    })
    return begins === true ? made : undefined
  }

  /** It has been given away, or is of no use (A4). */
  give(submitted: number, step: string, keyGroup: number): void {
    this.tables.delete(tableName(submitted, step, keyGroup))
  }

  clear(): void {
    this.tables.clear()
    this.manifests.clear()
    this.packs.clear()
    this.decisions.clear()
    this.chunks.clear()
    this.bytes = 0
  }
}

function tableName(submitted: number, step: string, keyGroup: number): string {
  return `${submitted} ${keyGroup} ${step}`
}

/**
 * Reads what a restore of the key groups that are `wanted` would read now, and answers their chains. Nothing depends on
 * what comes of it.
 */
export function readAhead(
  seams: SurveySeams & { readonly ahead: ReadAhead },
  known: Known,
  wanted: (keyGroup: number) => boolean,
  done: (chains: readonly GroupChain[]) => void,
): void {
  const { ahead, limits } = seams
  const survey = new Survey(seams, known)
  survey.decide((_, decided) => {
    if (decided?.kind !== 'restore') return done([])
    survey.keep(ahead, decided)
    const chains = decided.chains.filter(({ keyGroup }) => wanted(keyGroup))
    const packs = new Map<string, PackChunk[]>()
    for (const chain of chains) {
      for (const { pack, chunk } of restOf(chain, ahead.made(known.entry.submitted, chain))) {
        const chunks = packs.get(pack.path)
        if (chunks === undefined) packs.set(pack.path, [chunk])
        else chunks.push(chunk)
      }
    }
    const readPack = ([path, chunks]: readonly [string, readonly PackChunk[]], end: (error: null) => void) =>
      readThrough(
        seams,
        path,
        chunks,
        (chunk, bytes) => ahead.keep(path, chunk, bytes),
        () => end(null),
      )
    forEach([...packs], limits.storeParallel, readPack, () => done(chains))
  })
}

/** What of `chain` comes after what `made` was made of; all of it where there is none. */
export function restOf({ chunks }: GroupChain, made: Made | undefined): readonly ChunkPlace[] {
  return made === undefined ? chunks : chunks.slice(made.of.length)
}

/** As `readChunks`, without reading what was read ahead. */
export function readThrough(
  seams: SurveySeams,
  path: string,
  chunks: readonly PackChunk[],
  each: (chunk: PackChunk, bytes: Buffer) => void,
  done: (damages: readonly Damage[]) => void,
): void {
  const { ahead } = seams
  const there = new Map<PackChunk, Buffer>()
  for (const chunk of chunks) {
    const bytes = ahead?.chunk(path, chunk)
    if (bytes !== undefined) there.set(chunk, bytes)
  }
  if (there.size === 0) return readChunks(seams, path, chunks, each, done)
  const end = (damages: readonly Damage[]): void => {
    // In the order of the pack, as they apply.
    const all = [...there].toSorted(([a], [b]) => a.position - b.position)
    for (const [chunk, bytes] of all) each(chunk, bytes)
    done(damages)
  }
  const missing = chunks.filter((chunk) => !there.has(chunk))
  if (missing.length === 0) return seams.clock.soon(() => end([]))
  readChunks(seams, path, missing, (chunk, bytes) => there.set(chunk, bytes), end)
}
