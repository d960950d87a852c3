/**
 * Reads what `resolve` decided to restore: pack after pack, each in few large reads, and hands every key group over as
 * soon as its last chunk is there. A worker asks for the groups that it owns, a survivor that rolls back for those that
 * have changed (PROTOCOLS 5).
 */
import type { Damage } from './damage.ts'
import { forEach } from './for-each.ts'
import type { PackChunk } from './pack-format.ts'
import { type ChunkSeams, readChunks } from './pack-reader.ts'
import type { ChunkPlace, GroupChain, Restore } from './resolve.ts'

/** A key group's state: from the last full chunk on, oldest first. */
export interface GroupState {
  readonly step: string
  readonly keyGroup: number
  readonly chunks: readonly { readonly kind: PackChunk['kind']; readonly bytes: Buffer }[]
}

/** `damages`: report them to the `Survey`, throw away what came, decide anew. */
export type RestoreDone = (damages: readonly Damage[]) => void

/** Gives `take` every key group that is `wanted`, each once, in no order. Groups with a damaged chunk are left out. */
export function readGroups(
  seams: ChunkSeams,
  restore: Restore,
  wanted: (step: string, keyGroup: number) => boolean,
  take: (group: GroupState) => void,
  done: RestoreDone,
): void {
  const bytes = new Map<PackChunk, Buffer>()
  const chains = restore.chains.filter((chain) => chain.chunks.length > 0 && wanted(chain.step, chain.keyGroup))
  const places = chains.flatMap(({ chunks }) => chunks)
  const ends = new Map(chains.map((chain) => [chain.chunks.at(-1)!.chunk, chain]))
  const arrive = (chunk: PackChunk, part: Buffer): void => {
    bytes.set(chunk, part)
    const chain = ends.get(chunk)
    if (chain === undefined) return
    const group = assemble(chain, bytes)
    if (group !== null) take(group)
  }
  readPlaces(seams, places, arrive, done)
}

/** The state of `chain`, whose chunks have been read; `null` where one was damaged. */
function assemble(chain: GroupChain, bytes: Map<PackChunk, Buffer>): GroupState | null {
  const chunks: { kind: PackChunk['kind']; bytes: Buffer }[] = []
  for (const { chunk } of chain.chunks) {
    const part = bytes.get(chunk)
    if (part === undefined) return null
    bytes.delete(chunk)
    chunks.push({ kind: chunk.kind, bytes: part })
  }
  return { step: chain.step, keyGroup: chain.keyGroup, chunks }
}

/** Reads `places`, the oldest pack first. */
function readPlaces(
  seams: ChunkSeams,
  places: readonly ChunkPlace[],
  arrive: (chunk: PackChunk, bytes: Buffer) => void,
  done: RestoreDone,
): void {
  const damages: Damage[] = []
  const packs = Map.groupBy(
    places.toSorted((a, b) => a.pack.serial - b.pack.serial),
    ({ pack }) => pack.path,
  )
  const readPack = ([path, inPack]: readonly [string, readonly ChunkPlace[]], end: (error: null) => void) =>
    readChunks(
      seams,
      path,
      inPack.map(({ chunk }) => chunk),
      arrive,
      (found) => {
        damages.push(...found)
        end(null)
      },
    )
  forEach([...packs], 1, readPack, () => done(damages))
}
