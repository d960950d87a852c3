/**
 * Reads what a pipeline comes back to on this worker: decides the epoch, reads the chunks that are wanted here, and
 * gives them to whoever fills the stores, which decodes some of them while the rest is read (`state-return.ts`).
 *
 * U1. Chunks of a group are given together, oldest first: packs are read beside each other, a slice of the key groups
 *     after the other.
 * U2. A chunk that turns out damaged while it is read, or cannot be read, is a new fact: the decision is made again
 *     with it, and what was given of the one before is void.
 * U3. Where the beginning of a key group's chain was made into a table ahead, what follows it is read, and nothing
 *     else.
 */
import type { PotorooError } from '../../../base/errors.ts'
import type { Damage } from '../../../checkpoint/damage.ts'
import { forEach } from '../../../checkpoint/for-each.ts'
import type { PackChunk } from '../../../checkpoint/pack-format.ts'
import { readThrough, restOf } from '../../../checkpoint/read-ahead.ts'
import type { ChunkPlace, Restore } from '../../../checkpoint/resolve.ts'
import { type Decided, type Known, Survey, type SurveySeams } from '../../../checkpoint/survey.ts'
import type { HeldRecords } from '../../../dataflow/held-records.ts'
import type { KeyTable } from '../../../state/key-table.ts'
import { decodeHeld } from '../epochs/held-rows.ts'
import type { SplitTable } from '../sources/split-table.ts'

/** Slices at most: each takes a read of its own in every pack. */
const SLICES_MAX = 8

/** What the tasks of one worker held of a step. */
export interface HeldPart {
  readonly step: string
  readonly worker: string
  readonly held: HeldRecords
}

export interface Restored {
  readonly restore: Restore
  readonly held: readonly HeldPart[]
}

/**
 * What is wanted of a key group: `changes` what its chunks say of keys that are there, `whole` what they say or a
 * table.
 */
export type Want = 'nothing' | 'changes' | 'whole'

/** Who takes what is read. */
export interface Taker {
  /** It is decided what to come back to; what was taken before is void (U2). Answers what is to be read. */
  begin(restore: Restore): (step: string, keyGroup: number) => Want
  /**
   * Everything that there is of a key group: a table that was made ahead (U3) and what follows it, oldest first (U1).
   */
  take(step: string, keyGroup: number, table: KeyTable | null, chunks: readonly Buffer[]): void
}

export type RestoreOutcome =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'restored'; readonly restored: Restored }
  | { readonly kind: 'failed'; readonly error: PotorooError }

/** Decides what `known` comes back to and reads it. */
export function restorePipeline(
  seams: SurveySeams,
  known: Known,
  taker: Taker,
  splits: SplitTable,
  done: (outcome: RestoreOutcome) => void,
): void {
  const survey = new Survey(seams, known)
  const attempt = (): void => {
    survey.decide((error, decided) => {
      if (error !== null) return done({ kind: 'failed', error })
      take(decided!)
    })
  }
  const take = (decided: Decided): void => {
    if (decided.kind === 'fresh') return done({ kind: 'fresh' })
    if (decided.kind === 'refuse') return done({ kind: 'failed', error: decided.error })
    readAll(seams, known, decided, taker, splits, (damages, restored) => {
      if (damages.length === 0) return done({ kind: 'restored', restored })
      survey.report(damages)
      attempt()
    })
  }
  attempt()
}

type ReadDone = (damages: readonly Damage[], restored: Restored) => void

/** Everything that there is of a key group of a step. */
interface Gathered {
  readonly step: string
  readonly keyGroup: number
  readonly table: KeyTable | null
  readonly chunks: Buffer[]
}

/** Key groups that are read together. */
interface Slice {
  readonly groups: Map<string, Gathered>
  /** What of each pack. */
  readonly wanted: Map<string, PackChunk[]>
  /** What was read of each pack. */
  readonly read: Map<string, { readonly chunk: PackChunk; readonly bytes: Buffer }[]>
  /** Packs that have not been read. */
  left: number
}

function readAll(
  seams: SurveySeams,
  { entry }: Known,
  restore: Restore,
  taker: Taker,
  splits: SplitTable,
  done: ReadDone,
): void {
  const wants = taker.begin(restore)
  const places: ChunkPlace[] = [...restore.rows]
  const gathered: Gathered[] = []
  for (const chain of restore.chains) {
    const { step, keyGroup } = chain
    const wish = wants(step, keyGroup)
    if (wish === 'nothing') continue
    const made = wish === 'whole' ? seams.ahead?.made(entry.submitted, chain) : undefined
    gathered.push({ step, keyGroup, table: made?.table ?? null, chunks: [] })
    for (const place of restOf(chain, made)) places.push(place)
  }
  const packs = restore.manifest.packs.toSorted((a, b) => a.serial - b.serial)
  const slices = slicesOf(gathered, places, restore.manifest.keyGroups, seams.limits.restoreBytes)
  const damages: Damage[] = []
  const held: HeldPart[] = []
  const give = ({ groups, read }: Slice): void => {
    for (const { path, worker } of packs) {
      for (const { chunk, bytes } of read.get(path) ?? []) {
        const { step, kind } = chunk
        if (kind === 'rows') held.push({ step, worker, held: decodeHeld(bytes, splits) })
        else groups.get(nameOf(chunk))!.chunks.push(bytes)
      }
    }
    for (const { step, keyGroup, table, chunks } of groups.values()) taker.take(step, keyGroup, table, chunks)
  }
  const readOne = ({ slice, path }: (typeof reads)[number], end: (error: null) => void): void => {
    const read = getOrInsert(slice.read, path, [])
    readThrough(
      seams,
      path,
      slice.wanted.get(path)!,
      (chunk, bytes) => read.push({ chunk, bytes }),
      (damaged) => {
        damages.push(...damaged)
        if (--slice.left === 0 && damages.length === 0) give(slice)
        end(null)
      },
    )
  }
  const reads = slices.flatMap((slice) =>
    packs.filter(({ path }) => slice.wanted.has(path)).map(({ path }) => ({ slice, path })),
  )
  forEach(reads, seams.limits.storeParallel, readOne, () => {
    if (damages.length === 0) for (const slice of slices) if (slice.wanted.size === 0) give(slice)
    done(damages, { restore, held })
  })
}

/** Cuts what is to be read by key groups. */
function slicesOf(
  gathered: readonly Gathered[],
  places: readonly ChunkPlace[],
  keyGroups: number,
  sliceBytes: number,
): readonly Slice[] {
  const bytes = places.reduce((sum, { chunk }) => sum + chunk.length, 0)
  const count = Math.min(Math.max(1, Math.ceil(bytes / sliceBytes)), SLICES_MAX)
  const slices = Array.from({ length: count }, (): Slice => {
    return { groups: new Map(), wanted: new Map(), read: new Map(), left: 0 }
  })
  const sliceOf = ({ keyGroup }: { readonly keyGroup: number }) => slices[Math.floor((keyGroup * count) / keyGroups)]!
  for (const one of gathered) sliceOf(one).groups.set(nameOf(one), one)
  for (const { pack, chunk } of places) getOrInsert(sliceOf(chunk).wanted, pack.path, []).push(chunk)
  for (const slice of slices) slice.left = slice.wanted.size
  return slices
}

function nameOf({ step, keyGroup }: { readonly step: string; readonly keyGroup: number }): string {
  return `${keyGroup} ${step}`
}

function getOrInsert<K, V>(map: Map<K, V>, key: K, fresh: V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  map.set(key, fresh)
  return fresh
}
