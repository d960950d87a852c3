/**
 * Which epoch to restore, and from what (PROTOCOLS 3): a decision by facts. It reads nothing; where a fact is missing
 * it says what to look at, is given that, and is asked again (`survey.ts`).
 *
 * V1. An epoch is restored only whole: its manifest and every chunk that it needs are intact.
 * V2. Ordinarily that is the last complete epoch. Where that one is damaged, an older one within the horizon is taken
 *     by itself; whether what came after it can be read again is for who goes back to see
 *     (`worker/execution/restore/way-up.ts`, E3).
 * V3. A group's state is its chunks from the last full one on, oldest first. Where there is no full one, the step must
 *     be younger than a turn of the rotation (`rotation.ts`, Q2).
 * V4. Only a person may accept a loss: where no epoch is whole, the newest without the damaged chunks.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import type { EpochEntry, PipelineEntry } from './cluster.ts'
import { type Damage, describeDamage, inBrief } from './damage.ts'
import { isManifestOf, type Manifest, type PackEntry } from './manifest.ts'
import type { PackChunk } from './pack-format.ts'
import { hasTurned } from './rotation.ts'

/** What is known of an object. */
export type Fact<T> = T | Damage

export interface Facts {
  readonly pipeline: string
  readonly entry: PipelineEntry
  /** By path. */
  readonly manifests: ReadonlyMap<string, Fact<Manifest>>
  /** The chunks of packs that have been opened, by path. */
  readonly packs: ReadonlyMap<string, Fact<readonly PackChunk[]>>
  /** Chunks that were found damaged when they were read. */
  readonly chunks: readonly Damage[]
  /** V4. */
  readonly acceptLoss: boolean
}

/** A chunk and the pack that it lies in. */
export interface ChunkPlace {
  readonly pack: PackEntry
  readonly chunk: PackChunk
}

/** The state of one key group of one step (V3). */
export interface GroupChain {
  readonly step: string
  readonly keyGroup: number
  readonly chunks: readonly ChunkPlace[]
}

/** A state to go back to. */
export interface Restore {
  readonly kind: 'restore'
  readonly manifest: Manifest
  readonly chains: readonly GroupChain[]
  /** Chunks of kind `rows`, of this epoch only. */
  readonly rows: readonly ChunkPlace[]
  /** The last complete epoch, where this is an older one: a generation record has to name it. */
  readonly instead: number | null
  /** Why it is an older one, and what is missing in this one where a loss was accepted. */
  readonly damages: readonly Damage[]
  /**
   * The latter alone (V4): what is there has to be written in full, or the next one to come back would miss it again.
   */
  readonly lost: readonly Damage[]
}

export type Resolution =
  /** Nothing has been saved yet. */
  | { readonly kind: 'fresh' }
  /** Facts are missing: look at these. */
  | { readonly kind: 'look'; readonly manifests: readonly string[]; readonly packs: readonly PackEntry[] }
  | Restore
  /** `E_RESTORE`, whose remedy says what accepting the loss would lose. */
  | { readonly kind: 'refuse'; readonly error: PotorooError; readonly damages: readonly Damage[] }

/** What to restore by these facts, or what to look at first. */
export function resolve(facts: Facts): Resolution {
  const candidates = candidatesOf(facts.entry)
  const last = candidates[0]
  if (last === undefined) return { kind: 'fresh' }
  const damages: Damage[] = []
  let best: Gathered | null = null
  for (const candidate of candidates) {
    const gathered = gather(facts, candidate)
    if (gathered.kind === 'look') return gathered
    if (gathered.kind === 'gathered' && gathered.damages.length === 0) return restore(gathered, last, unique(damages))
    damages.push(...gathered.damages)
    if (gathered.kind === 'gathered') best ??= gathered
  }
  if (best !== null && facts.acceptLoss) return restore(best, last, unique(damages))
  return refuse(facts, last, unique(damages), best === null ? null : lossWithout(best))
}

