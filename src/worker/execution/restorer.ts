/**
 * Reads what a pipeline comes back to on this worker: decides the epoch, reads the chunks that are wanted here, and gives
 * them to whoever fills the stores. Decoding waits until a key group is needed (`state/loading.ts`).
 *
 * U1. Chunks of a group are added oldest first: packs are read beside each other, and added in the order of their serials.
 * U2. A chunk that turns out damaged while it is read is a new fact: the decision is made again with it.
 * U3. Where the beginning of a key group's chain was made into a table ahead, what follows it is read, and nothing else.
 */
import type { PotorooError } from '../../base/errors.ts'
import type { Damage } from '../../checkpoint/damage.ts'
import { forEach } from '../../checkpoint/for-each.ts'
import type { PackChunk } from '../../checkpoint/pack-format.ts'
import { readThrough, restOf } from '../../checkpoint/read-ahead.ts'
import type { Restore } from '../../checkpoint/resolve.ts'
import { type Decided, type Known, Survey, type SurveySeams } from '../../checkpoint/survey.ts'
import type { HeldRecords } from '../../dataflow/held-records.ts'
import type { KeyTable } from '../../state/key-table.ts'
import { decodeHeld } from './held-rows.ts'
import type { SplitTable } from './split-table.ts'

/** A chunk with its bytes, in the order in which it applies (U1). */
export interface LoadedChunk {
  readonly step: string
  readonly keyGroup: number
  readonly bytes: Buffer
}

/** What the tasks of one worker held of a step. */
export interface HeldPart {
  readonly step: string
  readonly worker: string
  readonly held: HeldRecords
}

/** A table that was made ahead (U3). */
export interface MadeTable {
  readonly step: string
  readonly table: KeyTable
}

export interface Restored {
  readonly restore: Restore
  readonly chunks: readonly LoadedChunk[]
  readonly made: readonly MadeTable[]
  readonly held: readonly HeldPart[]
}

/** What is wanted of a key group: `changes` what its chunks say of keys that are there, `whole` what they say or a table. */
export type Want = 'nothing' | 'changes' | 'whole'

/** What is to be read of what was decided. Asked anew for each decision (U2). */
export type Wanted = (restore: Restore) => (step: string, keyGroup: number) => Want

export type RestoreOutcome =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'restored'; readonly restored: Restored }
  | { readonly kind: 'failed'; readonly error: PotorooError }

/** Decides what `known` comes back to and reads it. */
export function restorePipeline(
  seams: SurveySeams,
  known: Known,
  wanted: Wanted,
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
    readAll(seams, known, decided, wanted(decided), splits, (error, damages, restored) => {
      if (error !== null) return done({ kind: 'failed', error })
      if (damages.length === 0) return done({ kind: 'restored', restored })
      survey.report(damages)
      attempt()
    })
  }
  attempt()
}

type ReadDone = (error: PotorooError | null, damages: readonly Damage[], restored: Restored) => void

type ReadChunk = LoadedChunk & { readonly kind: PackChunk['kind'] }

function readAll(
  seams: SurveySeams,
  { entry }: Known,
  restore: Restore,
  wants: (step: string, keyGroup: number) => Want,
  splits: SplitTable,
  done: ReadDone,
): void {
  const wanted = new Map<string, PackChunk[]>()
  const want = (path: string, chunk: PackChunk): void => {
    const chunks = wanted.get(path)
    if (chunks === undefined) wanted.set(path, [chunk])
    else chunks.push(chunk)
  }
  const tables: MadeTable[] = []
  for (const chain of restore.chains) {
    const { step, keyGroup } = chain
    const wish = wants(step, keyGroup)
    if (wish === 'nothing') continue
    const made = wish === 'whole' ? seams.ahead?.made(entry.submitted, chain) : undefined
    if (made !== undefined) tables.push({ step, table: made.table })
    for (const { pack, chunk } of restOf(chain, made)) want(pack.path, chunk)
  }
  for (const { pack, chunk } of restore.rows) want(pack.path, chunk)

  const damages: Damage[] = []
  const read = new Map<string, ReadChunk[]>()
  const readPack = (path: string, end: (error: PotorooError | null) => void): void => {
    const chunks: ReadChunk[] = []
    read.set(path, chunks)
    readThrough(
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
  const packs = restore.manifest.packs.toSorted((a, b) => a.serial - b.serial).filter(({ path }) => wanted.has(path))
  forEach(
    packs.map(({ path }) => path),
    seams.limits.storeParallel,
    readPack,
    (error) => {
      const chunks: LoadedChunk[] = []
      const held: HeldPart[] = []
      for (const { path, worker } of packs) {
        for (const chunk of read.get(path) ?? []) {
          const { step, bytes } = chunk
          if (chunk.kind === 'rows') held.push({ step, worker, held: decodeHeld(bytes, splits) })
          else chunks.push(chunk)
        }
      }
      done(error, damages, { restore, chunks, made: tables, held })
    },
  )
}
