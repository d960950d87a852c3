/**
 * A pipeline's life in miniature: key groups that change, epochs that are complete or abandoned, owners that change,
 * and packs as a state store would write them. Every complete epoch's state is remembered as it was.
 */
import type { EpochEntry, PipelineEntry } from '../../src/checkpoint/cluster.ts'
import {
  type Manifest,
  makeManifest,
  type PackEntry,
  type Snapshot,
  serialAfter,
} from '../../src/checkpoint/manifest.ts'
import type { ChunkKind, PackChunk } from '../../src/checkpoint/pack-format.ts'
import type { GroupChain } from '../../src/checkpoint/resolve.ts'
import { isFull } from '../../src/checkpoint/rotation.ts'
import { newEntry } from './entry.ts'

/** A state: key group → key → value. */
export type State = ReadonlyMap<number, ReadonlyMap<string, number>>

/** What a chunk holds: values by key, `null` for a key that is gone. */
type Content = ReadonlyMap<string, number | null>

export const STEP = 'count'

export interface Change {
  readonly keyGroup: number
  readonly key: string
  /** `null` forgets the key. */
  readonly value: number | null
}

export class History {
  readonly keyGroups: number
  readonly rotation: number
  /** Complete epochs with their states. */
  readonly epochs: { readonly entry: EpochEntry; readonly manifest: Manifest; readonly state: State }[] = []
  readonly manifests = new Map<string, Manifest>()
  readonly packs = new Map<string, readonly PackChunk[]>()
  readonly contents = new Map<PackChunk, Content>()
  private readonly groups = new Map<number, Map<string, number>>()
  /** What has changed since the last complete epoch. */
  private readonly dirty = new Map<number, Set<string>>()
  private last = 0

  constructor(keyGroups: number, rotation: number) {
    this.keyGroups = keyGroups
    this.rotation = rotation
  }

  change({ keyGroup, key, value }: Change): void {
    const group = this.groups.get(keyGroup) ?? new Map<string, number>()
    if (value === null) group.delete(key)
    else group.set(key, value)
    this.groups.set(keyGroup, group)
    this.dirty.set(keyGroup, (this.dirty.get(keyGroup) ?? new Set()).add(key))
  }

  /** An epoch of which `owners` of them each save a part; `completes` or not. */
  epoch(owners: number, completes: boolean): void {
    const epoch = ++this.last
    const base = this.epochs.at(-1)?.manifest ?? null
    const serial = serialAfter(base)
    const snapshots = new Map<string, Snapshot>()
    for (let owner = 0; owner < owners; owner++) {
      const path = `packs/${epoch}-${owner}`
      const chunks = this.save(owner, owners, serial)
      this.packs.set(path, chunks)
      const pack = chunks.length === 0 ? null : { path, bytes: 0, crc: 0 }
      snapshots.set(`w${owner}`, { pack, sources: [], sinks: [], counts: { keys: 0, records: 0 } })
    }
    if (!completes) return
    const { keyGroups, rotation } = this
    const frame = {
      ...{ pipeline: 'p', run: 0, hash: 'h', generation: 1, keyGroups, rotation },
      steps: [{ step: STEP, kind: 'keyed', schema: 1 }],
      connectors: new Map<string, string>(),
    }
    const manifest = makeManifest(frame, base, epoch, 0, snapshots)
    const entry: EpochEntry = { epoch, generation: 1, manifest: `manifests/${epoch}` }
    this.manifests.set(entry.manifest, manifest)
    const state = new Map([...this.groups].map(([keyGroup, group]) => [keyGroup, new Map(group)]))
    this.epochs.push({ entry, manifest, state })
    this.dirty.clear()
  }

  /** The entry of the chain whose horizon holds the last `horizon` epochs. */
  entry(horizon: number): PipelineEntry {
    const epochs = this.epochs.slice(-horizon).map(({ entry }) => entry)
    const floor = epochs[0]?.epoch ?? 0
    return { ...newEntry, run: 0, epochs, highest: this.last, floor }
  }

  private save(owner: number, owners: number, serial: number): readonly PackChunk[] {
    const chunks: PackChunk[] = []
    const add = (keyGroup: number, kind: ChunkKind, content: Content, step = STEP): void => {
      const chunk: PackChunk = { step, keyGroup, kind, position: chunks.length, length: 1, crc: 0 }
      this.contents.set(chunk, content)
      chunks.push(chunk)
    }
    for (let keyGroup = owner; keyGroup < this.keyGroups; keyGroup += owners) {
      const group = this.groups.get(keyGroup) ?? new Map<string, number>()
      const dirty = this.dirty.get(keyGroup)
      if (isFull(keyGroup, serial, this.rotation)) add(keyGroup, 'full', new Map(group))
      else if (dirty !== undefined)
        add(keyGroup, 'delta', new Map([...dirty].map((key) => [key, group.get(key) ?? null])))
    }
    if (chunks.length > 0) add(0, 'rows', new Map(), 'lines')
    return chunks
  }

  /** The state that chains hold. */
  restore(chains: readonly GroupChain[]): State {
    const state = new Map<number, Map<string, number>>()
    for (const { keyGroup, chunks } of chains) {
      let group = new Map<string, number>()
      for (const { chunk } of chunks) {
        if (chunk.kind === 'full') group = new Map()
        for (const [key, value] of this.contents.get(chunk)!) {
          if (value === null) group.delete(key)
          else group.set(key, value)
        }
      }
      if (group.size > 0) state.set(keyGroup, group)
    }
    return state
  }

  /** The packs of `manifest` and their chunks that its state needs, found without the code under test. */
  needs(manifest: Manifest): { readonly packs: readonly PackEntry[]; readonly chunks: ReadonlySet<PackChunk> } {
    const chunks = new Set<PackChunk>()
    const done = new Set<number>()
    // Rows of this epoch count too.
    for (const pack of manifest.packs.toReversed()) {
      const ended: number[] = []
      for (const chunk of this.packs.get(pack.path)!) {
        if (chunk.kind === 'rows' ? pack.epoch !== manifest.epoch : done.has(chunk.keyGroup)) continue
        chunks.add(chunk)
        if (chunk.kind === 'full') ended.push(chunk.keyGroup)
      }
      for (const keyGroup of ended) done.add(keyGroup)
    }
    return { packs: manifest.packs, chunks }
  }
}

/** `state` without empty groups. */
export function withoutEmpty(state: State): State {
  return new Map([...state].filter(([, group]) => group.size > 0).toSorted(([a], [b]) => a - b))
}
