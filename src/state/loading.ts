/**
 * State that is still bytes: read from the packs, decoded key group by key group when one is first needed, or in the
 * background. So a worker answers its first record after reading the bytes, not after decoding a million keys.
 *
 * E1. Chunks of a group are given oldest first, from the last full one on. They are decoded newest first: what a newer
 *     chunk has said of a key, an older one cannot change.
 */
import { hashKey, type Key } from '../base/hash.ts'
import { decodeChunk } from './chunk.ts'
import { KeyTable } from './key-table.ts'

export interface LoadingOptions {
  readonly timed: boolean
  readonly schemaVersion: number
  /** Makes a state of this version from one of an older version. */
  readonly migrate: ((state: unknown, from: number) => object) | undefined
}

export class Loading {
  private readonly options: LoadingOptions
  private readonly chunks = new Map<number, Uint8Array[]>()

  constructor(options: LoadingOptions) {
    this.options = options
  }

  /** Adds a chunk of `group`, behind those that were added before (E1). */
  add(group: number, bytes: Uint8Array): void {
    const chunks = this.chunks.get(group)
    if (chunks === undefined) this.chunks.set(group, [bytes])
    else chunks.push(bytes)
  }

  /** A group that is still bytes. */
  next(): number | undefined {
    for (const group of this.chunks.keys()) return group
    return undefined
  }

  /** Decodes `group`; `null` when nothing is known of it. */
  load(group: number): KeyTable | null {
    const chunks = this.chunks.get(group)
    if (chunks === undefined) return null
    this.chunks.delete(group)
    const table = new KeyTable(group, this.options.timed)
    const gone = new Set<Key>()
    for (let i = chunks.length - 1; i >= 0; i--) this.merge(table, gone, chunks[i]!)
    return table
  }

  private merge(table: KeyTable, gone: Set<Key>, bytes: Uint8Array): void {
    const { schemaVersion, removed, keys, states, times } = decodeChunk(bytes)
    const migrate = schemaVersion === this.options.schemaVersion ? undefined : this.options.migrate
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!
      const hash = hashKey(key)
      if (gone.has(key) || table.find(hash, key) >= 0) continue
      const state = migrate === undefined ? states[i]! : migrate(states[i], schemaVersion)
      const entry = table.insert(hash, key, state)
      if (table.times !== null) table.times[entry] = times[i] ?? -Infinity
    }
    for (const key of removed) gone.add(key)
  }
}
