/**
 * How far one pipeline has come on this worker in one generation, for who waits to read what was acknowledged to him
 * (`pipelines/own-writes.ts`): by barriers of its term, which are numbers in no other.
 */
import type { ReadToken } from '../../protocol/read-token.ts'
import type { Running } from './running.ts'
import type { OpenSources } from './sources/sources.ts'

export class Progress {
  private readonly sources: OpenSources
  /** What runs, once it does. */
  private readonly active: () => Running | null

  constructor(sources: OpenSources, active: () => Running | null) {
    this.sources = sources
    this.active = active
  }

  /** The first barrier, known here, in front of which all stands that `token` of `source` covers; or `null`. */
  barrierBehind(source: string, token: ReadToken): number | null {
    return this.active()?.passage.barrierBehind(source, token) ?? null
  }

  /** How far this worker has fed the stream of `token`; `null` where it does not answer for it. */
  takenOf(source: string, { producer, incarnation }: ReadToken): number | null {
    return this.sources.takenOf(source, producer, incarnation)
  }

  /** Whether the barrier of `epoch` has passed `step` here. */
  hasPassed(step: string, epoch: number): boolean {
    return this.active()?.passage.hasPassed(step, epoch) ?? false
  }

  /** A barrier in front of which `step` has sent on here all that stood in front of that of `epoch`, or `null`. */
  letGo(step: string, epoch: number): number | null {
    return this.active()?.passage.letGo(step, epoch) ?? null
  }

  /** Whether the next barrier will be one. */
  isLettingGo(step: string, epoch: number): boolean {
    return this.hasPassed(step, epoch) && (this.active()?.runtime.heldSince(step) ?? -1) >= epoch
  }

  /** Calls `look` whenever one of these may have changed, until the answer is called. It has to run. */
  watch(look: () => void): () => void {
    return this.active()?.passage.watch(look) ?? (() => {})
  }
}
