/**
 * State that is still bytes: what was read of a step's checkpoint, by key group. A key group is decoded when a key of
 * it is first needed, or in the background; so a worker answers its first record after reading a million keys, not
 * after decoding them.
 *
 * L1. The chunks of a key group lie in the order in which they were written, from the last full one on.
 */
import type { Schema } from './fold.ts'

export interface LoadingOptions {
  /** Makes a state of the step's version from one of version `from`. */
  readonly migrate: Schema['migrate']
}

export class Loading {
  readonly migrate: Schema['migrate']
  private readonly chunks = new Map<number, Uint8Array[]>()

  constructor(options: LoadingOptions) {
    this.migrate = options.migrate
  }

  /** How many key groups are still bytes. */
  get size(): number {
    return this.chunks.size
  }

  /** Adds a chunk of `keyGroup`, behind those that were added before (L1). It is kept, not copied. */
  add(keyGroup: number, bytes: Uint8Array): void {
    const chunks = this.chunks.get(keyGroup)
    if (chunks === undefined) this.chunks.set(keyGroup, [bytes])
    else chunks.push(bytes)
  }

  /** A key group with these chunks, or with none: it has no key then. */
  put(keyGroup: number, chunks: readonly Uint8Array[]): void {
    this.chunks.set(keyGroup, [...chunks])
  }

  /** Takes over the key groups of `other`, in the place of its own. */
  addAll(other: Loading): void {
    for (const [keyGroup, chunks] of other.chunks) this.chunks.set(keyGroup, chunks)
  }

  keyGroups(): Iterable<number> {
    return this.chunks.keys()
  }

  /** A key group that is still bytes. */
  next(): number | undefined {
    for (const keyGroup of this.chunks.keys()) return keyGroup
    return undefined
  }

  chunksOf(keyGroup: number): readonly Uint8Array[] | undefined {
    return this.chunks.get(keyGroup)
  }

  remove(keyGroup: number): void {
    this.chunks.delete(keyGroup)
  }
}
