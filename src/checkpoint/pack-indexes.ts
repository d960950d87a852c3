/**
 * Indexes of packs that this process has written or read, for the next generation: to look at all packs of an epoch is
 * a large part of what a recovery waits for.
 *
 * K1. An index counts for the pack of its handle alone, its length and checksum included. Which packs there are stands
 *     in a manifest that the chain names, never here; and a chunk is compared with its own checksum when it is read.
 * K2. They are kept as the bytes that the pack has them in, `INDEX_BYTES` at most. What does not fit is read when it is
 *     needed.
 * K3. Once a manifest of its run is known, an index goes that it does not name, unless it is of a later epoch: what no
 *     manifest names is removed from the store.
 */
import { epochOf, folderOf, packFolder, type Run } from './layout.ts'
import type { Manifest } from './manifest.ts'
import { type PackChunk, type PackHandle, packNameOf } from './pack-format.ts'
import { chunksOf } from './pack-reader.ts'

/** Some hundred pipelines of a thousand key groups. */
const INDEX_BYTES = 64 << 20

interface Kept {
  readonly handle: PackHandle
  readonly index: Buffer
}

export class PackIndexes {
  /** By run, and by path. */
  private readonly runs = new Map<string, Map<string, Kept>>()
  private readonly bytesMax: number
  private kept = 0

  constructor(bytesMax = INDEX_BYTES) {
    this.bytesMax = bytesMax
  }

  /** What it holds, in bytes. */
  get bytes(): number {
    return this.kept
  }

  /** `index` is that of the pack that `handle` names; it is copied. */
  keep(run: Run, { path, bytes, crc }: PackHandle, index: Buffer): void {
    const packs = this.runs.get(nameOf(run)) ?? new Map<string, Kept>()
    this.drop(packs, path)
    if (this.kept + index.length > this.bytesMax) return
    this.runs.set(nameOf(run), packs.set(path, { handle: { path, bytes, crc }, index: Buffer.from(index) }))
    this.kept += index.length
  }

  has(run: Run, handle: PackHandle): boolean {
    return this.find(run, handle) !== null
  }

  /** The chunks of the pack that `handle` names (K1), or `null` where its index is not here. */
  chunks(run: Run, handle: PackHandle): readonly PackChunk[] | null {
    const index = this.find(run, handle)
    const opened = index && chunksOf(handle, index)
    return opened?.kind === 'intact' ? opened.value : null
  }

  /** `manifest` is one of `run` (K3). */
  settle(run: Run, { epoch, packs: named }: Manifest): void {
    const packs = this.runs.get(nameOf(run))
    if (packs === undefined) return
    const paths = new Set(named.map(({ path }) => path))
    for (const path of packs.keys()) if (!paths.has(path) && epochIn(run, path) <= epoch) this.drop(packs, path)
  }

  /** Forgets all runs but `runs`. */
  forgetOthers(runs: Iterable<Run>): void {
    const names = new Set([...runs].map(nameOf))
    for (const [name, packs] of this.runs) {
      if (names.has(name)) continue
      for (const path of packs.keys()) this.drop(packs, path)
      this.runs.delete(name)
    }
  }

  private find(run: Run, { path, bytes, crc }: PackHandle): Buffer | null {
    const kept = this.runs.get(nameOf(run))?.get(path)
    return kept?.handle.bytes === bytes && kept.handle.crc === crc ? kept.index : null
  }

  private drop(packs: Map<string, Kept>, path: string): void {
    this.kept -= packs.get(path)?.index.length ?? 0
    packs.delete(path)
  }
}

function nameOf({ pipeline, run }: Run): string {
  return `${run} ${pipeline}`
}

/** The epoch of `run` that has made the pack at `path`; 0 where it stems from a savepoint, perhaps of another run. */
function epochIn(run: Run, path: string): number {
  return folderOf(path) === packFolder(run) ? (epochOf(packNameOf(path)) ?? 0) : 0
}
