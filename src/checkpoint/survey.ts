/**
 * Finds out what to restore: asks `resolve`, looks at what it wants to know, asks again, until it decides. Then reads
 * the chunks, and where one is damaged, adds that to the facts and asks once more.
 *
 * An object that cannot be read for other reasons than damage counts as damaged too, in the end (`patience.ts`, E1).
 *
 * Y1. What this process knows of a pack spares it the look (`pack-indexes.ts`, K1), as long as nothing is known to be
 *     damaged: then, and where a loss is accepted, every pack is looked at in the store, so that what is damaged is
 *     named as a process would name it that has just begun.
 */
import type { PotorooError } from '../base/errors.ts'
import { lastEpoch } from './cluster.ts'
import type { Damage, Examined } from './damage.ts'
import { forEach } from './for-each.ts'
import type { Run } from './layout.ts'
import { decodeManifest, type Manifest, type PackEntry } from './manifest.ts'
import type { PackChunk } from './pack-format.ts'
import type { PackIndexes } from './pack-indexes.ts'
import { chunksOf, readIndex } from './pack-reader.ts'
import { examine, type ReadSeams } from './patience.ts'
import type { ReadAhead } from './read-ahead.ts'
import { type Fact, type Facts, isDamage, type Resolution, type Restore, resolve } from './resolve.ts'

export interface SurveySeams extends ReadSeams {
  /** What was read before. */
  readonly ahead?: ReadAhead
  /** What is known of packs (Y1). */
  readonly indexes?: PackIndexes
}

/** What the caller knows already. */
export type Known = Pick<Facts, 'pipeline' | 'entry' | 'acceptLoss'>

/** What a survey ends with: `resolve` wants to look at nothing more. */
export type Decided = Exclude<Resolution, { kind: 'look' }>

export class Survey {
  private readonly seams: SurveySeams
  private readonly known: Known
  private readonly manifests = new Map<string, Fact<Manifest>>()
  private readonly packs = new Map<string, Fact<readonly PackChunk[]>>()
  private readonly chunks: Damage[] = []
  /** Packs that were not looked at (Y1). */
  private readonly remembered = new Set<string>()

  constructor(seams: SurveySeams, known: Known) {
    this.seams = seams
    this.known = known
  }

  /**
   * Looks at manifests and packs until it is decided what to restore. Fails with `E_STORE_VERSION`, and with `E_STORE`
   * where somebody waits and the store is away.
   */
  decide(done: (error: PotorooError | null, decided: Decided | null) => void): void {
    const known = this.decidedBefore()
    // The first look is by a timer, so that a pipeline without epochs answers no earlier than any other.
    this.seams.clock.soon(() => (known === null ? this.step(done) : done(null, known)))
  }

  /** Adds damage that was found when chunks were read; `decide` then answers anew. */
  report(damages: readonly Damage[]): void {
    this.chunks.push(...damages)
    for (const path of this.remembered) this.packs.delete(path)
    this.remembered.clear()
  }

  /** What was decided ahead for the last epoch, as long as nothing is known to be damaged (`read-ahead.ts`, A3). */
  private decidedBefore(): Restore | null {
    const last = lastEpoch(this.known.entry)
    if (last === null || this.chunks.length > 0) return null
    return this.seams.ahead?.decisions.get(last.manifest) ?? null
  }

  /** Puts what it has seen and decided, and what was not damaged, to what was read ahead. */
  keep(ahead: ReadAhead, decided: Restore): void {
    const last = lastEpoch(this.known.entry)
    if (last !== null && decided.damages.length === 0) ahead.decisions.set(last.manifest, decided)
    for (const [path, fact] of this.manifests) if (!isDamage(fact)) ahead.manifests.set(path, fact)
    for (const [path, fact] of this.packs) if (!isDamage(fact)) ahead.packs.set(path, fact)
  }

  private step(done: (error: PotorooError | null, decided: Decided | null) => void): void {
    const { manifests, packs, chunks } = this
    const resolution = resolve({ ...this.known, manifests, packs, chunks })
    const next = (error: PotorooError | null) => (error ? done(error, null) : this.step(done))
    const path = resolution.kind === 'look' ? resolution.manifests[0] : undefined
    if (resolution.kind !== 'look') done(null, resolution)
    else if (path !== undefined) this.lookAtManifest(path, next)
    else this.lookAtPacks(resolution.packs, next)
  }

  private lookAtManifest(path: string, done: (error: PotorooError | null) => void): void {
    const known = this.seams.ahead?.manifests.get(path)
    if (known !== undefined) {
      this.manifests.set(path, known)
      return done(null)
    }
    this.examine<Manifest>(
      path,
      (answer) => {
        this.seams.store.read(path, (error, bytes) =>
          answer(error ? { kind: 'failed', error } : decodeManifest(path, bytes)),
        )
      },
      (error, fact) => {
        if (fact !== null) this.manifests.set(path, fact)
        done(error)
      },
    )
  }

  /** Opens `packs`, `storeParallel` at a time. */
  private lookAtPacks(packs: readonly PackEntry[], done: (error: PotorooError | null) => void): void {
    const { ahead, indexes, store, limits } = this.seams
    const { run } = this
    const unknown = packs.filter((pack) => {
      const known = ahead?.packs.get(pack.path) ?? this.remember(pack)
      if (known !== null) this.packs.set(pack.path, known)
      return known === null
    })
    const lookAtOne = (pack: PackEntry, end: (error: PotorooError | null) => void) =>
      this.examine<readonly PackChunk[]>(
        pack.path,
        (answer) =>
          readIndex(store, pack, (found) => {
            if (found.kind !== 'intact') return answer(found)
            const opened = chunksOf(pack, found.value)
            if (opened.kind === 'intact') indexes?.keep(run, pack, found.value)
            answer(opened)
          }),
        (error, fact) => {
          if (fact !== null) this.packs.set(pack.path, fact)
          end(error)
        },
      )
    forEach(unknown, limits.storeParallel, lookAtOne, done)
  }

  /** What is known of `pack` (Y1). */
  private remember(pack: PackEntry): readonly PackChunk[] | null {
    if (this.chunks.length > 0 || this.known.acceptLoss) return null
    const known = this.seams.indexes?.chunks(this.run, pack) ?? null
    if (known !== null) this.remembered.add(pack.path)
    return known
  }

  private get run(): Run {
    const { pipeline, entry } = this.known
    return { pipeline, run: entry.run }
  }

  private examine<T>(
    path: string,
    look: (answer: (examined: Examined<T>) => void) => void,
    done: (error: PotorooError | null, fact: Fact<T> | null) => void,
  ): void {
    examine(this.seams, path, look, (examined) => {
      if (examined.kind === 'failed') done(examined.error, null)
      else done(null, examined.kind === 'intact' ? examined.value : examined.damage)
    })
  }
}