/** Complete epochs that may be restored, the newest first; before the first one, the savepoint to begin with. */
function candidatesOf(entry: PipelineEntry): readonly Candidate[] {
  const epochs = entry.epochs.filter((epoch) => epoch.epoch >= entry.floor)
  if (epochs.length > 0) return epochs.map((e) => ({ epoch: e.epoch, path: e.manifest, entry: e })).reverse()
  return entry.from === null ? [] : [{ epoch: 0, path: entry.from, entry: null }]
}

interface Candidate {
  readonly epoch: number
  readonly path: string
  /** `null` for a savepoint, which may stem from elsewhere. */
  readonly entry: EpochEntry | null
}

/** An epoch whose manifest is intact. */
interface Gathered {
  readonly kind: 'gathered'
  readonly candidate: Candidate
  readonly manifest: Manifest
  readonly chains: readonly GroupChain[]
  readonly rows: readonly ChunkPlace[]
  readonly damages: readonly Damage[]
}

type Look = Extract<Resolution, { kind: 'look' }>

function restore(found: Gathered, last: Candidate, damages: readonly Damage[]): Restore {
  const { manifest, chains, rows, candidate } = found
  const instead = candidate === last ? null : last.epoch
  return { kind: 'restore', manifest, chains, rows, instead, damages, lost: found.damages }
}

function refuse(facts: Facts, last: Candidate, damages: readonly Damage[], loss: string | null): Resolution {
  const remedy =
    loss === null
      ? 'bring back the damaged files from a copy of the store; no epoch within the horizon can be read without them'
      : `bring back the damaged files from a copy of the store, or start with --accept-loss, which ${loss}`
  const damage = inBrief(damages.map(describeDamage))
  const error = fail('E_RESTORE', { pipeline: facts.pipeline, epoch: last.epoch, damage, remedy })
  return { kind: 'refuse', error, damages }
}

