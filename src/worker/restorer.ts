/**
 * Reads what a pipeline comes back to: decides the epoch, reads its chunks, and gives each keyed step its bytes. Decoding
 * waits until a key group is needed (`state/loading.ts`).
 *
 * U1. Chunks of a group are added oldest first: packs are read beside each other, and added in the order of their serials.
 * U2. A chunk that turns out damaged while it is read is a new fact: the decision is made again with it.
 */
import type { PotorooError } from '../base/errors.ts'
import type { Damage } from '../checkpoint/damage.ts'
import { forEach } from '../checkpoint/for-each.ts'
import type { PackChunk } from '../checkpoint/pack-format.ts'
import { readChunks } from '../checkpoint/pack-reader.ts'
import type { Restore } from '../checkpoint/resolve.ts'
import { type Decided, type Known, Survey, type SurveySeams } from '../checkpoint/survey.ts'
import type { HeldRecords } from '../dataflow/held-records.ts'
import { decodeHeld } from './held-rows.ts'
import type { SplitTable } from './split-table.ts'

/** A chunk with its bytes, in the order in which it applies (U1). */
export interface LoadedChunk {
  readonly step: string
  readonly keyGroup: number
  readonly bytes: Buffer
}

export interface Restored {
  readonly restore: Restore
  readonly chunks: readonly LoadedChunk[]
  /** What tasks held, by step. */
  readonly pending: ReadonlyMap<string, readonly HeldRecords[]>
}

export type RestoreOutcome =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'restored'; readonly restored: Restored }
  | { readonly kind: 'failed'; readonly error: PotorooError }

/** Decides what `known` comes back to and reads it. */
export function restorePipeline(
  seams: SurveySeams,
  known: Known,
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
    readAll(seams, decided, splits, (error, damages, restored) => {
      if (error !== null) return done({ kind: 'failed', error })
      if (damages.length === 0) return done({ kind: 'restored', restored })
      survey.report(damages)
      attempt()
    })
  }
  attempt()
}

type ReadDone = (error: PotorooError | null, damages: readonly Damage[], restored: Restored) => void

function readAll(seams: SurveySeams, restore: Restore, splits: SplitTable, done: ReadDone): void {
  const wanted = new Map<string, PackChunk[]>()
  const want = (path: string, chunk: PackChunk): void => {
    const chunks = wanted.get(path)
    if (chunks === undefined) wanted.set(path, [chunk])
    else chunks.push(chunk)
  }
  for (const { chunks } of restore.chains) for (const { pack, chunk } of chunks) want(pack.path, chunk)
  for (const { pack, chunk } of restore.rows) want(pack.path, chunk)

  const damages: Damage[] = []
  const read = new Map<string, (LoadedChunk & { readonly kind: PackChunk['kind'] })[]>()
  const readPack = (path: string, end: (error: PotorooError | null) => void): void => {
    const chunks: (LoadedChunk & { readonly kind: PackChunk['kind'] })[] = []
    read.set(path, chunks)
    readChunks(
      seams,
      path,
      wanted.get(path)!,
      ({ step, keyGroup, kind }, bytes) => chunks.push({ step, keyGroup, kind, bytes }),
      (error, damaged) => {
        damages.push(...damaged)
        end(error)
      },
    )
  }
  const paths = restore.manifest.packs
    .toSorted((a, b) => a.serial - b.serial)
    .map((pack) => pack.path)
    .filter((path) => wanted.has(path))
  forEach(paths, seams.limits.storeParallel, readPack, (error) => {
    const all = paths.flatMap((path) => read.get(path) ?? [])
    const pending = new Map<string, HeldRecords[]>()
    for (const { step, bytes } of all.filter((chunk) => chunk.kind === 'rows')) {
      pending.set(step, [...(pending.get(step) ?? []), decodeHeld(bytes, splits)])
    }
    const chunks = all.filter((chunk) => chunk.kind !== 'rows')
    done(error, damages, { restore, chunks, pending })
  })
}