/** What is lost when `found` is restored without its damaged chunks. */
function lossWithout(found: Gathered): string {
  const parts = found.damages.flatMap(({ part }) => part ?? [])
  const groups = new Set(parts.map(({ step, keyGroup }) => `${step} ${keyGroup}`)).size
  const packs = found.damages.length - parts.length
  const some = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`
  const what = [packs && `the changes in ${some(packs, 'pack')}`, groups && `those of ${some(groups, 'key group')}`]
  return `restores epoch ${found.candidate.epoch} without ${what.filter(Boolean).join(' and ')}`
}

/** Collects what `candidate` needs, or says what is not known yet. */
function gather(
  facts: Facts,
  candidate: Candidate,
): Gathered | Look | { readonly kind: 'unreadable'; readonly damages: readonly Damage[] } {
  const manifest = facts.manifests.get(candidate.path)
  if (manifest === undefined) return { kind: 'look', manifests: [candidate.path], packs: [] }
  if (isDamage(manifest)) return { kind: 'unreadable', damages: [manifest] }
  if (candidate.entry !== null && !isManifestOf(manifest, facts.pipeline, candidate.entry)) {
    const reason = `it is the manifest of epoch ${manifest.epoch} of "${manifest.pipeline}"`
    return { kind: 'unreadable', damages: [{ path: candidate.path, part: null, reason }] }
  }
  const unknown = manifest.packs.filter((pack) => !facts.packs.has(pack.path))
  if (unknown.length > 0) return { kind: 'look', manifests: [], packs: unknown }
  return { kind: 'gathered', candidate, manifest, ...chainsOf(manifest, facts) }
}

/** The chains of every group that `manifest` knows, and what is damaged or missing in them (V3). */
function chainsOf(manifest: Manifest, facts: Facts): Pick<Gathered, 'chains' | 'rows' | 'damages'> {
  const damages: Damage[] = []
  const { groups, rows } = chunksOf(manifest, facts, damages)
  const allPacks = damages.length === 0
  const chains: GroupChain[] = []
  const lost = damagedChunks(facts.chunks)
  /** What of `places` can be read. */
  const intact = (places: readonly ChunkPlace[]): readonly ChunkPlace[] => {
    // Of tens of thousands, to which a name each is more than all the rest.
    if (lost.size === 0) return places
    return places.filter(({ pack, chunk }) => {
      const damage = lost.get(placeOf(pack.path, chunk))
      if (damage !== undefined) damages.push(damage)
      return damage === undefined
    })
  }
  for (const { step, since } of manifest.steps) {
    const turned = hasTurned(since, manifest.serial, manifest.rotation)
    for (const [keyGroup, chunks] of groups.get(step)!) {
      const whole = intact(chunks)
      if (turned && allPacks && chunks[0]!.chunk.kind !== 'full') damages.push(notFull(manifest, step, keyGroup))
      chains.push({ step, keyGroup, chunks: whole })
    }
  }
  return { chains, rows: intact(rows), damages }
}

/**
 * What the packs of `manifest` hold: by step and key group the chunks from the last full one on, and the rows of the
 * epoch itself. Packs that cannot be read go to `damages`.
 */
function chunksOf(
  manifest: Manifest,
  facts: Facts,
  damages: Damage[],
): { readonly groups: ReadonlyMap<string, Map<number, ChunkPlace[]>>; readonly rows: readonly ChunkPlace[] } {
  const groups = new Map<string, Map<number, ChunkPlace[]>>()
  const begins = new Map<string, number>()
  for (const { step, since } of manifest.steps) {
    groups.set(step, new Map())
    begins.set(step, since)
  }
  const rows: ChunkPlace[] = []
  for (const pack of manifest.packs.toSorted((a, b) => a.serial - b.serial)) {
    const chunks = facts.packs.get(pack.path)!
    if (isDamage(chunks)) {
      damages.push(chunks)
      continue
    }
    for (const chunk of chunks) {
      if (chunk.kind === 'rows') {
        if (pack.epoch === manifest.epoch) rows.push({ pack, chunk })
      } else {
        // A step that was dropped and came back has nothing to do with its old chunks.
        const chains = pack.serial < (begins.get(chunk.step) ?? 0) ? undefined : groups.get(chunk.step)
        if (chains !== undefined) link(chains, { pack, chunk }, damages)
      }
    }
  }
  return { groups, rows }
}

/** Adds a chunk to its group's chain, which a full one begins anew (V3). */
function link(chains: Map<number, ChunkPlace[]>, place: ChunkPlace, damages: Damage[]): void {
  const { pack, chunk } = place
  const chain = chains.get(chunk.keyGroup)
  const before = chain?.at(-1)?.pack
  if (before !== undefined && before.serial === pack.serial && before.path !== pack.path) {
    const { step, keyGroup } = chunk
    damages.push({ path: pack.path, part: { step, keyGroup }, reason: `${before.path} holds it too` })
  }
  if (chain === undefined || chunk.kind === 'full') chains.set(chunk.keyGroup, [place])
  else chain.push(place)
}

function notFull(manifest: Manifest, step: string, keyGroup: number): Damage {
  const path = manifest.packs[0]?.path ?? manifest.pipeline
  return { path, part: { step, keyGroup }, reason: 'no pack holds it in full' }
}

function damagedChunks(damages: readonly Damage[]): ReadonlyMap<string, Damage> {
  return new Map(damages.flatMap((damage) => (damage.part ? [[placeOf(damage.path, damage.part), damage]] : [])))
}

function placeOf(path: string, part: { readonly step: string; readonly keyGroup: number }): string {
  return `${path} ${part.keyGroup} ${part.step}`
}

function unique(damages: readonly Damage[]): readonly Damage[] {
  return Array.from(new Map(damages.map((damage) => [describeDamage(damage), damage])).values())
}

export function isDamage(fact: object): fact is Damage {
  return 'reason' in fact
}
